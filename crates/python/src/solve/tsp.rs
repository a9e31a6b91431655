//! `festina.solve.tsp(…)`

use std::collections::BTreeMap;

use festina::solve::{Instance, Method, Request, Shape, open_shape, read_instance, solve_tsp, tsp_report};
use festina::{CancelToken, Error, Seconds};
use pyo3::prelude::*;

use super::{limit, threads};
use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// The options of a search, as they were given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    time_s: f64,
    gap: Option<f64>,
    method: String,
    open: bool,
    start: Option<String>,
    end: Option<String>,
    seed: u64,
    deterministic: bool,
    workers: Option<u32>,
    bound: bool,
}

/// Finds a short tour of the instance `content`, a file called `name`.
#[pyfunction]
pub(crate) fn tsp(
    py: Python<'_>,
    name: &str,
    content: &[u8],
    options: Options,
    environment: BTreeMap<String, String>,
) -> PyResult<Answer> {
    let cancel = CancelToken::new();
    let answer = interruptible(py, &cancel, || {
        let instance = read_instance(name, content)?;
        let request = request(&options, &instance)?;
        let threads = threads(options.workers, environment);
        let limit = limit(Seconds(options.time_s), options.deterministic);
        let result = solve_tsp(&instance, &request, limit, &threads, &cancel, &mut |_| ())?;
        Ok(Answer::new(&result.to_json(), tsp_report(&instance, &result)))
    })?;
    answer.map_err(|error: Error| exception(py, &error))
}

fn request(options: &Options, instance: &Instance) -> Result<Request, Error> {
    let shape = if options.open {
        open_shape(instance, options.start.as_deref(), options.end.as_deref())?
    } else {
        Shape::Closed
    };
    Ok(Request {
        method: options.method.parse::<Method>()?,
        shape,
        seed: options.seed,
        gap: options.gap,
        bound: options.bound,
    })
}
