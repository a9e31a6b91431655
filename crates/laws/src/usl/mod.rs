//! The universal scalability law: speed-up with contention and with the cost of keeping workers coherent.
//!
//! ```text
//! T(p) = T₁ · (1 + α·(p − 1) + β·p·(p − 1)) / p      p* = √((1 − α) / β)
//! ```
//!
//! with `α` the contention (Amdahl's serial fraction if β = 0) and `β` the coherency: what each pair of workers costs.
//! Beyond `p*` more workers make it slower. β shows late: fitted at few workers it is mostly noise, and then the law
//! forecasts worse than Amdahl's; on heterogeneous cores and across sockets the law does not hold.
//!
//! Source: N. J. Gunther, *Guerrilla Capacity Planning*, 2007; *A general theory of computational scalability based on
//! rational functions*, 2008, <https://arxiv.org/abs/0808.1431>.

mod throughput;

use festina_types::{Estimate, Interval, Method, Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::fit::LinearFit;
use crate::fit::observed::fit_in_time;
use crate::law::{Law, Parameter, check_time};
use crate::{LawError, Observation};

/// The universal scalability law with its three parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    one_worker: Seconds,
    contention: f64,
    coherency: f64,
}

impl Usl {
    /// Returns the law with the time on one worker, contention α and coherency β.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if `one_worker` is not positive and finite, or α or β is NaN or outside `[0, 1]`.
    pub fn new(one_worker: Seconds, contention: f64, coherency: f64) -> Result<Self, LawError> {
        for (name, value) in [("contention", contention), ("coherency", coherency)] {
            require((0.0..=1.0).contains(&value), name, "in [0, 1]", value)?;
        }
        Ok(Self { one_worker: check_time(one_worker)?, contention, coherency })
    }

    /// Returns the elapsed time on `workers` workers.
    ///
    /// ```
    /// # use festina_laws::usl::Usl;
    /// # use festina_types::{Seconds, Workers};
    /// let law = Usl::new(Seconds(100.0), 0.1, 0.01)?;
    /// // (1 + 0.1 · 3 + 0.01 · 12) / 4 of 100 s.
    /// assert!((law.time(Workers::new(4).unwrap()).0 - 35.5).abs() < 1e-12);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn time(&self, workers: Workers) -> Seconds {
        Seconds(self.time_at(f64::from(workers.get())))
    }

    /// Returns the elapsed time on one worker.
    pub fn one_worker(&self) -> Seconds {
        self.one_worker
    }

    /// Returns the contention α.
    pub fn contention(&self) -> f64 {
        self.contention
    }

    /// Returns the coherency β.
    pub fn coherency(&self) -> f64 {
        self.coherency
    }

    /// Returns the number of workers, not necessarily whole, at which the time is least; `None` if it falls for ever.
    ///
    /// ```
    /// # use festina_laws::usl::Usl;
    /// # use festina_types::Seconds;
    /// assert_eq!(Usl::new(Seconds(1.0), 0.0, 0.01)?.peak(), Some(10.0));
    /// assert_eq!(Usl::new(Seconds(1.0), 0.1, 0.0)?.peak(), None);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn peak(&self) -> Option<f64> {
        (self.coherency > 0.0).then(|| ((1.0 - self.contention) / self.coherency).sqrt().max(1.0))
    }

    /// Fits the law to observations of one problem size by relative least squares in time.
    ///
    /// `T = T₁·(1/p) + T₁α·(1 − 1/p) + T₁β·(p − 1)` is linear in its coefficients, so there is one optimum and no
    /// starting value. Intervals are Fieller's, of the ratios to T₁.
    ///
    /// ```
    /// # use festina_laws::{Law, Observation, usl::Usl};
    /// # use festina_types::Seconds;
    /// let law = Usl::new(Seconds(20.0), 0.05, 0.001)?;
    /// let observations = [1.0, 2.0, 8.0, 32.0].map(|p| Observation::new(p, law.time_at(p)));
    /// let fit = Usl::fit(&observations, 0.95)?;
    /// assert!((fit.contention.value - 0.05).abs() < 1e-9);
    /// assert!((fit.coherency.value - 0.001).abs() < 1e-9);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] with fewer than three distinct numbers of workers; [`LawError::Observation`] and
    /// [`LawError::Parameter`] for values out of range.
    pub fn fit(observations: &[Observation], level: f64) -> Result<UslFit, LawError> {
        let fit = fit_in_time(observations, 3, "the universal scalability law", terms)?;
        let [one, shared, pairs] = coefficients(&fit, observations)?;
        let law = Self::new(Seconds(one), shared / one, (pairs / one).min(1.0))?;
        let coherency = covering(law.coherency, fit.ratio([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], 1.0, level)?);
        let peak = match (law.peak(), coherency.interval) {
            (Some(_), Some(interval)) if interval.lower > 0.0 => {
                let squared = fit.ratio([1.0, -1.0, 0.0], [0.0, 0.0, 1.0], f64::INFINITY, level)?;
                law.peak().map(|value| square_root(value, squared))
            }
            _ => None,
        };
        Ok(UslFit {
            law,
            one_worker: covering(one, fit.combination([1.0, 0.0, 0.0], level)?),
            contention: covering(law.contention, fit.ratio([0.0, 1.0, 0.0], [1.0, 0.0, 0.0], 1.0, level)?),
            coherency,
            peak,
            residual_sum_of_squares: fit.residual_sum_of_squares,
            observations: fit.observations,
        })
    }
}

impl Law for Usl {
    fn name(&self) -> &'static str {
        "USL"
    }

    fn time_at(&self, workers: f64) -> f64 {
        let others = workers - 1.0;
        self.one_worker.0 * (1.0 + self.contention * others + self.coherency * workers * others) / workers
    }
}

/// The universal scalability law as fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UslFit {
    /// The law with the fitted parameters.
    pub law: Usl,
    /// T₁ in seconds.
    pub one_worker: Estimate,
    /// α.
    pub contention: Estimate,
    /// β.
    pub coherency: Estimate,
    /// The number of workers with the least time; only where the interval of β excludes 0.
    pub peak: Option<Estimate>,
    /// The sum of squared residuals, weighted as the fit did.
    pub residual_sum_of_squares: f64,
    /// The number of observations.
    pub observations: usize,
}

impl UslFit {
    /// Returns the parameters for display.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![
            Parameter { name: "time on one worker", unit: "s", estimate: self.one_worker },
            Parameter { name: "contention", unit: "", estimate: self.contention },
            Parameter { name: "coherency", unit: "", estimate: self.coherency },
        ];
        let peak = self.peak.map(|estimate| Parameter { name: "peak", unit: "workers", estimate });
        parameters.extend(peak);
        parameters
    }
}

/// Returns the terms whose coefficients are T₁, T₁α and T₁β.
pub(crate) fn terms(p: f64) -> [f64; 3] {
    [1.0 / p, 1.0 - 1.0 / p, p - 1.0]
}

/// Returns the coefficients with α ≤ 1; beyond, the best fit lies on α = 1, where the first two terms add up to 1.
fn coefficients(fit: &LinearFit<3>, observations: &[Observation]) -> Result<[f64; 3], LawError> {
    let [one, shared, pairs] = fit.coefficients;
    if shared <= one && one > 0.0 {
        return Ok([one, shared, pairs]);
    }
    let flat = fit_in_time(observations, 2, "the universal scalability law", |p| [1.0, p - 1.0])?;
    let [constant, pairs] = flat.coefficients;
    if constant <= 0.0 {
        return Err(LawError::NotIdentifiable("the time on one worker"));
    }
    Ok([constant, constant, pairs])
}

/// Returns `estimate` with another value, its interval stretched to hold it.
fn covering(value: f64, estimate: Estimate) -> Estimate {
    let interval = estimate.interval.map(|interval| Interval {
        lower: interval.lower.min(value),
        upper: interval.upper.max(value),
        ..interval
    });
    Estimate { value, interval, ..estimate }
}

/// Returns the estimate of `value`, whose square has the interval of `squared`.
fn square_root(value: f64, squared: Estimate) -> Estimate {
    let interval = squared.interval.map(|interval| Interval {
        lower: interval.lower.sqrt().clamp(1.0, value),
        upper: interval.upper.sqrt().max(value),
        level: interval.level,
    });
    Estimate { value, interval, method: Method::Fit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::random::Random;

    /// Shares of runs whose intervals hold α, β and the peak, for 2 % of noise.
    fn coverage(law: Usl, known_noise: bool) -> [f64; 3] {
        let peak = law.peak();
        let mut random = Random::new(3);
        let rounds = 2_000;
        let noise = 0.02_f64;
        // The floor is part of the noise that the intervals assume: with it, it is what was planted.
        let log_sd = if known_noise { (noise.powi(2) - crate::fit::MODEL_FLOOR.powi(2)).sqrt() } else { 0.0 };
        let mut covered = [0; 3];
        for _ in 0..rounds {
            let observations = [1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0].map(|p| {
                Observation::new(p, law.time_at(p) * (1.0 + noise * random.normal())).with_log_sd(log_sd)
            });
            let fit = Usl::fit(&observations, 0.95).unwrap();
            let holds = |estimate: Estimate, truth| estimate.interval.unwrap().contains(truth);
            covered[0] += usize::from(holds(fit.contention, law.contention));
            covered[1] += usize::from(holds(fit.coherency, law.coherency));
            covered[2] +=
                usize::from(fit.peak.zip(peak).is_some_and(|(estimate, peak)| holds(estimate, peak)));
        }
        covered.map(|count| count as f64 / f64::from(rounds))
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let law = Usl::new(Seconds(100.0), 0.04, 0.002).unwrap();
        for known_noise in [false, true] {
            let coverage = coverage(law, known_noise);
            assert!(coverage.iter().all(|share| (share - 0.95).abs() < 0.02), "{known_noise} {coverage:?}");
        }
    }

    #[test]
    fn intervals_cover_at_the_edge_too() {
        // β = 0: whoever misses it does so on one side only.
        let [contention, coherency, _] = coverage(Usl::new(Seconds(100.0), 0.05, 0.0).unwrap(), false);
        assert!((contention - 0.95).abs() < 0.02, "{contention}");
        assert!((coherency - 0.975).abs() < 0.02, "{coherency}");
    }

    #[test]
    fn the_peak_is_reported_only_where_the_data_show_it() {
        let amdahl = |p: f64| 100.0 * (0.1 + 0.9 / p);
        let wiggle = [1.01, 0.99, 1.0, 1.01, 0.99];
        let observations: Vec<Observation> = [1.0, 2.0, 4.0, 8.0, 16.0]
            .iter()
            .zip(wiggle)
            .map(|(&p, wiggle)| Observation::new(p, amdahl(p) * wiggle))
            .collect();
        let fit = Usl::fit(&observations, 0.95).unwrap();
        assert_eq!(fit.peak, None);
        assert_eq!(fit.coherency.interval.unwrap().lower, 0.0);
        assert_eq!(fit.parameters().len(), 3);
    }

    #[test]
    fn contention_beyond_one_is_held_at_one() {
        // Slower on two workers than on one, and no better after.
        let observations = [(1.0, 10.0), (2.0, 18.0), (4.0, 19.0)].map(|(p, t)| Observation::new(p, t));
        let fit = Usl::fit(&observations, 0.95).unwrap();
        assert_eq!(fit.contention.value, 1.0);
        assert_eq!(fit.law.peak().unwrap_or(1.0), 1.0);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(Usl::new(Seconds(1.0), 1.1, 0.0).is_err());
        assert!(Usl::new(Seconds(1.0), 0.1, f64::NAN).is_err());
        // Two points can carry no three parameters.
        let two = [Observation::new(1.0, 10.0), Observation::new(2.0, 6.0)];
        assert!(matches!(Usl::fit(&two, 0.95), Err(LawError::TooFew { needed: 3, given: 2, .. })));
    }

    proptest! {
        #[test]
        fn fitting_what_was_generated_recovers_it(
            contention in 0.0..=0.9,
            coherency in 0.0..=0.1,
            time in 1e-3..1e6,
        ) {
            let law = Usl::new(Seconds(time), contention, coherency).unwrap();
            let observations = [1.0, 2.0, 5.0, 16.0, 40.0].map(|p| Observation::new(p, law.time_at(p)));
            for fit in [Usl::fit(&observations, 0.95), Usl::fit_throughput(&observations, 0.95)] {
                let fit = fit.unwrap();
                prop_assert!((fit.contention.value - contention).abs() < 1e-7);
                prop_assert!((fit.coherency.value - coherency).abs() < 1e-7);
                prop_assert!((fit.one_worker.value / time - 1.0).abs() < 1e-7);
            }
        }

        #[test]
        fn nothing_is_faster_than_at_the_peak(contention in 0.0..=0.9, coherency in 1e-5..=0.1, p in 1.0..1e3) {
            let law = Usl::new(Seconds(1.0), contention, coherency).unwrap();
            prop_assert!(law.time_at(law.peak().unwrap()) <= law.time_at(p) * (1.0 + 1e-12));
        }
    }
}
