//! How a value grows with the problem size: T(n) = c₀ + c₁ · nᵃ · log₂ᵇ n.
//!
//! The exponents are searched on the grid a ∈ {0, ¼, ⅓, ½, ⅔, ¾, 1, 5⁄4, 4⁄3, 3⁄2, 5⁄3, 2, 5⁄2, 3}, b ∈ {0, 1, 2},
//! as A. Calotoiu et al. (*Using automated performance modeling to find scalability bugs in complex codes*, SC
//! 2013) do; the textbook classes n and n · log n weigh more in advance than other whole powers, and those more
//! than odd fractions, so that the simpler is preferred unless the data speak. The top two decades of sizes are
//! used (at least four points), because constants at small sizes poison a fit. Beyond the largest size, the cost of
//! one step is expected to rise by 2 % a doubling, as data leave one cache after another.
//!
//! For words, [`Growth::exponent`] is the slope of ln T over ln n in the same range, with its interval: "n^1.02 ±
//! 0.03 over 10⁴..10⁶" says what was seen, where a complexity class would claim what wasn't.
//!
//! Values need not be times: peak memory grows by the same search.

use festina_types::{Estimate, Interval, Method};
use serde::Serialize;

use crate::fit::{LinearFit, Weighting};
use crate::forecast::Member;
use crate::forecast::averaging::{Averaged, Drift, Outlook};
use crate::forecast::points::{NOISE_FLOOR, Place, merge, track};
use crate::stats::student_t_quantile;
use crate::{LawError, Observation};

const POWERS: [f64; 14] =
    [0.0, 0.25, 1.0 / 3.0, 0.5, 2.0 / 3.0, 0.75, 1.0, 1.25, 4.0 / 3.0, 1.5, 5.0 / 3.0, 2.0, 2.5, 3.0];
const LOGARITHMS: [u8; 3] = [0, 1, 2];
/// c₀ in units of the growing part at the largest size.
const FLOORS: [f64; 8] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
const DRIFT_RATES: [f64; 3] = [0.02, 0.05, 0.15];
/// By how much ln T rises over a doubling more than the number of steps does.
const STEP_COST: f64 = 0.02;
/// How far from that it is on another machine or in another program: nothing measured so far tells.
const STEP_COST_SD: f64 = 0.1;
/// How far below the largest size points are used, and how many are used at least.
const RANGE: f64 = 100.0;
const POINTS: usize = 4;

/// A growth term nᵃ · log₂ᵇ n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Term {
    /// a.
    pub power: f64,
    /// b.
    pub logarithm: u8,
}

impl Term {
    /// Returns all terms that are searched, by rising power.
    pub fn all() -> impl Iterator<Item = Self> {
        let terms = POWERS.iter().flat_map(|&power| LOGARITHMS.map(|logarithm| Self { power, logarithm }));
        terms.filter(|term| *term != Self { power: 0.0, logarithm: 0 })
    }

    /// Returns nᵃ · log₂ᵇ(n + 1); the 1 keeps the logarithm positive at the smallest sizes.
    ///
    /// ```
    /// use festina_laws::growth::Term;
    /// assert_eq!(Term { power: 2.0, logarithm: 1 }.at(7.0), 49.0 * 3.0);
    /// ```
    pub fn at(&self, n: f64) -> f64 {
        n.powf(self.power) * (n + 1.0).log2().powi(i32::from(self.logarithm))
    }

    /// Returns the weight given in advance, relative to other terms.
    pub(crate) fn weight(&self) -> f64 {
        let is_one_of = |powers: &[f64]| powers.contains(&self.power);
        match self.logarithm {
            0 | 1 if self.power == 1.0 => 10.0,
            0 if is_one_of(&[0.5, 1.5, 2.0, 3.0]) => 1.0,
            1 if is_one_of(&[0.0, 2.0]) => 1.0,
            _ => 0.05,
        }
    }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let power = match self.power {
            0.0 => None,
            1.0 => Some("n".to_owned()),
            power => Some(format!("n^{}", fraction(power))),
        };
        let logarithm = match self.logarithm {
            0 => None,
            1 => Some("log n".to_owned()),
            b => Some(format!("log^{b} n")),
        };
        f.write_str(&[power, logarithm].into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }
}

fn fraction(power: f64) -> String {
    let thirds = (power * 3.0).round();
    if (thirds / 3.0 - power).abs() < 1e-9 && thirds % 3.0 != 0.0 {
        format!("({thirds}/3)")
    } else {
        format!("{power}")
    }
}

/// How a value grows with n, found from measurements.
#[derive(Clone, Debug)]
pub struct Growth {
    places: Vec<Place>,
    /// Where the points begin that were fitted.
    start: usize,
    terms: Vec<Term>,
    averaged: Averaged,
}

impl Growth {
    /// Searches the growth of the times of `observations`, made at one number of workers.
    ///
    /// ```
    /// use festina_laws::{Observation, growth::{Growth, Term}};
    /// let quadratic = [100.0, 200.0, 400.0, 800.0, 1600.0]
    ///     .map(|n| Observation { n: Some(n), ..Observation::new(1.0, 0.5 + 1e-4 * n * n) });
    /// let growth = Growth::fit(&quadratic)?;
    /// assert_eq!(growth.term(), Term { power: 2.0, logarithm: 0 });
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] for a value that is not positive, [`LawError::TooFew`] below two sizes.
    pub fn fit(observations: &[Observation]) -> Result<Self, LawError> {
        Observation::check(observations)?;
        let mut alike: Vec<Observation> = observations.to_vec();
        for observation in &mut alike {
            observation.p = 1.0;
        }
        Self::of_places(merge(&alike))
    }

    pub(crate) fn of_places(places: Vec<Place>) -> Result<Self, LawError> {
        if places.len() < 2 {
            let (what, unit) = ("a forecast over the problem size", "different sizes");
            return Err(LawError::TooFew { what, needed: 2, unit, given: places.len() });
        }
        let largest = places[places.len() - 1].n;
        let in_range = places.partition_point(|place| place.n < largest / RANGE * (1.0 - 1e-9));
        let start = in_range.min(places.len().saturating_sub(POINTS));
        let used = &places[start..];
        let terms: Vec<Term> = Term::all().collect();
        let rows: Vec<Vec<f64>> = used.iter().map(|place| ln_shapes(&terms, place.n, largest)).collect();
        let shapes = terms.len() * FLOORS.len();
        let by_shape: Vec<f64> = (0..shapes).flat_map(|j| rows.iter().map(move |row| row[j])).collect();
        let even = -(DRIFT_RATES.len() as f64).ln();
        let drifts = DRIFT_RATES.map(|rate| Drift { rate, ln_weight: even });
        let track = track(used, |place| place.n);
        let averaged = Averaged::new(&track, &by_shape, &ln_priors(&terms), &drifts);
        Ok(Self { places, start, terms, averaged })
    }

    /// Returns the smallest and the largest measured size.
    pub fn range(&self) -> (f64, f64) {
        (self.places[0].n, self.largest())
    }

    fn largest(&self) -> f64 {
        self.places[self.places.len() - 1].n
    }

    fn used(&self) -> &[Place] {
        &self.places[self.start..]
    }

    /// Returns the most likely terms with their probabilities, which sum to 1, the likeliest first.
    pub fn terms(&self) -> Vec<(Term, f64)> {
        let weights = self.averaged.shape_weights();
        let mut terms: Vec<(Term, f64)> = self
            .terms
            .iter()
            .enumerate()
            .map(|(i, &term)| (term, weights[i * FLOORS.len()..(i + 1) * FLOORS.len()].iter().sum()))
            .collect();
        terms.sort_by(|a, b| b.1.total_cmp(&a.1));
        terms
    }

    /// Returns the most likely term.
    pub fn term(&self) -> Term {
        self.terms()[0].0
    }

    /// Returns c₀ and c₁ of the most likely term, by relative non-negative least squares.
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] if the term overflows at a measured size.
    pub fn coefficients(&self, level: f64) -> Result<[Estimate; 2], LawError> {
        let term = self.term();
        let rows: Vec<[f64; 2]> = self.used().iter().map(|place| [1.0, term.at(place.n)]).collect();
        let targets: Vec<f64> = self.used().iter().map(|place| place.ln_value.exp()).collect();
        let log_sd: Vec<f64> = self.used().iter().map(|place| place.sd).collect();
        let fit =
            LinearFit::new(&rows, &targets, Weighting::Measured { log_sd: &log_sd, floor: NOISE_FLOOR })?;
        Ok([fit.combination([1.0, 0.0], level)?, fit.combination([0.0, 1.0], level)?])
    }

    /// Returns the slope of ln T over ln n in the fitted range, with its interval: the exponent that was seen.
    pub fn exponent(&self, level: f64) -> Estimate {
        let used = self.used();
        let count = used.len() as f64;
        let mean = |value: &dyn Fn(&Place) -> f64| used.iter().map(value).sum::<f64>() / count;
        let (center_x, center_y) = (mean(&|place| place.n.ln()), mean(&|place| place.ln_value));
        let spread: f64 = used.iter().map(|place| (place.n.ln() - center_x).powi(2)).sum();
        let slope =
            used.iter().map(|place| (place.n.ln() - center_x) * (place.ln_value - center_y)).sum::<f64>()
                / spread;
        let residual = |place: &Place| place.ln_value - center_y - slope * (place.n.ln() - center_x);
        let scatter: f64 = used.iter().map(|place| residual(place).powi(2)).sum();
        let noise = mean(&|place| place.sd.powi(2) + NOISE_FLOOR.powi(2));
        let degrees = count - 2.0;
        // Never less than the noise of the points: three points may lie on a line by chance.
        let (variance, quantile) = if degrees >= 1.0 && scatter / degrees > noise {
            (scatter / degrees, student_t_quantile(f64::midpoint(1.0, level), degrees))
        } else {
            (noise, student_t_quantile(f64::midpoint(1.0, level), f64::INFINITY))
        };
        let half = quantile * (variance / spread).sqrt();
        let interval = Some(Interval { lower: slope - half, upper: slope + half, level });
        Estimate { value: slope, interval, method: Method::Fit }
    }

    /// Returns the growth in words, such as `n^1.02 ± 0.03 over 10000..1000000`.
    pub fn describe(&self) -> String {
        let exponent = self.exponent(0.95);
        let half = exponent.interval.map_or(0.0, |interval| (interval.upper - interval.lower) / 2.0);
        let (first, last) = (self.used()[0].n, self.largest());
        format!("n^{:.2} ± {half:.2} over {first}..{last}", exponent.value)
    }

    pub(crate) fn outlook(&self, n: f64) -> Outlook {
        let (first, last) = self.range();
        if n < first {
            return self.before(n);
        }
        if n <= last { self.between(n) } else { self.ahead(n) }
    }

    fn ahead(&self, n: f64) -> Outlook {
        let distance = (n / self.largest()).log2();
        let ahead = self.averaged.outlook(&self.ln_shapes(n), distance);
        Outlook {
            ln_value: ahead.ln_value + step_cost(self.largest().log2(), n.log2()),
            sd: ahead.sd.hypot(STEP_COST_SD * distance),
        }
    }

    /// Below the first size: the most likely floor and term through the first point.
    fn before(&self, n: f64) -> Outlook {
        let first = self.places[0];
        let distance = (first.n / n).log2();
        let change = self.ln_mean_shape(n) - self.ln_mean_shape(first.n);
        let spread = self.averaged.outlook(&self.ln_shapes(n), 0.0).sd;
        let drift = self.averaged.drift_rate() * distance.sqrt();
        Outlook { ln_value: first.ln_value + change, sd: spread.hypot(drift).hypot(first.sd) }
    }

    /// Between two sizes: a straight line in logarithms.
    fn between(&self, n: f64) -> Outlook {
        let after = self.places.partition_point(|place| place.n < n);
        let right = self.places[after];
        if right.n == n {
            return Outlook { ln_value: right.ln_value, sd: right.sd.max(NOISE_FLOOR) };
        }
        let left = self.places[after - 1];
        let width = (right.n / left.n).log2();
        let share = (n / left.n).log2() / width;
        let bridge = self.averaged.drift_rate() * (width * share * (1.0 - share)).sqrt();
        let noise = (left.sd * (1.0 - share)).hypot(right.sd * share).max(NOISE_FLOOR);
        let ln_value = left.ln_value * (1.0 - share) + right.ln_value * share;
        Outlook { ln_value, sd: bridge.hypot(noise) }
    }

    fn ln_mean_shape(&self, n: f64) -> f64 {
        self.averaged.outlook(&self.ln_shapes(n), 0.0).ln_value
    }

    fn ln_shapes(&self, n: f64) -> Vec<f64> {
        ln_shapes(&self.terms, n, self.largest())
    }

    /// Returns the four likeliest terms as laws with their own forecasts at size `n`.
    pub(crate) fn members(&self, n: f64) -> Vec<Member> {
        let ln_shapes = self.ln_shapes(n);
        let cost = step_cost(self.largest().log2(), n.log2());
        let member = |(term, weight): (Term, f64)| {
            let is_member = |j: usize| self.terms[j / FLOORS.len()] == term;
            let ln_value = self.averaged.mean_of(&ln_shapes, is_member)? + cost;
            Some(Member { law: term.to_string(), weight, value: ln_value.exp() })
        };
        self.terms().into_iter().take(4).filter_map(member).collect()
    }

    /// Returns by how much a measurement at `extra` would shrink the standard deviation of ln T at `n`.
    pub(crate) fn shrinkage(&self, n: f64, extra: f64) -> f64 {
        let place = |n: f64| (self.ln_shapes(n), (n / self.largest()).log2());
        let (target, candidate) = (place(n), place(extra));
        let (target, candidate) = ((target.0.as_slice(), target.1), (candidate.0.as_slice(), candidate.1));
        let explained = self.averaged.covariance(target, candidate).powi(2)
            / (self.averaged.covariance(candidate, candidate) + NOISE_FLOOR.powi(2));
        (1.0 - explained / self.averaged.covariance(target, target)).max(0.0).sqrt()
    }
}

/// Returns what the rising cost of a step adds to ln T beyond the largest size, both as binary logarithms.
fn step_cost(largest: f64, size: f64) -> f64 {
    STEP_COST * std::f64::consts::LN_2 * (size - largest).max(0.0)
}

/// Returns ln (φ + g(n) / g(largest)) for every term g and floor φ, terms major.
fn ln_shapes(terms: &[Term], n: f64, largest: f64) -> Vec<f64> {
    let growing = terms.iter().map(|term| {
        let logarithms = ((n + 1.0).log2() / (largest + 1.0).log2()).powi(i32::from(term.logarithm));
        (n / largest).powf(term.power) * logarithms
    });
    growing.flat_map(|growing| FLOORS.map(|floor| (floor + growing).max(f64::MIN_POSITIVE).ln())).collect()
}

fn ln_priors(terms: &[Term]) -> Vec<f64> {
    let total: f64 = terms.iter().map(Term::weight).sum();
    let of_floor = |floor: f64| if floor == 0.0 { 0.5 } else { 0.5 / (FLOORS.len() - 1) as f64 };
    terms.iter().flat_map(|term| FLOORS.map(|floor| (term.weight() / total * of_floor(floor)).ln())).collect()
}
