//! Whether two sets of runs differ, and by how much.

use festina_types::{Estimate, Interval, Method};
use serde::{Deserialize, Serialize};

use super::distributions::{normal_cdf, normal_quantile};
use super::paired::{exponential, logarithms};
use super::quantile::{check, median_of_sorted, sorted};
use super::trend::tie_sizes;
use crate::LawError;
use crate::error::{require, require_level};

/// Up to this many pairs, and without ties, the distribution of U is computed exactly.
const EXACT_UP_TO: usize = 2_500;

/// The result of a Mann–Whitney test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MannWhitney {
    /// U of the first set: the number of pairs in which its value is larger, ties counting half.
    pub u: f64,
    /// The two-sided p-value.
    pub p_value: f64,
}

/// Tests whether values of one set tend to be larger than those of the other.
///
/// Exact for up to 2,500 pairs without ties, else the normal approximation with corrections for ties and continuity.
///
/// ```
/// let test = festina_laws::stats::mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0])?;
/// // No pair is larger: one way of C(6, 3) = 20, on either side.
/// assert_eq!(test.u, 0.0);
/// assert!((test.p_value - 0.1).abs() < 1e-12);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: H. B. Mann, D. R. Whitney, Ann. Math. Stat. 18 (1947), 50–60.
///
/// # Errors
///
/// [`LawError::TooFew`] if a set is empty, [`LawError::Observation`] if a value isn't finite.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Result<MannWhitney, LawError> {
    let second_sorted = sorted(second)?;
    check(first, "a comparison", 1)?;
    let u: f64 = first
        .iter()
        .map(|&value| {
            let below = second_sorted.partition_point(|&other| other < value);
            let not_above = second_sorted.partition_point(|&other| other <= value);
            (below + not_above) as f64 / 2.0
        })
        .sum();
    let (m, n) = (first.len(), second.len());
    let ties = tie_sizes(&[first, second].concat());
    let extreme = u.min((m * n) as f64 - u);
    let p_value = if m * n <= EXACT_UP_TO && ties.iter().all(|&size| size == 1) {
        2.0 * cumulative_u(m, n)[extreme as usize]
    } else {
        let sd = u_variance(m, n, &ties).sqrt();
        let distance = ((m * n) as f64 / 2.0 - extreme - 0.5).max(0.0);
        if sd > 0.0 { 2.0 * normal_cdf(-distance / sd) } else { 1.0 }
    };
    Ok(MannWhitney { u, p_value: p_value.min(1.0) })
}

fn u_variance(m: usize, n: usize, ties: &[usize]) -> f64 {
    let (m, n) = (m as f64, n as f64);
    let total = m + n;
    let tied: f64 = ties.iter().map(|&size| (size as f64).powi(3) - size as f64).sum();
    m * n / 12.0 * (total + 1.0 - tied / (total * (total - 1.0)))
}

/// Returns P(U ≤ u) for u = 0, …, m·n when both sets have the same distribution.
fn cumulative_u(m: usize, n: usize) -> Vec<f64> {
    // The generating function of U is the Gaussian binomial ∏ (1 − qⁿ⁺ⁱ) / (1 − qⁱ), i = 1..m; dividing by C(m+n, m)
    // along the way, by (n + i) / i a step, keeps the coefficients probabilities.
    let size = m * n;
    let mut chance = vec![0.0; size + 1];
    chance[0] = 1.0;
    for i in 1..=m {
        for k in (n + i..=size).rev() {
            chance[k] -= chance[k - n - i];
        }
        for k in i..=size {
            chance[k] += chance[k - i];
        }
        let factor = i as f64 / (n + i) as f64;
        chance.iter_mut().for_each(|value| *value *= factor);
    }
    let mut sum = 0.0;
    chance
        .iter()
        .map(|value| {
            sum += value;
            sum
        })
        .collect()
}

/// Returns the shift `first − second` after Hodges and Lehmann, the median of all differences, with its interval.
///
/// The interval holds the shifts that a Mann–Whitney test doesn't reject: it goes from the k-th least to the k-th
/// greatest difference. Its level is exact for up to 2,500 pairs, and may be higher than asked for; too few values for
/// the level have no interval.
///
/// ```
/// use festina_laws::stats::hodges_lehmann;
/// let shift = hodges_lehmann(&[11.0, 12.0, 13.0, 14.0], &[1.0, 2.0, 3.0, 4.0], 0.95)?;
/// assert_eq!(shift.value, 10.0);
/// let interval = shift.interval.unwrap();
/// // Only the extreme one of C(8, 4) = 70 orders may be cut off on either side: 1 − 2/70.
/// assert_eq!((interval.lower, interval.upper), (7.0, 13.0));
/// assert!((interval.level - 68.0 / 70.0).abs() < 1e-12);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: J. L. Hodges, E. L. Lehmann, Ann. Math. Stat. 34 (1963), 598–611. O(m·n·log(m·n)).
///
/// # Errors
///
/// As [`mann_whitney`]; [`LawError::Parameter`] if `level` is not between 0 and 1.
pub fn hodges_lehmann(first: &[f64], second: &[f64], level: f64) -> Result<Estimate, LawError> {
    require_level(level)?;
    check(first, "a comparison", 1)?;
    check(second, "a comparison", 1)?;
    let mut differences: Vec<f64> = first.iter().flat_map(|a| second.iter().map(move |b| a - b)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let interval = cut_off(first.len(), second.len(), level).map(|(k, level)| Interval {
        lower: differences[k],
        upper: differences[differences.len() - 1 - k],
        level,
    });
    let value = median_of_sorted(&differences);
    Ok(Estimate { value, interval, method: Method::OrderStatistics })
}

/// Returns how many differences lie outside the interval on each side, and the interval's level.
fn cut_off(m: usize, n: usize, level: f64) -> Option<(usize, f64)> {
    let tail = (1.0 - level) / 2.0;
    if m * n <= EXACT_UP_TO {
        let cumulative = cumulative_u(m, n);
        let k = cumulative.iter().take_while(|&&mass| mass <= tail + 1e-12).count().checked_sub(1)?;
        return Some((k, 1.0 - 2.0 * cumulative[k]));
    }
    let total = (m + n) as f64;
    let pairs = (m * n) as f64;
    let k = (pairs / 2.0 - 0.5 + normal_quantile(tail) * (pairs * (total + 1.0) / 12.0).sqrt()).floor();
    (k >= 0.0).then_some((k as usize, level))
}

/// What became of the time between two measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Surely slower, by more than the smallest change that matters.
    Slower,
    /// Surely faster, by more than the smallest change that matters.
    Faster,
    /// Surely the same, to within the smallest change that matters.
    Same,
    /// The interval holds both: more runs are needed.
    Unsure,
}

/// A change with its size, its interval and what it amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Time after / time before: 1.10 is ten percent slower.
    pub ratio: Estimate,
    /// The two-sided p-value of the Mann–Whitney test.
    pub p_value: f64,
    /// What the interval says.
    pub verdict: Verdict,
}

/// Compares times before and after a change; changes smaller than the fraction `tolerance` don't matter.
///
/// The ratio is the Hodges–Lehmann shift of the logarithms. The verdict follows from its interval alone: a change is real
/// if the whole interval lies beyond the tolerance.
///
/// ```
/// use festina_laws::stats::{Verdict, compare};
/// let before = [1.00, 1.01, 0.99, 1.02, 1.00, 0.98];
/// let after = before.map(|time| time * 1.25);
/// let change = compare(&before, &after, 0.95, 0.02)?;
/// assert_eq!(change.verdict, Verdict::Slower);
/// assert!((change.ratio.value - 1.25).abs() < 1e-9);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] if a set is empty, [`LawError::Observation`] if a time is not positive and finite,
/// [`LawError::Parameter`] if the level is not between 0 and 1 or the tolerance is negative or not finite.
pub fn compare(before: &[f64], after: &[f64], level: f64, tolerance: f64) -> Result<Comparison, LawError> {
    let is_valid = tolerance >= 0.0 && tolerance.is_finite();
    require(is_valid, "the tolerance", "finite and not negative", tolerance)?;
    let (before, after) = (logarithms(before)?, logarithms(after)?);
    let shift = hodges_lehmann(&after, &before, level)?;
    let matters = tolerance.ln_1p();
    let verdict = match shift.interval {
        Some(interval) if interval.lower > matters => Verdict::Slower,
        Some(interval) if interval.upper < -matters => Verdict::Faster,
        Some(interval) if interval.lower >= -matters && interval.upper <= matters => Verdict::Same,
        _ => Verdict::Unsure,
    };
    let p_value = mann_whitney(&after, &before)?.p_value;
    Ok(Comparison { ratio: exponential(shift), p_value, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 9] = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];

    #[test]
    fn equals_scipys_test() {
        // scipy.stats.mannwhitneyu(X, y, method="exact")
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.07, 3.15, 1.28, 2.2, 0.4];
        let test = mann_whitney(&X, &y).unwrap();
        assert_eq!(test.u, 69.0);
        assert!((test.p_value - 0.151_940_938_318_647_3).abs() < 1e-14);
        // With ties: method="asymptotic".
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.15, 1.29];
        let test = mann_whitney(&X, &y).unwrap();
        assert_eq!(test.u, 58.0);
        assert!((test.p_value - 0.132_919_458_185_318_92).abs() < 1e-14);
        // Beyond the exact range.
        let a: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 101) / 10.0).collect();
        let b: Vec<f64> = (0..55).map(|i| f64::from(i * 53 % 97) / 10.0 + 0.05 * f64::from(i)).collect();
        let test = mann_whitney(&a, &b).unwrap();
        assert_eq!(test.u, 1331.5);
        assert!((test.p_value - 0.074_988_945_684_382_95).abs() < 1e-12, "{}", test.p_value);
    }

    #[test]
    fn the_interval_holds_the_shifts_that_the_test_accepts() {
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.07, 3.15, 1.28, 2.2, 0.4];
        let shift = hodges_lehmann(&X, &y, 0.95).unwrap();
        assert!((shift.value - 0.56).abs() < 1e-12);
        let interval = shift.interval.unwrap();
        let p_value = |shift: f64| mann_whitney(&X.map(|value| value - shift), &y).unwrap().p_value;
        let inside = 1e-9;
        assert!(p_value(interval.lower + inside) > 0.05 && p_value(interval.lower - inside) <= 0.05);
        assert!(p_value(interval.upper - inside) > 0.05 && p_value(interval.upper + inside) <= 0.05);
    }

    #[test]
    fn u_is_distributed_as_a_count_of_all_arrangements_says() {
        // All 2¹⁰ choices of ranks with five in the first set.
        let mut counts = [0_u32; 26];
        for set in (0_u32..1 << 10).filter(|set| set.count_ones() == 5) {
            let u: u32 = (0..10)
                .filter(|rank| set >> rank & 1 == 1)
                .map(|rank| rank - (set & ((1 << rank) - 1)).count_ones())
                .sum();
            counts[u as usize] += 1;
        }
        let mut sum = 0;
        for (u, cumulative) in cumulative_u(5, 5).into_iter().enumerate() {
            sum += counts[u];
            assert!((cumulative - f64::from(sum) / 252.0).abs() < 1e-13);
        }
    }

    #[test]
    fn verdicts_follow_from_the_interval() {
        let before: Vec<f64> = (0..10).map(|i| 1.0 + f64::from(i * 7 % 10) / 100.0).collect();
        let verdict = |factor: f64, tolerance| {
            let after: Vec<f64> = before.iter().map(|time| time * factor).collect();
            compare(&before, &after, 0.95, tolerance).unwrap().verdict
        };
        assert_eq!(verdict(1.3, 0.05), Verdict::Slower);
        assert_eq!(verdict(0.7, 0.05), Verdict::Faster);
        assert_eq!(verdict(1.0, 0.1), Verdict::Same);
        assert_eq!(verdict(1.0, 0.001), Verdict::Unsure);
        // Two runs each can show nothing at 95 %.
        assert_eq!(compare(&[1.0, 1.0], &[9.0, 9.0], 0.95, 0.0).unwrap().verdict, Verdict::Unsure);
        assert!(compare(&[1.0], &[-1.0], 0.95, 0.0).is_err());
        assert!(compare(&[1.0], &[1.0], 0.95, f64::NAN).is_err());
    }

    #[test]
    fn large_sets_keep_their_level() {
        let first: Vec<f64> = (0..200).map(|i| f64::from(i * 73 % 211)).collect();
        let second: Vec<f64> = first.iter().map(|value| value - 40.0).collect();
        let shift = hodges_lehmann(&first, &second, 0.95).unwrap();
        assert_eq!(shift.value, 40.0);
        // 1.96 standard errors: 1.96 · 211 / √12 · √(2 / 200) = ±11.9.
        let interval = shift.interval.unwrap();
        assert!((interval.lower - 28.0).abs() < 2.0 && (interval.upper - 52.0).abs() < 2.0, "{interval:?}");
    }
}
