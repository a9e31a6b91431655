//! The search for a good plan.

pub(crate) mod anneal;
mod deal;
pub(crate) mod driver;
mod genetic;
pub(crate) mod model;
mod near;
mod recreate;
mod ruin;
pub(crate) mod simulate;
mod state;
pub(crate) mod translate;
pub(crate) mod wire;
