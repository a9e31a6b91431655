//! How sure a fit is of itself.

use super::Weighting;
use super::triangle::Triangle;
use crate::stats::student_t_quantile;

/// The noise of a new measurement whose weighted residual has variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoiseUnit {
    /// In the unit of the targets.
    Absolute(f64),
    /// As a fraction of what is predicted.
    Relative(f64),
}

/// What the unconstrained fit knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Uncertainty<const K: usize> {
    pub(super) center: [f64; K],
    pub(super) covariance: [[f64; K]; K],
    /// The variance of one row's weighted residual.
    pub(super) row_variance: f64,
    /// Degrees of freedom of the t distribution; infinite where the noise is known from repetition.
    pub(super) degrees: f64,
}

impl<const K: usize> Uncertainty<K> {
    /// Returns what the data tell over the columns that are used; nothing where they leave no room to judge the noise,
    /// or don't determine the coefficients.
    pub(super) fn of(
        triangle: &Triangle<K>,
        used: [bool; K],
        observations: usize,
        weighting: Weighting<'_>,
    ) -> Option<Self> {
        let free = used.iter().filter(|&&is_used| is_used).count();
        let noise = Noise::of(weighting, triangle.rest, observations.checked_sub(free)? as f64)?;
        triangle.has_full_rank(used).then(|| Self {
            center: triangle.solve(used, triangle.c),
            covariance: triangle.inverse_gram(used).map(|row| row.map(|value| value * noise.row_variance)),
            row_variance: noise.row_variance,
            degrees: noise.degrees,
        })
    }

    pub(super) fn quantile(&self, level: f64) -> f64 {
        student_t_quantile(f64::midpoint(1.0, level), self.degrees)
    }

    /// Returns the ratios r with `(u·x − r v·x)² ≤ t² Var(u·x − r v·x)`, or all numbers if they aren't an interval.
    pub(super) fn fieller(&self, numerator: [f64; K], denominator: [f64; K], level: f64) -> (f64, f64) {
        let squared = self.quantile(level).powi(2);
        let (u, v) = (dot(numerator, self.center), dot(denominator, self.center));
        let form = |a, b| squared * bilinear(&self.covariance, a, b);
        // r² (v² − t² Vvv) − 2 r (u v − t² Vuv) + (u² − t² Vuu) ≤ 0.
        let quadratic = v * v - form(denominator, denominator);
        let linear = u * v - form(numerator, denominator);
        let constant = u * u - form(numerator, numerator);
        let root = (linear * linear - quadratic * constant).max(0.0).sqrt();
        let (lower, upper) = ((linear - root) / quadratic, (linear + root) / quadratic);
        // Ends that are no numbers: of coefficients so far apart that their products are none.
        if quadratic <= 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        (lower, upper)
    }
}

impl NoiseUnit {
    pub(super) fn of(weighting: Weighting<'_>) -> Self {
        match weighting {
            Weighting::Absolute => Self::Absolute(1.0),
            Weighting::Relative => Self::Relative(1.0),
            Weighting::Measured { log_sd, floor } => {
                let squares: f64 = log_sd.iter().map(|sd| sd * sd + floor * floor).sum();
                Self::Relative((squares / log_sd.len() as f64).sqrt())
            }
        }
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

pub(super) fn dot<const K: usize>(a: [f64; K], b: [f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn bilinear<const K: usize>(matrix: &[[f64; K]; K], left: [f64; K], right: [f64; K]) -> f64 {
    matrix.iter().zip(left).map(|(row, left)| left * dot(*row, right)).sum()
}
