//! Minimum spanning trees: `festina solve mst` beside `SciPy` and `NetworKit`.

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::Section;
use crate::{shell, test};

/// The Kronecker graph has 2 to this power nodes.
const SCALE: &str = "20";

/// Makes the graph, runs the interleaving script, and saves the section; the first argument is another scale.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let scale = arguments.first().map_or(SCALE, String::as_str);
    let festina = shell::release_festina()?;
    let graph = graph(scale)?;
    let python = test::venv_with("bench-venv", &["numpy", "scipy", "networkit"])?;
    let script = shell::root().join("bench/mst/measure.py");
    let words = [script.as_os_str(), festina.as_os_str(), graph.as_os_str()];
    let output = shell::capture(&mut shell::command(python, words))?;
    let figures: Value = serde_json::from_str(&output).context("the script prints JSON")?;
    section(&figures).save("mst")
}

/// Returns the file of the graph, made if it is not there.
fn graph(scale: &str) -> Result<std::path::PathBuf> {
    let path = shell::target().join(format!("bench-kronecker-{scale}.mtx"));
    if !path.exists() {
        let words =
            ["run", "--release", "--quiet", "--package", "festina-graph", "--example", "kronecker", "--"];
        let text = shell::capture(&mut shell::command(env!("CARGO"), words.into_iter().chain([scale, "1"])))?;
        std::fs::write(&path, text)?;
    }
    Ok(path)
}

fn section(figures: &Value) -> Section {
    let row = |name: &str, what: &str| {
        let number = |part: &str, digits: usize| {
            figures[part][name].as_f64().map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        vec![what.to_owned(), number("seconds", 3), number("over_festina_2", 2)]
    };
    let version = |peer: &str| figures["versions"][peer].as_str().unwrap_or("").to_owned();
    let check = figures["check_s"].as_f64().unwrap_or(f64::NAN);
    let is_missed = ["scipy", "networkit_1", "networkit_2"]
        .into_iter()
        .any(|peer| figures["over_festina_2"][peer].as_f64() < Some(5.0));
    let missed = is_missed.then(|| "Missed: a peer takes less than 5 times ours on two threads.".to_owned());
    let notes = [
        "Goal: at least 5 times as fast as SciPy and NetworKit.".to_owned(),
        format!(
            "Checking every edge of festina's answer takes another {check:.3} s on two threads; the peers check nothing."
        ),
    ];
    Section {
        title: "Minimum spanning trees: `festina solve mst`".to_owned(),
        order: 75,
        protocol: format!(
            "A Kronecker graph of {} nodes and {} edges with weights of 1 to 255, which every tool has read before its clock \
             starts; {} rounds in turn, medians; all forests weigh the same.",
            figures["nodes"], figures["edges"], figures["rounds"]
        ),
        columns: ["what", "seconds", "time / festina's on two threads"].map(str::to_owned).to_vec(),
        rows: vec![
            row("festina_1", "festina, one thread"),
            row("festina_2", "festina, two threads"),
            row("scipy", &format!("SciPy {}", version("scipy"))),
            row("networkit_1", &format!("NetworKit {}, one thread", version("networkit"))),
            row("networkit_2", &format!("NetworKit {}, two threads", version("networkit"))),
        ],
        notes: missed.into_iter().chain(notes).collect(),
    }
}
