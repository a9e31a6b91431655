//! Methods that end with a proof.

pub(crate) mod branch_and_bound;
pub(crate) mod brute_force;
pub(crate) mod held_karp;
