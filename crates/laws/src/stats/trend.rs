//! Whether values drift in the order in which they were measured.

use serde::{Deserialize, Serialize};

use super::distributions::normal_cdf;
use super::quantile::{check, median};
use crate::LawError;

/// The trend of a sequence after Mann and Kendall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The number of pairs that rise less the number that fall.
    pub score: i64,
    /// The probability of a score at least as large in magnitude without a trend.
    pub p_value: f64,
    /// The median slope over all pairs (Sen), in units of the values a step.
    pub slope: f64,
}

/// Up to this length a sequence without ties is tested exactly.
const EXACT_UP_TO: usize = 40;

/// Returns the Mann–Kendall trend of `values`, taken in order.
///
/// The p-value is exact for up to 40 values without ties; beyond, it is the normal approximation with corrections
/// for ties and continuity. O(n²).
///
/// ```
/// let trend = festina_laws::stats::mann_kendall(&[1.0, 2.0, 4.0, 3.0, 5.0])?;
/// // Nine of ten pairs rise, one falls. 2 · (1 + 4) of 5! orders are at least as extreme.
/// assert_eq!((trend.score, trend.slope), (8, 1.0));
/// assert!((trend.p_value - 10.0 / 120.0).abs() < 1e-12);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: H. B. Mann, *Nonparametric tests against trend*, Econometrica 13 (1945); P. K. Sen, J. Am. Stat. Assoc. 63
/// (1968).
///
/// # Errors
///
/// [`LawError::TooFew`] with fewer than three values, [`LawError::Observation`] if one isn't finite.
pub fn mann_kendall(values: &[f64]) -> Result<Trend, LawError> {
    check(values, "a trend", 3)?;
    let pairs = || (0..values.len()).flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)));
    let score = pairs().map(|(i, j)| sign(values[j] - values[i])).sum();
    let slopes: Vec<f64> = pairs().map(|(i, j)| (values[j] - values[i]) / (j - i) as f64).collect();
    let ties = tie_sizes(values);
    let is_exact = values.len() <= EXACT_UP_TO && ties.iter().all(|&size| size == 1);
    let p_value = if is_exact {
        exact_p_value(values.len(), score)
    } else {
        approximate_p_value(values.len(), &ties, score)
    };
    Ok(Trend { score, p_value, slope: median(&slopes)? })
}

fn sign(difference: f64) -> i64 {
    i64::from(difference > 0.0) - i64::from(difference < 0.0)
}

/// Returns how many values share each distinct value.
pub(super) fn tie_sizes(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect()
}

/// Counts, by their inversions, the orders of n values: the chance of at least this score in magnitude.
fn exact_p_value(n: usize, score: i64) -> f64 {
    let n_pairs = n * (n - 1) / 2;
    // chance[k]: of k inversions in a random order; inserting the (m + 1)-th value adds 0..=m of them.
    let mut chance = vec![0.0; n_pairs + 1];
    chance[0] = 1.0;
    for m in 1..n {
        let previous = chance.clone();
        for (k, slot) in chance.iter_mut().enumerate() {
            *slot = previous[k.saturating_sub(m)..=k].iter().sum::<f64>() / (m + 1) as f64;
        }
    }
    let inversions = (n_pairs - score.unsigned_abs() as usize) / 2;
    (2.0 * chance[..=inversions].iter().sum::<f64>()).min(1.0)
}

fn approximate_p_value(n: usize, ties: &[usize], score: i64) -> f64 {
    let cube = |size: usize| {
        let size = size as f64;
        size * (size - 1.0) * (2.0 * size + 5.0)
    };
    let variance = (cube(n) - ties.iter().map(|&size| cube(size)).sum::<f64>()) / 18.0;
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = (score.unsigned_abs() as f64 - 1.0).max(0.0);
    (2.0 * normal_cdf(-distance / variance.sqrt())).min(1.0)
}

/// Returns the correlation of each value with the one before it.
///
/// ```text
/// r₁ = Σ (xᵢ − x̄)(xᵢ₊₁ − x̄) / Σ (xᵢ − x̄)²
/// ```
///
/// Independent values have r₁ within ±1.96/√n, 95 times of 100. Equal values have 0.
///
/// ```
/// // Deviations −1.5, −0.5, 0.5, 1.5: (0.75 − 0.25 + 0.75) / 5.
/// assert_eq!(festina_laws::stats::lag_one_autocorrelation(&[1.0, 2.0, 3.0, 4.0]), Ok(0.25));
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] with fewer than three values, [`LawError::Observation`] if one isn't finite.
pub fn lag_one_autocorrelation(values: &[f64]) -> Result<f64, LawError> {
    check(values, "an autocorrelation", 3)?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let covariance: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let variance: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Ok(if variance > 0.0 { covariance / variance } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_scipys_kendall_test_against_the_order() {
        // scipy.stats.kendalltau(range(11), x, method="exact"), scipy.stats.theilslopes(x).
        let rising = [3.1, 2.7, 3.3, 3.5, 3.2, 3.9, 4.1, 3.8, 4.4, 4.0, 4.6];
        let trend = mann_kendall(&rising).unwrap();
        assert_eq!(trend.score, 41);
        assert!((trend.p_value - 0.000_759_529_822_029_822).abs() < 1e-15);
        assert!((trend.slope - 0.1625).abs() < 1e-12);
    }

    #[test]
    fn ties_and_continuity_are_corrected_for() {
        // S = 38, Var = (2250 − 66 − 36) / 18 = 119⅓: 2 * scipy.stats.norm.sf(37 / sqrt(Var)).
        let trend = mann_kendall(&[1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 5.0, 4.0, 6.0, 6.0]).unwrap();
        assert_eq!(trend.score, 38);
        assert!((trend.p_value - 0.000_706_500_567_584_346_4).abs() < 1e-12, "{}", trend.p_value);
        assert_eq!(mann_kendall(&[1.0; 5]).unwrap(), Trend { score: 0, p_value: 1.0, slope: 0.0 });
    }

    #[test]
    fn exact_and_approximate_agree_where_they_meet() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i * 17 % 41) + f64::from(i) / 4.0).collect();
        let trend = mann_kendall(&values).unwrap();
        let approximate = approximate_p_value(40, &[1; 40], trend.score);
        assert!((trend.p_value - approximate).abs() < 0.003, "{} {approximate}", trend.p_value);
    }

    #[test]
    fn alternation_has_negative_autocorrelation() {
        // Deviations ±1, five products of −1 over a variance of 6.
        let r = lag_one_autocorrelation(&[1.0, 3.0, 1.0, 3.0, 1.0, 3.0]).unwrap();
        assert!((r + 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(lag_one_autocorrelation(&[2.0; 4]), Ok(0.0));
    }
}
