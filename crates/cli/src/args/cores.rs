//! `festina cores`

use std::path::PathBuf;

use clap::Args;

/// `festina cores`
#[derive(Args, Debug)]
pub(crate) struct CoresArguments {
    /// Measure how much the cores do together, beside one alone: some seconds of work on all of them
    #[arg(long)]
    pub(crate) measure: bool,

    /// Print JSON, or write it to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}
