//! The laws of scaling, the statistics of measurements, and the simulation of recorded tasks.
//!
//! Values in, values out: nothing here reads a file, a clock or the environment, starts a thread or prints.
//! Times are in seconds, numbers of workers are `p`, problem sizes are `n`, unless a name says otherwise.
//!
//! - [`amdahl`]: the laws, each with its fit;
//! - [`forecast`], [`growth`], [`joint`], [`identify`]: T(n, p) where it was not measured, and what to measure next;
//! - [`fit`]: non-negative and relative least squares, on which all fits stand.

pub mod amdahl;
pub mod conformal;
mod error;
pub mod fit;
pub mod forecast;
pub mod growth;
pub mod gustafson;
pub mod identify;
pub mod joint;
mod law;
mod observation;
pub mod prior;
mod published;
pub mod stats;
pub mod usl;

pub use error::LawError;
pub use law::{Law, Parameter};
pub use observation::Observation;
