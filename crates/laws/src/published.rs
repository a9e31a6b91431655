//! Constants that forecasts rest on, learned from published measurements.
//!
//! Derived, and printed as they stand here, by `cargo xtask bench forecast --derive --data DIR`; the data and the
//! procedure are described in `docs/concepts/forecast.md`.
#![allow(clippy::approx_constant, reason = "measured weights may come near anything")]

use crate::conformal::Bands;
use crate::prior::ShapePrior;

pub(crate) static SHAPE_PRIOR: ShapePrior = ShapePrior {
    serial: [0.2921, 0.1147, 0.1345, 0.0427, 0.0578, 0.1942, 0.1131, 0.0064, 0.0108, 0.0036, 0.0303],
    overhead: [
        0.4200, 0.0128, 0.0112, 0.0708, 0.0116, 0.0210, 0.0639, 0.0085, 0.0935, 0.0126, 0.0061, 0.0197,
        0.0062, 0.0676, 0.1544, 0.0147, 0.0023, 0.0017, 0.0013,
    ],
    drift: [0.2242, 0.1979, 0.5779],
};

// At the levels [0.5, 0.68, 0.8, 0.9, 0.95, 0.99].
pub(crate) const BANDS: Bands = Bands {
    strong: [0.4529, 0.7677, 1.0950, 1.7098, 2.4640, 5.0602],
    weak: [0.7313, 1.0479, 1.5787, 2.2291, 2.8637, 3.4117],
    size: [0.2570, 0.4436, 0.6754, 1.0933, 1.5056, 2.1816],
};
