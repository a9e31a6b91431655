//! `festina.laws(…)`

use festina::{LawsSource, Seconds, Workers};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::exception;

/// What the laws are computed from, as it was given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    cores: u32,
    times: Option<String>,
    run: Option<String>,
    state: String,
    work: Option<f64>,
    span: Option<f64>,
    serial: Option<f64>,
    contention: Option<f64>,
    coherency: Option<f64>,
}

/// Returns what the laws say.
#[pyfunction]
pub(crate) fn laws(py: Python<'_>, options: Options) -> PyResult<Answer> {
    let result = source(&options).and_then(|source| {
        let cores = Workers::new(options.cores).unwrap_or(Workers::MIN);
        py.detach(|| festina::laws(&source, cores))
    });
    let result = result.map_err(|error| exception(py, &error))?;
    Ok(Answer::new(&result.to_json(), festina::laws_report(&result)))
}

fn source(options: &Options) -> Result<LawsSource, festina::Error> {
    if let Some(times) = &options.times {
        return Ok(LawsSource::Times(festina::parse_times(times)?));
    }
    if let Some(run) = &options.run {
        return Ok(LawsSource::Times(festina::scale::stored_times(options.state.as_ref(), run)?));
    }
    if let (Some(work), Some(span)) = (options.work, options.span) {
        return Ok(LawsSource::WorkSpan { work: Seconds(work), span: Seconds(span) });
    }
    let serial = options.serial.unwrap_or(0.0);
    Ok(LawsSource::Given {
        serial,
        contention: options.contention.unwrap_or(serial),
        coherency: options.coherency.unwrap_or(0.0),
    })
}
