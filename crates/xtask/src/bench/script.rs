//! Benchmarks that a script makes from beginning to end: it prints its section.

use std::path::Path;

use anyhow::{Context, Result};

use super::page::Section;
use crate::{shell, test};

/// Has `bench/run/pipes.py` split a long text.
pub(crate) fn pipes(arguments: &[String]) -> Result<()> {
    run("pipes", "run/pipes.py", Path::new("python3"), arguments)
}

/// Has `bench/run/endurance.py` make a long run.
pub(crate) fn endurance(arguments: &[String]) -> Result<()> {
    run("endurance", "run/endurance.py", Path::new("python3"), arguments)
}

/// Has `bench/tsp/measure.py` find tours.
pub(crate) fn tsp(arguments: &[String]) -> Result<()> {
    let python = test::venv_with("bench-venv", &["numpy", "fast-tsp", "elkai"])?;
    run("tsp", "tsp/measure.py", &python, arguments)
}

/// Has `bench/ready/measure.py` forecast training and predicting.
pub(crate) fn ready(arguments: &[String]) -> Result<()> {
    let python = test::venv_with("churn-venv", &test::EXAMPLE)?;
    run("ready", "ready/measure.py", &python, arguments)
}

/// Has `bench/profile/long.py` analyse a long recording.
pub(crate) fn profile_long(arguments: &[String]) -> Result<()> {
    run("profile-long", "profile/long.py", Path::new("python3"), arguments)
}

/// Runs `bench/SCRIPT` with the built festina and `arguments`, and saves what it prints.
fn run(name: &str, script: &str, python: &Path, arguments: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let script = shell::root().join("bench").join(script);
    let mut command = shell::command(python, [script, festina]);
    let text = shell::capture(command.args(arguments))?;
    let section: Section = serde_json::from_str(&text).context("the script prints a section as JSON")?;
    section.save(name)
}
