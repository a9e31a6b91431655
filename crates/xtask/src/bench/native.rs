//! What a native task costs on threads and in worker processes, beside rayon and a bare ping-pong over pipes.

use anyhow::{Context, Result};
use serde_json::Value;

use super::interleave::{median, median_ratio};
use super::page::{Row, Section};
use crate::shell;

const ROUNDS: &str = "9";

/// Builds and runs the example that measures all in turn in one process, and saves the section.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let example =
        ["--release", "--quiet", "--package", "festina-run", "--example", "native_cost", "--", ROUNDS];
    let printed = shell::capture(shell::command(env!("CARGO"), ["run"]).args(example))?;
    let figures: Value = serde_json::from_str(printed.trim()).context("the example prints JSON")?;
    let series = |name: &str| -> Result<Vec<f64>> {
        let values = figures[name].as_array().with_context(|| format!("the example measures {name}"))?;
        Ok(values.iter().filter_map(Value::as_f64).collect())
    };
    let serial = series("arrays_serial_ms")?;
    let row = |what: &str, name: &str, goal: &str| -> Result<Row> {
        Ok(vec![what.to_owned(), format!("{:.2} µs", median(&series(name)?)), goal.to_owned()])
    };
    let arrays = |what: &str, name: &str| -> Result<Row> {
        let times = series(name)?;
        let ratio = median_ratio(&times, &serial);
        Ok(vec![what.to_owned(), format!("{:.0} ms, {ratio:.2} × the loop's", median(&times)), String::new()])
    };
    let section = Section {
        title: "Native tasks: `festina::run`".to_owned(),
        order: 64,
        protocol: format!(
            "{} tasks that return their 8 bytes, 2 workers, {ROUNDS} rounds in turn in one process, default batching; medians. \
             The ping-pong is one byte to another process and back over pipes: what a backend pays that sends tasks one by \
             one, and waits. The arrays are 20 × 50 MB in memory, each summed.",
            figures["tasks"]
        ),
        columns: ["what", "time", "goal"].map(str::to_owned).to_vec(),
        rows: vec![
            row("a task on `threads`", "threads_us", "≤ 5 µs")?,
            row("a task on `processes`", "processes_us", "≤ 10 µs")?,
            row("a task in rayon", "rayon_us", "")?,
            row("a ping-pong over pipes", "ping_pong_us", "")?,
            row("a map of two tasks on `threads`", "threads_two_us", "")?,
            row("a map of two tasks on `processes`", "processes_two_us", "")?,
            arrays("the arrays in a loop", "arrays_serial_ms")?,
            arrays("the arrays on `threads`", "arrays_threads_ms")?,
            arrays("the arrays on `processes`", "arrays_processes_ms")?,
        ],
        notes: notes(&figures, &series)?,
    };
    section.save("native")
}

/// Says which goals this run missed, and what starting costs.
fn notes(figures: &Value, series: &dyn Fn(&str) -> Result<Vec<f64>>) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for (name, what, goal) in [("threads_us", "threads", 5.0), ("processes_us", "processes", 10.0)] {
        if median(&series(name)?) > goal {
            notes.push(format!("Missed: a task on {what} takes more than {goal} µs."));
        }
    }
    let start = figures["start_ms"].as_f64().context("the example measures the start")?;
    notes.push(format!(
        "Two worker processes are ready after {start:.1} ms; threads are started for each map."
    ));
    if median_ratio(&series("arrays_processes_ms")?, &series("arrays_serial_ms")?) > 1.0 {
        notes.push(
            "Arrays that are summed once are no work for processes: the way there took longer than the sum."
                .to_owned(),
        );
    }
    Ok(notes)
}
