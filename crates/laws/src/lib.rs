//! The laws of scaling, the statistics of measurements, and the simulation of recorded tasks.
//!
//! Values in, values out: nothing here reads a file, a clock or the environment, starts a thread or prints.
//! Times are in seconds, numbers of workers are `p`, problem sizes are `n`, unless a name says otherwise.
//!
//! - [`amdahl`], [`gustafson`], [`usl`], [`work_span`], [`memory`]: the laws, each with its fit;
//! - [`metrics`], [`diagnosis`]: speed-up, efficiency, the serial fraction after Karp and Flatt, and what its trend says;
//! - [`forecast`], [`growth`], [`joint`], [`identify`]: T(n, p) where it was not measured, and what to measure next;
//! - [`floor`]: growth over a factor of 10 to 1000 from small sizes, where start-up is most of the time;
//! - [`prior`], [`conformal`]: what forecasts and their bands rest on besides the measurements;
//! - [`fit`], [`select`]: non-negative and relative least squares, and which model the data prefer;
//! - [`stats`]: medians, intervals, tests;
//! - [`simulate`]: recorded tasks on any number of workers, between the bounds of work and span;
//! - [`table`]: what a minute, an hour, a day, a month and a year become on many cores.

pub mod amdahl;
pub mod conformal;
pub mod diagnosis;
mod error;
pub mod fit;
pub mod floor;
pub mod forecast;
pub mod growth;
pub mod gustafson;
pub mod identify;
pub mod joint;
mod law;
pub mod memory;
pub mod metrics;
mod observation;
pub mod prior;
mod published;
pub mod select;
pub mod simulate;
pub mod stats;
pub mod table;
pub mod usl;
pub mod work_span;

pub use error::LawError;
pub use law::{Law, Parameter};
pub use observation::Observation;
