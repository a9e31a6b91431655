//! How peak memory grows with the problem and with the workers.
//!
//! ```text
//! M(n, p) = m₀ + m₁·nᶜ + m₂·p + m₃·nᶜ·p
//! ```
//!
//! with what the program needs in any case (m₀), for the data (m₁), for each worker (m₂), and for each worker's copy of the
//! data (m₃), none negative. The exponent c is not chosen but averaged over a grid, each with the weight that its fit
//! deserves: measured over a narrow range of n, or under a large m₀, the data leave it open, and the band says so.
//!
//! Observations are peaks of the whole process tree. Source of the weights: K. P. Burnham, D. R. Anderson, *Model
//! Selection and Multimodel Inference*, 2nd ed., 2002, § 2.5 (quasi-likelihood) and § 2.9.

use festina_types::{Bytes, Estimate, Interval, Method};
use serde::{Deserialize, Serialize};

use crate::LawError;
use crate::error::{require, require_level};
use crate::fit::{LinearFit, MODEL_FLOOR, Weighting};
use crate::select::akaike_weights;

/// The exponents that are considered: 0.5, 0.55, …, 2, and 2.5 and 3.
fn exponents() -> impl Iterator<Item = f64> {
    (0..=30).map(|step| f64::from(50 + 5 * step) / 100.0).chain([2.5, 3.0])
}

/// How far from the largest size measured one may ask, as a factor: beyond, powers overflow before anything is told.
const FARTHEST: f64 = 1e16;

/// What memory is proportional to, in nearly all programs: this exponent weighs as much as all others together.
const USUAL_EXPONENT: f64 = 1.0;

/// A peak of memory at a point (n, p).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryObservation {
    /// The problem size, positive; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers, at least 1.
    pub p: f64,
    /// The peak of resident memory over the whole process tree, positive.
    pub peak: Bytes,
}

/// The growth of memory as fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryModel {
    candidates: Vec<Candidate>,
    /// The size that the fit takes as 1; `None` where n was not varied.
    unit: Option<f64>,
    has_workers: bool,
}

/// The model with one exponent.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    exponent: f64,
    weight: f64,
    fit: LinearFit<4>,
}

/// What is needed at a point.
#[derive(Clone, Copy, Debug)]
struct At {
    size: f64,
    workers: f64,
}

impl MemoryModel {
    /// Fits the model to peaks at one or more points.
    ///
    /// Terms in n and in p are there only if n or p was varied.
    ///
    /// ```
    /// use festina_laws::memory::{MemoryModel, MemoryObservation};
    /// use festina_types::Bytes;
    /// // 50 MB, 80 bytes an element, 10 MB a worker.
    /// let peak = |n: f64, p: f64| Bytes((50e6 + 80.0 * n + 10e6 * p) as u64);
    /// let observations: Vec<_> = [1e5, 1e6, 1e7]
    ///     .into_iter()
    ///     .flat_map(|n| [1.0, 2.0, 4.0].map(|p| MemoryObservation { n: Some(n), p, peak: peak(n, p) }))
    ///     .collect();
    /// let model = MemoryModel::fit(&observations)?;
    /// let forecast = model.forecast(Some(1e8), 8.0, 0.9)?;
    /// assert!((forecast.value / 8.13e9 - 1.0).abs() < 0.01);
    /// assert!(forecast.interval.unwrap().contains(8.13e9));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] without observations, [`LawError::Observation`] if a value is out of range or only some
    /// observations have a size.
    pub fn fit(observations: &[MemoryObservation]) -> Result<Self, LawError> {
        check(observations)?;
        let unit = varied(observations.iter().filter_map(|observation| observation.n));
        let has_workers = varied(observations.iter().map(|observation| observation.p)).is_some();
        let peaks: Vec<f64> = observations.iter().map(|observation| observation.peak.0 as f64).collect();
        let no_noise = vec![0.0; peaks.len()];
        let weighting = Weighting::Measured { log_sd: &no_noise, floor: MODEL_FLOOR };
        let exponents: Vec<f64> = if unit.is_some() { exponents().collect() } else { vec![USUAL_EXPONENT] };
        let fit = |&exponent: &f64| {
            let at = |observation: &MemoryObservation| At {
                size: unit.zip(observation.n).map_or(0.0, |(unit, n)| n / unit),
                workers: if has_workers { observation.p } else { 0.0 },
            };
            let rows: Vec<[f64; 4]> = observations.iter().map(|o| at(o).row(exponent)).collect();
            let fit = LinearFit::new(&rows, &peaks, weighting)?;
            Ok(Candidate { exponent, weight: 1.0, fit })
        };
        let mut candidates = exponents.iter().map(fit).collect::<Result<Vec<_>, LawError>>()?;
        weigh(&mut candidates, peaks.len())?;
        Ok(Self { candidates, unit, has_workers })
    }

    /// Returns the peak in bytes at size `n` on `workers` workers, with the band of a single new run.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for a size, a number of workers or a level out of range;
    /// [`LawError::NotIdentifiable`] for a size or number of workers other than measured where only one was.
    pub fn forecast(&self, n: Option<f64>, workers: f64, level: f64) -> Result<Estimate, LawError> {
        require_level(level)?;
        let at = self.at(n, workers)?;
        let value = self.mean(at);
        let tail = (1.0 - level) / 2.0;
        let interval = Interval {
            lower: self.quantile(at, tail, value).min(value),
            upper: self.quantile(at, 1.0 - tail, value).max(value),
            level,
        };
        Ok(Estimate { value, interval: Some(interval), method: Method::Fit })
    }

    /// Returns the probability that a run at size `n` on `workers` workers needs more than `limit`.
    ///
    /// # Errors
    ///
    /// As [`MemoryModel::forecast`].
    pub fn out_of_memory(&self, n: Option<f64>, workers: f64, limit: Bytes) -> Result<f64, LawError> {
        Ok(self.exceedance(self.at(n, workers)?, limit.0 as f64))
    }

    /// Returns the largest size that stays within `limit` on `workers` workers with probability `confidence`; 0 if none
    /// does, infinite if memory does not grow with n.
    ///
    /// ```
    /// use festina_laws::memory::{MemoryModel, MemoryObservation};
    /// use festina_types::Bytes;
    /// let observations = [1e5, 1e6, 1e7, 1e8]
    ///     .map(|n| MemoryObservation { n: Some(n), p: 1.0, peak: Bytes((40e6 + 100.0 * n) as u64) });
    /// let model = MemoryModel::fit(&observations)?;
    /// let largest = model.largest_size(1.0, Bytes(20_000_000_000), 0.95)?;
    /// // (20e9 − 40e6) / 100 = 1.996e8, less a margin.
    /// assert!(largest < 1.996e8 && largest > 1.8e8);
    /// assert!((model.out_of_memory(Some(largest), 1.0, Bytes(20_000_000_000))? - 0.05).abs() < 1e-6);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::NotIdentifiable`] if n was not varied; [`LawError::Parameter`] for values out of range.
    pub fn largest_size(&self, workers: f64, limit: Bytes, confidence: f64) -> Result<f64, LawError> {
        require(confidence > 0.0 && confidence < 1.0, "the confidence", "between 0 and 1", confidence)?;
        let Some(unit) = self.unit else {
            return Err(LawError::NotIdentifiable("how memory grows with n"));
        };
        let fits = |size: f64| {
            let risk = self.at(Some(size * unit), workers).map(|at| self.exceedance(at, limit.0 as f64));
            risk.map(|risk| risk <= 1.0 - confidence)
        };
        // Sizes are in units of the largest one measured; beyond these ends there is no telling.
        let (mut low, mut high): (f64, f64) = (1e-15, 1e15);
        if !fits(low)? {
            return Ok(0.0);
        }
        if fits(high)? {
            return Ok(f64::INFINITY);
        }
        while high / low > 1.0 + 1e-12 {
            let middle = (low * high).sqrt();
            if fits(middle)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low * unit)
    }

    /// Returns the mean exponent c of n, each candidate counted by its weight; `None` where n was not varied.
    pub fn exponent(&self) -> Option<f64> {
        self.unit.map(|_| self.candidates.iter().map(|c| c.weight * c.exponent).sum())
    }

    fn at(&self, n: Option<f64>, workers: f64) -> Result<At, LawError> {
        let is_valid = workers >= 1.0 && workers.is_finite();
        require(is_valid, "the number of workers", "finite and at least 1", workers)?;
        let size = match (self.unit, n) {
            (Some(unit), Some(n)) => {
                require(n > 0.0 && n.is_finite(), "the size", "positive and finite", n)?;
                let size = n / unit;
                let is_near = (FARTHEST.recip()..=FARTHEST).contains(&size);
                require(is_near, "the size", "within 16 powers of ten of the largest measured", n)?;
                size
            }
            (Some(_), None) => return Err(LawError::NotIdentifiable("the memory without a size")),
            (None, _) => 0.0,
        };
        Ok(At { size, workers: if self.has_workers { workers } else { 0.0 } })
    }

    fn mean(&self, at: At) -> f64 {
        self.candidates.iter().map(|c| c.weight * c.fit.predict(at.row(c.exponent))).sum()
    }

    /// Returns the probability of more than `limit` bytes: the candidates' own, weighted.
    fn exceedance(&self, at: At, limit: f64) -> f64 {
        let one = |c: &Candidate| c.fit.exceedance(at.row(c.exponent), limit).unwrap_or(0.5);
        self.candidates.iter().map(|c| c.weight * one(c)).sum()
    }

    /// Returns the amount that is exceeded with probability 1 − `probability`.
    fn quantile(&self, at: At, probability: f64, value: f64) -> f64 {
        let (mut low, mut high) = (0.0, 2.0 * value);
        while self.exceedance(at, high) > 1.0 - probability && high < f64::MAX / 4.0 {
            high *= 2.0;
        }
        while high - low > 1e-9 * high {
            let middle = f64::midpoint(low, high);
            if self.exceedance(at, middle) > 1.0 - probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

impl At {
    fn row(self, exponent: f64) -> [f64; 4] {
        let size = self.size.powf(exponent);
        [1.0, size, self.workers, size * self.workers]
    }
}

/// Returns the largest of `values` if there are two different ones.
fn varied(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
    (low < high).then_some(high)
}

fn check(observations: &[MemoryObservation]) -> Result<(), LawError> {
    let Some(first) = observations.first() else {
        let (what, unit) = ("a memory model", "observations");
        return Err(LawError::TooFew { what, needed: 1, unit, given: 0 });
    };
    let positive = |value: f64| value > 0.0 && value.is_finite();
    for (index, observation) in observations.iter().enumerate() {
        let error = |name, expected, value| LawError::Observation { index, name, expected, value };
        if observation.n.is_some() != first.n.is_some() {
            return Err(error("n", "given for all or for none", observation.n.unwrap_or(f64::NAN)));
        }
        if !observation.n.is_none_or(positive) {
            return Err(error("n", "positive and finite", observation.n.unwrap_or(f64::NAN)));
        }
        if !(observation.p >= 1.0 && observation.p.is_finite()) {
            return Err(error("p", "finite and at least 1", observation.p));
        }
        if observation.peak.0 == 0 {
            return Err(error("peak", "positive", 0.0));
        }
    }
    Ok(())
}

/// Gives each candidate its weight: χ² in units of the floor's noise, or of the best candidate's where that is larger.
fn weigh(candidates: &mut [Candidate], observations: usize) -> Result<(), LawError> {
    let best = candidates.iter().map(|c| c.fit.residual_sum_of_squares).fold(f64::INFINITY, f64::min);
    let degrees = observations.saturating_sub(4).max(1) as f64;
    let dispersion = (best / degrees).max(1.0);
    let others = candidates.len().saturating_sub(1).max(1) as f64;
    let criterion = |c: &Candidate| {
        let prior = if c.exponent == USUAL_EXPONENT { 1.0 } else { 1.0 / others };
        c.fit.residual_sum_of_squares / dispersion - 2.0 * f64::ln(prior)
    };
    let criteria: Vec<f64> = candidates.iter().map(criterion).collect();
    for (candidate, weight) in candidates.iter_mut().zip(akaike_weights(&criteria)?) {
        candidate.weight = weight;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
