//! `festina load`

use std::path::PathBuf;

use clap::Args;
use festina::Seconds;

use super::{OutputArguments, ProgressArguments};

/// `festina load`
#[derive(Args, Debug)]
#[command(
    after_help = "Requests come when users would send them, whether the service is ready or not; latency counts from then.\n\n\
    Examples:\n  festina load http://127.0.0.1:8000/ --rate 200 --slo p99=50ms,errors=0.1%\n  \
    festina load http://127.0.0.1:8000/predict --data requests.jsonl --check json=/p/0 --profile 10s@50,30s@50..500\n  \
    festina load http://127.0.0.1:8000/ --slo p99=50ms --find-knee\n  \
    festina load http://127.0.0.1:8000/ --concurrency 8 --html load.html"
)]
pub(crate) struct LoadArguments {
    /// The address; http:// is meant where nothing is said
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Requests a second [default: 20]
    #[arg(short, long, value_name = "RATE", help_heading = "Arrivals")]
    pub(crate) rate: Option<f64>,
    /// For how long [default: 10s]
    #[arg(short, long, value_name = "TIME", help_heading = "Arrivals")]
    pub(crate) duration: Option<Seconds>,
    /// Rates over time: pieces of DURATION@RATE or DURATION@FROM..TO for steps, ramps and spikes
    #[arg(long, value_name = "PROFILE", conflicts_with = "duration", help_heading = "Arrivals")]
    pub(crate) profile: Option<String>,
    /// How they come: poisson, constant, gamma:CV [default: poisson]
    #[arg(long, value_name = "PROCESS", help_heading = "Arrivals")]
    pub(crate) arrivals: Option<String>,
    /// Send them at the times in FILE, in seconds, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "profile", "duration"], help_heading = "Arrivals")]
    pub(crate) trace: Option<PathBuf>,
    /// A closed loop instead: so many users send their next request when the last is answered
    #[arg(short, long, value_name = "USERS", help_heading = "Arrivals")]
    pub(crate) concurrency: Option<usize>,
    /// Seed of the arrivals
    #[arg(long, value_name = "SEED", default_value_t = 1, help_heading = "Arrivals")]
    pub(crate) seed: u64,

    /// The method [default: GET, with a body POST]
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = "Request")]
    pub(crate) method: Option<String>,
    /// A header, as in 'Accept: text/plain'
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = "Request")]
    pub(crate) headers: Vec<String>,
    /// The body; {column} is filled from --data
    #[arg(short, long, value_name = "TEXT", help_heading = "Request")]
    pub(crate) body: Option<String>,
    /// The body is the content of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "body", help_heading = "Request")]
    pub(crate) body_file: Option<PathBuf>,
    /// Fill {column} in path, headers and body from the rows of FILE (.csv, .jsonl), one after the other; without a body,
    /// each line of .jsonl is one
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub(crate) data: Option<PathBuf>,
    /// A new connection for every request
    #[arg(long, help_heading = "Request")]
    pub(crate) no_keep_alive: bool,
    /// Speak HTTP/2: requests share connections
    #[arg(long, conflicts_with = "no_keep_alive", help_heading = "Request")]
    pub(crate) http2: bool,
    /// The time limit of a request [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Request")]
    pub(crate) timeout: Option<Seconds>,

    /// Trust the certificates in FILE (PEM) and whom they signed, instead of the authorities this machine trusts
    #[arg(long, value_name = "FILE", conflicts_with = "accept_any_certificate", help_heading = "Request")]
    pub(crate) ca: Option<PathBuf>,
    /// Take any certificate for good: whoever is on the way may read and change everything
    #[arg(long, help_heading = "Request")]
    pub(crate) accept_any_certificate: bool,

    /// What a good response is: status=200, json=/p/0, json=/ok:true, body=TEXT [default: a status below 400]
    #[arg(long = "check", value_name = "CHECK", help_heading = "Verdict")]
    pub(crate) checks: Vec<String>,
    /// What users may expect: p99=50ms,errors=0.1%
    #[arg(long, value_name = "SLO", help_heading = "Verdict")]
    pub(crate) slo: Option<String>,

    /// Find the highest rate that meets the objective, in about 19 s (or --duration)
    #[arg(long, requires = "slo", help_heading = "Verdict")]
    pub(crate) find_knee: bool,

    /// Threads of the generator [default: half the cores]
    #[arg(short, long, value_name = "N", help_heading = "Generator")]
    pub(crate) threads: Option<usize>,
    /// The most connections [default: 1000, with --http2 8]
    #[arg(long, value_name = "N", help_heading = "Generator")]
    pub(crate) connections: Option<usize>,
    /// A process of the service, to be looked at with its descendants [default: who listens on the port here]
    #[arg(long, value_name = "PID", help_heading = "Generator")]
    pub(crate) pid: Option<u32>,
    /// A host other than this machine that you may load
    #[arg(long, value_name = "HOST", help_heading = "Generator")]
    pub(crate) authorized_for: Vec<String>,

    /// Print the timeline (of a knee the ladder) as CSV, or write it to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) progress: ProgressArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
