//! What was typed, wherever it was typed: on a command line, in a spec file, in Python.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The options of `festina scale`, as given: every one may be absent.
///
/// [`ScaleRequest::new`](super::ScaleRequest::new) checks them and fills in the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScaleOptions {
    /// The command and its arguments, with `{n}` and `{p}`; file names need not be UTF-8.
    pub command: Vec<OsString>,
    /// Environment variables of the command.
    pub env: BTreeMap<String, String>,
    /// A file whose placeholders are filled in and which is fed to the command's standard input.
    pub stdin: Option<PathBuf>,
    /// Sizes: `1e4,1e5`, `1e4..1e6` or `adaptive`.
    pub n: Option<String>,
    /// Workers: `1,2,4` or `1..8`.
    pub p: Option<String>,
    /// Whether the size grows with the workers.
    pub weak: bool,
    /// A shell command to run once, before everything.
    pub setup: Option<String>,
    /// A shell command to run before each run, not timed.
    pub prepare: Option<String>,
    /// What must equal the reference: `stdout`, `file:PATH`, `exit`, `cmd:COMMAND`, `none`.
    pub check: Option<String>,
    /// Relative tolerance of numbers.
    pub rtol: Option<f64>,
    /// Absolute tolerance of numbers.
    pub atol: Option<f64>,
    /// Whether records may come in any order.
    pub unordered: bool,
    /// Regular expressions of what is left out of the comparison.
    pub check_ignore: Vec<String>,
    /// Time for all runs together, such as `5m`.
    pub budget: Option<String>,
    /// Relative half-width at which a point is known well enough, such as `2%`.
    pub precision: Option<String>,
    /// Time after which a run is killed.
    pub timeout: Option<String>,
    /// Memory of a run's processes above which it is killed.
    pub memory_limit: Option<String>,
    /// Seed of the order of runs and of the bootstrap.
    pub seed: Option<u64>,
    /// Whether disturbed runs count.
    pub accept_noise: bool,
    /// Points to forecast: `n=1e8,p=32`.
    pub at: Vec<String>,
    /// Price of a core-hour.
    pub price: Option<f64>,
    /// Memory limit of the machine asked about.
    pub memory: Option<String>,
}

impl ScaleOptions {
    /// Returns these options with what is absent taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        fn first<T>(mine: Vec<T>, theirs: Vec<T>) -> Vec<T> {
            if mine.is_empty() { theirs } else { mine }
        }
        let mut env = other.env;
        env.extend(self.env);
        Self {
            command: first(self.command, other.command),
            env,
            stdin: self.stdin.or(other.stdin),
            n: self.n.or(other.n),
            p: self.p.or(other.p),
            weak: self.weak || other.weak,
            setup: self.setup.or(other.setup),
            prepare: self.prepare.or(other.prepare),
            check: self.check.or(other.check),
            rtol: self.rtol.or(other.rtol),
            atol: self.atol.or(other.atol),
            unordered: self.unordered || other.unordered,
            check_ignore: first(self.check_ignore, other.check_ignore),
            budget: self.budget.or(other.budget),
            precision: self.precision.or(other.precision),
            timeout: self.timeout.or(other.timeout),
            memory_limit: self.memory_limit.or(other.memory_limit),
            seed: self.seed.or(other.seed),
            accept_noise: self.accept_noise || other.accept_noise,
            at: first(self.at, other.at),
            price: self.price.or(other.price),
            memory: self.memory.or(other.memory),
        }
    }
}
