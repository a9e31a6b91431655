//! Medians and quantiles, with intervals that assume nothing about the distribution.

use festina_types::{Estimate, Interval, Method};

use crate::LawError;
use crate::error::{require, require_level};

/// Returns `values` in ascending order.
///
/// # Errors
///
/// [`LawError::TooFew`] without values, [`LawError::Observation`] if one isn't finite.
pub fn sorted(values: &[f64]) -> Result<Vec<f64>, LawError> {
    check(values, "a statistic", 1)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

/// Checks that there are at least `needed` values, all finite.
pub(super) fn check(values: &[f64], what: &'static str, needed: usize) -> Result<(), LawError> {
    if values.len() < needed {
        return Err(LawError::TooFew { what, needed, unit: "values", given: values.len() });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            let (name, expected) = ("a value", "finite");
            Err(LawError::Observation { index, name, expected, value: values[index] })
        }
        None => Ok(()),
    }
}

/// Returns the median: the middle value, or the mean of the two middle ones.
///
/// ```
/// assert_eq!(festina_laws::stats::median(&[3.0, 1.0, 2.0, 10.0]), Ok(2.5));
/// ```
///
/// # Errors
///
/// As [`sorted`].
pub fn median(values: &[f64]) -> Result<f64, LawError> {
    Ok(median_of_sorted(&sorted(values)?))
}

/// Returns the median of ascending values, at least one.
pub(super) fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// Returns the quantile at `probability`, interpolated linearly between order statistics (type 7 of Hyndman and
/// Fan, as `NumPy` and R do by default).
///
/// ```
/// assert_eq!(festina_laws::stats::quantile(&[1.0, 2.0, 3.0, 4.0], 0.9), Ok(3.7));
/// ```
///
/// # Errors
///
/// As [`sorted`]; [`LawError::Parameter`] if `probability` is outside `[0, 1]`.
pub fn quantile(values: &[f64], probability: f64) -> Result<f64, LawError> {
    require((0.0..=1.0).contains(&probability), "the probability", "in [0, 1]", probability)?;
    Ok(quantile_of_sorted(&sorted(values)?, probability))
}

/// Returns the quantile of ascending values, at least one.
pub(super) fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Returns the median with the interval of its order statistics.
///
/// The interval goes from the k-th smallest to the k-th largest value; it holds the true median with probability
/// `1 − 2·P(B < k)`, B binomial with n trials of ½, whatever the distribution. k is the largest that gives at least
/// `level`, and the interval carries the exact probability. Too few values for the level (fewer than six for
/// 95 %) have no interval.
///
/// ```
/// use festina_laws::stats::median_estimate;
/// let estimate = median_estimate(&[10.0, 11.0, 12.0, 13.0, 14.0, 20.0], 0.95)?;
/// let interval = estimate.interval.unwrap();
/// // 1 − 2 / 2⁶: from the least to the greatest.
/// assert_eq!((interval.lower, interval.upper, interval.level), (10.0, 20.0, 0.96875));
/// assert!(median_estimate(&[1.0; 5], 0.95)?.interval.is_none());
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// As [`sorted`]; [`LawError::Parameter`] if `level` is not between 0 and 1.
pub fn median_estimate(values: &[f64], level: f64) -> Result<Estimate, LawError> {
    let sorted = sorted(values)?;
    let interval = interval_of_sorted(&sorted, 0.5, require_level(level)?);
    Ok(Estimate { value: median_of_sorted(&sorted), interval, method: Method::OrderStatistics })
}

/// Returns the quantile at `probability` with the interval of its order statistics, as [`median_estimate`].
///
/// ```
/// use festina_laws::stats::quantile_estimate;
/// let latencies: Vec<f64> = (1..=100).map(f64::from).collect();
/// let interval = quantile_estimate(&latencies, 0.9, 0.95)?.interval.unwrap();
/// assert_eq!((interval.lower, interval.upper), (84.0, 96.0));
/// assert!((interval.level - 0.955_690_1).abs() < 1e-6);
/// // Of 20 values none is surely above the 99th percentile.
/// assert!(quantile_estimate(&latencies[..20], 0.99, 0.95)?.interval.is_none());
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// As [`quantile`] and [`median_estimate`].
pub fn quantile_estimate(values: &[f64], probability: f64, level: f64) -> Result<Estimate, LawError> {
    require((0.0..=1.0).contains(&probability), "the probability", "in [0, 1]", probability)?;
    let sorted = sorted(values)?;
    let interval = interval_of_sorted(&sorted, probability, require_level(level)?);
    Ok(Estimate {
        value: quantile_of_sorted(&sorted, probability),
        interval,
        method: Method::OrderStatistics,
    })
}

/// Returns the order statistics that hold the quantile, each tail being exceeded with at most (1 − level) / 2.
fn interval_of_sorted(sorted: &[f64], probability: f64, level: f64) -> Option<Interval> {
    let tail = (1.0 - level) / 2.0;
    let below = cumulative_binomial(sorted.len(), probability);
    // The quantile lies below the (l + 1)-th value with P(B ≤ l), above the (u + 1)-th with 1 − P(B ≤ u).
    // Rounding must not cost a rank where the tail is met exactly.
    let slack = 1e-12;
    let lower = below.iter().take_while(|&&mass| mass <= tail + slack).count().checked_sub(1)?;
    let upper = below.iter().position(|&mass| 1.0 - mass <= tail + slack)?;
    let upper = (upper < sorted.len()).then_some(upper)?;
    let level = below[upper] - below[lower];
    Some(Interval { lower: sorted[lower], upper: sorted[upper], level })
}

/// Returns P(B ≤ k) for k = 0, …, n with B binomial.
fn cumulative_binomial(n: usize, probability: f64) -> Vec<f64> {
    let (log_p, log_q) = (probability.ln(), (-probability).ln_1p());
    let mut log_choose = 0.0;
    let mut sum: f64 = 0.0;
    (0..=n)
        .map(|k| {
            // 0 · −∞ is 0 here: an impossible outcome that is asked for zero times.
            let term = |count: usize, log: f64| if count == 0 { 0.0 } else { count as f64 * log };
            sum += f64::exp(log_choose + term(k, log_p) + term(n - k, log_q));
            log_choose += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
            sum.min(1.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_and_levels_are_those_of_the_binomial_distribution() {
        // The level is 1 - 2 * scipy.stats.binom.cdf(k - 1, n, 0.5), and one rank further in it falls below 0.95.
        let cases = [
            (6, 1.0, 6.0, 0.968_75),
            (8, 1.0, 8.0, 0.992_187_5),
            (9, 2.0, 8.0, 0.960_937_5),
            (10, 2.0, 9.0, 0.978_515_625),
            (20, 6.0, 15.0, 0.958_610_534_667_968_8),
            (30, 10.0, 21.0, 0.957_226_054_742_932_3),
        ];
        for (n, lower, upper, level) in cases {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            let interval = median_estimate(&values, 0.95).unwrap().interval.unwrap();
            assert_eq!((interval.lower, interval.upper), (lower, upper), "n = {n}");
            assert!((interval.level - level).abs() < 1e-12, "n = {n}: {}", interval.level);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(median(&[]), Err(LawError::TooFew { .. })));
        assert!(matches!(median(&[1.0, f64::NAN]), Err(LawError::Observation { index: 1, .. })));
        assert!(matches!(quantile(&[1.0], 1.1), Err(LawError::Parameter { .. })));
        assert!(matches!(median_estimate(&[1.0], 1.0), Err(LawError::Parameter { .. })));
    }

    proptest! {
        #[test]
        fn quantiles_are_monotone_and_within_the_range(
            values in proptest::collection::vec(-1e6..1e6, 1..60),
            a in 0.0..=1.0,
            b in 0.0..=1.0,
        ) {
            let (low, high) = (quantile(&values, f64::min(a, b)).unwrap(), quantile(&values, f64::max(a, b)).unwrap());
            prop_assert!(low <= high);
            prop_assert!(quantile(&values, 0.0).unwrap() <= low && high <= quantile(&values, 1.0).unwrap());
            prop_assert!((quantile(&values, 0.5).unwrap() - median(&values).unwrap()).abs() < 1e-9);
        }

        #[test]
        fn an_interval_holds_its_estimate_and_at_least_its_level(
            values in proptest::collection::vec(-1e6..1e6, 1..200),
            level in 0.5..0.999,
        ) {
            let estimate = median_estimate(&values, level).unwrap();
            if let Some(interval) = estimate.interval {
                prop_assert!(interval.contains(estimate.value) && interval.level >= level - 1e-9);
            }
        }
    }
}
