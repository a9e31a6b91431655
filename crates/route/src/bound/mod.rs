//! Lower bounds: minimum 1-trees under the best multipliers that are found, certified in integers.

pub(crate) mod ascent;
pub(crate) mod certificate;
pub(crate) mod complete;
