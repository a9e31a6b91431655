//! Many short commands: `festina run` beside a C reference, xargs and GNU parallel.

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::Section;
use crate::shell;

/// Builds the reference, runs the interleaving script, and saves the section.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let reference = shell::target().join("bench-tasks-reference");
    let source = shell::root().join("bench/run/reference.c");
    let flags =
        ["-O2".as_ref(), "-pthread".as_ref(), "-o".as_ref(), reference.as_os_str(), source.as_os_str()];
    shell::run(&mut shell::command("cc", flags))?;
    let script = shell::root().join("bench/run/measure.py");
    let ours = format!("{} run -q", festina.display());
    let mut command = shell::command("python3", [script.as_os_str(), ours.as_ref(), reference.as_os_str()]);
    let figures: Value =
        serde_json::from_str(&shell::capture(&mut command)?).context("the script prints JSON")?;
    let microseconds = &figures["us_per_task"];
    let over_ours = |name: &str| match name {
        "festina" => Some(1.0),
        "reference" => figures["festina_over_reference"].as_f64().map(|ratio| 1.0 / ratio),
        other => figures[format!("{other}_over_festina")].as_f64(),
    };
    let row = |(name, what): (&str, &str)| {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or("not installed".to_owned(), |value| format!("{value:.digits$}"))
        };
        vec![what.to_owned(), number(microseconds[name].as_f64(), 0), number(over_ours(name), 2)]
    };
    let section = Section {
        title: "Many short commands: `festina run`".to_owned(),
        order: 60,
        protocol: format!(
            "{} × `true N` on {} workers, {} rounds in turn; the C reference has two pinned threads, `posix_spawn`, pipes \
             captured to their end, process groups and `wait4`, and keeps no journal.",
            figures["tasks"], figures["slots"], figures["rounds"]
        ),
        columns: ["what", "µs a task", "time / festina's"].map(str::to_owned).to_vec(),
        rows: [
            ("reference", "C reference"),
            ("festina", "festina run, with journal"),
            ("xargs", "xargs"),
            ("parallel", "GNU parallel"),
        ]
        .map(row)
        .to_vec(),
        notes: missed(&figures)
            .into_iter()
            .chain(["Goal: at most 1.15 times the reference; xargs at least 1.7, GNU parallel at least 9 times ours."])
            .map(str::to_owned)
            .collect(),
    };
    section.save("tasks")
}

/// Says which goals this run missed.
fn missed(figures: &Value) -> Vec<&'static str> {
    let goals = [
        (
            figures["festina_over_reference"].as_f64() > Some(1.15),
            "Missed: more than 1.15 times the reference.",
        ),
        (figures["xargs_over_festina"].as_f64() < Some(1.7), "Missed: xargs takes less than 1.7 times ours."),
        (
            figures["parallel_over_festina"].as_f64() < Some(9.0),
            "Missed: GNU parallel takes less than 9 times ours.",
        ),
    ];
    goals.into_iter().filter(|(is_missed, _)| *is_missed).map(|(_, words)| words).collect()
}
