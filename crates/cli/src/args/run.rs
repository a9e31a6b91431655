//! `festina run`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use festina::{Bytes, Seconds, Workers};

use super::{BackendArguments, OutputArguments};

/// `festina run`
#[derive(Args, Debug)]
#[command(
    override_usage = "festina run [OPTIONS] [--] COMMAND … [::: VALUES …] [:::+ VALUES …] [:::: FILES …] [::::+ FILES …]\n       \
        festina run --report RUN [OPTIONS]",
    after_help = "{} is the input, {.} without its extension, {/} its base name, {//} its folder, {#} the number of the \
        task, {seed} a seed of its own, {1} {2} … the inputs of several sources, {name} a column. Without {} the input is \
        added at the end. Several sources give all combinations; :::+ and ::::+ link a source to the one before.\n\n\
        Examples:\n  festina run gzip -k {} ::: *.log\n  festina run --csv cities.csv -- ./simulate --city {city} --out {city}.json\n  \
        seq 1000000 | festina run -k -- ./step {}\n  festina run --resume --csv cities.csv -- ./simulate --city {city} --out {city}.json"
)]
pub(crate) struct RunArguments {
    /// The command with its placeholders, then ::: and inputs
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) words: Vec<OsString>,

    /// One input a line of FILE; - is standard input, which is read if nothing else is given
    #[arg(short = 'a', long, value_name = "FILE", help_heading = "Inputs")]
    pub(crate) lines: Vec<PathBuf>,
    /// Inputs on standard input end in a NUL byte
    #[arg(short = '0', long, help_heading = "Inputs")]
    pub(crate) null: bool,
    /// One task a row of a table; {name} is a column
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub(crate) csv: Vec<PathBuf>,
    /// The same, separated by tabs
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub(crate) tsv: Vec<PathBuf>,
    /// The same, a JSON object a line
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub(crate) jsonl: Vec<PathBuf>,
    /// One task a file that matches
    #[arg(long, value_name = "PATTERN", help_heading = "Inputs")]
    pub(crate) glob: Vec<String>,
    /// One task a number: 1..100, 0..1:0.1
    #[arg(long, value_name = "RANGE", help_heading = "Inputs")]
    pub(crate) range: Vec<String>,
    /// Split standard input into blocks, a task each, which read them as their standard input
    #[arg(long, help_heading = "Inputs")]
    pub(crate) pipe: bool,
    /// Split a file into blocks, which tasks read in parallel
    #[arg(long, value_name = "FILE", conflicts_with = "pipe", help_heading = "Inputs")]
    pub(crate) pipe_file: Option<PathBuf>,
    /// The size of a block [default: 8 MiB of standard input, of a file an eighth of a worker's share]
    #[arg(long, value_name = "SIZE", help_heading = "Inputs")]
    pub(crate) block: Option<Bytes>,
    /// What a record ends in [default: a line break]
    #[arg(long, value_name = "TEXT", help_heading = "Inputs")]
    pub(crate) recend: Option<String>,
    /// Let a shell read the command; inputs are quoted for it
    #[arg(long, help_heading = "Inputs")]
    pub(crate) shell: bool,
    /// Set an environment variable of the tasks
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Inputs")]
    pub(crate) env: Vec<String>,

    /// Pass outputs on in the order of the inputs
    #[arg(short, long, help_heading = "Outputs")]
    pub(crate) keep_order: bool,
    /// Write each task's outputs to a folder of its own in DIR
    #[arg(long, value_name = "DIR", help_heading = "Outputs")]
    pub(crate) outputs: Option<PathBuf>,
    /// Write one table of results: .csv or .jsonl
    #[arg(long, value_name = "FILE", help_heading = "Outputs")]
    pub(crate) table: Option<PathBuf>,
    /// Only these columns of the table
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "table", help_heading = "Outputs")]
    pub(crate) columns: Vec<String>,
    /// What the table keeps of a task's output
    #[arg(long, value_enum, default_value_t, help_heading = "Outputs")]
    pub(crate) collect: CollectArgument,

    /// Tasks at the same time [default: what is available]
    #[arg(short, long, value_name = "P", help_heading = "Control")]
    pub(crate) jobs: Option<Workers>,
    /// Cores of a task, to which it is bound and which its threads are told
    #[arg(long, value_name = "P", help_heading = "Control")]
    pub(crate) cores_per_task: Option<Workers>,
    /// Don't bind tasks to cores
    #[arg(long, help_heading = "Control")]
    pub(crate) no_pin: bool,
    /// Memory of a task: it starts when so much is free, and is killed above it
    #[arg(long, value_name = "SIZE", help_heading = "Control")]
    pub(crate) memory_per_task: Option<Bytes>,
    /// Memory of all tasks together [default: what is available]
    #[arg(long, value_name = "SIZE", help_heading = "Control")]
    pub(crate) memory: Option<Bytes>,
    /// How much more memory a task gets that was killed for it and is retried
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, help_heading = "Control")]
    pub(crate) memory_growth: f64,
    /// Stop a task after this time
    #[arg(long, value_name = "TIME", help_heading = "Control")]
    pub(crate) timeout: Option<Seconds>,
    /// Start a task that fails again, so often
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Control")]
    pub(crate) retries: u32,
    /// Time before the first retry; it doubles with each
    #[arg(long, value_name = "TIME", default_value = "1s", help_heading = "Control")]
    pub(crate) retry_delay: Seconds,
    /// When to stop: never, soon,fail=1, now,fail=10%, now,success=1 …
    #[arg(long, value_name = "WHEN", default_value = "never", help_heading = "Control")]
    pub(crate) halt: String,
    /// Niceness of the tasks
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Control")]
    pub(crate) nice: Option<i32>,
    /// The seed from which {seed} is derived
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Control")]
    pub(crate) seed: u64,

    /// Run what has no recorded outcome in the latest run of this command, or in RUN
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "latest",
        help_heading = "Nothing lost")]
    pub(crate) resume: Option<String>,
    /// With --resume, run failed tasks again too
    #[arg(long, requires = "resume", help_heading = "Nothing lost")]
    pub(crate) retry_failed: bool,
    /// Where runs are stored
    #[arg(long, value_name = "DIR", default_value = ".festina", help_heading = "Nothing lost")]
    pub(crate) state: PathBuf,
    /// The name of the run [default: the time at which it starts]
    #[arg(long, value_name = "NAME", help_heading = "Nothing lost")]
    pub(crate) name: Option<String>,
    /// Show a stored run again, its timeline with --html: its name, or 'latest'
    #[arg(long, value_name = "RUN", conflicts_with = "resume", help_heading = "What you learn")]
    pub(crate) report: Option<String>,
    /// Don't say at the end what was achieved
    #[arg(short, long, help_heading = "What you learn")]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) backend: BackendArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// What the table keeps of a task's output.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum CollectArgument {
    /// The last line
    #[default]
    LastLine,
    /// The last line as JSON, whose members become columns
    Json,
    /// Nothing
    None,
}
