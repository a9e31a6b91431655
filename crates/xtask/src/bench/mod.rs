//! `cargo xtask bench`: ours beside the peers', from one interleaved run, written to docs/benchmarks.md.
//!
//! Each benchmark writes its raw figures to `bench/results/NAME.json`; the page is made of all of these files, so that
//! one benchmark can be run again without the others. The protocol is in bench/README.md.

mod forecast;
mod hog;
mod interleave;
mod load;
mod mpi;
mod mst;
mod native;
mod noise;
mod page;
mod profile;
mod profile_gains;
mod python;
mod script;
mod simulate;
mod slurm;
mod spawn;
mod startup;
mod tasks;
mod vrp;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// Runs a benchmark with the arguments after its name.
type Run = fn(&[String]) -> Result<()>;

struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: Run,
    /// Whether it can run without arguments.
    is_complete: bool,
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "forecast",
        about: "forecasts on published series: --data DIR [--json FILE] [--peers] [--derive] [--save]",
        run: forecast::run,
        is_complete: false,
    },
    Benchmark { name: "spawn", about: "what a measured run costs", run: spawn::run, is_complete: true },
    Benchmark {
        name: "startup",
        about: "how soon the quick verbs answer",
        run: startup::run,
        is_complete: true,
    },
    Benchmark { name: "simulate", about: "a million recorded tasks", run: simulate::run, is_complete: true },
    Benchmark { name: "native", about: "native tasks", run: native::run, is_complete: true },
    Benchmark {
        name: "python",
        about: "festina.map beside Python's pools: [ROUNDS]",
        run: python::run,
        is_complete: true,
    },
    Benchmark { name: "tasks", about: "many short commands", run: tasks::run, is_complete: true },
    Benchmark {
        name: "slurm",
        about: "a thousand short tasks in one job of Slurm's",
        run: slurm::run,
        is_complete: true,
    },
    Benchmark {
        name: "tsp",
        about: "tours beside those of fast-tsp and LKH: [--seeds N] [--long]",
        run: script::tsp,
        is_complete: true,
    },
    Benchmark { name: "mst", about: "minimum spanning trees", run: mst::run, is_complete: true },
    Benchmark { name: "mpi", about: "many short commands over MPI", run: mpi::run, is_complete: true },
    Benchmark {
        name: "profile",
        about: "cost and truth of a profile, beside the peers': [SCALE]",
        run: profile::run,
        is_complete: true,
    },
    Benchmark {
        name: "profile-gains",
        about: "gains that a profile foretells, beside those made",
        run: profile_gains::run,
        is_complete: true,
    },
    Benchmark {
        name: "profile-long",
        about: "memory and time that a long recording takes",
        run: script::profile_long,
        is_complete: true,
    },
    Benchmark {
        name: "pipes",
        about: "one long text in blocks, and long outputs: [--megabytes N]",
        run: script::pipes,
        is_complete: true,
    },
    Benchmark {
        name: "endurance",
        about: "what festina run promises of long runs: [--tasks N]",
        run: script::endurance,
        is_complete: true,
    },
    Benchmark {
        name: "ready",
        about: "forecasts of training and predicting: [--models boosting,logistic,forest] [--budget SECONDS]",
        run: script::ready,
        is_complete: true,
    },
    Benchmark {
        name: "load",
        about: "festina load beside wrk and computed servers: [rate] [truth] [knee] [honesty] [--long]",
        run: load::run,
        is_complete: true,
    },
    Benchmark {
        name: "noise",
        about: "a CPU hog beside the measurement",
        run: noise::run,
        is_complete: true,
    },
    Benchmark {
        name: "vrp",
        about: "plans beside PyVRP and HGS-CVRP: --data DIR [--times 10,60] [--seeds 5]",
        run: vrp::run,
        is_complete: false,
    },
];

/// Runs the benchmark named first in `arguments`, or all that need no arguments, and writes docs/benchmarks.md.
pub(crate) fn main(arguments: &[String]) -> Result<ExitCode> {
    match arguments.first() {
        None => {
            for benchmark in BENCHMARKS.iter().filter(|benchmark| benchmark.is_complete) {
                println!("── {} ──", benchmark.name);
                (benchmark.run)(&[])?;
            }
        }
        Some(name) => match BENCHMARKS.iter().find(|known| known.name == name) {
            Some(benchmark) => (benchmark.run)(&arguments[1..])?,
            None => {
                let known: Vec<String> =
                    BENCHMARKS.iter().map(|b| format!("{:10}{}", b.name, b.about)).collect();
                bail!("no benchmark is called `{name}`; there are\n  {}", known.join("\n  "))
            }
        },
    }
    page::write()?;
    Ok(ExitCode::SUCCESS)
}
