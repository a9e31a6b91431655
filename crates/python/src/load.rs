//! `festina.load(…)`

use festina::load::{LoadOptions, TimelinePoint, find_knee, knee_report, load as load_service, load_report};
use festina::{CancelToken, Error, LoadObserver, Seconds};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// The options of a load, as they were given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    url: String,
    authorized: Vec<String>,
    rate: Option<f64>,
    profile: Option<String>,
    duration_s: Option<f64>,
    arrivals: Option<String>,
    trace: Option<(String, String)>,
    concurrency: Option<usize>,
    method: Option<String>,
    headers: Vec<String>,
    body: Option<String>,
    rows: Option<(String, String)>,
    checks: Vec<String>,
    slo: Option<String>,
    threads: Option<usize>,
    connections: Option<usize>,
    keep_alive: bool,
    http2: bool,
    timeout_s: Option<f64>,
    authorities: Option<(String, String)>,
    accepts_any_certificate: bool,
    seed: u64,
    pid: Option<u32>,
    find_knee: bool,
}

impl Options {
    fn into_options(self) -> LoadOptions {
        LoadOptions {
            url: self.url,
            authorized: self.authorized,
            rate: self.rate,
            profile: self.profile,
            duration: self.duration_s.map(Seconds),
            arrivals: self.arrivals,
            trace: self.trace,
            concurrency: self.concurrency,
            method: self.method,
            headers: self.headers,
            body: self.body,
            rows: self.rows,
            checks: self.checks,
            slo: self.slo,
            threads: self.threads,
            connections: self.connections,
            no_keep_alive: !self.keep_alive,
            http2: self.http2,
            timeout: self.timeout_s.map(Seconds),
            authorities: self.authorities,
            accepts_any_certificate: self.accepts_any_certificate,
            seed: Some(self.seed),
            pid: self.pid,
        }
    }
}

/// Loads a service, or finds the highest rate that it bears. `observer` is called a few times a second with the seconds,
/// the requests and the errors until then, and the 99 % quantile of the latest latencies.
#[pyfunction]
pub(crate) fn load(py: Python<'_>, options: Options, observer: Py<PyAny>) -> PyResult<Answer> {
    let finds_knee = options.find_knee;
    let options = options.into_options();
    let cancel = CancelToken::new();
    let mut teller = Teller { observer, cancel: cancel.clone(), sent: 0, errors: 0 };
    let answer = interruptible(py, &cancel, || {
        if finds_knee {
            let answer = find_knee(&options, &cancel, &mut teller)?;
            return Ok(Answer::new(&answer.to_json(), knee_report(&answer)));
        }
        let answer = load_service(&options, &cancel, &mut teller)?;
        Ok(Answer::new(&answer.to_json(), load_report(&answer)))
    })?;
    answer.map_err(|error: Error| exception(py, &error))
}

/// Tells a Python function how it goes; one that raises ends the load.
struct Teller {
    observer: Py<PyAny>,
    cancel: CancelToken,
    sent: u64,
    errors: u64,
}

impl LoadObserver for Teller {
    fn tick(&mut self, point: &TimelinePoint) {
        self.sent += point.sent;
        self.errors += point.errors;
        let told = (point.time_s, self.sent, self.errors, point.p99_s);
        if Python::attach(|py| self.observer.call1(py, told)).is_err() {
            self.cancel.request();
        }
    }
}
