//! Benchmarks that a script makes from beginning to end: it prints its section.

use anyhow::{Context, Result};

use super::page::Section;
use crate::shell;

/// Has `bench/run/pipes.py` split a long text.
pub(crate) fn pipes(arguments: &[String]) -> Result<()> {
    run("pipes", arguments)
}

/// Has `bench/run/endurance.py` make a long run.
pub(crate) fn endurance(arguments: &[String]) -> Result<()> {
    run("endurance", arguments)
}

/// Runs `bench/run/NAME.py` with the built festina and `arguments`, and saves what it prints.
fn run(name: &str, arguments: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let script = shell::root().join("bench/run").join(name).with_extension("py");
    let mut command = shell::command("python3", [script, festina]);
    let text = shell::capture(command.args(arguments))?;
    let section: Section = serde_json::from_str(&text).context("the script prints a section as JSON")?;
    section.save(name)
}
