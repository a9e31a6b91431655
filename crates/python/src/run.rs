//! `festina.run(…)`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use festina::tasks::{
    Collect, Inputs, Origin, Progress, Record, Resume, RunRequest, Source, Streams, Table, TableFormat,
    TaskObserver, run_report, run_tasks,
};
use festina::{CancelToken, Error, Seconds, Workers};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// A source of inputs: exactly one of its fields is given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Given {
    values: Option<Vec<OsString>>,
    lines: Option<PathBuf>,
    csv: Option<PathBuf>,
    glob: Option<String>,
    range: Option<String>,
}

/// The options of a run, as they were given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    command: Vec<OsString>,
    shell: bool,
    inputs: Vec<Given>,
    env: BTreeMap<OsString, OsString>,
    workers: Option<u32>,
    cores_per_task: Option<u32>,
    pin: bool,
    timeout_s: Option<f64>,
    memory_per_task: Option<String>,
    retries: u32,
    retry_delay_s: f64,
    halt: String,
    seed: u64,
    keep_order: bool,
    outputs: Option<PathBuf>,
    collect: String,
    table: Option<PathBuf>,
    state: PathBuf,
    name: Option<String>,
    resume: Option<String>,
    retry_failed: bool,
}

/// What Python is told while a run goes on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Callbacks {
    /// Called with the bytes of outputs.
    output: Py<PyAny>,
    /// Called with the bytes of errors.
    errors: Py<PyAny>,
    /// Called with each record as JSON.
    ended: Py<PyAny>,
    /// Called with finished, failed and total.
    progress: Option<Py<PyAny>>,
}

/// Runs a command for every input.
#[pyfunction]
pub(crate) fn run(
    py: Python<'_>,
    options: Options,
    callbacks: Callbacks,
    environment: Vec<(OsString, OsString)>,
) -> PyResult<Answer> {
    let request = request(options, environment).map_err(|error| exception(py, &error))?;
    let cancel = CancelToken::new();
    let mut output = Stream { write: &callbacks.output };
    let mut errors = Stream { write: &callbacks.errors };
    let mut teller = Teller { callbacks: &callbacks, cancel: cancel.clone() };
    let result = interruptible(py, &cancel, || {
        let streams = Streams { output: &mut output, errors: &mut errors };
        let result = run_tasks(&request, streams, &mut teller, &cancel)?;
        Ok(Answer::new(&result.to_json(), run_report(&result)))
    })?;
    result.map_err(|error: Error| exception(py, &error))
}

fn request(options: Options, environment: Vec<(OsString, OsString)>) -> Result<RunRequest, Error> {
    let mut inputs = Inputs::new();
    for given in options.inputs {
        inputs = inputs.product(source(given)?);
    }
    let mut request = RunRequest::new(options.command, inputs, environment.into_iter().collect());
    request.shell = options.shell;
    request.variables = options.env.into_iter().collect();
    request.slots = options.workers.and_then(Workers::new);
    request.cores_per_task = options.cores_per_task.and_then(Workers::new);
    request.pin = options.pin;
    request.timeout = options.timeout_s.map(Seconds);
    request.memory_per_task = options.memory_per_task.as_deref().map(amount).transpose()?;
    request.retries = options.retries;
    request.retry_delay = Seconds(options.retry_delay_s);
    request.halt = options.halt.parse()?;
    request.seed = options.seed;
    request.keep_order = options.keep_order;
    request.outputs = options.outputs;
    request.collect = match options.collect.as_str() {
        "json" => Collect::Json,
        "none" => Collect::Nothing,
        _ => Collect::LastLine,
    };
    request.table = options.table.map(Table::new);
    request.state = options.state;
    request.name = options.name;
    request.resume = match options.resume.as_deref() {
        None => Resume::No,
        Some("latest") => Resume::Latest,
        Some(run) => Resume::Run(run.to_owned()),
    };
    request.retry_failed = options.retry_failed;
    Ok(request)
}

fn source(given: Given) -> Result<Source, Error> {
    Ok(match given {
        Given { values: Some(values), .. } => Source::Values(values),
        Given { lines: Some(path), .. } => Source::lines(path),
        Given { csv: Some(path), .. } => {
            Source::Table { origin: Origin::File(path), format: TableFormat::Csv }
        }
        Given { glob: Some(pattern), .. } => Source::Pattern(pattern),
        Given { range, .. } => Source::Range(range.unwrap_or_default().parse()?),
    })
}

fn amount(text: &str) -> Result<festina::Bytes, Error> {
    text.parse().map_err(|error| Error::Input { message: format!("{error}"), hint: None })
}

/// A stream of Python's.
struct Stream<'a> {
    write: &'a Py<PyAny>,
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| self.write.call1(py, (bytes,))).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells Python functions what happens; one that raises ends the run.
struct Teller<'a> {
    callbacks: &'a Callbacks,
    cancel: CancelToken,
}

impl Teller<'_> {
    fn told(&self, result: &PyResult<Py<PyAny>>) {
        if result.is_err() {
            self.cancel.request();
        }
    }
}

impl TaskObserver for Teller<'_> {
    fn ended(&mut self, record: &Record) {
        let (end, inputs) = (&record.end, &record.inputs);
        let told =
            (record.number, inputs.clone(), end.name(), end.exit_code(), end.signal(), record.wall().0);
        let value = record.value.clone();
        let used = (record.cpu().0, record.peak_rss().0, record.attempts, record.slot, value);
        self.told(&Python::attach(|py| self.callbacks.ended.call1(py, (told, used))));
    }

    fn progress(&mut self, progress: &Progress) {
        let Some(function) = &self.callbacks.progress else { return };
        let told = (progress.finished, progress.failed, progress.total);
        self.told(&Python::attach(|py| function.call1(py, told)));
    }
}
