//! Amdahl's law: how a problem of fixed size speeds up on more workers.
//!
//! ```text
//! T(p) = T₁ · (s + (1 − s) / p)      S(p) = T₁ / T(p)      lim S(p) = 1 / s
//! ```
//!
//! with `p` the number of workers and `s` the serial fraction. The law knows nothing of
//! contention or communication: where efficiency falls faster than it says, fit the USL.
//!
//! Source: G. M. Amdahl, *Validity of the single processor approach to achieving large
//! scale computing capabilities*, AFIPS 1967, <https://doi.org/10.1145/1465482.1465560>.

use festina_types::{Estimate, Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::fit::LinearFit;
use crate::fit::observed::fit_in_time;
use crate::law::{Law, Parameter, check_time};
use crate::{LawError, Observation};

/// Amdahl's law with its two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Amdahl {
    one_worker: Seconds,
    serial_fraction: f64,
}

impl Amdahl {
    /// Returns the law with elapsed time `one_worker` at one worker and serial fraction `serial`.
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

    /// Returns the elapsed time on `workers` workers.
    ///
    /// ```
    /// # use festina_laws::amdahl::Amdahl;
    /// # use festina_types::{Seconds, Workers};
    /// let law = Amdahl::new(Seconds(100.0), 0.25)?;
    /// // 25 s that stay serial + 75 s shared by three workers.
    /// assert_eq!(law.time(Workers::new(3).unwrap()), Seconds(50.0));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn time(&self, workers: Workers) -> Seconds {
        Seconds(self.time_at(f64::from(workers.get())))
    }

    /// Returns the elapsed time on one worker, T₁.
    pub fn one_worker(&self) -> Seconds {
        self.one_worker
    }

    /// Returns the serial fraction s.
    pub fn serial_fraction(&self) -> f64 {
        self.serial_fraction
    }

    /// Returns 1 / s, which no number of workers exceeds; infinite without a serial part.
    ///
    /// ```
    /// # use festina_laws::amdahl::Amdahl;
    /// # use festina_types::Seconds;
    /// assert_eq!(Amdahl::new(Seconds(1.0), 0.05)?.speedup_limit(), 20.0);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn speedup_limit(&self) -> f64 {
        1.0 / self.serial_fraction
    }

    /// Fits the law to observations of one problem size by relative least squares over `T = b + a / p`, `a, b ≥ 0`.
    ///
    /// ```
    /// # use festina_laws::{Observation, amdahl::Amdahl};
    /// let observations = [(1.0, 100.0), (2.0, 52.5), (4.0, 28.75)].map(|(p, time)| Observation::new(p, time));
    /// let fit = Amdahl::fit(&observations, 0.95)?;
    /// assert!((fit.serial_fraction.value - 0.05).abs() < 1e-12);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] with fewer than two distinct numbers of workers; [`LawError::Observation`] and
    /// [`LawError::Parameter`] for values out of range.
    pub fn fit(observations: &[Observation], level: f64) -> Result<AmdahlFit, LawError> {
        let fit = fit_in_time(observations, 2, "Amdahl's law", |p| [1.0, 1.0 / p])?;
        let one_worker = fit.combination([1.0, 1.0], level)?;
        let serial_fraction = fit.ratio([1.0, 0.0], [1.0, 1.0], 1.0, level)?;
        let law = Self::new(Seconds(one_worker.value), serial_fraction.value)?;
        Ok(AmdahlFit { law, one_worker, serial_fraction, fit })
    }
}

impl Law for Amdahl {
    fn name(&self) -> &'static str {
        "Amdahl"
    }

    fn time_at(&self, workers: f64) -> f64 {
        self.one_worker.0 * (self.serial_fraction + (1.0 - self.serial_fraction) / workers)
    }
}

/// Amdahl's law as fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AmdahlFit {
    /// The law with the fitted parameters.
    pub law: Amdahl,
    /// T₁ in seconds.
    pub one_worker: Estimate,
    /// s.
    pub serial_fraction: Estimate,
    /// The coefficients b (serial seconds) and a (shared seconds).
    pub fit: LinearFit<2>,
}

impl AmdahlFit {
    /// Returns the parameters for display.
    pub fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter { name: "time on one worker", unit: "s", estimate: self.one_worker },
            Parameter { name: "serial fraction", unit: "", estimate: self.serial_fraction },
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::random::Random;

    #[test]
    fn time_and_speedup_are_those_of_the_paper() {
        let law = Amdahl::new(Seconds(100.0), 0.05).unwrap();
        let p = |workers| Workers::new(workers).unwrap();
        assert_eq!(law.time(p(1)), Seconds(100.0));
        // 5 + 95 / 32 = 7.96875, and 1 / (0.05 + 0.95 / 32) = 12.549…
        assert!((law.time(p(32)).0 - 7.968_75).abs() < 1e-12);
        assert!((law.speedup(p(32)) - 12.549_019_607_843_137).abs() < 1e-12);
        assert!((law.efficiency(p(32)) - 0.392_156_862_745_098).abs() < 1e-12);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        assert_eq!(Amdahl::new(Seconds(1.0), 1.5), Err(LawError::SerialFraction(1.5)));
        assert!(Amdahl::new(Seconds(1.0), f64::NAN).is_err());
        assert!(Amdahl::new(Seconds(0.0), 0.5).is_err());
        let one_point = [Observation::new(2.0, 1.0), Observation::new(2.0, 1.1)];
        assert!(matches!(Amdahl::fit(&one_point, 0.95), Err(LawError::TooFew { given: 1, .. })));
        let below = [Observation::new(0.5, 1.0), Observation::new(2.0, 1.1)];
        assert!(matches!(Amdahl::fit(&below, 0.95), Err(LawError::Observation { index: 0, .. })));
        assert!(Amdahl::fit(&[Observation::new(1.0, 1.0), Observation::new(2.0, 0.6)], 0.0).is_err());
    }

    #[test]
    fn two_points_determine_the_law_but_not_its_interval() {
        let fit = Amdahl::fit(&[Observation::new(1.0, 100.0), Observation::new(2.0, 60.0)], 0.95).unwrap();
        // b + a = 100, b + a/2 = 60.
        assert!((fit.serial_fraction.value - 0.2).abs() < 1e-12);
        assert_eq!(fit.serial_fraction.interval, None);
        // With noise known from repetition there is one: s = 2 · T₂/T₁ − 1, so ± 1.96 · 1.2 · √2 · √(1 % ² + 1 % ²).
        let known = [(1.0, 100.0), (2.0, 60.0)].map(|(p, t)| Observation::new(p, t).with_log_sd(0.01));
        let interval = Amdahl::fit(&known, 0.95).unwrap().serial_fraction.interval.unwrap();
        assert!((interval.upper - interval.lower - 2.0 * 1.96 * 1.2 * 0.02).abs() < 0.001, "{interval:?}");
    }

    #[test]
    fn the_interval_of_the_serial_fraction_covers_as_often_as_it_says() {
        let law = Amdahl::new(Seconds(100.0), 0.05).unwrap();
        let mut random = Random::new(1);
        let rounds = 2_000;
        let covered = (0..rounds)
            .filter(|_| {
                let observations = [1.0, 2.0, 4.0, 8.0, 16.0]
                    .map(|p| Observation::new(p, law.time_at(p) * (1.0 + 0.02 * random.normal())));
                Amdahl::fit(&observations, 0.95).unwrap().serial_fraction.interval.unwrap().contains(0.05)
            })
            .count();
        let coverage = covered as f64 / f64::from(rounds);
        assert!((coverage - 0.95).abs() < 0.02, "{coverage}");
    }

    proptest! {
        #[test]
        fn fitting_what_was_generated_recovers_it(serial in 0.0..=1.0, time in 1e-3..1e6) {
            let law = Amdahl::new(Seconds(time), serial).unwrap();
            let observations = [1.0, 3.0, 8.0, 64.0].map(|p| Observation::new(p, law.time_at(p)));
            let fit = Amdahl::fit(&observations, 0.95).unwrap();
            prop_assert!((fit.serial_fraction.value - serial).abs() < 1e-9);
            prop_assert!((fit.one_worker.value / time - 1.0).abs() < 1e-9);
        }

        #[test]
        fn speedup_is_one_on_one_worker_and_never_beyond_its_limit(serial in 0.0..=1.0, p in 1_u32..10_000) {
            let law = Amdahl::new(Seconds(7.0), serial).unwrap();
            let speedup = law.speedup(Workers::new(p).unwrap());
            prop_assert!(speedup <= (f64::from(p)).min(law.speedup_limit()) * (1.0 + 1e-12));
            prop_assert!((law.speedup(Workers::MIN) - 1.0).abs() < 1e-12);
        }
    }
}
