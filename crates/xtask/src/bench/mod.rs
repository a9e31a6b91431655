//! Benchmarks: each prints a table and, with `--json FILE`, writes what the table was made of.

mod forecast;

use anyhow::{Result, bail};

/// Runs a benchmark with the arguments after its name.
type Run = fn(&[String]) -> Result<()>;

const BENCHMARKS: &[(&str, Run)] = &[("forecast", forecast::run)];

/// Runs the benchmark that the first argument names.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let name = arguments.first().map_or("", String::as_str);
    match BENCHMARKS.iter().find(|(known, _)| *known == name) {
        Some((_, run)) => run(&arguments[1..]),
        None => {
            let known: Vec<&str> = BENCHMARKS.iter().map(|(known, _)| *known).collect();
            bail!("no benchmark is called `{name}`; there is: {}", known.join(", "))
        }
    }
}
