//! Curves over the number of workers: strong scaling, where the work stays, and weak scaling, where it grows.
//!
//! The forecast is the geometric mean of two members. One is the median (for weak scaling the
//! mean) over the shapes of the [prior](crate::prior), the other fits `T = b + a / p + d · log₂ p` by relative non-negative least squares and
//! follows its level like the first (Amdahl's law anchored, with a logarithmic overhead). Both are positive, so
//! is their mean.

use super::Member;
use super::averaging::{Averaged, Drift, Filter, Outlook, Track};
use super::points::{Place, track};
use crate::fit::{LinearFit, Weighting};
use crate::prior::{DRIFT_RATES, Growth, OVERHEADS, SERIAL_SHARES, ShapePrior, overhead};
use crate::{LawError, Observation};

/// A relative fall of p · T from one point to the next that is too large to be noise.
const SUPERLINEAR: f64 = 0.1;

/// A fitted curve over the number of workers.
#[derive(Clone, Debug)]
pub(crate) struct Scaling {
    pub(crate) places: Vec<Place>,
    /// How many leading points were left out because the speed-up was superlinear up to them.
    pub(crate) skipped: usize,
    kind: Kind,
    averaged: Averaged,
    law: AnchoredLaw,
    /// How fast the efficiency rises where it rises fastest, in ln a doubling; 0 if it never does.
    superlinearity: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Strong,
    Weak,
}

impl Scaling {
    /// Fits a whole series of strong scaling, to learn from it.
    pub(crate) fn whole(observations: &[Observation], prior: &ShapePrior) -> Result<Self, LawError> {
        Observation::check(observations)?;
        let places = super::points::merge(observations);
        require_two(&places)?;
        Self::from(0, places, prior)
    }

    /// Fits a series of strong scaling, from where it is no longer superlinear.
    pub(crate) fn of_places(places: Vec<Place>, prior: &ShapePrior) -> Result<Self, LawError> {
        require_two(&places)?;
        Self::from(superlinear_start(&places), places, prior)
    }

    fn from(skipped: usize, places: Vec<Place>, prior: &ShapePrior) -> Result<Self, LawError> {
        let superlinearity = superlinearity(&places);
        let (ln_priors, drifts) = (prior.ln_shapes(), prior.drifts());
        Self::new(Kind::Strong, places, skipped, superlinearity, &ln_priors, &drifts)
    }

    /// Fits a series of weak scaling, where the work of each worker stays.
    pub(crate) fn weak(places: Vec<Place>) -> Result<Self, LawError> {
        require_two(&places)?;
        let ln_priors: Vec<f64> =
            (0..OVERHEADS).map(|i| if i == 0 { 0.25_f64.ln() } else { (0.75 / 18.0_f64).ln() }).collect();
        let even = -(DRIFT_RATES.len() as f64).ln();
        let drifts = DRIFT_RATES.map(|rate| Drift { rate, ln_weight: even });
        Self::new(Kind::Weak, places, 0, 0.0, &ln_priors, &drifts)
    }

    fn new(
        kind: Kind,
        places: Vec<Place>,
        skipped: usize,
        superlinearity: f64,
        ln_priors: &[f64],
        drifts: &[Drift],
    ) -> Result<Self, LawError> {
        let used = &places[skipped..];
        let track = track(used, |place| place.p);
        let rows: Vec<Vec<f64>> = used.iter().map(|place| ln_shapes(kind, place.p / used[0].p)).collect();
        let by_shape: Vec<f64> =
            (0..ln_priors.len()).flat_map(|j| rows.iter().map(move |row| row[j])).collect();
        let averaged = Averaged::new(&track, &by_shape, ln_priors, drifts);
        let law = AnchoredLaw::fit(kind, used, &track)?;
        Ok(Self { skipped, kind, averaged, law, superlinearity, places })
    }

    /// Returns the points that were fitted.
    pub(crate) fn used(&self) -> &[Place] {
        &self.places[self.skipped..]
    }

    /// Returns the first and the last measured number of workers.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.places[0].p, self.places[self.places.len() - 1].p)
    }

    /// Returns the forecast of ln T on `p` workers, and the scale of its error.
    pub(crate) fn outlook(&self, p: f64) -> Outlook {
        let (first, last) = self.range();
        if p > last {
            return self.ahead(p);
        }
        if p < first {
            return self.before(p);
        }
        self.between(p)
    }

    fn ahead(&self, p: f64) -> Outlook {
        let distance = (p / self.range().1).log2();
        let ln_shapes = self.ln_shapes(p);
        let mean = self.averaged.outlook(&ln_shapes, distance);
        let averaged = match self.kind {
            // Overheads that few points cannot exclude reach far up: the mean would follow them.
            Kind::Strong => self.averaged.median(&ln_shapes),
            Kind::Weak => mean.ln_value,
        };
        Outlook {
            ln_value: f64::midpoint(averaged, self.law.ln_time(p)),
            sd: mean.sd + self.superlinearity * distance,
        }
    }

    /// Below the first point: the mean shape through it.
    fn before(&self, p: f64) -> Outlook {
        let first = self.places[0];
        let distance = (first.p / p).log2();
        let change = self.ln_mean_shape(p) - self.ln_mean_shape(first.p);
        let spread = self.averaged.outlook(&self.ln_shapes(p), 0.0).sd;
        let drift = self.averaged.drift_rate() * distance.sqrt();
        Outlook { ln_value: first.ln_value + change, sd: spread.hypot(drift).hypot(first.sd) }
    }

    /// Between two points: the mean shape, bent to pass through both.
    fn between(&self, p: f64) -> Outlook {
        let after = self.places.partition_point(|place| place.p < p);
        if self.places[after].p == p {
            let place = self.places[after];
            return Outlook { ln_value: place.ln_value, sd: place.sd.max(super::points::NOISE_FLOOR) };
        }
        let (left, right) = (self.places[after - 1], self.places[after]);
        let width = (right.p / left.p).log2();
        let share = (p / left.p).log2() / width;
        let residual = |place: Place| place.ln_value - self.ln_mean_shape(place.p);
        let bridge = self.averaged.drift_rate() * (width * share * (1.0 - share)).sqrt();
        let noise = (left.sd * (1.0 - share)).hypot(right.sd * share).max(super::points::NOISE_FLOOR);
        Outlook {
            ln_value: self.ln_mean_shape(p) + residual(left) * (1.0 - share) + residual(right) * share,
            sd: bridge.hypot(noise),
        }
    }

    fn ln_mean_shape(&self, p: f64) -> f64 {
        self.averaged.outlook(&self.ln_shapes(p), 0.0).ln_value
    }

    fn ln_shapes(&self, p: f64) -> Vec<f64> {
        ln_shapes(self.kind, p / self.used()[0].p)
    }

    /// Returns the laws that the forecast on `p` workers rests on, the heaviest first.
    pub(crate) fn members(&self, p: f64) -> Vec<Member> {
        let ln_shapes = self.ln_shapes(p);
        let weights = self.averaged.shape_weights();
        let mut members: Vec<Member> = Growth::ALL
            .iter()
            .filter_map(|&growth| {
                let is_member = |j: usize| overhead(j % OVERHEADS).0 == growth;
                let weight =
                    (0..weights.len()).filter(|&j| is_member(j)).map(|j| weights[j]).sum::<f64>() / 2.0;
                let ln_value = self.averaged.mean_of(&ln_shapes, is_member)?;
                Some(Member { law: self.kind.law(growth).to_owned(), weight, value: ln_value.exp() })
            })
            .collect();
        let law = self.kind.anchored_law(self.used().len()).to_owned();
        members.push(Member { law, weight: 0.5, value: self.law.ln_time(p).exp() });
        members.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        members
    }

    /// Returns, for each shape whose time rises in the end, its weight and the number of workers from which it does.
    pub(crate) fn turning_points(&self) -> Vec<(f64, f64)> {
        if self.kind == Kind::Weak {
            return Vec::new();
        }
        let first = self.used()[0].p;
        let weights = self.averaged.shape_weights();
        let turning = |j: usize| {
            let (growth, amount) = overhead(j % OVERHEADS);
            growth.minimum(SERIAL_SHARES[j / OVERHEADS], amount).map(|x| (weights[j], (x * first).max(1.0)))
        };
        (0..weights.len()).filter_map(turning).collect()
    }

    /// Returns by how much a measurement on `extra` workers would shrink the standard deviation of ln T on `p`.
    pub(crate) fn shrinkage(&self, p: f64, extra: f64) -> f64 {
        let last = self.range().1;
        let place = |p: f64| (self.ln_shapes(p), (p / last).log2());
        let (target, candidate) = (place(p), place(extra));
        let (target, candidate) = ((target.0.as_slice(), target.1), (candidate.0.as_slice(), candidate.1));
        let noise = super::points::NOISE_FLOOR.powi(2);
        let explained = self.averaged.covariance(target, candidate).powi(2)
            / (self.averaged.covariance(candidate, candidate) + noise);
        (1.0 - explained / self.averaged.covariance(target, target)).max(0.0).sqrt()
    }

    /// Adds the posterior weights of this series to `sums`.
    pub(crate) fn add_responsibilities(&self, sums: &mut ShapePrior, weight: f64) {
        for (j, posterior) in self.averaged.shape_weights().into_iter().enumerate() {
            sums.serial[j / OVERHEADS] += weight * posterior;
            sums.overhead[j % OVERHEADS] += weight * posterior;
        }
        for (sum, posterior) in sums.drift.iter_mut().zip(self.averaged.drift_weights()) {
            *sum += weight * posterior;
        }
    }
}

impl Kind {
    fn law(self, growth: Growth) -> &'static str {
        match (self, growth) {
            (Self::Strong, Growth::None) => "Amdahl",
            (Self::Strong, Growth::Logarithm) => "Amdahl + log p",
            (Self::Strong, Growth::Root) => "Amdahl + √p",
            (Self::Strong, Growth::Linear) => "USL",
            (Self::Weak, Growth::None) => "constant",
            (Self::Weak, Growth::Logarithm) => "constant + log p",
            (Self::Weak, Growth::Root) => "constant + √p",
            (Self::Weak, Growth::Linear) => "constant + p",
        }
    }

    fn anchored_law(self, points: usize) -> &'static str {
        match self {
            Self::Strong if points < 3 => "Amdahl, anchored",
            Self::Strong => "Amdahl + log p, anchored",
            Self::Weak => "constant + log p, anchored",
        }
    }
}

/// Returns ln f(x) of every shape, serial shares major.
fn ln_shapes(kind: Kind, x: f64) -> Vec<f64> {
    let overheads: [f64; OVERHEADS] = std::array::from_fn(|i| {
        let (growth, amount) = overhead(i);
        amount * growth.at(x)
    });
    match kind {
        Kind::Weak => overheads.map(|overhead| (1.0 + overhead).max(0.1).ln()).into(),
        Kind::Strong => SERIAL_SHARES
            .iter()
            .flat_map(|serial| {
                let core = (1.0 - serial) / x + serial;
                overheads.map(|overhead| (core + overhead).ln())
            })
            .collect(),
    }
}

/// A non-negative sum of terms, fitted to relative errors, whose level follows the last points.
#[derive(Clone, Debug)]
struct AnchoredLaw {
    kind: Kind,
    coefficients: [f64; 3],
    first: f64,
    level: f64,
}

impl AnchoredLaw {
    fn fit(kind: Kind, used: &[Place], track: &Track) -> Result<Self, LawError> {
        let first = used[0].p;
        // Two points carry two terms.
        let is_long = used.len() > 2;
        let rows: Vec<[f64; 3]> =
            used.iter().map(|place| Self::row(kind, place.p / first, is_long)).collect();
        // In units of the first time, so that nothing overflows.
        let targets: Vec<f64> = used.iter().map(|place| (place.ln_value - used[0].ln_value).exp()).collect();
        let log_sd: Vec<f64> = used.iter().map(|place| place.sd).collect();
        let weighting = Weighting::Measured { log_sd: &log_sd, floor: super::points::NOISE_FLOOR };
        let coefficients = LinearFit::new(&rows, &targets, weighting)?.coefficients;
        let mut law = Self { kind, coefficients, first, level: 0.0 };
        let fitted: Vec<f64> = used.iter().map(|place| law.ln_time(place.p)).collect();
        law.level = Filter::new(track, DRIFT_RATES[1]).follow(&track.ln_value, &fitted).1;
        Ok(law)
    }

    fn row(kind: Kind, x: f64, is_long: bool) -> [f64; 3] {
        let logarithm = if is_long || kind == Kind::Weak { x.log2().max(0.0) } else { 0.0 };
        match kind {
            Kind::Strong => [1.0, 1.0 / x, logarithm],
            Kind::Weak => [1.0, 0.0, logarithm],
        }
    }

    fn ln_time(&self, p: f64) -> f64 {
        let row = Self::row(self.kind, p / self.first, true);
        let terms: f64 =
            row.iter().zip(self.coefficients).map(|(term, coefficient)| term * coefficient).sum();
        terms.max(f64::MIN_POSITIVE).ln() + self.level
    }
}

fn require_two(places: &[Place]) -> Result<(), LawError> {
    if places.len() < 2 {
        let (what, unit) = ("a forecast over the number of workers", "different numbers of workers");
        return Err(LawError::TooFew { what, needed: 2, unit, given: places.len() });
    }
    Ok(())
}

/// Returns the changes of ln (p · T), each with the number of doublings it took.
fn cost_changes(places: &[Place]) -> impl Iterator<Item = (f64, f64)> {
    places.windows(2).map(|pair| {
        let ln_ratio = (pair[1].p / pair[0].p).ln();
        (pair[1].ln_value - pair[0].ln_value + ln_ratio, ln_ratio / std::f64::consts::LN_2)
    })
}

/// Returns how many leading points to leave out, so that no superlinear step is fitted; at least two remain.
fn superlinear_start(places: &[Place]) -> usize {
    let is_superlinear = |&(change, _): &(f64, f64)| change < (1.0 - SUPERLINEAR).ln();
    let steps: Vec<(f64, f64)> = cost_changes(places).take(places.len() - 2).collect();
    steps.iter().rposition(is_superlinear).map_or(0, |step| step + 1)
}

/// Returns the fastest fall of ln (p · T) over one doubling, or 0.
fn superlinearity(places: &[Place]) -> f64 {
    cost_changes(places).map(|(change, doublings)| -change / doublings).fold(0.0, f64::max)
}
