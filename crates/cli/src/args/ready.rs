//! `festina ready`

use std::path::PathBuf;

use clap::Args;

use super::{OutputArguments, ProgressArguments};

/// `festina ready`
#[derive(Args, Debug)]
#[command(
    after_help = "The project's festina.toml tells the commands and the targets; --init writes one to begin with.\n\n\
    Examples:\n  festina ready --init\n  festina ready\n  festina ready examples/churn-service --html ready.html\n  \
    festina ready --junit ready.xml --json=ready.json\n\n\
    Exit code: 0 ready, 1 not ready, 4 unsure, 5 the measurement was invalid, 2 bad input."
)]
pub(crate) struct ReadyArguments {
    /// The project's folder, or its festina.toml
    #[arg(value_name = "PROJECT", default_value = ".")]
    pub(crate) project: PathBuf,

    /// Write a festina.toml from what is found in the folder, and measure nothing
    #[arg(long)]
    pub(crate) init: bool,

    /// Where runs are stored
    #[arg(long, value_name = "FOLDER", default_value = ".festina")]
    pub(crate) state: PathBuf,

    /// Write the verdicts to FILE as JUnit test cases
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) progress: ProgressArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
