//! What a load showed.

use std::collections::BTreeMap;

use festina_types::{Finding, Seconds};
use serde::Serialize;

use crate::engine::TimelinePoint;
use crate::server::ServerUsage;
use crate::slo::Bound;
use crate::summary::Summary;

/// The outcome of a load, as plain data; times in seconds, rates in requests a second.
#[derive(Clone, Debug, Serialize)]
pub struct LoadResult {
    /// How long requests were sent.
    pub duration_s: Seconds,
    /// Until the last response.
    pub elapsed_s: Seconds,
    /// What was sent, and what came back.
    pub requests: Requests,
    /// The arrivals; `None` in a closed loop.
    pub arrivals: Option<ArrivalsSeen>,
    /// From the intended send to the end of a good response; requests that were given up count with their age.
    pub latency: Summary,
    /// From the actual send to the end of a good response.
    pub service: Summary,
    /// The generator.
    pub client: Client,
    /// The server's processes, where they can be seen.
    pub server: Option<ServerUsage>,
    /// What was asked for, and whether it holds.
    pub objectives: Vec<Objective>,
    /// What stood in the way of more.
    pub limit: Limit,
    /// What is to be known about it.
    pub findings: Vec<Finding>,
    /// What happened over time.
    pub timeline: Vec<TimelinePoint>,
    /// The latencies: `(lower, upper, count)` of each bin, in seconds.
    pub histogram: Vec<(f64, f64, u64)>,
}

/// Counts of requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requests {
    /// Sent in all.
    pub sent: u64,
    /// Answered well.
    pub good: u64,
    /// What went wrong, and how often.
    pub errors: BTreeMap<String, u64>,
    /// Given up at a time limit or at the end, among the errors.
    pub unfinished: u64,
    /// Those that found no free connection and waited for one.
    pub waited: u64,
    /// Sent a second time, since the server had closed an idle connection.
    pub resent: u64,
    /// Connections opened.
    pub connections: u64,
    /// Good responses a second, while requests were sent.
    pub goodput: f64,
}

impl Requests {
    /// Returns the share of all requests that failed.
    pub fn error_share(&self) -> f64 {
        let errors: u64 = self.errors.values().sum();
        if errors == 0 { 0.0 } else { errors as f64 / (errors + self.good) as f64 }
    }

    /// Returns whether most requests got an answer that is none, which is soon given: those that got none at all were waited for.
    pub(crate) fn is_mostly_failing(&self) -> bool {
        let errors: u64 = self.errors.values().sum();
        errors.saturating_sub(self.unfinished) > self.good + self.unfinished
    }
}

/// The arrivals of an open loop, as intended and as sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ArrivalsSeen {
    /// The mean rate that was asked for.
    pub rate: f64,
    /// The mean rate that was sent.
    pub sent_rate: f64,
    /// The coefficient of variation of the gaps that was asked for; `None` for a trace.
    pub variation: Option<f64>,
    /// The one of the requests that were sent: 1 for independent users.
    pub sent_variation: Option<f64>,
}

/// What the generator itself did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Client {
    /// Its threads.
    pub threads: usize,
    /// Its processor time a request, in seconds.
    pub cpu_per_request_s: f64,
    /// The share of a core that its busiest thread used, tick by tick.
    pub busiest_thread: f64,
    /// The share of the time that this thread was ready to run and waited for a core.
    pub waiting_thread: f64,
    /// How late requests were sent although a connection was free.
    pub lateness: Summary,
    /// Whether the numbers speak of the service, and not of the generator.
    pub is_valid: bool,
}

/// A bound and what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Objective {
    /// The bound.
    pub bound: Bound,
    /// What was measured: seconds, or a share.
    pub value: Option<f64>,
    /// Whether it holds; `None` if the interval does not tell.
    pub holds: Option<bool>,
}

/// What limited the rate or made requests slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The generator: the run says nothing of the service.
    Client,
    /// All cores that the service may use are busy.
    ServerCpu,
    /// One thread of the service is busy all the time: an event loop, an interpreter's lock, a serial part.
    ServerThread,
    /// Requests queue though the service's cores are not busy: a lock, a pool, a disk, another service.
    Waiting,
    /// Most requests fail: what would limit good ones is not to be seen.
    Failures,
    /// Nothing: the service follows the rate.
    Nothing,
    /// It cannot be told: the server's processes cannot be seen.
    Unknown,
}
