//! What is asked whether it bears a load: a service, or in tests a queue that is computed.

use super::Target;
use crate::LoadError;

/// A service that can be loaded for a while.
pub(crate) trait Subject {
    /// Lets `users` send one request after the other for `seconds`.
    fn closed(&mut self, users: usize, seconds: f64) -> Result<ClosedRun, LoadError>;

    /// Sends requests at `rate` a second for `seconds`, by a Poisson process, to a service that is idle at first.
    fn open(&mut self, rate: f64, seconds: f64, target: Target) -> Result<OpenRun, LoadError>;

    /// Returns how many seconds the search has taken so far.
    fn elapsed(&self) -> f64;

    /// Returns whether the user wants to stop.
    fn is_canceled(&self) -> bool;
}

/// A rung of the ladder.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClosedRun {
    /// Good responses a second, in equal parts of the run.
    pub(crate) throughputs: Vec<f64>,
    /// Latencies: `(seconds, count)`, sorted.
    pub(crate) times: Vec<(f64, u64)>,
    /// Whether the generator had reserve.
    pub(crate) is_valid: bool,
}

/// A window at a constant rate.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenRun {
    /// The share of requests that took longer than the limit, or failed.
    pub(crate) share: f64,
    /// The latency in seconds that the share of requests which is to be in time did not exceed; `None` without requests.
    pub(crate) latency_s: Option<f64>,
    /// Requests sent.
    pub(crate) sent: u64,
    /// Requests in the service at the end of the window.
    pub(crate) backlog: u64,
    /// Whether the generator was on time.
    pub(crate) is_valid: bool,
}

impl ClosedRun {
    /// Returns the mean rate and its standard error.
    pub(crate) fn throughput(&self) -> (f64, f64) {
        let n = self.throughputs.len().max(1) as f64;
        let mean = self.throughputs.iter().sum::<f64>() / n;
        let variance = self.throughputs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (mean, (variance / n).sqrt())
    }

    /// Returns how many requests were answered.
    pub(crate) fn count(&self) -> u64 {
        self.times.iter().map(|time| time.1).sum()
    }

    /// Returns the mean latency.
    pub(crate) fn mean(&self) -> f64 {
        let sum: f64 = self.times.iter().map(|(value, count)| value * *count as f64).sum();
        sum / self.count().max(1) as f64
    }
}
