//! `festina profile`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use festina::{Seconds, Workers};

use super::OutputArguments;

/// `festina profile`
#[derive(Args, Debug)]
#[command(
    override_usage = "festina profile [OPTIONS] -- COMMAND …\n       festina profile --pid PID [OPTIONS]\n       \
        festina profile --from PROFILE [OPTIONS]\n       festina profile --compare BEFORE AFTER [OPTIONS]",
    after_help = "The program keeps its streams, its terminal and its exit code; the answer goes to standard error. Ctrl-C ends \
        the program as it would without us, then comes the answer; a second one ends both at once.\n\n\
        Examples:\n  festina profile -- python3 train.py\n  festina profile --html profile.html --rate 1000 -- python3 train.py\n  \
        festina profile --pid 4242 --duration 10s\n  festina profile --compare .festina/profile-1 .festina/profile-2"
)]
pub(crate) struct ProfileArguments {
    /// The program and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<OsString>,

    /// Profile a process that runs
    #[arg(long, value_name = "PID", conflicts_with = "words")]
    pub(crate) pid: Option<u32>,
    /// Show a stored profile again: its folder
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["words", "pid"])]
    pub(crate) from: Option<PathBuf>,
    /// Show what got slower from one stored profile to another
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, conflicts_with_all = ["words", "pid", "from"])]
    pub(crate) compare: Option<Vec<PathBuf>>,

    /// Looks at the program a second
    #[arg(short, long, value_name = "HZ", default_value_t = 200.0, help_heading = "Recording")]
    pub(crate) rate: f64,
    /// End the recording after this time
    #[arg(short, long, value_name = "TIME", help_heading = "Recording")]
    pub(crate) duration: Option<Seconds>,
    /// The seed of the irregular intervals between looks
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Recording")]
    pub(crate) seed: u64,
    /// The number of cores for which gains are told [default: what is available]
    #[arg(long, value_name = "P", help_heading = "Recording")]
    pub(crate) cores: Option<Workers>,

    /// Write all that there is into DIR: recording, page, JSON, stacks
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Write collapsed stacks to FILE, for flame graphs
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) collapsed: Option<PathBuf>,
    /// Write FILE for speedscope.app
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) speedscope: Option<PathBuf>,
    /// Write FILE for profiler.firefox.com
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) firefox: Option<PathBuf>,
    /// Write FILE for pprof
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) pprof: Option<PathBuf>,
    /// Where profiles are stored
    #[arg(long, value_name = "DIR", default_value = ".festina", help_heading = "Output")]
    pub(crate) state: PathBuf,
    /// Show the hottest functions while the program runs also where it writes on the same terminal: in its last line
    #[arg(long, help_heading = "Output")]
    pub(crate) live: bool,
    /// Don't show the answer
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) output_files: OutputArguments,
}
