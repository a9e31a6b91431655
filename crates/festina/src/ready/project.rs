//! What is to be ready: a project, as its `festina.toml` tells it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use festina_load::{Demand, Slo};
use festina_types::{Bytes, Seconds};

/// A project and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// How its data grows; needed where something runs on rows.
    pub data: Option<Data>,
    /// The command that trains.
    pub train: Option<Batch>,
    /// The command that predicts.
    pub predict: Option<Batch>,
    /// The service.
    pub serve: Option<Serve>,
    /// What machines cost.
    pub cost: Cost,
    /// Which verdicts fail a build; `None` leaves each its own exit code.
    pub fail_on: Option<FailOn>,
}

/// How much data there is, and how much there will be.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Rows today.
    pub rows_now: f64,
    /// Rows that are asked about, growing.
    pub rows_target: Vec<f64>,
    /// A file of rows, of which commands are given the first ones as `{data}`.
    pub file: Option<PathBuf>,
}

/// A command that runs on rows and ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The command, for a shell, with `{rows}` and the like.
    pub command: String,
    /// How long it may take at the target.
    pub target: Seconds,
    /// How much memory it may use; what this machine has if `None`.
    pub memory: Option<Bytes>,
    /// How long it may be measured.
    pub budget: Seconds,
    /// The smallest number of rows that it is run on.
    pub rows_least: f64,
    /// A variable that tells it how many cores to use.
    pub cores_var: Option<String>,
    /// Its variables.
    pub env: BTreeMap<String, String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct Serve {
    /// The command, for a shell, with `{port}` and the like.
    pub command: String,
    /// Its variables.
    pub env: BTreeMap<String, String>,
    /// The method and the path of the request that tells whether it is ready.
    pub ready: (String, String),
    /// How long it may take until it is ready.
    pub ready_within: Seconds,
    /// What users send.
    pub request: ServeRequest,
    /// What they may expect.
    pub slo: Slo,
    /// Requests a second today.
    pub rate_now: Option<f64>,
    /// Requests a second that are asked about, with what replicas are to have in reserve.
    pub demand: Demand,
    /// How long the search for its knee takes, about.
    pub budget: Seconds,
}

/// What users send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServeRequest {
    /// The method; `None` is GET, or POST where there is a body.
    pub method: Option<String>,
    /// The path.
    pub path: String,
    /// Headers, each as `Name: value`.
    pub headers: Vec<String>,
    /// The body: a text, or the name of a file.
    pub body: Option<String>,
    /// The name of a file of rows that fill the holes of path, headers and body.
    pub rows: Option<String>,
    /// What responses must be, as `--check` of `festina load` has it.
    pub checks: Vec<String>,
}

/// What machines cost, in a currency of the user's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// A core for an hour.
    pub core_hour: Option<f64>,
    /// A GiB of memory for an hour.
    pub gib_hour: Option<f64>,
}

/// Which verdicts fail a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// NOT READY alone.
    NotReady,
    /// UNSURE too.
    Unsure,
}

impl Cost {
    /// Returns the price of `cores` and `memory` for a time; `None` where no price is given.
    pub(crate) fn of(&self, cores: f64, memory: f64, time: Seconds) -> Option<f64> {
        if self.core_hour.is_none() && self.gib_hour.is_none() {
            return None;
        }
        let gib = memory / f64::from(1 << 30);
        let hour = cores * self.core_hour.unwrap_or(0.0) + gib * self.gib_hour.unwrap_or(0.0);
        Some(hour * time.0 / 3600.0)
    }
}
