//! `festina load` beside wrk, and against servers whose truth is computed.
//!
//! Parts: `rate` (what a request costs), `truth` (latencies), `knee` (the highest rate), `honesty` (whose limit it was).

mod honesty;
mod knee;
mod rate;
mod truth;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// Runs a part: with the program, and whether there is time.
type Part = fn(&Path, bool) -> Result<()>;

const PARTS: [(&str, Part); 4] =
    [("rate", rate::run), ("truth", truth::run), ("knee", knee::run), ("honesty", honesty::run)];

/// Runs the parts that are named, or all; `--long` repeats each more often.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let is_long = arguments.iter().any(|word| word == "--long");
    let named: Vec<&String> = arguments.iter().filter(|word| *word != "--long").collect();
    if let Some(unknown) = named.iter().find(|name| PARTS.iter().all(|part| part.0 != name.as_str())) {
        bail!(
            "the parts of this benchmark are {}; there is no {unknown}",
            PARTS.map(|part| part.0).join(", ")
        );
    }
    let festina = shell::release_festina()?;
    for (name, part) in
        PARTS.iter().filter(|part| named.is_empty() || named.iter().any(|name| *name == part.0))
    {
        println!("{name} …");
        part(&festina, is_long)?;
    }
    Ok(())
}

/// Returns the command `festina load URL arguments --json`, as words.
fn words(festina: &Path, url: &str, arguments: &[&str]) -> Vec<String> {
    let program = festina.to_string_lossy().into_owned();
    [program.as_str(), "load", url]
        .iter()
        .chain(arguments)
        .chain(&["--json"])
        .map(|word| (*word).to_owned())
        .collect()
}

/// Returns what `words` prints as JSON, whatever its verdict is.
fn answer(words: &[String]) -> Result<Value> {
    let output = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start {words:?}"))?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Returns the number at a JSON pointer.
fn number(value: &Value, pointer: &str) -> Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("there is no number at {pointer}"))
}

/// Returns the latency at `probability`, in seconds.
fn quantile(answer: &Value, probability: f64) -> Result<f64> {
    let quantiles = answer.pointer("/latency/quantiles").and_then(Value::as_array);
    let is_it = |quantile: &&Value| {
        quantile["probability"].as_f64().is_some_and(|found| (found - probability).abs() < 1e-9)
    };
    let found = quantiles.and_then(|all| all.iter().find(is_it)).context("the answer has the quantile")?;
    number(found, "/estimate/value")
}
