//! `festina.solve.mst(…)`

use std::collections::BTreeMap;

use festina::solve::{MstFormat, MstInput, mst_report, read_mst, solve_mst};
use festina::{CancelToken, Error, SharedMemory};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use super::threads;
use crate::answer::Answer;
use crate::error::exception;
use crate::interrupt::{interruptible, stoppable};

/// The nodes of each edge of a forest, counted from 0.
type Ends = Vec<(u32, u32)>;

/// Finds the minimum spanning forest of the graph or the points in `content`, a file called `name`.
#[pyfunction]
pub(crate) fn mst(
    py: Python<'_>,
    name: &str,
    content: &[u8],
    format: Option<String>,
    workers: Option<u32>,
    environment: BTreeMap<String, String>,
) -> PyResult<(Answer, Ends)> {
    solve(py, workers, environment, |memory| {
        let format = match format {
            Some(format) => format.parse()?,
            None => MstFormat::detect(name, content),
        };
        read_mst(name, content, format, memory)
    })
}

/// Finds the minimum spanning forest of the graph with the edges from `from` to `to`; `labels` are the names of its
/// nodes, which are counted from 0.
#[pyfunction]
pub(crate) fn mst_of_edges(
    py: Python<'_>,
    edges: (PyBuffer<u32>, PyBuffer<u32>, PyBuffer<f64>),
    nodes: usize,
    labels: Option<Vec<String>>,
    workers: Option<u32>,
    environment: BTreeMap<String, String>,
) -> PyResult<(Answer, Ends)> {
    let (from, to, weights) = (edges.0.to_vec(py)?, edges.1.to_vec(py)?, edges.2.to_vec(py)?);
    solve(py, workers, environment, move |_| {
        let ends = from.into_iter().zip(to).map(|(a, b)| [a, b]).collect();
        MstInput::of_edges("the graph", nodes, ends, weights, labels)
    })
}

fn solve(
    py: Python<'_>,
    workers: Option<u32>,
    environment: BTreeMap<String, String>,
    read: impl FnOnce(&dyn SharedMemory) -> Result<MstInput, Error> + Send,
) -> PyResult<(Answer, Ends)> {
    let cancel = CancelToken::new();
    let answer = interruptible(py, &cancel, || {
        stoppable(&threads(workers, environment), &cancel, |memory| {
            let input = read(memory)?;
            let result = solve_mst(&input, memory);
            let ends = result.ends().map(|[a, b]| (a, b)).collect();
            Ok((Answer::new(&result.to_json(), mst_report(&input, &result)), ends))
        })
    })?;
    let answer = answer.expect("what is stopped was interrupted, and that is raised");
    answer.map_err(|error: Error| exception(py, &error))
}
