//! Speed-ups of runs that were measured side by side.

use festina_types::{Estimate, Interval};

use super::bootstrap::Bootstrap;
use super::quantile::{median, median_estimate};
use crate::LawError;

/// From how many pairs on the bootstrap's interval is used instead of that of the order statistics.
pub const BOOTSTRAP_FROM: usize = 20;

/// Returns the median speed-up over blocks, `exp(median(ln reference_b − ln time_b))`, with its interval.
///
/// What slows a whole block down (drift, load) cancels within its pair, and the median of logarithms is the
/// logarithm of the median: no ratios are averaged. Below [`BOOTSTRAP_FROM`] pairs the interval is that of the order
/// statistics, from there on the `BCa` bootstrap's over blocks.
///
/// ```
/// use festina_laws::stats::paired_speedup;
/// // The second half of the blocks ran on a machine slowed down by a third; the speed-up did not change.
/// let one = [10.0, 10.1, 9.9, 13.3, 13.4, 13.2];
/// let two = [5.0, 5.05, 4.95, 6.65, 6.7, 6.6];
/// let speedup = paired_speedup(&one, &two, 0.95, 0)?;
/// assert!((speedup.value - 2.0).abs() < 1e-12);
/// assert!(speedup.interval.unwrap().relative_half_width(2.0) < 1e-12);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::Lengths`] if the blocks don't pair up, [`LawError::TooFew`] without any,
/// [`LawError::Observation`] if a time is not positive and finite, [`LawError::Parameter`] for a bad level.
pub fn paired_speedup(reference: &[f64], times: &[f64], level: f64, seed: u64) -> Result<Estimate, LawError> {
    if reference.len() != times.len() {
        let (left, right) = ("reference times", "times");
        return Err(LawError::Lengths { left, right, left_len: reference.len(), right_len: times.len() });
    }
    let (reference, times) = (logarithms(reference)?, logarithms(times)?);
    let differences: Vec<f64> = reference.iter().zip(times).map(|(one, many)| one - many).collect();
    let estimate = if differences.len() < BOOTSTRAP_FROM {
        median_estimate(&differences, level)?
    } else {
        Bootstrap::new(level, seed).interval(&differences, |values| median(values).unwrap_or(f64::NAN))?
    };
    Ok(exponential(estimate))
}

/// Returns the natural logarithms of positive times.
pub(super) fn logarithms(times: &[f64]) -> Result<Vec<f64>, LawError> {
    if let Some(index) = times.iter().position(|time| !time.is_finite() || *time <= 0.0) {
        let (name, expected) = ("a time", "positive and finite");
        return Err(LawError::Observation { index, name, expected, value: times[index] });
    }
    Ok(times.iter().map(|time| time.ln()).collect())
}

/// Returns an estimate of a logarithm as one of the quantity itself.
pub(super) fn exponential(estimate: Estimate) -> Estimate {
    let interval = estimate.interval.map(|interval| Interval {
        lower: interval.lower.exp(),
        upper: interval.upper.exp(),
        level: interval.level,
    });
    Estimate { value: estimate.value.exp(), interval, method: estimate.method }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    #[test]
    fn drift_that_hits_both_runs_of_a_block_cancels() {
        let mut random = Random::new(11);
        let mut covered = 0;
        for round in 0..300 {
            let blocks = 8 + round % 20;
            let (mut one, mut four) = (Vec::new(), Vec::new());
            for block in 0..blocks {
                let drift = 1.0 + block as f64 / 10.0;
                one.push(10.0 * drift * (0.02 * random.normal()).exp());
                four.push(3.0 * drift * (0.02 * random.normal()).exp());
            }
            let interval = paired_speedup(&one, &four, 0.95, 1).unwrap().interval.unwrap();
            covered += usize::from(interval.contains(10.0 / 3.0));
        }
        // 95 % of 300 is 285, its standard deviation 3.8; the order statistics are conservative.
        assert!(covered >= 274, "{covered} of 300");
    }

    #[test]
    fn blocks_must_pair_up() {
        assert!(matches!(paired_speedup(&[1.0], &[], 0.95, 0), Err(LawError::Lengths { .. })));
        assert!(matches!(
            paired_speedup(&[1.0, 0.0], &[1.0, 1.0], 0.95, 0),
            Err(LawError::Observation { index: 1, .. })
        ));
    }
}
