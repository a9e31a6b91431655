//! A fitted law that is linear in its coefficients, and what it knows about its own uncertainty.

use festina_types::{Estimate, Interval, Method};

use super::nnls;
use crate::LawError;
use crate::error::require_level;
use crate::stats::{student_t_cdf, student_t_quantile};

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
    is_relative: bool,
}

/// What the unconstrained fit knows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Uncertainty<const K: usize> {
    center: [f64; K],
    covariance: [[f64; K]; K],
    /// The variance of one row's weighted residual.
    row_variance: f64,
    /// Degrees of freedom of the t distribution; infinite where the noise is known from repetition.
    degrees: f64,
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
        let free = used.iter().filter(|&&is_used| is_used).count();
        let degrees = rows.len().saturating_sub(free) as f64;
        let noise = Noise::of(weighting, triangle.rest, degrees);
        let uncertainty =
            noise.filter(|_| rows.len() >= free && triangle.has_full_rank(used)).map(|noise| Uncertainty {
                center: triangle.solve(used, triangle.c),
                covariance: triangle
                    .inverse_gram(used)
                    .map(|row| row.map(|value| value * noise.row_variance)),
                row_variance: noise.row_variance,
                degrees: noise.degrees,
            });
        Ok(Self {
            coefficients: solution.coefficients,
            residual_sum_of_squares: solution.residual_sum_of_squares,
            observations: rows.len(),
            uncertainty,
            is_relative: weighting != Weighting::Absolute,
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
        let unit = if self.is_relative { self.predict(row) } else { 1.0 };
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
        let value = (self.predict(numerator) / below).min(maximum);
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

impl<const K: usize> Uncertainty<K> {
    fn quantile(&self, level: f64) -> f64 {
        student_t_quantile(f64::midpoint(1.0, level), self.degrees)
    }

    /// Returns the ratios r with `(u·x − r v·x)² ≤ t² Var(u·x − r v·x)`, or all numbers if they aren't an interval.
    fn fieller(&self, numerator: [f64; K], denominator: [f64; K], level: f64) -> (f64, f64) {
        let squared = self.quantile(level).powi(2);
        let (u, v) = (dot(numerator, self.center), dot(denominator, self.center));
        let form = |a, b| squared * bilinear(&self.covariance, a, b);
        // r² (v² − t² Vvv) − 2 r (u v − t² Vuv) + (u² − t² Vuu) ≤ 0.
        let quadratic = v * v - form(denominator, denominator);
        let linear = u * v - form(numerator, denominator);
        let constant = u * u - form(numerator, numerator);
        if quadratic <= 0.0 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let root = (linear * linear - quadratic * constant).max(0.0).sqrt();
        ((linear - root) / quadratic, (linear + root) / quadratic)
    }
}

/// The variance of a weighted residual.
struct Noise {
    row_variance: f64,
    degrees: f64,
}

impl Noise {
    fn of(weighting: Weighting<'_>, rest: f64, degrees: f64) -> Option<Self> {
        let reduced = if degrees > 0.0 { rest / degrees } else { 0.0 };
        match weighting {
            // The weights are in units of the known noise. Residuals larger than that are lack of fit and widen by the
            // Birge ratio; smaller ones are luck and don't narrow.
            Weighting::Measured { .. } => {
                Some(Self { row_variance: reduced.max(1.0), degrees: f64::INFINITY })
            }
            _ if degrees > 0.0 => Some(Self { row_variance: reduced, degrees }),
            _ => None,
        }
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

/// Returns whether `value` is a number above 0.
fn is_positive(value: f64) -> bool {
    value > 0.0
}

/// Returns the interval cut to `[minimum, maximum]` and stretched, if need be, to hold `value`.
fn cut(lower: f64, upper: f64, minimum: f64, maximum: f64, value: f64, level: f64) -> Interval {
    Interval {
        lower: lower.clamp(minimum, maximum).min(value),
        upper: upper.clamp(minimum, maximum).max(value),
        level,
    }
}

fn dot<const K: usize>(a: [f64; K], b: [f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn bilinear<const K: usize>(matrix: &[[f64; K]; K], left: [f64; K], right: [f64; K]) -> f64 {
    matrix.iter().zip(left).map(|(row, left)| left * dot(*row, right)).sum()
}
