//! `festina laws`

use std::path::PathBuf;

use clap::Args;
use festina::Seconds;

use super::OutputArguments;

/// `festina laws`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  festina laws --cores 32\n  festina laws --serial 0.05\n  \
    festina laws --times 1:100,2:55,4:31 --html laws.html")]
pub(crate) struct LawsArguments {
    /// Serial fraction of the work, from 0 to 1
    #[arg(long, value_name = "FRACTION", conflicts_with_all = ["times", "from"])]
    pub(crate) serial: Option<f64>,
    /// USL contention σ, from 0 to 1 [with --serial; default: the serial fraction]
    #[arg(long, value_name = "SIGMA", conflicts_with_all = ["times", "from"])]
    pub(crate) contention: Option<f64>,
    /// USL coherency κ, from 0 to 1 [with --serial; default: 0]
    #[arg(long, value_name = "KAPPA", conflicts_with_all = ["times", "from"])]
    pub(crate) coherency: Option<f64>,
    /// Measured times to fit, WORKERS:SECONDS
    #[arg(long, value_name = "P:TIME,…", conflicts_with = "from")]
    pub(crate) times: Option<String>,
    /// Times of a stored run: its name, its folder, or 'latest'
    #[arg(long, value_name = "RUN")]
    pub(crate) from: Option<String>,
    /// Work T₁ of a program, its time on one worker [with --span]
    #[arg(long, value_name = "TIME", requires = "span", conflicts_with_all = ["serial", "times", "from"])]
    pub(crate) work: Option<Seconds>,
    /// Span T∞ of a program, its longest chain [with --work]
    #[arg(long, value_name = "TIME", requires = "work")]
    pub(crate) span: Option<Seconds>,
    /// Cores to compute the table for
    #[arg(long, value_name = "P", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) cores: u32,
    /// Where runs are stored
    #[arg(long, value_name = "DIR", default_value = ".festina")]
    pub(crate) state: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
