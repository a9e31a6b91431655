//! Constants that forecasts rest on, learned from published measurements.
//!
//! Derived, and printed as they stand here, by `cargo xtask bench forecast --derive --data DIR`; the data and the
//! procedure are described in `docs/concepts/forecast.md`.
#![allow(clippy::approx_constant, reason = "measured weights may come near anything")]

use crate::conformal::Bands;
use crate::prior::ShapePrior;

pub(crate) static SHAPE_PRIOR: ShapePrior = ShapePrior {
    serial: [
        0.2813, 0.0817, 0.0250, 0.0091, 0.0045, 0.0099, 0.1039, 0.0041, 0.0051, 0.0113, 0.0645, 0.0096,
        0.0574, 0.0427, 0.0953, 0.1202, 0.0211, 0.0075, 0.0025, 0.0021, 0.0068, 0.0022, 0.0015, 0.0019,
        0.0287,
    ],
    overhead: [
        0.4346, 0.0179, 0.0133, 0.0578, 0.0115, 0.0221, 0.0637, 0.0088, 0.1063, 0.0127, 0.0040, 0.0190,
        0.0064, 0.0547, 0.1442, 0.0177, 0.0023, 0.0017, 0.0013,
    ],
    drift: [0.2413, 0.1799, 0.5787],
};

// At the levels [0.5, 0.68, 0.8, 0.9, 0.95, 0.99].
pub(crate) const BANDS: Bands = Bands {
    strong: [0.4594, 0.7651, 1.1024, 1.6920, 2.4858, 4.0890],
    weak: [0.7313, 1.0479, 1.5787, 2.2291, 2.8637, 3.4117],
    size: [0.2570, 0.4436, 0.6754, 1.0933, 1.5056, 2.1816],
};
