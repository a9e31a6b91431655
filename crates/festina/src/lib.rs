//! An HPC workbench: one function a verb, for Rust users, the command line and Python alike.
//!
//! Everything is one function: the time T(n, p) that a workload takes at problem size n on p workers. Each verb takes a
//! checked request, measures or computes, and gives plain data; a report of it is rendered by [`report`].

mod cores;
mod error;
mod json;
mod laws;
pub mod scale;
pub mod solve;
pub mod tasks;
mod tasks_stored;
pub mod vrp;

pub use cores::{cores, cores_json, cores_report};
pub use error::Error;
/// What a machine has, and what limits leave of it.
pub use festina_machine as machine;
/// Reports as text, HTML, SVG and CSV.
pub use festina_report as report;
/// Native functions on threads of this process.
pub use festina_run::Threads;
pub use festina_types::{Bytes, CancelToken, Exit, Point, Seconds, Workers};
pub use json::{Versioned, versioned};
pub use laws::{LawParameter, LawsResult, LawsSource, SpeedupRow, laws, laws_report, parse_times};

/// Returns the candidate nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    candidates.min_by_key(distance).filter(|candidate| distance(candidate) <= 1 + word.len() / 3)
}
