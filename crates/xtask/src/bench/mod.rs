//! `cargo xtask bench`: ours beside the peers', from one interleaved run, written to docs/benchmarks.md.
//!
//! Each benchmark writes its raw figures to `bench/results/NAME.json`; the page is made of all of these files, so that
//! one benchmark can be run again without the others. The protocol is in bench/README.md.

mod interleave;
mod page;
mod startup;

use std::process::ExitCode;

use anyhow::{Result, bail};

pub use page::{Result as BenchResult, Row};

type Bench = fn(&[String]) -> Result<ExitCode>;

/// Name, what it measures, and the benchmark.
const BENCHES: [(&str, &str, Bench); 1] =
    [("startup", "how soon `festina cores` and `festina laws` answer", startup::main)];

/// Runs the benchmark named first in `args`, or all of them, and writes docs/benchmarks.md.
pub fn main(args: &[String]) -> Result<ExitCode> {
    let Some(name) = args.first() else {
        for (_, _, bench) in BENCHES {
            bench(&[])?;
        }
        page::write()?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some((_, _, bench)) = BENCHES.iter().find(|bench| bench.0 == name) else {
        let names: Vec<String> = BENCHES.iter().map(|bench| format!("{:10} {}", bench.0, bench.1)).collect();
        bail!("there is no benchmark '{name}'; there are:\n  {}", names.join("\n  "));
    };
    let code = bench(&args[1..])?;
    page::write()?;
    Ok(code)
}
