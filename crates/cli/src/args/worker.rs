//! `festina worker`

use std::path::PathBuf;

use clap::Args;

/// `festina worker`
#[derive(Args, Debug)]
pub(crate) struct WorkerArguments {
    /// Tasks that run at the same time, at all workers together
    #[arg(long, value_name = "N")]
    pub(crate) slots: u32,
    /// The number of workers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) elements: u32,
    /// The folder through which the run and its workers talk
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
