//! Bands that hold what they promise: split-conformal multiples of a forecast's own error scale.
//!
//! Each forecaster states a scale `s` for the error of ln T that grows with the distance, with how far its laws
//! disagree, and with how much the curve wandered. On published curves, forecast without looking at the rest, the
//! ratio `|error| / s` has quantiles `q`; the band at that level is
//!
//! ```text
//! exp(ln T − q s) … exp(ln T + q s)
//! ```
//!
//! so its coverage does not rest on the errors being normal. Applications differ more than the series of one, so
//! each application counts with the square root of the number of its forecasts.
//!
//! Source: J. Lei et al., *Distribution-free predictive inference for regression*, JASA 113 (2018), 1094–1111
//! (locally weighted split-conformal); for groups, R. Dunn, L. Wasserman, A. Ramdas, *Distribution-free prediction
//! sets for two-layer hierarchical models*, JASA 118 (2023), 2491–2502.

use crate::stats::normal_quantile;

/// The levels at which quantiles are kept.
pub const LEVELS: [f64; 6] = [0.5, 0.68, 0.8, 0.9, 0.95, 0.99];

/// The quantiles of `|error| / scale`, along the three axes of a forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// For strong scaling, at each of [`LEVELS`].
    pub strong: [f64; LEVELS.len()],
    /// For weak scaling.
    pub weak: [f64; LEVELS.len()],
    /// For growth with the size.
    pub size: [f64; LEVELS.len()],
}

impl Bands {
    /// Returns the bands derived from published measurements.
    pub fn published() -> Self {
        crate::published::BANDS
    }

    /// Returns the bands that normal errors would have.
    pub fn normal() -> Self {
        let quantiles = LEVELS.map(|level| normal_quantile(f64::midpoint(1.0, level)));
        Self { strong: quantiles, weak: quantiles, size: quantiles }
    }
}

/// Returns the quantile at `level`, between and beyond those kept in proportion to the normal distribution's.
pub(crate) fn at_level(quantiles: &[f64; LEVELS.len()], level: f64) -> f64 {
    let normal = |level: f64| normal_quantile(f64::midpoint(1.0, level));
    let ratio = |index: usize| quantiles[index] / normal(LEVELS[index]);
    let above = LEVELS.partition_point(|&kept| kept < level);
    let factor = match above {
        0 => ratio(0),
        LAST => ratio(LAST - 1),
        _ => {
            let (left, right) = (normal(LEVELS[above - 1]), normal(LEVELS[above]));
            let share = (normal(level) - left) / (right - left);
            ratio(above - 1) * (1.0 - share) + ratio(above) * share
        }
    };
    factor * normal(level)
}

const LAST: usize = LEVELS.len();

/// Returns, for each of [`LEVELS`], the quantile of the weighted `scores`.
///
/// The quantile at level L is the smallest score such that scores up to it carry L of the weight; NaN without
/// scores.
pub fn weighted_quantiles(scores: &mut [(f64, f64)]) -> [f64; LEVELS.len()] {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = scores.iter().map(|score| score.1).sum();
    LEVELS.map(|level| {
        let mut sum = 0.0;
        let reached = scores.iter().find(|score| {
            sum += score.1;
            sum >= level * total * (1.0 - 1e-12)
        });
        reached.or(scores.last()).map_or(f64::NAN, |score| score.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_equal_weights_are_order_statistics() {
        let mut scores: Vec<(f64, f64)> = (1..=100).rev().map(|i| (f64::from(i), 2.0)).collect();
        assert_eq!(weighted_quantiles(&mut scores), [50.0, 68.0, 80.0, 90.0, 95.0, 99.0]);
    }

    #[test]
    fn heavy_scores_count_more() {
        let mut scores = [(1.0, 1.0), (2.0, 1.0), (10.0, 8.0)];
        assert_eq!(weighted_quantiles(&mut scores), [10.0; 6]);
        assert!(weighted_quantiles(&mut [])[0].is_nan());
    }

    #[test]
    fn normal_bands_are_the_normal_quantiles_at_every_level() {
        let bands = Bands::normal();
        for level in [0.1, 0.5, 0.6, 0.9, 0.93, 0.999] {
            let expected = normal_quantile(f64::midpoint(1.0, level));
            assert!((at_level(&bands.strong, level) - expected).abs() < 1e-9, "{level}");
        }
    }

    #[test]
    fn bands_widen_with_the_level() {
        let Bands { strong, weak, size } = Bands::published();
        for quantiles in [strong, weak, size] {
            let widths: Vec<f64> = (1..1000).map(|i| at_level(&quantiles, f64::from(i) / 1000.0)).collect();
            assert!(widths.windows(2).all(|pair| 0.0 < pair[0] && pair[0] <= pair[1]));
        }
    }
}
