//! Constants that forecasts rest on, learned from published measurements.
//!
//! Derived, and printed as they stand here, by `cargo xtask bench forecast --derive --data DIR`; the data and the
//! procedure are described in `docs/concepts/forecast.md`.
#![allow(clippy::approx_constant, reason = "measured weights may come near anything")]

use crate::conformal::Bands;
use crate::prior::ShapePrior;

pub(crate) static SHAPE_PRIOR: ShapePrior = ShapePrior {
    serial: [0.2160, 0.0892, 0.1225, 0.0483, 0.0662, 0.2289, 0.1648, 0.0112, 0.0135, 0.0038, 0.0357],
    overhead: [
        0.4434, 0.0128, 0.0120, 0.0694, 0.0239, 0.0342, 0.0735, 0.0074, 0.0753, 0.0171, 0.0073, 0.0268,
        0.0080, 0.0368, 0.1161, 0.0187, 0.0028, 0.0081, 0.0065,
    ],
    drift: [0.2394, 0.2309, 0.5297],
};

// At the levels [0.5, 0.68, 0.8, 0.9, 0.95, 0.99].
pub(crate) const BANDS: Bands = Bands {
    strong: [0.4658, 0.7548, 1.1106, 1.7707, 2.6208, 6.0241],
    weak: [0.8893, 1.1595, 1.6408, 2.2999, 3.0064, 3.5720],
    size: [0.2602, 0.4456, 0.6773, 1.1373, 1.5075, 2.1414],
};
