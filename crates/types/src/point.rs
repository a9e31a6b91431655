//! Where T(n, p) is measured.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A number of workers.
pub type Workers = NonZeroU32;

/// A point (n, p) at which T is measured or forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The problem size, positive, in the user's own unit; `None` where the workload has no size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    /// The number of workers.
    pub p: Workers,
}

impl Point {
    /// Returns the point at size `n` on `p` workers.
    ///
    /// # Panics
    ///
    /// Panics if `p` is 0.
    pub fn new(n: Option<f64>, p: u32) -> Self {
        Self { n, p: Workers::new(p).expect("a point has at least one worker") }
    }

    /// Returns the number of workers as a float, for formulas.
    pub fn workers(&self) -> f64 {
        f64::from(self.p.get())
    }
}
