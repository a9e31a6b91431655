//! Places: a curve that keeps neighbours together, and the neighbours of each node.

pub(crate) mod candidates;
pub(crate) mod hilbert;
