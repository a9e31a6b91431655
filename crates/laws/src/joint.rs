//! Size and workers together: T(n, p) from measurements at several of both.
//!
//! Three ways lead from the measured points to another, and their geometric mean is the forecast:
//!
//! - *growth, then scaling*: at each p measured at several sizes, forecast to the size asked for; then fit the
//!   curve over p to these values;
//! - *scaling, then growth*: at each n measured on several numbers of workers, forecast to the workers asked for;
//!   then search the growth over n of these values;
//! - *the joint law* [`JointLaw`], fitted to all points at once.
//!
//! The first needs two columns, the second two rows. Where the points form a cross (one row and one column) there
//! is only the joint law, which takes the start-up time from the column and the serial share from the row.

use serde::Serialize;

use crate::fit::{LinearFit, Weighting};
use crate::forecast::Member;
use crate::forecast::points::{NOISE_FLOOR, Place};
use crate::forecast::strong::Scaling;
use crate::growth::{Growth, Term};
use crate::prior::ShapePrior;
use crate::{LawError, Observation};

/// How much of a column's own error is not shared by the others.
const OWN_SHARE: f64 = 0.3;

/// T(n, p) = c₀ + c₁ W(n) / p + c₂ W(n) + c₃ log₂ p, with W(n) = nᵃ log₂ᵇ n and all cᵢ ≥ 0: start-up time, parallel
/// work, serial work that grows like it, and the cost of talking to each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JointLaw {
    /// W.
    pub work: Term,
    /// c₀, in seconds.
    pub start_up: f64,
    /// c₁, in seconds a unit of work.
    pub parallel: f64,
    /// c₂, in seconds a unit of work.
    pub serial: f64,
    /// c₃, in seconds a doubling of workers.
    pub communication: f64,
}

impl JointLaw {
    /// Fits the law to `observations`, all of which have a size.
    ///
    /// W is the term with the least relative error, where an odd one (a fraction, a squared logarithm) must be
    /// better by more than its rarity.
    ///
    /// ```
    /// use festina_laws::{Observation, growth::Term, joint::JointLaw};
    /// let time = |n: f64, p: f64| 2.0 + 1e-3 * n / p + 1e-5 * n;
    /// let at = |n: f64, p: f64| Observation { n: Some(n), ..Observation::new(p, time(n, p)) };
    /// let law = JointLaw::fit(&[at(1e4, 1.0), at(1e5, 1.0), at(1e6, 1.0), at(1e6, 2.0), at(1e6, 4.0)])?;
    /// assert_eq!(law.work, Term { power: 1.0, logarithm: 0 });
    /// assert!((law.time(1e7, 16.0) / time(1e7, 16.0) - 1.0).abs() < 1e-6);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] for a value out of range, [`LawError::TooFew`] without observations.
    pub fn fit(observations: &[Observation]) -> Result<Self, LawError> {
        Observation::check(observations)?;
        Self::of_places(&crate::forecast::points::merge(observations))
    }

    fn of_places(places: &[Place]) -> Result<Self, LawError> {
        let largest = places.iter().map(|place| place.n).fold(1.0, f64::max);
        let scale = places.iter().map(|place| place.ln_value).fold(f64::NEG_INFINITY, f64::max);
        let targets: Vec<f64> = places.iter().map(|place| (place.ln_value - scale).exp()).collect();
        let log_sd: Vec<f64> = places.iter().map(|place| place.sd).collect();
        let weighting = Weighting::Measured { log_sd: &log_sd, floor: NOISE_FLOOR };
        let mut best: Option<(f64, Self)> = None;
        for work in Term::all().filter(|work| work.power > 0.0) {
            let unit = work.at(largest);
            let rows: Vec<[f64; 4]> = places.iter().map(|place| Self::row(work, unit, place)).collect();
            let fit = LinearFit::new(&rows, &targets, weighting)?;
            // Residuals are in units of 1 %; a law that fits to 5 % on average is as good as any.
            let lack = fit.residual_sum_of_squares / (5.0_f64.powi(2)) - 2.0 * work.weight().ln();
            if best.as_ref().is_none_or(|(least, _)| lack < *least) {
                let [start_up, parallel, serial, communication] = fit.coefficients.map(|c| c * scale.exp());
                let law =
                    Self { work, start_up, parallel: parallel / unit, serial: serial / unit, communication };
                best = Some((lack, law));
            }
        }
        best.map(|(_, law)| law).ok_or(LawError::NotIdentifiable("a joint law of n and p"))
    }

    fn row(work: Term, unit: f64, place: &Place) -> [f64; 4] {
        let work = work.at(place.n) / unit;
        [1.0, work / place.p, work, place.p.log2()]
    }

    /// Returns T(n, p) in seconds.
    pub fn time(&self, n: f64, p: f64) -> f64 {
        let work = self.work.at(n);
        self.start_up + self.parallel * work / p + self.serial * work + self.communication * p.log2()
    }

    /// Returns the size from which `p` workers reach `efficiency`: the isoefficiency function n(p); `None` if the
    /// serial work keeps every size below it.
    ///
    /// The overhead To(n, p) = p T(n, p) − T(n, 1) must not exceed T(n, 1) (1 − E) / E. Found by bisection in
    /// ln n over 1..10¹⁸.
    ///
    /// Source: A. Y. Grama, A. Gupta, V. Kumar, *Isoefficiency: measuring the scalability of parallel algorithms and
    /// architectures*, IEEE Parallel & Distributed Technology 1 (1993), 12–21.
    pub fn isoefficiency(&self, p: f64, efficiency: f64) -> Option<f64> {
        let reaches = |ln_n: f64| {
            let n = ln_n.exp();
            self.time(n, 1.0) / (p * self.time(n, p)) >= efficiency
        };
        let (mut low, mut high) = (0.0, 1e18_f64.ln());
        if !reaches(high) {
            return None;
        }
        if reaches(low) {
            return Some(1.0);
        }
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if reaches(middle) { high = middle } else { low = middle }
        }
        Some(high.exp())
    }
}

impl std::fmt::Display for JointLaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { work, start_up, parallel, serial, communication } = self;
        let terms = [
            (*start_up, String::new()),
            (*parallel, format!(" · {work} / p")),
            (*serial, format!(" · {work}")),
            (*communication, " · log p".to_owned()),
        ];
        let shown: Vec<String> = terms
            .into_iter()
            .filter(|(coefficient, _)| *coefficient > 0.0)
            .map(|(coefficient, term)| format!("{coefficient:.3e}{term}"))
            .collect();
        f.write_str(&shown.join(" + "))
    }
}

/// A workload measured at several sizes and several numbers of workers.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    places: Vec<Place>,
    prior: ShapePrior,
    /// The curve over p at each size with at least two points.
    rows: Vec<(f64, Scaling)>,
    /// The growth over n at each number of workers with at least two points.
    columns: Vec<(f64, Growth)>,
    law: JointLaw,
}

/// A composed forecast of ln T, with the scale of its error along p and along n.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Composed {
    pub(crate) ln_value: f64,
    pub(crate) sd_p: f64,
    pub(crate) sd_n: f64,
}

impl Joint {
    pub(crate) fn fit(places: Vec<Place>, prior: &ShapePrior) -> Result<Self, LawError> {
        let mut rows = Vec::new();
        for row in places.chunk_by(|a, b| a.n == b.n).filter(|row| row.len() > 1) {
            rows.push((row[0].n, Scaling::of_places(row.to_vec(), prior)?));
        }
        let mut by_workers = places.clone();
        by_workers.sort_by(|a, b| a.p.total_cmp(&b.p).then(a.n.total_cmp(&b.n)));
        let mut columns = Vec::new();
        for column in by_workers.chunk_by(|a, b| a.p == b.p).filter(|column| column.len() > 1) {
            columns.push((column[0].p, Growth::of_places(column.to_vec())?));
        }
        if rows.is_empty() || columns.is_empty() {
            let what =
                if rows.is_empty() { "how the time falls with p" } else { "how the time grows with n" };
            return Err(LawError::NotIdentifiable(what));
        }
        let law = JointLaw::of_places(&places)?;
        // Points that form a cross have no other way than the law.
        let is_zero = |place: &Place| law.time(place.n, place.p) <= 0.0;
        if rows.len() < 2 && columns.len() < 2 && places.iter().any(is_zero) {
            return Err(LawError::NotIdentifiable("a joint law of n and p"));
        }
        Ok(Self { places, prior: prior.clone(), rows, columns, law })
    }

    pub(crate) fn law(&self) -> &JointLaw {
        &self.law
    }

    /// Returns the growth at the number of workers with the most sizes, the fewest workers first.
    pub(crate) fn growth(&self) -> Option<&Growth> {
        let count = |p: f64| self.places.iter().filter(|place| place.p == p).count();
        let mut best: Option<&(f64, Growth)> = None;
        for column in &self.columns {
            if best.is_none_or(|best| count(column.0) > count(best.0)) {
                best = Some(column);
            }
        }
        best.map(|(_, growth)| growth)
    }

    pub(crate) fn sizes(&self) -> (f64, f64) {
        (self.places[0].n, self.places[self.places.len() - 1].n)
    }

    pub(crate) fn workers(&self) -> (f64, f64) {
        let workers = || self.places.iter().map(|place| place.p);
        (workers().fold(f64::INFINITY, f64::min), workers().fold(0.0, f64::max))
    }

    pub(crate) fn outlook(&self, n: f64, p: f64) -> Composed {
        if let Some(place) = self.places.iter().find(|place| place.n == n && place.p == p) {
            return Composed { ln_value: place.ln_value, sd_p: place.sd.max(NOISE_FLOOR), sd_n: 0.0 };
        }
        let ways: Vec<Composed> = self.ways(n, p).into_iter().map(|(_, way)| way).collect();
        let count = ways.len() as f64;
        let mean = |of: &dyn Fn(&Composed) -> f64| ways.iter().map(of).sum::<f64>() / count;
        let ln_value = mean(&|way| way.ln_value);
        let disagreement = mean(&|way| (way.ln_value - ln_value).powi(2)).sqrt();
        let (sd_p, sd_n) = (mean(&|way| way.sd_p), mean(&|way| way.sd_n));
        let (first, last) = self.workers();
        // The ways differ in how n and p interact: charged to the direction that leaves the measured range.
        if first <= p && p <= last {
            Composed { ln_value, sd_p, sd_n: sd_n.hypot(disagreement) }
        } else {
            Composed { ln_value, sd_p: sd_p.hypot(disagreement), sd_n }
        }
    }

    fn ways(&self, n: f64, p: f64) -> Vec<(&'static str, Composed)> {
        let composed = [
            ("growth at each p, then scaling", self.growth_then_scaling(n, p)),
            ("scaling at each n, then growth", self.scaling_then_growth(n, p)),
            ("joint law", self.by_law(n, p)),
        ];
        composed.into_iter().filter_map(|(name, way)| Some((name, way?))).collect()
    }

    fn growth_then_scaling(&self, n: f64, p: f64) -> Option<Composed> {
        let grown: Vec<Place> = self
            .columns
            .iter()
            .map(|(p, growth)| {
                let outlook = growth.outlook(n);
                Place { n, p: *p, ln_value: outlook.ln_value, sd: OWN_SHARE * outlook.sd }
            })
            .collect();
        let sd_n = grown.iter().map(|place| place.sd).sum::<f64>() / (OWN_SHARE * grown.len() as f64);
        let along_p = Scaling::of_places(grown, &self.prior).ok()?.outlook(p);
        Some(Composed { ln_value: along_p.ln_value, sd_p: along_p.sd, sd_n })
    }

    fn scaling_then_growth(&self, n: f64, p: f64) -> Option<Composed> {
        let scaled: Vec<Place> = self
            .rows
            .iter()
            .map(|(n, scaling)| {
                let outlook = scaling.outlook(p);
                Place { n: *n, p, ln_value: outlook.ln_value, sd: OWN_SHARE * outlook.sd }
            })
            .collect();
        let sd_p = scaled.iter().map(|place| place.sd).sum::<f64>() / (OWN_SHARE * scaled.len() as f64);
        let along_n = Growth::of_places(scaled).ok()?.outlook(n);
        Some(Composed { ln_value: along_n.ln_value, sd_p, sd_n: along_n.sd })
    }

    /// The joint law, moved to pass through the nearest measured point; `None` where it is 0 there, as a law of
    /// communication alone is on one worker.
    fn by_law(&self, n: f64, p: f64) -> Option<Composed> {
        let distance = |place: &Place| (place.n / n).ln().abs() + (place.p / p).ln().abs();
        let nearest = self.places.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let ln_law = |n: f64, p: f64| Some(self.law.time(n, p)).filter(|time| *time > 0.0).map(f64::ln);
        let nearest = nearest?;
        let residual = nearest.ln_value - ln_law(nearest.n, nearest.p)?;
        let mean = |sds: &mut dyn Iterator<Item = f64>| {
            let sds: Vec<f64> = sds.collect();
            sds.iter().sum::<f64>() / sds.len() as f64
        };
        Some(Composed {
            ln_value: ln_law(n, p)? + residual,
            sd_p: mean(&mut self.rows.iter().map(|(_, scaling)| scaling.outlook(p).sd)),
            sd_n: mean(&mut self.columns.iter().map(|(_, growth)| growth.outlook(n).sd)),
        })
    }

    pub(crate) fn members(&self, n: f64, p: f64) -> Vec<Member> {
        let ways = self.ways(n, p);
        let weight = 1.0 / ways.len() as f64;
        let name = |way: &str| if way == "joint law" { self.law.to_string() } else { way.to_owned() };
        ways.into_iter()
            .map(|(way, composed)| Member { law: name(way), weight, value: composed.ln_value.exp() })
            .collect()
    }

    /// Returns by how much a measurement at `extra` would shrink the error at `(n, p)`, along each axis apart.
    pub(crate) fn shrinkage(&self, (n, p): (f64, f64), extra: (f64, f64)) -> Option<f64> {
        let composed = self.outlook(n, p);
        let longest = self.rows.iter().max_by_key(|(_, scaling)| scaling.places.len())?;
        let factor_p = if extra.1 > longest.1.range().1 { longest.1.shrinkage(p, extra.1) } else { 1.0 };
        let growth = self.growth()?;
        let factor_n = if extra.0 > growth.range().1 { growth.shrinkage(n, extra.0) } else { 1.0 };
        let after = (composed.sd_p * factor_p).hypot(composed.sd_n * factor_n);
        Some(after / composed.sd_p.hypot(composed.sd_n))
    }
}
