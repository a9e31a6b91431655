//! Was a run disturbed from outside? Evidence, and only evidence: a slow run is not noisy because it is slow.

mod classify;

pub use classify::{RunContext, Thresholds, classify};
