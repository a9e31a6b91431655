//! `festina.solve.vrp(…)`

use std::collections::BTreeMap;

use festina::vrp::{
    PlanRequest, convention, default_time, objective, plan_report, read_problem, read_tables, solve_vrp,
};
use festina::{CancelToken, Error, Seconds};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::{limit, threads};
use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::interruptible;

/// The options of a plan, as they were given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    time_s: Option<f64>,
    objective: String,
    distances: Option<String>,
    seed: u64,
    deterministic: bool,
    workers: Option<u32>,
}

/// Plans the routes of the problem `content`, a file called `name`; with `vehicles`, both are tables.
#[pyfunction]
pub(crate) fn vrp(
    py: Python<'_>,
    name: &str,
    content: &[u8],
    vehicles: Option<PyBackedBytes>,
    options: Options,
    environment: BTreeMap<String, String>,
) -> PyResult<Answer> {
    let cancel = CancelToken::new();
    let answer = interruptible(py, &cancel, || {
        let problem = match vehicles {
            Some(vehicles) => read_tables(name, content, &vehicles)?,
            None => read_problem(name, content, convention(options.distances.as_deref())?)?,
        };
        let request = PlanRequest { objective: objective(&options.objective)?, seed: options.seed };
        let time = options.time_s.map_or_else(|| default_time(&problem), Seconds);
        let threads = threads(options.workers, environment);
        let limit = limit(time, options.deterministic);
        let result = solve_vrp(&problem, &request, limit, &threads, &cancel, &mut |_| ())?;
        Ok(Answer::new(&result.to_json(), plan_report(&problem, &result)))
    })?;
    answer.map_err(|error: Error| exception(py, &error))
}
