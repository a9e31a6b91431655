//! An HPC workbench: one function a verb, for Rust users, the command line and Python alike.
//!
//! Everything is one function: the time T(n, p) that a workload takes at problem size n on p workers. Each verb takes a
//! checked request, measures or computes, and gives plain data; a report of it is rendered by [`report`].

mod backend;
mod cores;
mod error;
mod json;
mod laws;
pub mod load;
pub mod mpi;
pub mod profile;
pub mod ready;
pub mod run;
pub mod scale;
pub mod slurm;
pub mod solve;
pub mod tasks;
mod tasks_advice;
mod tasks_map;
mod tasks_stored;
mod timeline;
mod toml_reader;
pub mod vrp;

pub use backend::BackendName;
pub use cores::{CoresResult, KernelCores, MeasuredCores, cores, cores_json, cores_report, measure_cores};
pub use error::Error;
/// What is told while a service is loaded.
pub use festina_load::LoadObserver;
/// What a machine has, and what limits leave of it.
pub use festina_machine as machine;
/// Reports as text, HTML, SVG and CSV.
pub use festina_report as report;
/// Native functions on threads of this process.
pub use festina_run::Threads;
pub use festina_types::{
    Backend, Bytes, CancelToken, Exit, Finding, Point, Seconds, Severity, SharedMemory, Workers,
};
pub use json::{Versioned, versioned};
pub use laws::{LawParameter, LawsResult, LawsSource, SpeedupRow, laws, laws_report, parse_times};
