//! `festina scale`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use festina::{Bytes, Seconds};

use super::{OutputArguments, ProgressArguments};

/// The placeholder of the size, for help texts: clap would make a new line of it, so that it holds a style that changes nothing.
macro_rules! size {
    () => {
        "{\u{1b}[0mn}"
    };
}

/// `festina scale`
#[derive(Args, Debug)]
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which is not Markdown")]
#[command(
    override_usage = "festina scale [OPTIONS] -- COMMAND …\n       festina scale --from RUN [OPTIONS]\n       \
        festina scale --compare A B\n       festina scale --simulate TASKS.csv --p 1..4096",
    after_help = concat!(
        size!(),
        " and {p} stand for the size and the number of workers, anywhere in the command, in --env values and in the --stdin \
         file.\nWithout {p}, the workers are imposed by CPU affinity and the usual thread variables.\n\n\
         Examples:\n  festina scale --n 1e4..1e6 --at n=1e8,p=32 -- python3 train.py --rows ",
        size!(),
        " --jobs {p}\n  \
         festina scale --p 1,2,4 --check file:out.npy --rtol 1e-9 -- ./solver --threads {p}\n  \
         festina scale --from latest --html report.html"
    )
)]
pub(crate) struct ScaleArguments {
    #[arg(
        last = true,
        value_name = "COMMAND",
        help = concat!("The command to measure, with ", size!(), " and {p} where its size and workers go")
    )]
    pub(crate) command: Vec<OsString>,

    /// Sizes: a list 1e4,1e5,1e6, a geometric range 1e4..1e6, or 'adaptive' (grow until the budget is used)
    #[arg(long, value_name = "SIZES", help_heading = "What to measure")]
    pub(crate) n: Option<String>,
    /// Workers: a list 1,2,4 or a range 1..8 of powers of two [default: up to what is available]
    #[arg(long, value_name = "WORKERS", help_heading = "What to measure")]
    pub(crate) p: Option<String>,
    /// Weak scaling: the size grows with the workers, n·p
    #[arg(long, help_heading = "What to measure")]
    pub(crate) weak: bool,
    /// Set an environment variable of the command
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What to measure")]
    pub(crate) env: Vec<String>,
    /// Feed this file, its placeholders filled in, to the command's standard input
    #[arg(long, value_name = "FILE", help_heading = "What to measure")]
    pub(crate) stdin: Option<PathBuf>,
    /// Shell command to run once, before everything
    #[arg(long, value_name = "COMMAND", help_heading = "What to measure")]
    pub(crate) setup: Option<String>,
    /// Shell command to run before each run, not timed
    #[arg(long, value_name = "COMMAND", help_heading = "What to measure")]
    pub(crate) prepare: Option<String>,
    /// Read all of this from a file (TOML); what is typed wins
    #[arg(long, value_name = "FILE", help_heading = "What to measure")]
    pub(crate) spec: Option<PathBuf>,

    /// What must equal the run on one worker: stdout, file:PATH, exit, cmd:COMMAND or none [default: stdout]
    #[arg(long, value_name = "WHAT", help_heading = "Right before fast")]
    pub(crate) check: Option<String>,
    /// Relative tolerance of numbers [default: 0]
    #[arg(long, value_name = "R", help_heading = "Right before fast")]
    pub(crate) rtol: Option<f64>,
    /// Absolute tolerance of numbers [default: 0]
    #[arg(long, value_name = "A", help_heading = "Right before fast")]
    pub(crate) atol: Option<f64>,
    /// Records (lines, rows) may come in any order
    #[arg(long, help_heading = "Right before fast")]
    pub(crate) unordered: bool,
    /// Leave out what matches this regular expression (a time, a process id)
    #[arg(long, value_name = "REGEX", help_heading = "Right before fast")]
    pub(crate) check_ignore: Vec<String>,

    /// Time for all runs together [default: 2m]
    #[arg(long, value_name = "TIME", help_heading = "How to measure")]
    pub(crate) budget: Option<String>,
    /// Stop a point when its median is known this well [default: 2%]
    #[arg(long, value_name = "PERCENT", help_heading = "How to measure")]
    pub(crate) precision: Option<String>,
    /// Kill a run after this time
    #[arg(long, value_name = "TIME", help_heading = "How to measure")]
    pub(crate) timeout: Option<String>,
    /// Kill a run whose processes use more memory than this
    #[arg(long, value_name = "SIZE", help_heading = "How to measure")]
    pub(crate) memory_limit: Option<String>,
    /// Seed of the order of runs and of the bootstrap [default: 1]
    #[arg(long, value_name = "SEED", help_heading = "How to measure")]
    pub(crate) seed: Option<u64>,
    /// Count runs that other load disturbed, instead of refusing a speed-up
    #[arg(long, help_heading = "How to measure")]
    pub(crate) accept_noise: bool,
    /// Show the plan and stop
    #[arg(long, help_heading = "How to measure")]
    pub(crate) plan: bool,
    /// Where runs are stored
    #[arg(long, value_name = "DIR", default_value = ".festina", help_heading = "How to measure")]
    pub(crate) state: PathBuf,

    /// Forecast here: n=1e8,p=32
    #[arg(long, value_name = "POINT", help_heading = "What to ask")]
    pub(crate) at: Vec<String>,
    /// Price of a core-hour, for the time/cost table
    #[arg(long, value_name = "PRICE", help_heading = "What to ask")]
    pub(crate) price: Option<f64>,
    /// Memory limit of the machine asked about, for the probability to run out of it [default: this machine's]
    #[arg(long, value_name = "SIZE", help_heading = "What to ask")]
    pub(crate) memory: Option<String>,
    /// Analyse a stored run again: its name, its folder, or 'latest'
    #[arg(long, value_name = "RUN", conflicts_with_all = ["compare", "simulate"], help_heading = "What to ask")]
    pub(crate) from: Option<String>,
    /// Tell a real change between two stored runs from noise
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "simulate", help_heading = "What to ask")]
    pub(crate) compare: Option<Vec<String>>,
    /// Simulate recorded tasks (CSV with id, duration_s and, if you like, deps and bytes) on --p workers
    #[arg(long, value_name = "TASKS.csv", help_heading = "What to ask")]
    pub(crate) simulate: Option<PathBuf>,
    /// Overhead of each task, with --simulate [default: 0]
    #[arg(long, value_name = "TIME", requires = "simulate", help_heading = "What to ask")]
    pub(crate) task_overhead: Option<Seconds>,
    /// Bytes a second between workers, with --simulate [default: transfers are free]
    #[arg(long, value_name = "SIZE", requires = "simulate", help_heading = "What to ask")]
    pub(crate) bandwidth: Option<Bytes>,
    /// Which ready task starts first, with --simulate
    #[arg(long, value_enum, default_value_t, requires = "simulate", help_heading = "What to ask")]
    pub(crate) policy: PolicyArgument,

    #[command(flatten)]
    pub(crate) progress: ProgressArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Write a table of the points to FILE, or print it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) csv: Option<PathBuf>,
}

/// Which of the tasks that are ready starts first.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum PolicyArgument {
    /// The one that became ready first
    #[default]
    Fifo,
    /// The longest
    LongestFirst,
    /// The one with the longest chain of tasks behind it
    CriticalPath,
}
