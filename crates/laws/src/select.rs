//! Which model the data prefer.

use crate::LawError;
use crate::error::require;

/// Returns Akaike's information criterion with its correction for few observations; less is better.
///
/// ```text
/// AICc = m·ln(RSS / m) + 2k + 2k(k + 1) / (m − k − 1)
/// ```
///
/// with m observations and k free coefficients. `None` where the correction is undefined, m < k + 2: so few points
/// can't choose between models.
///
/// ```
/// # use festina_laws::select::aicc;
/// // 10 · ln(2/10) + 4 + 12/7.
/// assert!((aicc(10, 2.0, 2)?.unwrap() - (10.0 * 0.2_f64.ln() + 4.0 + 12.0 / 7.0)).abs() < 1e-12);
/// assert_eq!(aicc(4, 2.0, 3)?, None);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: C. M. Hurvich, C.-L. Tsai, Biometrika 76 (1989), 297–307. The residual variance, common to all models that are
/// compared, is not counted in k.
///
/// # Errors
///
/// [`LawError::Parameter`] if the residual sum of squares is negative or not finite.
pub fn aicc(
    observations: usize,
    residual_sum_of_squares: f64,
    coefficients: usize,
) -> Result<Option<f64>, LawError> {
    let is_valid = residual_sum_of_squares >= 0.0 && residual_sum_of_squares.is_finite();
    let name = "the residual sum of squares";
    require(is_valid, name, "finite and not negative", residual_sum_of_squares)?;
    if observations < coefficients + 2 {
        return Ok(None);
    }
    let (m, k) = (observations as f64, coefficients as f64);
    // An exact fit has no finite logarithm; the smallest number keeps it best, and comparable.
    let variance = (residual_sum_of_squares / m).max(f64::MIN_POSITIVE);
    Ok(Some(m * variance.ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (m - k - 1.0)))
}

/// Returns the weight of each model, `exp(−Δ/2)` over their sum; they add up to 1, and an infinite criterion weighs 0.
///
/// ```
/// # use festina_laws::select::akaike_weights;
/// let weights = akaike_weights(&[100.0, 102.0, f64::INFINITY])?;
/// // 1 : e⁻¹ : 0.
/// assert!((weights[0] - 0.731_058_578_630_004_9).abs() < 1e-12 && weights[2] == 0.0);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] without a finite criterion, [`LawError::Parameter`] if one is NaN.
pub fn akaike_weights(criteria: &[f64]) -> Result<Vec<f64>, LawError> {
    if criteria.iter().any(|value| value.is_nan()) {
        return Err(LawError::Parameter { name: "a criterion", expected: "a number", value: f64::NAN });
    }
    let best = criteria.iter().copied().fold(f64::INFINITY, f64::min);
    if !best.is_finite() {
        let (what, unit) = ("a selection", "models with a finite criterion");
        return Err(LawError::TooFew { what, needed: 1, unit, given: 0 });
    }
    let weights: Vec<f64> = criteria.iter().map(|value| ((best - value) / 2.0).exp()).collect();
    let sum: f64 = weights.iter().sum();
    Ok(weights.iter().map(|weight| weight / sum).collect())
}

/// Returns the errors of one-step-ahead forecasts: fit items `0..k`, judge item `k`, for k = `first`, `first` + 1, ….
///
/// Items come in the order of the variable in which the model is to extrapolate: leaving out one from the middle would
/// reward interpolation. A fit that refuses gives `None` at its place.
///
/// ```
/// # use festina_laws::select::forward_chaining;
/// // "The next is as the last", on a series that grows by one.
/// let errors = forward_chaining(&[1.0, 2.0, 3.0, 4.0], 2, |seen| seen.last().copied(), |last, next| next - last);
/// assert_eq!(errors, [Some(1.0), Some(1.0)]);
/// ```
pub fn forward_chaining<T, M>(
    items: &[T],
    first: usize,
    fit: impl Fn(&[T]) -> Option<M>,
    error: impl Fn(&M, &T) -> f64,
) -> Vec<Option<f64>> {
    (first.max(1)..items.len()).map(|k| fit(&items[..k]).map(|model| error(&model, &items[k]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_survive_extreme_criteria() {
        let weights = akaike_weights(&[-1e300, 0.0, 1e300]).unwrap();
        assert_eq!(weights, [1.0, 0.0, 0.0]);
        assert!(akaike_weights(&[]).is_err() && akaike_weights(&[f64::INFINITY]).is_err());
        assert!(akaike_weights(&[f64::NAN, 1.0]).is_err());
    }

    #[test]
    fn an_exact_fit_is_best_and_finite() {
        let exact = aicc(5, 0.0, 2).unwrap().unwrap();
        assert!(exact.is_finite() && exact < aicc(5, 1e-30, 2).unwrap().unwrap());
        assert!(aicc(5, f64::NAN, 2).is_err() && aicc(5, -1.0, 2).is_err());
    }

    #[test]
    fn chaining_judges_only_what_was_not_seen() {
        let seen = std::cell::RefCell::new(Vec::new());
        let errors = forward_chaining(
            &[1, 2, 3, 4],
            0,
            |items| {
                seen.borrow_mut().push(items.len());
                (items.len() != 2).then_some(items.len())
            },
            |length, item| f64::from(*item) - *length as f64,
        );
        assert_eq!(errors, [Some(1.0), None, Some(1.0)]);
        assert_eq!(*seen.borrow(), [1, 2, 3]);
    }
}
