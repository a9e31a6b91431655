//! What laws are fitted to.

use serde::{Deserialize, Serialize};

use crate::LawError;

/// A measured time at a point (n, p): a single run, or the median of several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The problem size; `None` where it is the same for all, or the workload has none.
    pub n: Option<f64>,
    /// The number of workers, at least 1.
    pub p: f64,
    /// The elapsed time in seconds, positive.
    pub time: f64,
    /// The standard deviation of `ln time` (the relative standard error of `time`); 0 where it is not known.
    pub log_sd: f64,
}

impl Observation {
    /// Returns an observation without a size and with unknown noise.
    pub fn new(p: f64, time: f64) -> Self {
        Self { n: None, p, time, log_sd: 0.0 }
    }

    /// Returns the observation with the standard deviation of its logarithm.
    #[must_use]
    pub fn with_log_sd(self, log_sd: f64) -> Self {
        Self { log_sd, ..self }
    }

    /// Checks every field of `observations`.
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] at the first one with p below 1, a time or size that is not positive and finite,
    /// or a negative standard deviation.
    pub fn check(observations: &[Self]) -> Result<(), LawError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        for (index, observation) in observations.iter().enumerate() {
            let fields = [
                (
                    "p",
                    "finite and at least 1",
                    observation.p,
                    positive(observation.p) && observation.p >= 1.0,
                ),
                ("time", "positive and finite", observation.time, positive(observation.time)),
                (
                    "log_sd",
                    "finite and not negative",
                    observation.log_sd,
                    observation.log_sd >= 0.0 && observation.log_sd.is_finite(),
                ),
                (
                    "n",
                    "positive and finite",
                    observation.n.unwrap_or(1.0),
                    observation.n.is_none_or(positive),
                ),
            ];
            if let Some((name, expected, value, _)) = fields.into_iter().find(|field| !field.3) {
                return Err(LawError::Observation { index, name, expected, value });
            }
        }
        Ok(())
    }

    /// Returns at how many distinct numbers of workers `observations` were made.
    pub fn distinct_workers(observations: &[Self]) -> usize {
        let mut workers: Vec<f64> = observations.iter().map(|observation| observation.p).collect();
        workers.sort_by(f64::total_cmp);
        workers.dedup();
        workers.len()
    }
}
