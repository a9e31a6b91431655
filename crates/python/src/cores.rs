//! `festina.cores()`

use std::collections::BTreeMap;
use std::path::PathBuf;

use festina::machine::{Machine, Surroundings};
use pyo3::prelude::*;

use crate::answer::Answer;

/// Returns the machine as a program started with `environment` would find it.
pub(crate) fn machine(environment: BTreeMap<String, String>) -> Machine {
    let home = environment.get("HOME").map(PathBuf::from);
    let hyperqueue_folder = home.map(|home| home.join(".hq-server"));
    festina::cores(&Surroundings { environment, hyperqueue_folder })
}

/// Returns what the machine has, and what is left of it.
#[pyfunction]
pub(crate) fn cores(py: Python<'_>, environment: BTreeMap<String, String>) -> Answer {
    let machine = py.detach(|| machine(environment));
    Answer::new(&festina::cores_json(&machine), festina::cores_report(&machine))
}

/// Returns how many workers are worth having.
#[pyfunction]
pub(crate) fn available(py: Python<'_>, environment: BTreeMap<String, String>) -> u32 {
    py.detach(|| machine(environment).workers.workers)
}
