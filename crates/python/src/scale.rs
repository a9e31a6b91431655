//! `festina.scale(…)`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use festina::scale::{
    Event, Observer, ScaleOptions, ScaleRequest, ScaleResult, Site, questions, scale_from as again,
    scale_report, scale_self_timed,
};
use festina::{CancelToken, Error};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::cores::machine;
use crate::error::exception;
use crate::interrupt::interruptible;

/// The options of a measurement, as they were given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    command: Vec<OsString>,
    env: BTreeMap<String, String>,
    stdin: Option<PathBuf>,
    n: Option<String>,
    p: Option<String>,
    weak: bool,
    setup: Option<String>,
    prepare: Option<String>,
    check: Option<String>,
    rtol: Option<f64>,
    atol: Option<f64>,
    unordered: bool,
    check_ignore: Vec<String>,
    budget: Option<String>,
    precision: Option<String>,
    timeout: Option<String>,
    memory_limit: Option<String>,
    seed: Option<u64>,
    accept_noise: bool,
    at: Vec<String>,
    price: Option<f64>,
    memory: Option<String>,
}

impl Options {
    fn into_options(self) -> ScaleOptions {
        ScaleOptions {
            command: self.command,
            env: self.env,
            stdin: self.stdin,
            n: self.n,
            p: self.p,
            weak: self.weak,
            setup: self.setup,
            prepare: self.prepare,
            check: self.check,
            rtol: self.rtol,
            atol: self.atol,
            unordered: self.unordered,
            check_ignore: self.check_ignore,
            budget: self.budget,
            precision: self.precision,
            timeout: self.timeout,
            memory_limit: self.memory_limit,
            seed: self.seed,
            accept_noise: self.accept_noise,
            at: self.at,
            price: self.price,
            memory: self.memory,
        }
    }
}

/// Measures a command, and returns what was found. `observer` is called with the elapsed seconds, the runs, the finished
/// points and all points after each run. A command that is `self_timed` tells its own time.
#[pyfunction]
pub(crate) fn scale(
    py: Python<'_>,
    options: Options,
    environment: BTreeMap<String, String>,
    inherited: Vec<(OsString, OsString)>,
    state: PathBuf,
    observer: Option<Py<PyAny>>,
    self_timed: bool,
) -> PyResult<Answer> {
    let options = options.into_options();
    let cancel = CancelToken::new();
    let teller = Teller { observer, cancel: cancel.clone() };
    let result = interruptible(py, &cancel, || {
        let machine = machine(environment);
        let request = ScaleRequest::new(&options, &machine)?;
        let site = Site { machine: &machine, environment: inherited, state: &state };
        let measure = if self_timed { scale_self_timed } else { festina::scale::scale };
        measure(&request, &site, &teller, &cancel)
    })?;
    answer(py, result)
}

/// Answers questions from a stored run.
#[pyfunction]
pub(crate) fn scale_from(py: Python<'_>, options: Options, state: PathBuf, name: &str) -> PyResult<Answer> {
    let options = options.into_options();
    let result = py.detach(|| again(&state, name, &questions(&options)?));
    answer(py, result)
}

fn answer(py: Python<'_>, result: Result<ScaleResult, Error>) -> PyResult<Answer> {
    let result = result.map_err(|error| exception(py, &error))?;
    Ok(Answer::new(&result.to_json(), scale_report(&result)))
}

/// Tells a Python function how far it is; one that raises ends the measurement.
struct Teller {
    observer: Option<Py<PyAny>>,
    cancel: CancelToken,
}

impl Observer for Teller {
    fn observe(&self, event: &Event<'_>) {
        let (Some(observer), Event::Finished { progress, .. }) = (&self.observer, event) else { return };
        let told = (progress.elapsed.0, progress.runs, progress.finished_points, progress.points);
        if Python::attach(|py| observer.call1(py, told)).is_err() {
            self.cancel.request();
        }
    }
}
