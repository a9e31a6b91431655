//! What all laws of scaling have in common.

use festina_types::{Estimate, Seconds, Workers};
use serde::Serialize;

use crate::LawError;
use crate::error::require;

/// A law that tells the elapsed time on any number of workers.
pub trait Law {
    /// Returns the law's name, as people write it.
    fn name(&self) -> &'static str;

    /// Returns the elapsed time in seconds on `workers` workers, at least 1 and not necessarily whole.
    fn time_at(&self, workers: f64) -> f64;

    /// Returns S(p) = T(1) / T(p).
    fn speedup(&self, workers: Workers) -> f64 {
        self.time_at(1.0) / self.time_at(f64::from(workers.get()))
    }

    /// Returns E(p) = S(p) / p.
    fn efficiency(&self, workers: Workers) -> f64 {
        self.speedup(workers) / f64::from(workers.get())
    }
}

/// A parameter of a fitted law, for display.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name in words.
    pub name: &'static str,
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
    /// Its value with the interval.
    pub estimate: Estimate,
}

/// Returns `time` if it is positive and finite.
pub(crate) fn check_time(time: Seconds) -> Result<Seconds, LawError> {
    require(time.0 > 0.0 && time.0.is_finite(), "the time on one worker", "positive and finite", time.0)
        .map(Seconds)
}
