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
    /// The minimum spanning tree: the lightest edges that join all nodes of a graph, or all points
    Mst(Box<MstArguments>),
    /// Crews to jobs, packages to doors: the cheapest routes that keep every rule
    Vrp(Box<VrpArguments>),
}

/// How a search is repeated, and where it runs.
#[derive(Args, Debug)]
pub(crate) struct SearchArguments {
    /// Seed of the search
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The same answer for a seed on any machine and any number of workers: --time counts work, not the clock
    #[arg(long)]
    pub(crate) deterministic: bool,
    /// Workers [default: what is available]
    #[arg(short, long, value_name = "P")]
    pub(crate) jobs: Option<Workers>,
    #[command(flatten)]
    pub(crate) backend: BackendArguments,
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
    #[command(flatten)]
    pub(crate) search: SearchArguments,
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
    pub(crate) output: OutputArguments,
}

/// `festina solve mst`
#[derive(Args, Debug)]
#[command(
    after_help = "FILE is a graph: edges as CSV or words (from,to,weight), Matrix Market, DIMACS or METIS; or points: CSV with \
    x,y or lat,lon,\nGeoJSON or TSPLIB, every pair of which is an edge.\n\nExamples:\n  festina solve mst roads.csv -o tree.csv\n  \
    festina solve mst cities.csv --svg map.svg\n  festina solve mst roads.csv --verify tree.csv"
)]
pub(crate) struct MstArguments {
    /// The graph or the points; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How FILE is written: edges, matrix-market, dimacs, metis, csv, tsplib, geojson, matrix-csv, npy
    /// [default: what its name and content say]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Workers [default: what is available]
    #[arg(short, long, value_name = "P")]
    pub(crate) jobs: Option<Workers>,
    /// Write the tree's edges to FILE as CSV
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) tree: Option<PathBuf>,
    /// Check this tree (CSV with from,to,weight) instead of solving
    #[arg(long, value_name = "TREE")]
    pub(crate) verify: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `festina solve vrp`
#[derive(Args, Debug)]
#[command(
    after_help = "FILE is a day plan (JSON or TOML), a table of stops (CSV, with --vehicles), or a benchmark: CVRPLIB, VRPLIB, Solomon,\n\
    Gehring-Homberger, Li-Lim, Cordeau.\n\nExamples:\n  festina solve vrp day.toml -o plan.csv --html plan.html\n  \
    festina solve vrp stops.csv --vehicles vehicles.csv --time 30s\n  festina solve vrp day.toml --verify plan.csv"
)]
pub(crate) struct VrpArguments {
    /// The problem; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The table of vehicles, where FILE is a table of stops
    #[arg(long, value_name = "CSV")]
    pub(crate) vehicles: Option<PathBuf>,
    /// Stop after this time with the best plan so far [default: 10s, less for fewer than 100 stops]
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<Seconds>,
    /// What is to be small: cost, vehicles (the fewest, then cost) or balance (even working times, then cost)
    #[arg(long, value_name = "WHAT", default_value = "cost")]
    pub(crate) objective: String,
    /// How a benchmark's coordinates become integers: nearest, tenths or thousandths [default: its family's way]
    #[arg(long, value_name = "ROUNDING")]
    pub(crate) distances: Option<String>,
    #[command(flatten)]
    pub(crate) search: SearchArguments,
    /// Write the plan to FILE: .csv (a line a stop), .geojson or .sol (CVRPLIB)
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Check this plan instead of solving: a .csv as -o writes it, or a .sol
    #[arg(long, value_name = "PLAN")]
    pub(crate) verify: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
