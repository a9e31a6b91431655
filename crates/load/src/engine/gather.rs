//! What the threads tell, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use festina_types::Seconds;

use super::worker::Tick;
use super::{LoadObserver, LoadPlan, Mode, Outcome, TimelinePoint, Totals};
use crate::plan::{Arrivals, Gaps};
use crate::record::{List, Quantiles, Record};

/// Parts of a run for intervals: each has to be long against the time that a queue remembers.
const N_PARTS: usize = 20;
/// Points of the timeline, at most about.
const N_POINTS: f64 = 240.0;

/// Puts together what the threads tell.
pub(super) struct Gatherer<'a> {
    plan: &'a LoadPlan,
    tick: f64,
    /// Ticks of a point of the timeline.
    ticks_a_point: usize,
    /// Ticks that not all threads have told.
    open: BTreeMap<usize, OpenTick>,
    /// The point of the timeline under way, and the requests sent in it.
    point: (Record, u64),
    outcome: Outcome,
    gaps: Gaps,
    last_send: Option<f64>,
    n_sending_ticks: usize,
}

/// A tick that not all threads have told.
struct OpenTick {
    n_told: usize,
    record: Record<List>,
    /// Of the thread that used and wanted its core most: processor time and waiting for a core, in nanoseconds.
    busiest: (u64, u64),
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(plan: &'a LoadPlan, tick: u64) -> Self {
        let tick = tick as f64 * 1e-9;
        let outcome = Outcome {
            total: Record::new(),
            parts: Vec::new(),
            timeline: Vec::new(),
            sent_variation: None,
            n_sent: 0,
            good_in_time: 0,
            elapsed: Seconds(0.0),
            busiest_thread: 0.0,
            waiting_thread: 0.0,
        };
        Self {
            plan,
            tick,
            ticks_a_point: (plan.duration().0 / N_POINTS / tick).ceil().max(1.0) as usize,
            open: BTreeMap::new(),
            point: (Record::new(), 0),
            outcome,
            gaps: Gaps::default(),
            last_send: None,
            n_sending_ticks: 0,
        }
    }

    /// Takes what a thread tells.
    pub(super) fn take(&mut self, news: Tick, observer: &mut dyn LoadObserver) {
        let tick = self.open.entry(news.number).or_insert_with(|| OpenTick {
            n_told: 0,
            record: Record::new(),
            busiest: (0, 0),
        });
        tick.n_told += 1;
        let (cpu, delay) = (news.record.cpu, news.record.run_delay);
        if cpu + delay > tick.busiest.0 + tick.busiest.1 {
            tick.busiest = (cpu, delay);
        }
        tick.record.join(news.record);
        while let Some(entry) =
            self.open.first_entry().filter(|entry| entry.get().n_told == self.plan.threads)
        {
            let number = *entry.key();
            let tick = entry.remove();
            self.close_tick(number, tick, observer);
        }
    }

    fn close_tick(&mut self, number: usize, tick: OpenTick, observer: &mut dyn LoadObserver) {
        let OpenTick { mut record, busiest, .. } = tick;
        if (number as f64 + 1.0) * self.tick <= self.plan.duration().0 * (1.0 + 1e-9) {
            self.n_sending_ticks += 1;
            self.outcome.good_in_time += record.good;
            self.outcome.busiest_thread += busiest.0 as f64 * 1e-9 / self.tick;
            self.outcome.waiting_thread += busiest.1 as f64 * 1e-9 / self.tick;
        }
        record.sort();
        for send in &record.sends {
            let position = self.position_of(*send as f64 * 1e-9);
            if let Some(last) = self.last_send.replace(position) {
                self.gaps.add(position - last);
            }
        }
        let is_open = matches!(self.plan.mode, Mode::Open { .. });
        let sent = if is_open { record.sends.len() as u64 } else { record.good + record.n_errors() };
        self.outcome.n_sent += sent;
        let n_ticks = (self.plan.duration().0 / self.tick).ceil().max(1.0) as usize;
        let part = (number * N_PARTS / n_ticks).min(N_PARTS - 1);
        while self.outcome.parts.len() <= part {
            self.outcome.parts.push(Record::new());
        }
        self.outcome.parts[part].add(&record);
        self.outcome.total.add(&record);
        let seen = self.timeline_point(number, sent, &record);
        observer.tick(&seen);
        observer.totals(&Totals { record: &self.outcome.total, sent: self.outcome.n_sent });
        if self.ticks_a_point == 1 {
            self.outcome.timeline.push(seen);
            return;
        }
        self.point.0.add(&record);
        self.point.1 += sent;
        if (number + 1).is_multiple_of(self.ticks_a_point) {
            self.close_point(number);
        }
    }

    fn close_point(&mut self, number: usize) {
        let (record, sent) = std::mem::replace(&mut self.point, (Record::new(), 0));
        self.outcome.timeline.push(self.timeline_point(number, sent, &record));
    }

    fn timeline_point<T: Quantiles>(&self, number: usize, sent: u64, record: &Record<T>) -> TimelinePoint {
        TimelinePoint {
            time_s: (number as f64 + 1.0) * self.tick,
            sent,
            good: record.good,
            errors: record.n_errors(),
            p50_s: record.latency.quantile(0.5),
            p99_s: record.latency.quantile(0.99),
            max_s: record.latency.max(),
            in_system: record.in_system,
        }
    }

    /// Returns where in the process of rate 1 a time lies: a changing rate is no variation of the gaps.
    fn position_of(&self, time: f64) -> f64 {
        match &self.plan.mode {
            Mode::Open { arrivals: Arrivals::Trace(_), .. } | Mode::Closed { .. } => time,
            Mode::Open { profile, .. } => profile.expected_until(time),
        }
    }

    /// Returns all that was told.
    pub(super) fn finish(mut self, elapsed: Duration, observer: &mut dyn LoadObserver) -> Outcome {
        let mut last = 0;
        // A thread that failed has told less than the others: what they saw still counts.
        for (number, tick) in std::mem::take(&mut self.open) {
            last = number;
            self.close_tick(number, tick, observer);
        }
        if self.point.1 > 0 || self.point.0.latency.len() > 0 || self.point.0.n_errors() > 0 {
            let last = last.max((elapsed.as_secs_f64() / self.tick) as usize);
            self.close_point(last);
        }
        let n = self.n_sending_ticks.max(1) as f64;
        self.outcome.busiest_thread /= n;
        // A tick may last longer than it should, above all when its thread waits for a core.
        self.outcome.waiting_thread = (self.outcome.waiting_thread / n).min(1.0);
        self.outcome.sent_variation = self.gaps.variation();
        self.outcome.elapsed = Seconds(elapsed.as_secs_f64());
        self.outcome
    }
}
