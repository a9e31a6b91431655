//! Values that don't belong: marked, never dropped.

use super::quantile::{check, median_of_sorted, sorted};
use crate::LawError;

/// The modified z-score beyond which a value is called an outlier.
///
/// Source: B. Iglewicz, D. C. Hoaglin, *How to Detect and Handle Outliers*, 1993.
pub const OUTLIER_THRESHOLD: f64 = 3.5;

/// Returns the median absolute deviation from the median, not scaled.
///
/// ```
/// // |x − 2| = 1, 0, 1, 4.
/// assert_eq!(festina_laws::stats::median_absolute_deviation(&[1.0, 2.0, 2.0, 3.0, 6.0]), Ok(1.0));
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] without values, [`LawError::Observation`] if one isn't finite.
pub fn median_absolute_deviation(values: &[f64]) -> Result<f64, LawError> {
    let center = median_of_sorted(&sorted(values)?);
    let deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    Ok(median_of_sorted(&sorted(&deviations)?))
}

/// Returns each value's distance from the median in units of a robust standard deviation.
///
/// ```text
/// zᵢ = (xᵢ − median) / (1.4826 · MAD)
/// ```
///
/// Where more than half of the values are equal, the MAD is 0 and 1.2533 times the mean absolute deviation takes its
/// place; where all are equal, every score is 0.
///
/// # Errors
///
/// As [`median_absolute_deviation`].
pub fn modified_z_scores(values: &[f64]) -> Result<Vec<f64>, LawError> {
    /// 1 / Φ⁻¹(3/4): makes the MAD estimate the standard deviation of normal values.
    const NORMAL_PER_MAD: f64 = 1.482_602_218_505_602;
    /// √(π/2): the same for the mean absolute deviation.
    const NORMAL_PER_MEAN_DEVIATION: f64 = 1.253_314_137_315_500_3;
    check(values, "a score", 1)?;
    let center = median_of_sorted(&sorted(values)?);
    let deviation = median_absolute_deviation(values)?;
    let scale = if deviation > 0.0 {
        NORMAL_PER_MAD * deviation
    } else {
        let mean = values.iter().map(|value| (value - center).abs()).sum::<f64>() / values.len() as f64;
        NORMAL_PER_MEAN_DEVIATION * mean
    };
    Ok(values.iter().map(|value| if scale > 0.0 { (value - center) / scale } else { 0.0 }).collect())
}

/// Returns the positions of the values whose modified z-score exceeds [`OUTLIER_THRESHOLD`] in magnitude.
///
/// ```
/// assert_eq!(festina_laws::stats::outliers(&[1.0, 1.1, 0.9, 1.05, 5.0, 0.95]), Ok(vec![4]));
/// ```
///
/// # Errors
///
/// As [`median_absolute_deviation`].
pub fn outliers(values: &[f64]) -> Result<Vec<usize>, LawError> {
    let scores = modified_z_scores(values)?;
    Ok((0..values.len()).filter(|&i| scores[i].abs() > OUTLIER_THRESHOLD).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_in_units_of_the_standard_deviation() {
        // scipy.stats.median_abs_deviation([1, 2, 3, 4, 100], scale="normal") = 1.482602218505602
        let scores = modified_z_scores(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
        assert!((scores[4] - 97.0 / 1.482_602_218_505_602).abs() < 1e-12);
        assert_eq!(scores[2], 0.0);
    }

    #[test]
    fn equal_values_have_no_outlier_and_one_that_differs_is_one() {
        assert_eq!(outliers(&[2.0; 10]), Ok(vec![]));
        let mut values = [2.0; 10];
        values[3] = 2.1;
        // Mean deviation 0.01, so z = 0.1 / 0.01253 ≈ 8.
        assert_eq!(outliers(&values), Ok(vec![3]));
        assert_eq!(outliers(&[7.0]), Ok(vec![]));
    }
}
