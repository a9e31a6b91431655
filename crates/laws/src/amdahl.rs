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

use crate::fit::{LinearFit, Weighting};
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

/// Fits a law whose time is linear in its coefficients; `row` gives its terms at p workers.
///
/// Rows are weighted by the observations' own noise where all have one, else relatively.
pub(crate) fn fit_in_time<const K: usize>(
    observations: &[Observation],
    needed: usize,
    what: &'static str,
    row: impl Fn(f64) -> [f64; K],
) -> Result<LinearFit<K>, LawError> {
    Observation::check(observations)?;
    let given = Observation::distinct_workers(observations);
    if given < needed {
        return Err(LawError::TooFew { what, needed, unit: "distinct numbers of workers", given });
    }
    let rows: Vec<[f64; K]> = observations.iter().map(|observation| row(observation.p)).collect();
    let times: Vec<f64> = observations.iter().map(|observation| observation.time).collect();
    let log_sd: Vec<f64> = observations.iter().map(|observation| observation.log_sd).collect();
    let weighting = if log_sd.iter().all(|&sd| sd > 0.0) {
        Weighting::Measured { log_sd: &log_sd, floor: 0.0 }
    } else {
        Weighting::Relative
    };
    LinearFit::new(&rows, &times, weighting)
}
