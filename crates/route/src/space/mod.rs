//! Places: a curve that keeps neighbours together, a tree that finds them.

pub(crate) mod candidates;
pub(crate) mod hilbert;
pub(crate) mod kd_tree;
