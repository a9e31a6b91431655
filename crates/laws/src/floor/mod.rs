//! Growth from small sizes: a floor that does not grow, and a power of n above it.
//!
//! ```text
//! T(n) = f + g · (n / m)ᵃ        ln Tᵢ = ln T(nᵢ) + εᵢ,  εᵢ ~ N(0, σᵢ²/kᵢ + μ²)
//! ```
//!
//! with the largest measured size `m`, the floor `f` (start-up: imports, connections, reading what is always read), the
//! growing part `g` at `m`, the exponent `a`, the noise `σᵢ` of `kᵢ` repeated runs (`noise.rs`) and the misfit `μ` that no
//! repetition takes away. A small run of a program is mostly floor: a power law through such times is too flat by far, and a sum of
//! many terms reads the noise of the floor as a steep term. So nothing is chosen: all shapes `(f/(f+g), a)` of a grid keep
//! the weight that the measurements and a prior leave them. The prior of `a` is N(1, 0.12), since nearly all programs grow
//! about linearly, with 15 % spread evenly over 0.5 … 2.3 for those that do not; that of the floor's share is even in its
//! logit. Level and spread of ln T at another size follow exactly from the mixture; beyond `m` the spread grows by a
//! random walk of [`Tolerance::drift`] a doubling, for caches, memory and algorithms that change on the way. All runs of one
//! measurement share the machine's pace of those minutes; a run at another time has another one, by [`Tolerance::pace`].
//!
//! [`Growth`](crate::growth::Growth) is for sizes at which the floor no longer matters; it knows logarithms, and weighs the last
//! points most. [`FloorGrowth`] is for forecasts over a factor of 10 to 1000 from runs of seconds.
//!
//! Source of the averaging: J. A. Hoeting et al., *Bayesian model averaging: a tutorial*, Statistical Science 14
//! (1999), 382–417.

mod noise;

use festina_types::{Estimate, Interval, Method};
use noise::Noise;

use crate::error::{require, require_level};
use crate::forecast::points::{Place, merge};
use crate::stats::{normal_cdf, normal_quantile};
use crate::{LawError, Observation};

/// The exponents that are considered: 0.5, 0.53, …, 2.3.
const EXPONENTS: usize = 61;
const EXPONENT_STEP: f64 = 0.03;
const LOWEST_EXPONENT: f64 = 0.5;
/// The prior of the exponent: most programs grow about linearly.
const USUAL: (f64, f64) = (1.0, 0.12);
/// The share of the prior that knows nothing.
const UNUSUAL: f64 = 0.15;
/// The floor's share at the largest size, as ln(f / g): −5, −4.8, …, 5; and no floor at all.
const LOGITS: usize = 51;
const LOGIT_STEP: f64 = 0.2;
/// A largest size so far from what the smaller ones forecast, in standard deviations, is a change of regime.
const REGIME: f64 = 2.8;
/// By how much such a change widens what lies beyond.
const WIDENED: f64 = 2.0;

/// By how much a value may differ from the law where noise is no excuse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The standard deviation of ln T at one size that no repetition takes away.
    pub misfit: f64,
    /// The standard deviation by which ln T leaves the law over one doubling beyond the largest size.
    pub drift: f64,
    /// The standard deviation of ln T between all runs of one measurement and a run at another time: what else runs on the
    /// same machine, its clock, its memory, shift over minutes, which repeating at once does not show.
    pub pace: f64,
}

impl Tolerance {
    /// Elapsed times.
    pub const TIME: Self = Self { misfit: 0.04, drift: 0.10, pace: 0.08 };
    /// Peaks of memory: copies and buffers make them piecewise, and no pace moves them.
    pub const MEMORY: Self = Self { misfit: 0.02, drift: 0.10, pace: 0.0 };
}

/// How a value grows above its floor.
#[derive(Clone, Debug)]
pub struct FloorGrowth {
    shapes: Vec<Shape>,
    smallest: f64,
    largest: f64,
    /// The variance of the level of every shape.
    level_variance: f64,
    noise: Noise,
    tolerance: Tolerance,
    has_changed: bool,
}

/// A shape that the measurements leave possible.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// f / (f + g).
    floor: f64,
    exponent: f64,
    weight: f64,
    /// ln (f + g).
    level: f64,
}

impl Shape {
    /// Returns ln T at `size` largest sizes.
    fn ln_value(&self, size: f64) -> f64 {
        self.level + self.ln_shape(size)
    }

    fn ln_shape(&self, size: f64) -> f64 {
        (self.floor + (1.0 - self.floor) * size.powf(self.exponent)).ln()
    }
}

impl FloorGrowth {
    /// Fits the growth of the times of `observations`, which were made on one number of workers; repeated ones count as
    /// their median.
    ///
    /// ```
    /// use festina_laws::floor::{FloorGrowth, Tolerance};
    /// use festina_laws::Observation;
    /// // Two seconds of start-up, 20 µs a row.
    /// let time = |n: f64| 2.0 + 20e-6 * n;
    /// let measured = [1e3, 1e3, 3e3, 9e3, 27e3, 81e3, 243e3]
    ///     .map(|n| Observation { n: Some(n), ..Observation::new(1.0, time(n)) });
    /// let growth = FloorGrowth::fit(&measured, Tolerance::TIME)?;
    /// // 2 s + 20 s for a million rows.
    /// let forecast = growth.forecast(1e6, 0.9)?;
    /// assert!((forecast.value / 22.0 - 1.0).abs() < 0.1, "{}", forecast.value);
    /// assert!(forecast.interval.unwrap().contains(22.0));
    /// assert!(growth.probability_within(1e6, 60.0)? > 0.99);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] for a value out of range or without a size, [`LawError::TooFew`] below two sizes.
    pub fn fit(observations: &[Observation], tolerance: Tolerance) -> Result<Self, LawError> {
        Observation::check(observations)?;
        if let Some(index) = observations.iter().position(|observation| observation.n.is_none()) {
            return Err(LawError::Observation { index, name: "n", expected: "given", value: f64::NAN });
        }
        let alike: Vec<Observation> = observations.iter().map(|o| Observation { p: 1.0, ..*o }).collect();
        let places = merge(&alike);
        if places.len() < 2 {
            let (what, unit) = ("a forecast over the problem size", "different sizes");
            return Err(LawError::TooFew { what, needed: 2, unit, given: places.len() });
        }
        let noise = Noise::of(&alike, &places);
        let runs = |place: &Place| alike.iter().filter(|o| o.n == Some(place.n)).count() as f64;
        let points: Vec<Point> = places
            .iter()
            .map(|place| Point {
                n: place.n,
                ln_value: place.ln_value,
                variance: noise.variance(place.ln_value) / runs(place) + tolerance.misfit.powi(2),
            })
            .collect();
        let mut growth = Self::of_points(&points, noise, tolerance);
        growth.has_changed = changes_regime(&points, noise, tolerance);
        Ok(growth)
    }

    fn of_points(points: &[Point], noise: Noise, tolerance: Tolerance) -> Self {
        let largest = points[points.len() - 1].n;
        let precision: f64 = points.iter().map(|point| 1.0 / point.variance).sum();
        let mut shapes: Vec<Shape> = floors()
            .flat_map(|(floor, floor_prior)| {
                (0..EXPONENTS).map(move |index| {
                    let exponent = LOWEST_EXPONENT + EXPONENT_STEP * index as f64;
                    Shape { floor, exponent, weight: floor_prior * exponent_prior(exponent), level: 0.0 }
                })
            })
            .collect();
        for shape in &mut shapes {
            let residual = |point: &Point| point.ln_value - shape.ln_shape(point.n / largest);
            let level = points.iter().map(|point| residual(point) / point.variance).sum::<f64>() / precision;
            let misfit: f64 =
                points.iter().map(|point| (residual(point) - level).powi(2) / point.variance).sum();
            shape.level = level;
            // The logarithm for now: the best shape of all sets the scale.
            shape.weight = shape.weight.ln() - 0.5 * misfit;
        }
        let best = shapes.iter().map(|shape| shape.weight).fold(f64::NEG_INFINITY, f64::max);
        shapes.iter_mut().for_each(|shape| shape.weight = (shape.weight - best).exp());
        // What hardly weighs changes nothing, and need not be carried along.
        shapes.retain(|shape| shape.weight > 1e-7);
        let total: f64 = shapes.iter().map(|shape| shape.weight).sum();
        shapes.iter_mut().for_each(|shape| shape.weight /= total);
        let level_variance = 1.0 / precision;
        Self { shapes, smallest: points[0].n, largest, level_variance, noise, tolerance, has_changed: false }
    }

    /// Returns the smallest and the largest measured size.
    pub fn range(&self) -> (f64, f64) {
        (self.smallest, self.largest)
    }

    /// Returns whether the largest size contradicts the smaller ones: something else has begun there, and what lies beyond
    /// is twice as uncertain.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Returns the median of a new run at size `n`, and the interval that holds it with probability `level`.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for a size that is not positive, or a level outside (0, 1).
    pub fn forecast(&self, n: f64, level: f64) -> Result<Estimate, LawError> {
        require_level(level)?;
        let outlook = self.outlook(n)?;
        let tail = (1.0 - level) / 2.0;
        let value = outlook.quantile(0.5).exp();
        let interval = Interval {
            lower: outlook.quantile(tail).exp(),
            upper: outlook.quantile(1.0 - tail).exp(),
            level,
        };
        Ok(Estimate { value, interval: Some(interval), method: Method::Fit })
    }

    /// Returns the probability that a new run at size `n` needs at most `limit`.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for a size or a limit that is not positive.
    pub fn probability_within(&self, n: f64, limit: f64) -> Result<f64, LawError> {
        require(limit > 0.0 && limit.is_finite(), "the limit", "positive and finite", limit)?;
        Ok(self.outlook(n)?.probability_below(limit.ln()))
    }

    /// Returns the largest size that stays within `limit` with probability `confidence`; 0 if none does, infinite if a
    /// thousand billion times the largest measured size does.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for values out of range.
    pub fn largest_within(&self, limit: f64, confidence: f64) -> Result<f64, LawError> {
        require(confidence > 0.0 && confidence < 1.0, "the confidence", "between 0 and 1", confidence)?;
        let holds = |ln_size: f64| {
            self.probability_within(self.largest * ln_size.exp(), limit).map(|p| p >= confidence)
        };
        let (mut low, mut high) = (-1e12_f64.ln(), 1e12_f64.ln());
        if !holds(low)? {
            return Ok(0.0);
        }
        if holds(high)? {
            return Ok(f64::INFINITY);
        }
        while high - low > 1e-6 {
            let middle = f64::midpoint(low, high);
            if holds(middle)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(self.largest * low.exp())
    }

    /// Returns the floor: what a run of no size would need.
    pub fn floor(&self, level: f64) -> Estimate {
        self.parameter(level, |shape| shape.floor * shape.level.exp())
    }

    /// Returns the exponent of what grows.
    pub fn exponent(&self, level: f64) -> Estimate {
        self.parameter(level, |shape| shape.exponent)
    }

    fn parameter(&self, level: f64, value: impl Fn(&Shape) -> f64) -> Estimate {
        let mut values: Vec<(f64, f64)> = self.shapes.iter().map(|s| (value(s), s.weight)).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let quantile = |probability: f64| {
            let mut sum = 0.0;
            let found = values.iter().find(|(_, weight)| {
                sum += weight;
                sum >= probability
            });
            found.or(values.last()).map_or(f64::NAN, |(value, _)| *value)
        };
        let tail = (1.0 - level) / 2.0;
        let interval = Interval { lower: quantile(tail), upper: quantile(1.0 - tail), level };
        Estimate { value: quantile(0.5), interval: Some(interval), method: Method::Fit }
    }

    /// Returns the probability that one run at size `probe` decides whether a run at size `n` needs at most `limit`:
    /// that its outcome leaves less than `1 − certainty` or more than `certainty` for it.
    ///
    /// ln T at both sizes is taken as jointly normal, with the means and covariances of the mixture.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for values out of range.
    pub fn chance_to_decide(
        &self,
        (n, limit): (f64, f64),
        probe: f64,
        certainty: f64,
    ) -> Result<f64, LawError> {
        require(certainty > 0.5 && certainty < 1.0, "the certainty", "between 0.5 and 1", certainty)?;
        require(limit > 0.0 && limit.is_finite(), "the limit", "positive and finite", limit)?;
        let (target, seen) = (self.outlook(n)?, self.outlook(probe)?);
        let (mean, variance) = target.moments();
        let (seen_mean, seen_variance) = seen.moments();
        let between: f64 = (target.parts.iter().zip(&seen.parts))
            .map(|(t, s)| t.weight * (t.ln_value - mean) * (s.ln_value - seen_mean))
            .sum();
        // A walk from the largest size passes the nearer place on its way to the farther.
        let shared = self.level_variance + self.beyond(n.min(probe));
        let explained = ((between + shared).powi(2) / seen_variance).min(variance);
        // Whoever measures there walks on from there.
        let left = (variance - explained).max(self.own(mean)).sqrt();
        let moved = explained.sqrt().max(1e-12);
        let (distance, margin) = (limit.ln() - mean, normal_quantile(certainty) * left);
        Ok(normal_cdf((distance - margin) / moved) + normal_cdf((-distance - margin) / moved))
    }

    fn outlook(&self, n: f64) -> Result<Outlook, LawError> {
        require(n > 0.0 && n.is_finite(), "the size", "positive and finite", n)?;
        let size = n / self.largest;
        let part = |shape: &Shape| Part { weight: shape.weight, ln_value: shape.ln_value(size) };
        let parts: Vec<Part> = self.shapes.iter().map(part).collect();
        let mean: f64 = parts.iter().map(|part| part.weight * part.ln_value).sum();
        let sd = (self.level_variance + self.own(mean) + self.beyond(n)).sqrt();
        Ok(Outlook { parts, sd })
    }

    /// Returns the variance of ln T that a single run of about `ln_value` has by itself, wherever the law goes.
    fn own(&self, ln_value: f64) -> f64 {
        let Tolerance { misfit, pace, .. } = self.tolerance;
        self.noise.variance(ln_value) + misfit.powi(2) + pace.powi(2)
    }

    /// Returns the variance that comes of the distance beyond the largest size.
    fn beyond(&self, n: f64) -> f64 {
        let doublings = (n / self.largest).log2().max(0.0);
        let widened = if self.has_changed { WIDENED } else { 1.0 };
        (self.tolerance.drift * widened).powi(2) * doublings
    }
}

/// What was measured at a size.
#[derive(Clone, Copy, Debug)]
struct Point {
    n: f64,
    ln_value: f64,
    variance: f64,
}

/// What is to be expected at a size: a mixture of normal distributions of ln T.
struct Outlook {
    parts: Vec<Part>,
    sd: f64,
}

struct Part {
    weight: f64,
    ln_value: f64,
}

impl Outlook {
    fn probability_below(&self, ln_limit: f64) -> f64 {
        let one = |part: &Part| part.weight * normal_cdf((ln_limit - part.ln_value) / self.sd);
        self.parts.iter().map(one).sum::<f64>().clamp(0.0, 1.0)
    }

    fn quantile(&self, probability: f64) -> f64 {
        let ends = self.parts.iter().map(|part| part.ln_value);
        let mut low = ends.clone().fold(f64::INFINITY, f64::min) - 10.0 * self.sd;
        let mut high = ends.fold(f64::NEG_INFINITY, f64::max) + 10.0 * self.sd;
        while high - low > 1e-9 {
            let middle = f64::midpoint(low, high);
            if self.probability_below(middle) < probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    fn moments(&self) -> (f64, f64) {
        let mean: f64 = self.parts.iter().map(|part| part.weight * part.ln_value).sum();
        let between: f64 = self.parts.iter().map(|part| part.weight * (part.ln_value - mean).powi(2)).sum();
        (mean, between + self.sd.powi(2))
    }
}

/// Returns the floor's shares that are considered, with their prior weights.
fn floors() -> impl Iterator<Item = (f64, f64)> {
    let even = 1.0 / (LOGITS + 1) as f64;
    let logits = (0..LOGITS).map(|k| LOGIT_STEP * (k as f64 - (LOGITS / 2) as f64));
    std::iter::once(0.0).chain(logits.map(|logit| 1.0 / (1.0 + (-logit).exp()))).map(move |f| (f, even))
}

fn exponent_prior(exponent: f64) -> f64 {
    let (mean, sd) = USUAL;
    let usual = (-0.5 * ((exponent - mean) / sd).powi(2)).exp() / (sd * std::f64::consts::TAU.sqrt());
    let even = 1.0 / (EXPONENT_STEP * EXPONENTS as f64);
    (1.0 - UNUSUAL) * usual + UNUSUAL * even
}

/// Returns whether the largest size contradicts what the smaller ones forecast for it.
fn changes_regime(points: &[Point], noise: Noise, tolerance: Tolerance) -> bool {
    let Some((last, before)) = points.split_last().filter(|(_, before)| before.len() >= 3) else {
        return false;
    };
    let growth = FloorGrowth::of_points(before, noise, tolerance);
    let Ok(outlook) = growth.outlook(last.n) else { return false };
    let below = outlook.probability_below(last.ln_value);
    below < normal_cdf(-REGIME) || below > normal_cdf(REGIME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    fn at(n: f64, time: f64) -> Observation {
        Observation { n: Some(n), ..Observation::new(1.0, time) }
    }

    fn fit(observations: &[Observation]) -> FloorGrowth {
        FloorGrowth::fit(observations, Tolerance::TIME).unwrap()
    }

    #[test]
    fn a_quadratic_above_a_floor_is_told_from_a_line() {
        // The times of a support vector machine: 2 s and 4·10⁻⁸ n² s.
        let sizes = [1e3, 1e3, 1e3, 3e3, 9e3, 27e3];
        let growth = fit(&sizes.map(|n| at(n, 2.0 + 4e-8 * n * n)));
        let forecast = growth.forecast(100e3, 0.9).unwrap();
        assert!(forecast.interval.unwrap().contains(402.0), "{forecast:?}");
        assert!(growth.exponent(0.9).value > 1.7);
        assert!((growth.floor(0.9).value - 2.0).abs() < 0.2);
    }

    #[test]
    fn times_that_are_all_floor_leave_the_growth_open() {
        let growth = fit(&[at(1e3, 2.0), at(1e3, 2.05), at(3e3, 2.0), at(9e3, 2.02)]);
        let band = growth.forecast(9e6, 0.9).unwrap().interval.unwrap();
        assert!(band.upper / band.lower > 20.0, "{band:?}");
        let near = growth.forecast(9e3, 0.9).unwrap().interval.unwrap();
        assert!(near.upper / near.lower < 1.5, "{near:?}");
    }

    #[test]
    fn bands_cover_what_they_promise() {
        // Programs of the prior: floors of a second, linear growth within ±12 %, 4 % noise, no drift.
        let mut random = Random::new(5);
        let (mut covered, rounds) = (0, 200);
        for _ in 0..rounds {
            let exponent = 1.0 + 0.12 * random.normal();
            let step = 1e-5 * (1.0 + 3.0 * random.uniform());
            let truth = |n: f64| 1.0 + step * 1e5 * (n / 1e5).powf(exponent);
            let sizes = [1e3, 1e3, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 3e5];
            let measured = sizes.map(|n| at(n, truth(n) * (0.04 * random.normal()).exp()));
            let band = fit(&measured).forecast(3e6, 0.9).unwrap().interval.unwrap();
            covered += usize::from(band.contains(truth(3e6)));
        }
        assert!(covered >= rounds * 90 / 100, "{covered} of {rounds}");
    }

    #[test]
    fn a_new_regime_at_the_largest_size_is_seen() {
        let before = [1e3, 3e3, 9e3, 27e3, 81e3].map(|n| at(n, 0.1 + 1e-4 * n));
        assert!(!fit(&before).has_changed());
        let after = [before.as_slice(), &[at(243e3, 3.0 * 24.4)]].concat();
        assert!(fit(&after).has_changed());
    }

    #[test]
    fn probabilities_sizes_and_forecasts_agree() {
        let growth = fit(&[1e3, 3e3, 9e3, 27e3, 81e3].map(|n| at(n, 1.0 + 1e-4 * n)));
        let forecast = growth.forecast(1e6, 0.9).unwrap();
        assert!((growth.probability_within(1e6, forecast.value).unwrap() - 0.5).abs() < 1e-6);
        let upper = forecast.interval.unwrap().upper;
        assert!((growth.probability_within(1e6, upper).unwrap() - 0.95).abs() < 1e-6);
        let largest = growth.largest_within(upper, 0.95).unwrap();
        assert!((largest / 1e6 - 1.0).abs() < 1e-3, "{largest}");
        assert_eq!(growth.largest_within(0.1, 0.9).unwrap(), 0.0);
    }

    #[test]
    fn a_run_nearer_to_the_target_decides_more() {
        let growth = fit(&[1e3, 3e3, 9e3, 27e3].map(|n| at(n, 1.0 + 1e-4 * n)));
        let limit = growth.forecast(1e6, 0.9).unwrap().value * 1.2;
        let chance = |probe: f64| growth.chance_to_decide((1e6, limit), probe, 0.9).unwrap();
        assert!(chance(81e3) < chance(3e5) && chance(3e5) < chance(1e6), "{} {}", chance(81e3), chance(1e6));
        assert!(chance(1e6) > 0.5);
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        let tolerance = Tolerance::TIME;
        assert!(FloorGrowth::fit(&[at(1.0, 1.0), at(1.0, 1.1)], tolerance).is_err());
        assert!(FloorGrowth::fit(&[Observation::new(1.0, 1.0), at(2.0, 1.0)], tolerance).is_err());
        assert!(FloorGrowth::fit(&[at(1.0, 0.0), at(2.0, 1.0)], tolerance).is_err());
        let growth = fit(&[at(1.0, 1.0), at(2.0, 2.0)]);
        assert!(growth.forecast(0.0, 0.9).is_err() && growth.forecast(1.0, 1.0).is_err());
        assert!(growth.probability_within(1.0, 0.0).is_err());
    }
}
