//! Constants that forecasts rest on, learned from published measurements.
//!
//! Derived, and printed as they stand here, by `cargo xtask bench forecast --derive --data DIR`; the data and the
//! procedure are described in `docs/concepts/forecast.md`.
#![allow(clippy::approx_constant, reason = "measured weights may come near anything")]

use crate::conformal::Bands;
use crate::prior::ShapePrior;

pub(crate) static SHAPE_PRIOR: ShapePrior = ShapePrior {
    serial: [0.2213, 0.0820, 0.1186, 0.0564, 0.0715, 0.2277, 0.1561, 0.0124, 0.0147, 0.0037, 0.0356],
    overhead: [
        0.4343, 0.0157, 0.0139, 0.0612, 0.0253, 0.0357, 0.0733, 0.0090, 0.0842, 0.0220, 0.0078, 0.0271,
        0.0081, 0.0388, 0.1092, 0.0166, 0.0029, 0.0079, 0.0067,
    ],
    drift: [0.2755, 0.2320, 0.4925],
};

// At the levels [0.5, 0.68, 0.8, 0.9, 0.95, 0.99].
pub(crate) const BANDS: Bands = Bands {
    strong: [0.4883, 0.7951, 1.1545, 1.7825, 2.6101, 6.0564],
    weak: [0.6575, 1.0063, 1.4528, 1.9671, 2.6824, 3.0909],
    size: [1.0509, 1.7347, 2.4755, 3.6836, 5.0495, 9.9551],
};
