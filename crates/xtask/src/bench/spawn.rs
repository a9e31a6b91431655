//! What a measured run costs, beside a bare spawn in C and beside hyperfine.

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::Section;
use crate::shell;

const RUNS: &str = "600";
/// One in 40 runs.
const SLOPES: u32 = 15;

/// Builds the reference and the example, runs them interleaved, and saves the section.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let reference = shell::compiled("bench/spawn/reference.c", "bench-spawn-reference")?;
    let cargo = ["run", "--release", "--quiet", "--package", "festina-run", "--example", "spawn_cost", "--"];
    let mut command = shell::command(env!("CARGO"), cargo);
    let printed = shell::capture(command.arg(&reference).arg(RUNS))?;
    let figures: Value = serde_json::from_str(printed.trim()).context("the example prints JSON")?;
    let microseconds =
        |name: &str| figures[name].as_f64().map_or("not installed".to_owned(), |us| format!("{us:.0}"));
    let row = |what: &str, total: &str, added: &str| {
        vec![
            what.to_owned(),
            microseconds(total),
            if added.is_empty() { "0".to_owned() } else { microseconds(added) },
        ]
    };
    let section = Section {
        title: "What a measured run costs".to_owned(),
        order: 20,
        protocol: format!(
            "`/bin/true`, {RUNS} runs each in turn, median µs from before the start to after the collection; festina with \
             all counters on and both streams captured. Of hyperfine only the total of many runs can be seen: it, \
             festina and the reference are compared by the slope of the total time from 10 to 60 runs, in turn, median \
             of {SLOPES} slopes."
        ),
        columns: ["what", "µs a run", "added to the bare start"].map(str::to_owned).to_vec(),
        rows: vec![
            row("bare `posix_spawn` + `wait4` (C)", "reference_us", ""),
            row("festina", "festina_us", "added_festina_us"),
            row("festina, with time and memory limits", "festina_bounded_us", "added_bounded_us"),
            row("slope: bare start (C)", "reference_slope_us", ""),
            row("slope: festina", "festina_slope_us", "added_festina_slope_us"),
            row("slope: festina, streams discarded", "silent_slope_us", "added_silent_slope_us"),
            row("slope: hyperfine, streams discarded", "hyperfine_us", "added_hyperfine_us"),
        ],
        notes: missed(&figures)
            .into_iter()
            .chain(["Goal: at most 500 µs added, and less than hyperfine."])
            .map(str::to_owned)
            .collect(),
    };
    section.save("spawn")
}

/// Says which goals this run missed.
fn missed(figures: &Value) -> Vec<&'static str> {
    let added = |name: &str| figures[name].as_f64();
    let ours = added("added_festina_us");
    let mut missed = Vec::new();
    if ours > Some(500.0) {
        missed.push("Missed: festina added more than 500 µs.");
    }
    if added("added_silent_slope_us") > added("added_hyperfine_us") && added("added_hyperfine_us").is_some() {
        missed.push("Missed in this run: hyperfine added less.");
    }
    missed
}
