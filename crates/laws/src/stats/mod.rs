//! Statistics of repeated measurements, distribution-free where that is to be had.
//!
//! Times of runs are skewed, have outliers on one side and come in small numbers, so the location is the median,
//! its interval that of the order statistics, and effects are medians of differences. Every statistic names its
//! source and is tested against `SciPy` or against brute force.

mod distributions;

pub use distributions::{normal_cdf, normal_quantile, student_t_cdf, student_t_quantile};
