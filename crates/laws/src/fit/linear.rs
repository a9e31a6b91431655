//! A fitted law that is linear in its coefficients, and what it knows about its own uncertainty.

use festina_types::{Estimate, Interval, Method};

use super::nnls;
use super::uncertainty::{NoiseUnit, Uncertainty, bilinear, dot};
use crate::LawError;
use crate::error::require_level;
use crate::stats::student_t_cdf;

/// How much each row counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting<'a> {
    /// Weight 1: the error in the unit of the targets is minimised.
    Absolute,
    /// Weight 1 / y: the relative error is minimised.
    Relative,
    /// Weight 1 / (y · √(s² + τ²)): the relative error in units of its standard deviation is minimised.
    Measured {
        /// s, the standard deviation of ln y, a value for each row.
        log_sd: &'a [f64],
        /// τ, what no repetition takes away: layout, placement, and that no law is exact.
        floor: f64,
    },
}

/// A non-negative least-squares fit with the covariance of its coefficients.
///
/// The estimate is that of [`nnls`](super::nnls); intervals come from the unconstrained fit of the same rows and are then cut
/// to what is possible. The true coefficients are never negative, so the cut loses no coverage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearFit<const K: usize> {
    /// The coefficients, each at least 0.
    pub coefficients: [f64; K],
    /// The weighted sum of squared residuals.
    pub residual_sum_of_squares: f64,
    /// The number of rows.
    pub observations: usize,
    uncertainty: Option<Uncertainty<K>>,
    noise_unit: NoiseUnit,
}

impl<const K: usize> LinearFit<K> {
    /// Fits `rows · x = targets` over x ≥ 0.
    ///
    /// ```
    /// use festina_laws::fit::{LinearFit, Weighting};
    /// // T = 4 + 96 / p, exactly.
    /// let rows = [1.0, 2.0, 4.0, 8.0].map(|p| [1.0, 1.0 / p]);
    /// let fit = LinearFit::new(&rows, &[100.0, 52.0, 28.0, 16.0], Weighting::Relative)?;
    /// assert!((fit.coefficients[0] - 4.0).abs() < 1e-9 && (fit.coefficients[1] - 96.0).abs() < 1e-9);
    /// assert!((fit.predict([1.0, 1.0 / 32.0]) - 7.0).abs() < 1e-9);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] without rows, [`LawError::Lengths`] if rows, targets or deviations are not equally
    /// many, [`LawError::Observation`] if a value is not finite, or a target not positive under a relative weight.
    pub fn new(rows: &[[f64; K]], targets: &[f64], weighting: Weighting<'_>) -> Result<Self, LawError> {
        if rows.is_empty() {
            return Err(LawError::TooFew { what: "a fit", needed: 1, unit: "observations", given: 0 });
        }
        check(targets, weighting)?;
        let weight = |i: usize| match weighting {
            Weighting::Absolute => 1.0,
            Weighting::Relative => 1.0 / targets[i],
            Weighting::Measured { log_sd, floor } => 1.0 / (targets[i] * log_sd[i].hypot(floor)),
        };
        let triangle = nnls::factor(rows, targets, weight)?;
        let solution = nnls::solve(&triangle);
        // Columns that no row uses are no parameters.
        let used: [bool; K] = std::array::from_fn(|j| triangle.column_norm(j) > 0.0);
        Ok(Self {
            coefficients: solution.coefficients,
            residual_sum_of_squares: solution.residual_sum_of_squares,
            observations: rows.len(),
            uncertainty: Uncertainty::of(&triangle, used, rows.len(), weighting),
            noise_unit: NoiseUnit::of(weighting),
        })
    }

    /// Returns `row · x`.
    pub fn predict(&self, row: [f64; K]) -> f64 {
        dot(row, self.coefficients)
    }

    /// Returns the number of coefficients that are not 0.
    pub fn terms(&self) -> usize {
        self.coefficients.iter().filter(|&&value| value > 0.0).count()
    }

    /// Returns the standard error of `row · x`; `None` where the data leave no room to judge it (as many
    /// coefficients as rows, and unknown noise).
    pub fn standard_error(&self, row: [f64; K]) -> Option<f64> {
        let uncertainty = self.uncertainty.as_ref()?;
        Some(bilinear(&uncertainty.covariance, row, row).max(0.0).sqrt())
    }

    /// Returns the standard deviation of one new measurement at `row`: the fit's error and the measurement's own.
    pub fn prediction_sd(&self, row: [f64; K]) -> Option<f64> {
        let unit = match self.noise_unit {
            NoiseUnit::Absolute(unit) => unit,
            NoiseUnit::Relative(unit) => unit * self.predict(row),
        };
        let own = self.uncertainty.as_ref()?.row_variance.sqrt() * unit;
        Some(self.standard_error(row)?.hypot(own))
    }

    /// Returns the probability that one new measurement at `row` exceeds `limit`.
    pub fn exceedance(&self, row: [f64; K], limit: f64) -> Option<f64> {
        let sd = self.prediction_sd(row)?;
        let margin = limit - self.predict(row);
        if sd == 0.0 {
            return Some(if margin < 0.0 { 1.0 } else { 0.0 });
        }
        Some(student_t_cdf(-margin / sd, self.uncertainty.as_ref()?.degrees))
    }

    /// Returns `weights · x`, a sum that cannot be negative, with its interval.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if `level` is not between 0 and 1.
    pub fn combination(&self, weights: [f64; K], level: f64) -> Result<Estimate, LawError> {
        require_level(level)?;
        let value = self.predict(weights);
        let interval = self.uncertainty.as_ref().map(|uncertainty| {
            let center = dot(weights, uncertainty.center);
            let variance = bilinear(&uncertainty.covariance, weights, weights).max(0.0);
            let half = uncertainty.quantile(level) * variance.sqrt();
            cut(center - half, center + half, 0.0, f64::INFINITY, value, level)
        });
        Ok(Estimate { value, interval, method: Method::Fit })
    }

    /// Returns the ratio `(numerator · x) / (denominator · x)`, which cannot be below 0 nor above `maximum`, with
    /// Fieller's interval.
    ///
    /// Fieller's interval is exact for a ratio of normal estimates, also where the denominator is uncertain: it is
    /// the set of all ratios that a t-test doesn't reject. Where that set is unbounded, the bounds given apply.
    ///
    /// Source: E. C. Fieller, *Some problems in interval estimation*, J. R. Stat. Soc. B 16 (1954), 175–185.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if `level` is not between 0 and 1, [`LawError::NotIdentifiable`] if the denominator
    /// is 0.
    pub fn ratio(
        &self,
        numerator: [f64; K],
        denominator: [f64; K],
        maximum: f64,
        level: f64,
    ) -> Result<Estimate, LawError> {
        require_level(level)?;
        let below = self.predict(denominator);
        if below <= 0.0 {
            return Err(LawError::NotIdentifiable("a ratio of coefficients whose denominator is 0"));
        }
        let value = (self.predict(numerator) / below).clamp(0.0, maximum);
        let interval = self.uncertainty.as_ref().map(|uncertainty| {
            let (lower, upper) = uncertainty.fieller(numerator, denominator, level);
            cut(lower, upper, 0.0, maximum, value, level)
        });
        Ok(Estimate { value, interval, method: Method::Fit })
    }

    /// Returns the ratio of the unconstrained fit with Fieller's interval, neither cut to what is possible; `None` where
    /// the data leave no room to judge its error.
    pub(crate) fn unbounded_ratio(
        &self,
        numerator: [f64; K],
        denominator: [f64; K],
        level: f64,
    ) -> Result<Option<Estimate>, LawError> {
        require_level(level)?;
        Ok(self.uncertainty.as_ref().map(|uncertainty| {
            let (lower, upper) = uncertainty.fieller(numerator, denominator, level);
            let value = dot(numerator, uncertainty.center) / dot(denominator, uncertainty.center);
            Estimate { value, interval: Some(Interval { lower, upper, level }), method: Method::Fit }
        }))
    }
}

/// Checks what the weighting asks of the targets.
fn check(targets: &[f64], weighting: Weighting<'_>) -> Result<(), LawError> {
    if let Weighting::Measured { log_sd, floor } = weighting {
        if log_sd.len() != targets.len() {
            return Err(LawError::Lengths {
                left: "targets",
                right: "standard deviations",
                left_len: targets.len(),
                right_len: log_sd.len(),
            });
        }
        if let Some(index) = log_sd.iter().position(|sd| !is_positive(sd.hypot(floor))) {
            let (name, expected) = ("the standard deviation with its floor", "positive");
            return Err(LawError::Observation { index, name, expected, value: log_sd[index] });
        }
    }
    match targets.iter().position(|&y| !is_positive(y)) {
        Some(index) if weighting != Weighting::Absolute => {
            let (name, expected) = ("the target of a relative fit", "positive");
            Err(LawError::Observation { index, name, expected, value: targets[index] })
        }
        _ => Ok(()),
    }
}

/// Returns the interval cut to `[minimum, maximum]` and stretched, if need be, to hold `value`.
fn cut(lower: f64, upper: f64, minimum: f64, maximum: f64, value: f64, level: f64) -> Interval {
    Interval {
        lower: lower.clamp(minimum, maximum).min(value),
        upper: upper.clamp(minimum, maximum).max(value),
        level,
    }
}

/// Returns whether `value` is a number above 0.
fn is_positive(value: f64) -> bool {
    value > 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::random::Random;

    const POINTS: [f64; 7] = [1.0, 2.0, 3.0, 4.0, 8.0, 12.0, 16.0];

    #[test]
    fn a_straight_line_has_the_textbooks_standard_errors() {
        // scipy.stats.linregress([1, 2, 3, 4, 5], [2.1, 3.9, 6.2, 7.8, 10.1]).
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0].map(|x| [1.0, x]);
        let fit = LinearFit::new(&rows, &[2.1, 3.9, 6.2, 7.8, 10.1], Weighting::Absolute).unwrap();
        assert!((fit.coefficients[1] - 1.99).abs() < 1e-12 && (fit.coefficients[0] - 0.05).abs() < 1e-12);
        assert!((fit.standard_error([0.0, 1.0]).unwrap() - 0.059_721_576_223_897_795).abs() < 1e-12);
        assert!((fit.standard_error([1.0, 0.0]).unwrap() - 0.198_074_060_223_279_06).abs() < 1e-12);
        // t(0.975, 3) = 3.18244630528.
        let slope = fit.combination([0.0, 1.0], 0.95).unwrap().interval.unwrap();
        assert!((slope.upper - 1.99 - 3.182_446_305_283_7 * 0.059_721_576_223_897_795).abs() < 1e-9);
    }

    /// Shares of 2,000 rounds in which intervals hold: a ratio, a sum, and a new measurement.
    fn coverage(weighting: impl Fn(&[f64]) -> Weighting<'_>, is_relative: bool) -> [f64; 3] {
        let mut random = Random::new(8);
        let truth = |p: f64| 10.0 + 90.0 / p;
        let sd = |p: f64| if is_relative { 0.03 * truth(p) } else { 1.0 };
        let log_sd = [(0.03_f64.powi(2) - 0.02_f64.powi(2)).sqrt(); POINTS.len()];
        let rows = POINTS.map(|p| [1.0, 1.0 / p]);
        let rounds = 2_000;
        let mut covered = [0; 3];
        for _ in 0..rounds {
            let targets = POINTS.map(|p| truth(p) + sd(p) * random.normal());
            let fit = LinearFit::new(&rows, &targets, weighting(&log_sd)).unwrap();
            let holds = |estimate: Estimate, truth| estimate.interval.unwrap().contains(truth);
            covered[0] += usize::from(holds(fit.ratio([1.0, 0.0], [1.0, 1.0], 1.0, 0.9).unwrap(), 0.1));
            covered[1] += usize::from(holds(fit.combination([1.0, 1.0], 0.9).unwrap(), 100.0));
            let new = truth(32.0) + sd(32.0) * random.normal();
            covered[2] += usize::from(fit.exceedance([1.0, 1.0 / 32.0], new).unwrap() > 0.1);
        }
        covered.map(|count| count as f64 / f64::from(rounds))
    }

    #[test]
    fn intervals_cover_as_often_as_they_say_under_each_weighting() {
        let absolute = coverage(|_| Weighting::Absolute, false);
        let relative = coverage(|_| Weighting::Relative, true);
        let measured = coverage(|log_sd| Weighting::Measured { log_sd, floor: 0.02 }, true);
        for (name, coverage) in [("absolute", absolute), ("relative", relative), ("measured", measured)] {
            assert!(coverage.iter().all(|share| (share - 0.9).abs() < 0.03), "{name}: {coverage:?}");
        }
    }

    #[test]
    fn an_uncertain_denominator_leaves_the_ratio_open() {
        // Nothing but noise: Fieller's set is unbounded, and the bounds of the caller apply.
        let rows = [1.0, 2.0, 3.0, 4.0].map(|x| [1.0, x]);
        let fit = LinearFit::new(&rows, &[5.0, 1.0, 6.0, 2.0], Weighting::Absolute).unwrap();
        let interval = fit.ratio([0.0, 1.0], [1.0, 0.0], 7.0, 0.99).unwrap().interval.unwrap();
        assert_eq!((interval.lower, interval.upper), (0.0, 7.0));
    }

    #[test]
    fn bad_input_is_refused() {
        let rows = [[1.0], [1.0]];
        assert!(matches!(LinearFit::<1>::new(&[], &[], Weighting::Absolute), Err(LawError::TooFew { .. })));
        assert!(matches!(
            LinearFit::new(&rows, &[1.0, 0.0], Weighting::Relative),
            Err(LawError::Observation { index: 1, .. })
        ));
        let short = Weighting::Measured { log_sd: &[0.1], floor: 0.0 };
        assert!(matches!(LinearFit::new(&rows, &[1.0, 1.0], short), Err(LawError::Lengths { .. })));
        let exact = Weighting::Measured { log_sd: &[0.1, 0.0], floor: 0.0 };
        assert!(matches!(
            LinearFit::new(&rows, &[1.0, 1.0], exact),
            Err(LawError::Observation { index: 1, .. })
        ));
        let fit = LinearFit::new(&rows, &[1.0, 2.0], Weighting::Absolute).unwrap();
        assert!(fit.combination([1.0], 1.0).is_err() && fit.ratio([1.0], [0.0], 1.0, 0.9).is_err());
    }

    proptest! {
        #[test]
        fn an_interval_always_holds_its_estimate(
            targets in proptest::collection::vec(0.1..100.0, 3..8), level in 0.5..0.999,
        ) {
            let rows: Vec<[f64; 2]> = POINTS[..targets.len().min(7)].iter().map(|p| [1.0, 1.0 / p]).collect();
            let fit = LinearFit::new(&rows, &targets[..rows.len()], Weighting::Relative).unwrap();
            for estimate in [fit.combination([1.0, 0.0], level).unwrap(), fit.ratio([1.0, 0.0], [1.0, 1.0], 1.0, level).unwrap()] {
                prop_assert!(estimate.interval.unwrap().contains(estimate.value));
            }
        }
    }
}
