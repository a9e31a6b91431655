//! `festina.profile(…)`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use festina::profile::{
    Observer, ProfileOptions, ProfileRequest, ProfileResult, ProfileTarget, Recording, collapsed,
    compare_profiles as compare, comparison_json, comparison_report, firefox, pprof,
    profile as profile_target, profile_report, speedscope, stored_profile as stored,
};
use festina::{CancelToken, Seconds};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// The options of a profile, as they were given: `pid` is a process that runs, else `command` is started.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    pid: Option<u32>,
    rate_hz: f64,
    seed: u64,
    duration_s: Option<f64>,
    cores: Option<u32>,
    state: PathBuf,
}

impl Options {
    fn into_request(self) -> ProfileRequest {
        let environment = self.environment.into_iter().collect();
        ProfileRequest {
            target: match self.pid {
                Some(pid) => ProfileTarget::Process(pid),
                None => ProfileTarget::Command { words: self.command, environment },
            },
            options: ProfileOptions {
                rate_hz: self.rate_hz,
                seed: self.seed,
                duration: self.duration_s.map(Seconds),
            },
            cores: self.cores,
            folder: None,
            state: self.state,
        }
    }
}

/// Profiles a program, and returns what was seen and the folder of the recording.
#[pyfunction]
pub(crate) fn profile(py: Python<'_>, options: Options) -> PyResult<(Answer, PathBuf)> {
    let request = options.into_request();
    let cancel = CancelToken::new();
    let mut impatient = Impatient { cancel: cancel.clone() };
    let result = interruptible(py, &cancel, || {
        profile_target(&request, &mut impatient, &cancel).map(|result| told(&result))
    })?;
    result.map_err(|error| exception(py, &error))
}

/// Answers from the stored profile in `folder`.
#[pyfunction]
pub(crate) fn stored_profile(
    py: Python<'_>,
    folder: PathBuf,
    cores: Option<u32>,
) -> PyResult<(Answer, PathBuf)> {
    let result = py.detach(|| stored(&folder, cores).map(|result| told(&result)));
    result.map_err(|error| exception(py, &error))
}

/// Compares the stored profiles in two folders.
#[pyfunction]
pub(crate) fn compare_profiles(py: Python<'_>, before: PathBuf, after: PathBuf) -> PyResult<Answer> {
    let result = py.detach(|| {
        compare(&before, &after).map(|found| Answer::new(&comparison_json(&found), comparison_report(&found)))
    });
    result.map_err(|error| exception(py, &error))
}

/// Returns the stored profile in `folder` as another tool reads it.
#[pyfunction]
pub(crate) fn profile_stacks(py: Python<'_>, folder: PathBuf, format: &str) -> PyResult<Vec<u8>> {
    let write: fn(&Recording) -> Vec<u8> = match format {
        "collapsed" => |recording| collapsed(recording).into_bytes(),
        "firefox" => |recording| firefox(recording).to_string().into_bytes(),
        "pprof" => pprof,
        "speedscope" => |recording| speedscope(recording).to_string().into_bytes(),
        _ => return Err(PyValueError::new_err(format!("'{format}' is no format of stacks"))),
    };
    let stacks = py.detach(|| stored(Path::new(&folder), None).map(|result| write(&result.recording)));
    stacks.map_err(|error| exception(py, &error))
}

fn told(result: &ProfileResult) -> (Answer, PathBuf) {
    let report = profile_report(&result.profile, &result.recording);
    (Answer::new(&result.to_json(), report), result.folder.clone())
}

/// Ends the program at once where Python was interrupted: unlike that of a terminal, a notebook's Ctrl-C is not the
/// program's too.
struct Impatient {
    cancel: CancelToken,
}

impl Observer for Impatient {
    fn growing(&mut self, _: &Recording) {
        if self.cancel.is_requested() && !self.cancel.is_urgent() {
            self.cancel.request();
        }
    }
}
