//! What is read off two measured times: speed-up, efficiency, overhead, and the serial fraction after Karp and Flatt.
//!
//! ```text
//! S = T₁ / Tₚ      E = S / p      T₀ = p·Tₚ − T₁      e = (1/S − 1/p) / (1 − 1/p)
//! ```
//!
//! Speed-ups of repeated runs come from [`paired_speedup`](crate::stats::paired_speedup), with their interval; the
//! functions here carry intervals over.

use festina_types::{Estimate, Interval, Seconds, Workers};

use crate::LawError;
use crate::error::require;

/// Returns S = T₁ / Tₚ.
///
/// ```
/// # use festina_laws::metrics::speedup;
/// # use festina_types::Seconds;
/// assert_eq!(speedup(Seconds(100.0), Seconds(25.0)), Ok(4.0));
/// ```
///
/// # Errors
///
/// [`LawError::Parameter`] if a time is not positive and finite.
pub fn speedup(one_worker: Seconds, time: Seconds) -> Result<f64, LawError> {
    for Seconds(value) in [one_worker, time] {
        require(value > 0.0 && value.is_finite(), "a time", "positive and finite", value)?;
    }
    Ok(one_worker.0 / time.0)
}

/// Returns E = S / p.
///
/// # Errors
///
/// As [`speedup`].
pub fn efficiency(one_worker: Seconds, time: Seconds, workers: Workers) -> Result<f64, LawError> {
    Ok(speedup(one_worker, time)? / f64::from(workers.get()))
}

/// Returns the scaled speed-up p·T₁ / Tₚ of a weak-scaling run, where p workers do p times the work.
///
/// ```
/// # use festina_laws::metrics::scaled_speedup;
/// # use festina_types::{Seconds, Workers};
/// // Eight times the work took a quarter longer.
/// assert_eq!(scaled_speedup(Seconds(10.0), Seconds(12.5), Workers::new(8).unwrap()), Ok(6.4));
/// ```
///
/// # Errors
///
/// As [`speedup`].
pub fn scaled_speedup(one_worker: Seconds, time: Seconds, workers: Workers) -> Result<f64, LawError> {
    Ok(speedup(one_worker, time)? * f64::from(workers.get()))
}

/// Returns T₀ = p·Tₚ − T₁, the worker seconds that were not spent on the work itself; negative if superlinear.
///
/// ```
/// # use festina_laws::metrics::parallel_overhead;
/// # use festina_types::{Seconds, Workers};
/// let overhead = parallel_overhead(Seconds(100.0), Seconds(30.0), Workers::new(4).unwrap());
/// assert_eq!(overhead, Ok(Seconds(20.0)));
/// ```
///
/// # Errors
///
/// As [`speedup`].
pub fn parallel_overhead(one_worker: Seconds, time: Seconds, workers: Workers) -> Result<Seconds, LawError> {
    speedup(one_worker, time)?;
    Ok(Seconds(f64::from(workers.get()) * time.0 - one_worker.0))
}

/// Returns the experimentally determined serial fraction e of a speed-up on at least two workers.
///
/// Equal to Amdahl's s where his law holds, and to α + β·p under the universal scalability law; negative where the
/// speed-up is superlinear.
///
/// ```
/// # use festina_laws::metrics::experimentally_determined_serial_fraction;
/// # use festina_types::Workers;
/// // (1/3 − 1/4) / (1 − 1/4)
/// let fraction = experimentally_determined_serial_fraction(3.0, Workers::new(4).unwrap())?;
/// assert!((fraction - 1.0 / 9.0).abs() < 1e-15);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: A. H. Karp, H. P. Flatt, *Measuring parallel processor performance*, Commun. ACM 33 (1990), 539–543.
///
/// # Errors
///
/// [`LawError::Parameter`] if the speed-up is not positive and finite, or there is one worker only.
pub fn experimentally_determined_serial_fraction(speedup: f64, workers: Workers) -> Result<f64, LawError> {
    let p = f64::from(workers.get());
    require(p >= 2.0, "the number of workers", "at least 2", p)?;
    // Of a number that is not normal the reciprocal may be infinite.
    require(speedup > 0.0 && speedup.is_normal(), "the speed-up", "positive and finite", speedup)?;
    Ok((1.0 / speedup - 1.0 / p) / (1.0 - 1.0 / p))
}

/// Returns the serial fraction with the interval that follows from that of the speed-up.
///
/// e falls with S, so the ends of the interval are the fractions of its ends, exactly; a bootstrap's interval of the
/// speed-up becomes the bootstrap's interval of e.
///
/// ```
/// # use festina_laws::{metrics::serial_fraction_estimate, stats::paired_speedup};
/// # use festina_types::Workers;
/// let one = [8.0, 8.1, 7.9, 8.0, 8.2, 8.1];
/// let four = [2.5, 2.5, 2.4, 2.6, 2.5, 2.6];
/// let speedup = paired_speedup(&one, &four, 0.95, 0)?;
/// let fraction = serial_fraction_estimate(&speedup, Workers::new(4).unwrap())?;
/// assert!((fraction.value - (1.0 / speedup.value - 0.25) / 0.75).abs() < 1e-15);
/// assert!(fraction.interval.unwrap().contains(fraction.value));
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// As [`experimentally_determined_serial_fraction`].
pub fn serial_fraction_estimate(speedup: &Estimate, workers: Workers) -> Result<Estimate, LawError> {
    let fraction = |speedup| experimentally_determined_serial_fraction(speedup, workers);
    let carry = |interval: Interval| {
        let (lower, upper) = (fraction(interval.upper)?, fraction(interval.lower)?);
        Ok::<_, LawError>(Interval { lower, upper, level: interval.level })
    };
    Ok(Estimate {
        value: fraction(speedup.value)?,
        interval: speedup.interval.map(carry).transpose()?,
        method: speedup.method,
    })
}

/// Returns the standard error of the serial fraction, to first order.
///
/// ```text
/// sd(e) = p / (p − 1) · √(σ₁² + σₚ²) / S
/// ```
///
/// with the relative standard errors of T₁ and Tₚ. It tells how little a small p shows: with 2 % on both times, two
/// workers and a speed-up of 1.9 give ±0.03.
///
/// ```
/// # use festina_laws::metrics::serial_fraction_standard_error;
/// # use festina_types::Workers;
/// let error = serial_fraction_standard_error(1.9, Workers::new(2).unwrap(), 0.02, 0.02)?;
/// assert!((error - 0.0298).abs() < 1e-4);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// As [`experimentally_determined_serial_fraction`]; [`LawError::Parameter`] for a negative error.
pub fn serial_fraction_standard_error(
    speedup: f64,
    workers: Workers,
    one_worker_error: f64,
    time_error: f64,
) -> Result<f64, LawError> {
    experimentally_determined_serial_fraction(speedup, workers)?;
    for error in [one_worker_error, time_error] {
        require(
            error >= 0.0 && error.is_finite(),
            "a relative standard error",
            "finite and not negative",
            error,
        )?;
    }
    let p = f64::from(workers.get());
    Ok(p / (p - 1.0) * one_worker_error.hypot(time_error) / speedup)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::random::Random;
    use crate::{Law, amdahl::Amdahl, usl::Usl};

    #[test]
    fn fractions_are_those_worked_by_hand() {
        // (1/1.6 − 1/2)·2, (1/2.5 − 1/4)·4/3, (1/8 − 1/8)·8/7, and superlinear (1/5 − 1/4)·4/3.
        let cases = [(2, 1.6, 0.25), (4, 2.5, 0.2), (8, 8.0, 0.0), (4, 5.0, -1.0 / 15.0)];
        for (p, speedup, fraction) in cases {
            let e = experimentally_determined_serial_fraction(speedup, Workers::new(p).unwrap()).unwrap();
            assert!((e - fraction).abs() < 1e-12, "{p}: {e}");
        }
    }

    #[test]
    fn one_worker_and_bad_times_are_refused() {
        assert!(experimentally_determined_serial_fraction(1.0, Workers::MIN).is_err());
        assert!(speedup(Seconds(0.0), Seconds(1.0)).is_err());
        assert!(efficiency(Seconds(1.0), Seconds(f64::NAN), Workers::MIN).is_err());
        assert!(serial_fraction_standard_error(2.0, Workers::new(4).unwrap(), -0.1, 0.0).is_err());
    }

    #[test]
    fn the_standard_error_is_that_of_a_simulation() {
        let workers = Workers::new(4).unwrap();
        let mut random = Random::new(9);
        let fractions: Vec<f64> = (0..20_000)
            .map(|_| {
                let (one, four) = (1.0 + 0.01 * random.normal(), 0.3 * (1.0 + 0.02 * random.normal()));
                experimentally_determined_serial_fraction(one / four, workers).unwrap()
            })
            .collect();
        let mean = fractions.iter().sum::<f64>() / fractions.len() as f64;
        let variance = fractions.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / fractions.len() as f64;
        let expected = serial_fraction_standard_error(1.0 / 0.3, workers, 0.01, 0.02).unwrap();
        assert!((variance.sqrt() / expected - 1.0).abs() < 0.03);
    }

    proptest! {
        #[test]
        fn the_fraction_is_amdahls_and_linear_under_the_usl(
            alpha in 0.0..0.5, beta in 0.0..0.01, p in 2_u32..200,
        ) {
            let workers = Workers::new(p).unwrap();
            let amdahl = Amdahl::new(Seconds(3.0), alpha).unwrap().speedup(workers);
            let usl = Usl::new(Seconds(3.0), alpha, beta).unwrap().speedup(workers);
            let e = |speedup| experimentally_determined_serial_fraction(speedup, workers).unwrap();
            prop_assert!((e(amdahl) - alpha).abs() < 1e-12);
            prop_assert!((e(usl) - alpha - beta * f64::from(p)).abs() < 1e-9);
        }
    }
}
