//! `festina.cores()`

use std::collections::BTreeMap;
use std::path::PathBuf;

use festina::CancelToken;
use festina::machine::{Machine, Surroundings};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// Returns the machine as a program started with `environment` would find it.
pub(crate) fn machine(environment: BTreeMap<String, String>) -> Machine {
    let home = environment.get("HOME").map(PathBuf::from);
    let hyperqueue_folder = home.map(|home| home.join(".hq-server"));
    festina::cores(&Surroundings { environment, hyperqueue_folder })
}

/// Returns what the machine has, what is left of it, and, to `measure`, what its cores do together.
#[pyfunction]
pub(crate) fn cores(
    py: Python<'_>,
    environment: BTreeMap<String, String>,
    measure: bool,
) -> PyResult<Answer> {
    let machine = py.detach(|| machine(environment));
    let measured = if measure {
        let cancel = CancelToken::new();
        let measured = interruptible(py, &cancel, || festina::measure_cores(&machine, &cancel))?;
        Some(measured.map_err(|error| exception(py, &error))?)
    } else {
        None
    };
    Ok(Answer::new(
        &festina::cores_json(&machine, measured.as_ref()),
        festina::cores_report(&machine, measured.as_ref()),
    ))
}

/// Returns how many workers are worth having.
#[pyfunction]
pub(crate) fn available(py: Python<'_>, environment: BTreeMap<String, String>) -> u32 {
    py.detach(|| machine(environment).workers.workers)
}
