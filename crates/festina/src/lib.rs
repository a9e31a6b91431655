//! An HPC workbench: one function a verb, for Rust users, the command line and Python alike.
//!
//! Everything is one function: the time T(n, p) that a workload takes at problem size n on p workers. Each verb takes a
//! checked request, measures or computes, and gives plain data; a report of it is rendered by [`report`].

mod backend;
mod cores;
mod error;
mod json;
mod laws;
pub mod mpi;
pub mod profile;
pub mod scale;
pub mod solve;
pub mod tasks;
mod tasks_stored;

pub use backend::BackendName;
pub use cores::{cores, cores_json, cores_report};
pub use error::Error;
/// What a machine has, and what limits leave of it.
pub use festina_machine as machine;
/// Reports as text, HTML, SVG and CSV.
pub use festina_report as report;
/// Native functions on threads of this process.
pub use festina_run::Threads;
pub use festina_types::{Backend, Bytes, CancelToken, Exit, Point, Seconds, Workers};
pub use json::{Versioned, versioned};
pub use laws::{LawParameter, LawsResult, LawsSource, SpeedupRow, laws, laws_report, parse_times};
