//! `festina solve`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use festina::{Seconds, Workers};

use super::{BackendArguments, OutputArguments};

/// `festina solve`
#[derive(Args, Debug)]
pub(crate) struct SolveArguments {
    #[command(subcommand)]
    pub(crate) problem: Problem,
}

/// One problem a sub-command.
#[derive(Debug, Subcommand)]
pub(crate) enum Problem {
    /// The travelling salesman: the shortest tour through all cities
    Tsp(Box<TspArguments>),
}

/// `festina solve tsp`
#[derive(Args, Debug)]
#[command(
    after_help = "FILE is TSPLIB, a CSV table with x,y or lat,lon (and name), GeoJSON points, or a matrix of distances \
    (CSV, .npy).\n\nMethods: auto, brute-force, held-karp, branch-and-bound, mst, christofides, nearest-neighbour, greedy,\n\
    space-filling-curve, 2-opt, or-opt, or-3opt, lin-kernighan\n\nExamples:\n  festina solve tsp cities.csv --time 10s -o tour.csv \
    --html map.html\n  festina solve tsp berlin.tsp --verify mine.tour"
)]
pub(crate) struct TspArguments {
    /// The instance; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Stop after this time with the best tour so far [default: 10s, for methods that could go on]
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<Seconds>,
    /// Stop when the tour is surely no longer than this above the optimum
    #[arg(long, value_name = "PERCENT")]
    pub(crate) gap: Option<String>,
    /// How to solve it
    #[arg(long, value_name = "METHOD", default_value = "auto")]
    pub(crate) method: String,
    /// The tour need not return to its start
    #[arg(long)]
    pub(crate) open: bool,
    /// The first city of an open tour: its name, or its number from 1
    #[arg(long, value_name = "CITY", requires = "open")]
    pub(crate) start: Option<String>,
    /// The last city of an open tour
    #[arg(long, value_name = "CITY", requires = "open")]
    pub(crate) end: Option<String>,
    /// Seed of the search
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The same answer for a seed on any machine and any number of workers: --time counts work, not the clock
    #[arg(long)]
    pub(crate) deterministic: bool,
    /// Workers [default: what is available]
    #[arg(short, long, value_name = "P")]
    pub(crate) jobs: Option<Workers>,
    /// Don't compute a lower bound
    #[arg(long)]
    pub(crate) no_bound: bool,
    /// Write the tour to FILE: .tour (TSPLIB), .csv or .geojson
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) tour: Option<PathBuf>,
    /// Check this tour instead of solving
    #[arg(long, value_name = "TOUR")]
    pub(crate) verify: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) backend: BackendArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
