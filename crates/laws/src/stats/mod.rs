//! Statistics of repeated measurements, distribution-free where that is to be had.
//!
//! Times of runs are skewed, have outliers on one side and come in small numbers, so the location is the median,
//! its interval that of the order statistics, and effects are medians of differences. Every statistic names its
//! source and is tested against `SciPy` or against brute force.
//!
//! - Location: [`median_estimate`], [`quantile_estimate`], [`Bootstrap`] for any other statistic.
//! - Effects: [`paired_speedup`] within blocks, [`hodges_lehmann`] and [`compare`] between two sets.
//! - Suspicion: [`outliers`], [`mann_kendall`] and [`lag_one_autocorrelation`] for drift, [`modes`].

mod bootstrap;
mod distributions;
mod modes;
mod outliers;
mod paired;
mod quantile;
pub(crate) mod random;
mod shift;
mod trend;

pub use bootstrap::{Bootstrap, DEFAULT_RESAMPLES};
pub use distributions::{normal_cdf, normal_quantile, student_t_cdf, student_t_quantile};
pub use modes::{Modes, dip, modes};
pub use outliers::{OUTLIER_THRESHOLD, median_absolute_deviation, modified_z_scores, outliers};
pub use paired::{BOOTSTRAP_FROM, paired_speedup};
pub use quantile::{median, median_estimate, quantile, quantile_estimate, sorted};
pub use shift::{Comparison, MannWhitney, Verdict, compare, hodges_lehmann, mann_whitney};
pub use trend::{Trend, lag_one_autocorrelation, mann_kendall};
