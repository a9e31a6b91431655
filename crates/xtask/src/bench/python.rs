//! `festina.map` beside the pools that Python has, in one environment.

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::Section;
use crate::{package, shell};

/// Builds and installs the release wheel beside the peers, runs the interleaving script, and saves the sections.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let python = package::install("release", &package::WHEELS)?;
    let script = shell::root().join("bench/python/measure.py");
    let mut command = shell::command(&python, [script.as_os_str()]);
    command.args(arguments);
    let output = shell::capture(&mut command)?;
    let last = output.lines().last().unwrap_or_default();
    let figures: Value = serde_json::from_str(last).context("the script prints JSON")?;
    items(&figures).save("python-items")?;
    arrays(&figures).save("python-arrays")?;
    waits(&figures).save("python-waits")
}

fn names(figures: &Value, key: &str) -> Vec<String> {
    figures[key].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
}

/// Says that `what` was missed unless `ours` is at most `goal`.
fn missed(what: &str, ours: Option<f64>, goal: f64) -> Option<String> {
    let ours = ours?;
    (ours > goal).then(|| format!("Missed: {what} is {ours:.2}, the goal {goal}."))
}

fn items(figures: &Value) -> Section {
    let one = |name: &str| figures["us_one"][name].as_f64();
    let default = |name: &str| figures["us_default"][name].as_f64();
    let ratio = |theirs: Option<f64>, ours: Option<f64>| Some(theirs? / ours?);
    let rows = names(figures, "us_one").into_iter().map(|name| {
        vec![
            name.clone(),
            figures["items"][&name].as_u64().map_or("10000".to_owned(), |items| items.to_string()),
            number(one(&name), 2),
            number(ratio(one(&name), one("festina")), 1),
            number(default(&name), 2),
            number(ratio(default(&name), default("festina")), 1),
        ]
    });
    let missing = names(figures, "missing")
        .into_iter()
        .map(|name| format!("Not measured: {name} ({}).", figures["missing"][&name].as_str().unwrap_or("")));
    let pool = default("multiprocessing.Pool").unwrap_or(f64::INFINITY);
    let goals = [
        missed("an item by itself, in microseconds,", one("festina"), 10.0),
        missed("an item by default, in microseconds,", default("festina"), 0.4),
        missed(
            "an item by default over multiprocessing.Pool's",
            default("festina").map(|ours| ours / pool),
            1.0,
        ),
    ];
    Section {
        title: "A trivial function over many items: `festina.map`".to_owned(),
        order: 70,
        protocol: format!(
            "`x * x` on {} workers that are there already, {} rounds in turn; one item at a time (chunk size 1), and as each \
             does by default (those without a default: an eighth of the items). mpi4py runs by itself, under mpiexec.",
            figures["workers"], figures["rounds"]
        ),
        columns: [
            "what",
            "items",
            "µs an item by itself",
            "/ festina's",
            "µs an item by default",
            "/ festina's",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
        notes: goals
            .into_iter()
            .flatten()
            .chain(missing)
            .chain(["Goal: at most 10 µs by itself, 0.4 µs by default and not above multiprocessing.Pool."
                .to_owned()])
            .collect(),
    }
}

fn arrays(figures: &Value) -> Section {
    let seconds = |name: &str| figures["arrays_s"][name].as_f64();
    let serial = seconds("serial").unwrap_or(f64::NAN);
    let rows = names(figures, "arrays_s").into_iter().map(|name| {
        vec![name.clone(), number(seconds(&name), 3), number(seconds(&name).map(|time| time / serial), 2)]
    });
    // The goals are those of a machine whose serial loop takes 0.13 s.
    let over = |name: &str| seconds(name).map(|time| time / serial);
    let goals = [
        missed("from ordinary arrays, over the serial loop,", over("festina"), 0.30 / 0.13),
        missed("from festina.array, over the serial loop,", over("festina, festina.array"), 0.11 / 0.13),
        missed("in threads, over the serial loop,", over("festina, on='threads'"), 0.08 / 0.13),
        missed("on='auto' over the serial loop", over("festina, on='auto'"), 1.1),
    ];
    Section {
        title: "Twenty arrays of 50 MB, summed: `festina.map`".to_owned(),
        order: 71,
        protocol: format!(
            "NumPy's sum on {} workers; one array an item, from ordinary arrays unless it says otherwise.",
            figures["workers"]
        ),
        columns: ["what", "seconds", "/ serial"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes: goals
            .into_iter()
            .flatten()
            .chain(["Goal, with a serial loop of 0.13 s: 0.30 s from ordinary arrays, 0.11 s from festina.array, 0.08 s in \
                     threads, never over 1.1 times serial when festina chooses."
                .to_owned()])
            .collect(),
    }
}

fn waits(figures: &Value) -> Section {
    let start = |name: &str| figures["start_ms"][name].as_f64();
    let mut rows: Vec<Vec<String>> = names(figures, "start_ms")
        .into_iter()
        .map(|name| {
            let what =
                if name.starts_with("import") { name.clone() } else { format!("first results: {name}") };
            vec![what, number(start(&name), 0)]
        })
        .collect();
    let milliseconds = |key: &str| figures[key].as_f64().map(|seconds| 1e3 * seconds);
    rows.push(vec![
        "20 items, one of which kills its worker".to_owned(),
        number(milliseconds("killed_s"), 0),
    ]);
    rows.push(vec!["a time limit, beyond the limit".to_owned(), number(milliseconds("timeout_s"), 0)]);
    for name in names(figures, "skew") {
        let ratio = number(figures["skew"][&name].as_f64(), 2);
        rows.push(vec![format!("1 % of the items 100 times longer, over list scheduling: {name}"), ratio]);
    }
    let goals = [
        missed("the first result, in milliseconds,", start("festina"), 60.0),
        missed("the first result of spawned workers, in milliseconds,", start("festina, spawned"), 120.0),
        missed("import festina, in milliseconds,", start("import festina"), 60.0),
        missed("a killed task, in seconds,", figures["killed_s"].as_f64(), 0.5),
        missed("a time limit, in seconds beyond it,", figures["timeout_s"].as_f64(), 0.2),
        missed("one long item, over list scheduling,", figures["skew"]["festina"].as_f64(), 1.1),
    ];
    Section {
        title: "Starting, and what goes wrong: `festina.map`".to_owned(),
        order: 72,
        protocol: "Milliseconds in a fresh interpreter each, from the call (or the import) to two results of two workers; \
                   twenty items of which one kills its worker each time it is tried; one item of 5 s with a limit of 0.5 s."
            .to_owned(),
        columns: ["what", "ms, or ratio"].map(str::to_owned).to_vec(),
        rows,
        notes: goals
            .into_iter()
            .flatten()
            .chain(["Goal: 60 ms forked, 120 ms spawned, 60 ms to import; 0.5 s with a killed task; 0.2 s to replace a \
                     worker; 1.1 times list scheduling."
                .to_owned()])
            .collect(),
    }
}
