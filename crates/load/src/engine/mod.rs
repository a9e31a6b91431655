//! The generator: threads with an epoll each, no locks, no channels on the way of a request.

mod connection;
mod gather;
mod shared;
mod streams;
mod traffic;
mod transport;
mod worker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use festina_types::{Bytes, CancelToken, Seconds};

use crate::LoadError;
use crate::check::{Check, Checks};
use crate::plan::{Arrivals, Profile};
use crate::record::{Quantiles, Record};
use crate::request::Template;
use crate::tls::Tls;
use gather::Gatherer;
use worker::Worker;

/// Who decides when a request is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// An open loop: the world decides, whatever the service does.
    Open {
        /// The process of arrivals.
        arrivals: Arrivals,
        /// Their rate over time.
        profile: Profile,
    },
    /// A closed loop: so many users send their next request when the last one has been answered.
    Closed {
        /// How many.
        concurrency: usize,
        /// How long.
        duration: Seconds,
    },
}

/// All that is to be done.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Where requests go.
    pub address: SocketAddr,
    /// How connections are encrypted, if they are.
    pub tls: Option<Tls>,
    /// Whether connections speak HTTP/2, so that requests share them.
    pub http2: bool,
    /// What they are.
    pub template: Template,
    /// When they are sent.
    pub mode: Mode,
    /// What responses must be.
    pub checks: Vec<Check>,
    /// Threads of the generator.
    pub threads: usize,
    /// The most connections of an open loop, and of any with HTTP/2; requests beyond what they carry wait in order, and
    /// their wait counts.
    pub connections: usize,
    /// Whether connections are used again.
    pub keep_alive: bool,
    /// The time limit of a request, from its actual send.
    pub timeout: Seconds,
    /// How long responses are waited for after the last arrival.
    pub drain: Seconds,
    /// The longest body of a response.
    pub max_body: Bytes,
    /// The seed of the arrivals.
    pub seed: u64,
}

impl LoadPlan {
    /// Returns how long requests are sent.
    pub fn duration(&self) -> Seconds {
        match &self.mode {
            Mode::Open { arrivals: Arrivals::Trace(times), .. } => {
                Seconds(times.last().copied().unwrap_or(0.0))
            }
            Mode::Open { profile, .. } => profile.duration(),
            Mode::Closed { duration, .. } => *duration,
        }
    }
}

/// What happened between two ticks, on all threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct TimelinePoint {
    /// The end of the span, in seconds from the begin.
    pub time_s: f64,
    /// Requests sent in it.
    pub sent: u64,
    /// Good responses.
    pub good: u64,
    /// Errors.
    pub errors: u64,
    /// The median latency in seconds of what ended in it.
    pub p50_s: Option<f64>,
    /// The 99th percentile.
    pub p99_s: Option<f64>,
    /// The longest.
    pub max_s: Option<f64>,
    /// Requests in flight or waiting at its end.
    pub in_system: u64,
}

/// Is told how it goes, once a tick: ten times a second, and in runs of over 24 s less often, but at least once a second.
pub trait LoadObserver {
    /// Takes what happened since the last call.
    fn tick(&mut self, point: &TimelinePoint);

    /// Takes all that happened since the begin.
    fn totals(&mut self, _: &Totals<'_>) {}
}

/// All that happened since the begin of a load.
#[derive(Clone, Copy, Debug)]
pub struct Totals<'a> {
    record: &'a Record,
    sent: u64,
}

impl Totals<'_> {
    /// Returns how many requests were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns how many were answered well.
    pub fn good(&self) -> u64 {
        self.record.good
    }

    /// Returns what went wrong, and how often.
    pub fn errors(&self) -> &BTreeMap<String, u64> {
        &self.record.errors
    }

    /// Returns the latency in seconds that a share `probability` of the requests did not exceed; `None` without requests.
    pub fn latency(&self, probability: f64) -> Option<f64> {
        self.record.latency.quantile(probability)
    }

    /// Returns the latencies: `(lower, upper, count)` of each bin, in seconds.
    pub fn histogram(&self) -> Vec<(f64, f64, u64)> {
        self.record.latency.bins()
    }
}

impl LoadObserver for () {
    fn tick(&mut self, _: &TimelinePoint) {}
}

/// The raw outcome of a load.
pub(crate) struct Outcome {
    pub(crate) total: Record,
    /// Parts of the run in the order of time, for intervals of quantiles.
    pub(crate) parts: Vec<Record>,
    pub(crate) timeline: Vec<TimelinePoint>,
    /// Of the gaps between actual sends, as multiples of the expected ones.
    pub(crate) sent_variation: Option<f64>,
    pub(crate) n_sent: u64,
    /// Good responses while requests were sent.
    pub(crate) good_in_time: u64,
    /// From the begin to the last response or the end of the waiting for it.
    pub(crate) elapsed: Seconds,
    /// The share of a core that the busiest thread used while requests were sent.
    pub(crate) busiest_thread: f64,
    /// The share of that time that it waited for a core.
    pub(crate) waiting_thread: f64,
}

/// The shortest and the longest tick, in seconds: news are told in time, and their cost is none that could be measured.
const TICKS: (f64, f64) = (0.1, 1.0);
/// Ticks of a run, at most about, as long as that makes none too long.
const N_TICKS: f64 = 240.0;

/// Applies the load, and tells `observer` how it goes.
///
/// # Errors
///
/// [`LoadError::Machine`] if there are no files or threads; what was measured until a cancellation is a result, no error.
pub(crate) fn apply(
    plan: &LoadPlan,
    cancel: &CancelToken,
    observer: &mut dyn LoadObserver,
) -> Result<Outcome, LoadError> {
    let checks = Checks(plan.checks.clone());
    let tick = ((plan.duration().0 / N_TICKS).clamp(TICKS.0, TICKS.1) * 1e9) as u64;
    let (news, ticks) = mpsc::channel();
    // A common begin in the near future: all threads are ready by then.
    let begin = Instant::now() + Duration::from_millis(2);
    let mut workers = Vec::new();
    for part in 0..plan.threads {
        let worker = Worker::new(plan, &checks, (part, plan.threads), (begin, tick), cancel, news.clone());
        workers.push(worker.map_err(|source| LoadError::Machine { action: "wait for connections", source })?);
    }
    drop(news);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for worker in workers {
            let builder = thread::Builder::new().name("festina-load".to_owned());
            let thread = builder.spawn_scoped(scope, move || worker.run());
            threads.push(thread.map_err(|source| LoadError::Machine { action: "start a thread", source })?);
        }
        let mut gatherer = Gatherer::new(plan, tick);
        for news in ticks {
            gatherer.take(news, observer);
        }
        for thread in threads {
            let ended = thread.join().map_err(|_| LoadError::Machine {
                action: "go on",
                source: std::io::Error::other("a thread of the generator panicked"),
            })?;
            ended.map_err(|source| LoadError::Machine { action: "send requests", source })?;
        }
        Ok(gatherer.finish(begin.elapsed(), observer))
    })
}
