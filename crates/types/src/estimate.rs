//! A number never travels alone: value, interval, level, method.

use serde::{Deserialize, Serialize};

/// A two-sided interval `[lower, upper]` that holds the true value with probability `level`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end, in the unit of the value.
    pub lower: f64,
    /// The upper end, in the unit of the value.
    pub upper: f64,
    /// The nominal coverage, in `(0, 1)`: 0.95 for a 95 % interval.
    pub level: f64,
}

impl Interval {
    /// Returns whether `value` lies in the interval, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// Returns half the width of the interval as a fraction of `value`.
    pub fn relative_half_width(&self, value: f64) -> f64 {
        (self.upper - self.lower) / 2.0 / value.abs()
    }
}

/// How a value and its interval were obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Given by the user or by definition: no interval.
    Exact,
    /// Median with the distribution-free interval of order statistics.
    OrderStatistics,
    /// Bias-corrected and accelerated bootstrap.
    Bootstrap,
    /// Parameter of a fitted law, with the interval of its covariance or of its bootstrap.
    Fit,
    /// Forecast from fitted laws, with a split-conformal band.
    Conformal,
    /// Discrete-event simulation.
    Simulation,
    /// Share of irregular looks, with the interval of successive differences.
    Sampling,
}

/// A value with the interval that carries its uncertainty, and the method of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its interval; `None` where the data cannot carry one (a single sample).
    pub interval: Option<Interval>,
    /// How both were obtained.
    pub method: Method,
}

impl Estimate {
    /// Returns a value that is exact by definition.
    pub fn exact(value: f64) -> Self {
        Self { value, interval: None, method: Method::Exact }
    }

    /// Returns the estimate with its value and interval multiplied by `factor`, a positive change of unit.
    pub fn scaled(&self, factor: f64) -> Self {
        let interval = self.interval.map(|i| Interval {
            lower: i.lower * factor,
            upper: i.upper * factor,
            level: i.level,
        });
        Self { value: self.value * factor, interval, method: self.method }
    }
}
