//! Gustafson's law: how much more work is done in the same time when the problem grows with the workers.
//!
//! ```text
//! S(p) = p − s′ · (p − 1)      T(p) = T₁ / S(p)
//! ```
//!
//! with `s′` the serial fraction of the time *on p workers*, and `T₁` the time that the grown problem would take on
//! one. Amdahl's fraction `s` of the same run is smaller: `s = s′ / (s′ + (1 − s′)·p)`. The law fails where the
//! serial part, the memory a worker needs or the number of steps grow with the problem.
//!
//! Source: J. L. Gustafson, *Reevaluating Amdahl's law*, Commun. ACM 31 (1988), 532–533,
//! <https://doi.org/10.1145/42411.42415>.

use festina_types::{Estimate, Interval, Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::fit::LinearFit;
use crate::fit::observed::fit_transformed;
use crate::law::{Law, Parameter, check_time};
use crate::{LawError, Observation};

/// Gustafson's law with its two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gustafson {
    one_worker: Seconds,
    serial_fraction: f64,
}

impl Gustafson {
    /// Returns the law for work of `one_worker` on one worker, with the serial fraction `serial` of the parallel run.
    ///
    /// # Errors
    ///
    /// [`LawError::SerialFraction`] if `serial` is NaN or outside `[0, 1]`, [`LawError::Parameter`] if `one_worker`
    /// is not positive and finite.
    pub fn new(one_worker: Seconds, serial: f64) -> Result<Self, LawError> {
        if !(0.0..=1.0).contains(&serial) {
            return Err(LawError::SerialFraction(serial));
        }
        Ok(Self { one_worker: check_time(one_worker)?, serial_fraction: serial })
    }

    /// Returns the scaled speed-up on `workers` workers.
    ///
    /// ```
    /// # use festina_laws::gustafson::Gustafson;
    /// # use festina_types::{Seconds, Workers};
    /// // 1,024 − 0.004 · 1,023 = 1,019.908.
    /// let law = Gustafson::new(Seconds(1.0), 0.004)?;
    /// assert_eq!(law.scaled_speedup(Workers::new(1024).unwrap()).round(), 1020.0);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn scaled_speedup(&self, workers: Workers) -> f64 {
        self.speedup(workers)
    }

    /// Returns the elapsed time of the work on `workers` workers.
    ///
    /// ```
    /// # use festina_laws::gustafson::Gustafson;
    /// # use festina_types::{Seconds, Workers};
    /// // S(4) = 4 − 0.2 · 3 = 3.4.
    /// let law = Gustafson::new(Seconds(34.0), 0.2)?;
    /// assert_eq!(law.time(Workers::new(4).unwrap()), Seconds(10.0));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn time(&self, workers: Workers) -> Seconds {
        Seconds(self.time_at(f64::from(workers.get())))
    }

    /// Returns s′, the serial fraction of the time on many workers.
    pub fn serial_fraction(&self) -> f64 {
        self.serial_fraction
    }

    /// Returns the serial fraction after Amdahl of the run on `workers` workers.
    ///
    /// ```
    /// # use festina_laws::gustafson::Gustafson;
    /// # use festina_types::{Seconds, Workers};
    /// // Half of the time serial, half on three workers: on one worker 0.5 of 0.5 + 1.5.
    /// let law = Gustafson::new(Seconds(1.0), 0.5)?;
    /// assert_eq!(law.amdahl_fraction(Workers::new(3).unwrap()), 0.25);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn amdahl_fraction(&self, workers: Workers) -> f64 {
        let shared = (1.0 - self.serial_fraction) * f64::from(workers.get());
        self.serial_fraction / (self.serial_fraction + shared)
    }

    /// Fits the law to a weak-scaling series, in which each worker has the same amount of work.
    ///
    /// The work of p workers would take p·T₁ on one, so `1 / T(p) = (1 − s′)/T₁ + (s′/T₁)/p`: linear, and fitted by
    /// relative least squares with both coefficients at least 0. `one_worker` of the result is T(1) of the series.
    ///
    /// ```
    /// # use festina_laws::{Observation, gustafson::Gustafson};
    /// // s′ = 0.1: S(4) = 3.7, so T(4) = 10 · 4 / 3.7.
    /// let weak = [(1.0, 10.0), (2.0, 20.0 / 1.9), (4.0, 40.0 / 3.7)].map(|(p, t)| Observation::new(p, t));
    /// let fit = Gustafson::fit_weak(&weak, 0.95)?;
    /// assert!((fit.serial_fraction.value - 0.1).abs() < 1e-12);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] with fewer than two distinct numbers of workers; [`LawError::Observation`] and
    /// [`LawError::Parameter`] for values out of range.
    pub fn fit_weak(observations: &[Observation], level: f64) -> Result<GustafsonFit, LawError> {
        let is_known = observations.iter().all(|observation| observation.log_sd > 0.0);
        let row = |p: f64| [1.0, 1.0 / p];
        let fit = fit_transformed(observations, 2, "Gustafson's law", row, |time| 1.0 / time, is_known)?;
        let one_worker = reciprocal(fit.combination([1.0, 1.0], level)?);
        let serial_fraction = fit.ratio([0.0, 1.0], [1.0, 1.0], 1.0, level)?;
        let law = Self::new(Seconds(one_worker.value), serial_fraction.value)?;
        Ok(GustafsonFit { law, one_worker, serial_fraction, fit })
    }
}

impl Law for Gustafson {
    fn name(&self) -> &'static str {
        "Gustafson"
    }

    fn time_at(&self, workers: f64) -> f64 {
        self.one_worker.0 / (workers - self.serial_fraction * (workers - 1.0))
    }
}

/// Gustafson's law as fitted to a weak-scaling series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GustafsonFit {
    /// The law with the fitted parameters.
    pub law: Gustafson,
    /// T(1) of the series in seconds.
    pub one_worker: Estimate,
    /// s′.
    pub serial_fraction: Estimate,
    /// The coefficients (1 − s′)/T₁ and s′/T₁ of the inverse time.
    pub fit: LinearFit<2>,
}

impl GustafsonFit {
    /// Returns the parameters for display.
    pub fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter { name: "time on one worker", unit: "s", estimate: self.one_worker },
            Parameter {
                name: "serial fraction of the parallel run",
                unit: "",
                estimate: self.serial_fraction,
            },
        ]
    }
}

/// Returns the estimate of 1 / x from that of x > 0.
pub(crate) fn reciprocal(estimate: Estimate) -> Estimate {
    let interval = estimate.interval.map(|interval| Interval {
        lower: 1.0 / interval.upper,
        upper: 1.0 / interval.lower,
        level: interval.level,
    });
    Estimate { value: 1.0 / estimate.value, interval, method: estimate.method }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amdahl::Amdahl;
    use crate::stats::random::Random;

    #[test]
    fn both_laws_describe_the_same_run() {
        let p = Workers::new(12).unwrap();
        let gustafson = Gustafson::new(Seconds(50.0), 0.07).unwrap();
        let amdahl = Amdahl::new(Seconds(50.0), gustafson.amdahl_fraction(p)).unwrap();
        assert!((amdahl.time(p).0 - gustafson.time(p).0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        let law = Gustafson::new(Seconds(10.0), 0.06).unwrap();
        let mut random = Random::new(2);
        let rounds = 2_000;
        let covered = (0..rounds)
            .filter(|_| {
                let weak = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
                    .map(|p| Observation::new(p, law.time_at(p) * p * (1.0 + 0.01 * random.normal())));
                let fit = Gustafson::fit_weak(&weak, 0.95).unwrap();
                fit.serial_fraction.interval.unwrap().contains(0.06)
            })
            .count();
        let coverage = covered as f64 / f64::from(rounds);
        assert!((coverage - 0.95).abs() < 0.02, "{coverage}");
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        assert_eq!(Gustafson::new(Seconds(1.0), -0.1), Err(LawError::SerialFraction(-0.1)));
        assert!(Gustafson::new(Seconds(f64::INFINITY), 0.1).is_err());
        assert!(Gustafson::fit_weak(&[], 0.95).is_err());
    }
}
