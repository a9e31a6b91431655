//! The laws of scaling, the statistics of measurements, and the simulation of recorded tasks.
//!
//! Values in, values out: nothing here reads a file, a clock or the environment, starts a thread or prints.
//! Times are in seconds, numbers of workers are `p`, problem sizes are `n`, unless a name says otherwise.
//!
//! - [`amdahl`]: the laws, each with its fit;
//! - [`fit`]: non-negative and relative least squares, on which all fits stand.

pub mod amdahl;
mod error;
pub mod fit;
pub mod gustafson;
mod law;
mod observation;
pub mod stats;
pub mod usl;

pub use error::LawError;
pub use law::{Law, Parameter};
pub use observation::Observation;
