//! `festina.ready(…)`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use festina::ready::{ReadyObserver, junit, parse_project, ready as answer, ready_report};
use festina::scale::Site;
use festina::{CancelToken, Error};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::cores::machine;
use crate::error::exception;
use crate::interrupt::interruptible;

/// Answers the project in `text`, a file called `name` in `folder`; also as a `JUnit` file. `observer` is called with lines
/// that tell how it goes.
#[pyfunction]
pub(crate) fn ready(
    py: Python<'_>,
    file: (String, String),
    folder: PathBuf,
    environment: BTreeMap<String, String>,
    inherited: Vec<(OsString, OsString)>,
    state: PathBuf,
    observer: Option<Py<PyAny>>,
) -> PyResult<(Answer, String)> {
    let (name, text) = file;
    let cancel = CancelToken::new();
    let mut teller = Teller { observer, cancel: cancel.clone() };
    let result = interruptible(py, &cancel, || {
        let project = parse_project(&name, &text)?;
        let machine = machine(environment);
        let environment = inherited.into_iter().collect();
        let site = Site { machine: &machine, environment, state: &state };
        let result = answer(&project, &folder, &site, &mut teller, &cancel)?;
        Ok((Answer::new(&result.to_json(), ready_report(&result)), junit(&result)))
    })?;
    result.map_err(|error: Error| exception(py, &error))
}

/// Tells a Python function how it goes; one that raises ends the measurement.
struct Teller {
    observer: Option<Py<PyAny>>,
    cancel: CancelToken,
}

impl ReadyObserver for Teller {
    fn tell(&mut self, line: &str) {
        let Some(observer) = &self.observer else { return };
        if Python::attach(|py| observer.call1(py, (line,))).is_err() {
            self.cancel.request();
        }
    }
}
