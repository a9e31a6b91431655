//! The generator: threads with an epoll each, no locks, no channels on the way of a request.

mod connection;
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
use crate::plan::{Arrivals, Gaps, Profile};
use crate::record::Record;
use crate::request::Template;
use worker::{Tick, Worker};

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
    /// What they are.
    pub template: Template,
    /// When they are sent.
    pub mode: Mode,
    /// What responses must be.
    pub checks: Vec<Check>,
    /// Threads of the generator.
    pub threads: usize,
    /// The most connections of an open loop; requests beyond wait in order, and their wait counts.
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

/// Is told how it goes, once a tick.
pub trait LoadObserver {
    /// Takes what happened since the last call.
    fn tick(&mut self, point: &TimelinePoint);
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
    /// From the begin to the last response or the end of the waiting for it.
    pub(crate) elapsed: Seconds,
    /// The busiest thread's share of its core while requests were sent.
    pub(crate) busiest_thread: f64,
}

/// Parts of a run for intervals: each has to be long against the time that a queue remembers.
pub(crate) const N_PARTS: usize = 20;
/// Points of the timeline, at most about.
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
    let tick = ((plan.duration().0 / N_TICKS).max(0.1) * 1e9) as u64;
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

/// Puts together what the threads tell.
struct Gatherer<'a> {
    plan: &'a LoadPlan,
    tick: f64,
    /// Ticks that not all threads have told, with how many have.
    open: BTreeMap<usize, (usize, Record)>,
    outcome: Outcome,
    gaps: Gaps,
    last_send: Option<f64>,
    cpu_while_sending: u64,
}

impl<'a> Gatherer<'a> {
    fn new(plan: &'a LoadPlan, tick: u64) -> Self {
        let outcome = Outcome {
            total: Record::new(),
            parts: Vec::new(),
            timeline: Vec::new(),
            sent_variation: None,
            n_sent: 0,
            elapsed: Seconds(0.0),
            busiest_thread: 0.0,
        };
        let tick = tick as f64 * 1e-9;
        Self {
            plan,
            tick,
            open: BTreeMap::new(),
            outcome,
            gaps: Gaps::default(),
            last_send: None,
            cpu_while_sending: 0,
        }
    }

    fn take(&mut self, news: Tick, observer: &mut dyn LoadObserver) {
        let is_sending = (news.number as f64 + 1.0) * self.tick <= self.plan.duration().0;
        if is_sending {
            let busy = news.record.cpu as f64 * 1e-9 / self.tick;
            self.outcome.busiest_thread = self.outcome.busiest_thread.max(busy);
            self.cpu_while_sending += news.record.cpu;
        }
        let (told, record) = self.open.entry(news.number).or_insert_with(|| (0, Record::new()));
        *told += 1;
        let in_system = record.in_system + news.record.in_system;
        record.add(&news.record);
        record.sends.extend_from_slice(&news.record.sends);
        record.in_system = in_system;
        while let Some(entry) = self.open.first_entry().filter(|entry| entry.get().0 == self.plan.threads) {
            let number = *entry.key();
            let (_, record) = entry.remove();
            self.close_tick(number, record, observer);
        }
    }

    fn close_tick(&mut self, number: usize, mut record: Record, observer: &mut dyn LoadObserver) {
        record.sends.sort_unstable();
        for send in &record.sends {
            let position = self.position_of(*send as f64 * 1e-9);
            if let Some(last) = self.last_send.replace(position) {
                self.gaps.add(position - last);
            }
        }
        let outcome = &mut self.outcome;
        let is_open = matches!(self.plan.mode, Mode::Open { .. });
        let sent = if is_open { record.sends.len() as u64 } else { record.good + record.n_errors() };
        outcome.n_sent += sent;
        let point = TimelinePoint {
            time_s: (number as f64 + 1.0) * self.tick,
            sent,
            good: record.good,
            errors: record.n_errors(),
            p50_s: record.latency.quantile(0.5),
            p99_s: record.latency.quantile(0.99),
            max_s: record.latency.max(),
            in_system: record.in_system,
        };
        observer.tick(&point);
        outcome.timeline.push(point);
        let n_ticks = (self.plan.duration().0 / self.tick).ceil().max(1.0) as usize;
        let part = (number * N_PARTS / n_ticks).min(N_PARTS - 1);
        while outcome.parts.len() <= part {
            outcome.parts.push(Record::new());
        }
        outcome.parts[part].add(&record);
        outcome.total.add(&record);
    }

    /// Returns where in the process of rate 1 a time lies: a changing rate is no variation of the gaps.
    fn position_of(&self, time: f64) -> f64 {
        match &self.plan.mode {
            Mode::Open { arrivals: Arrivals::Trace(_), .. } | Mode::Closed { .. } => time,
            Mode::Open { profile, .. } => profile.expected_until(time),
        }
    }

    fn finish(mut self, elapsed: Duration, observer: &mut dyn LoadObserver) -> Outcome {
        // A thread that failed has told less than the others: what they saw still counts.
        for (number, (_, record)) in std::mem::take(&mut self.open) {
            self.close_tick(number, record, observer);
        }
        self.outcome.sent_variation = self.gaps.variation();
        self.outcome.elapsed = Seconds(elapsed.as_secs_f64());
        self.outcome
    }
}
