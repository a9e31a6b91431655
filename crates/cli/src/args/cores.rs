//! `festina cores`

use std::path::PathBuf;

use clap::Args;

/// `festina cores`
#[derive(Args, Debug)]
pub(crate) struct CoresArguments {
    /// Print JSON, or write it to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}
