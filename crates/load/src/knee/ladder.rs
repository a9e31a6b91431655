//! Throughput by users: the ladder of closed loops.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::{ClosedRun, Rung, Subject};
use crate::LoadError;

/// Closed loops with 1, 2, 4 … users, until throughput no longer grows.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    runs: Vec<(usize, ClosedRun)>,
    /// A run with so few users that none waits for another: its latencies are service times.
    unhindered: ClosedRun,
    /// Whether more users brought no more throughput in the end.
    has_levelled: bool,
}

/// Throughput grows if it does so by more than this.
const GROWTH: f64 = 0.03;
/// Twice the users of a service far from its capacity bring twice the throughput; below this factor it is near.
const LEVEL: f64 = 1.5;
/// A service that has lost more than this of its throughput since it was glanced at stays slow once requests have overlapped: then the
/// glance tells what it can do.
const LASTING: f64 = 0.3;
/// Responses without queueing that a distribution of service times needs.
const UNHINDERED: f64 = 2000.0;
/// Responses at full throughput that a capacity needs.
const SATURATED: f64 = 4000.0;
/// The first look at a rung, in seconds, or in latencies of one user if that is longer.
const GLANCE: f64 = 0.4;
const GLANCE_LATENCIES: f64 = 6.0;
/// Rungs beyond the best one, to see whether the service gets slower when more overlap.
const BEYOND: usize = 2;
const MAX_USERS: usize = 512;
/// The share of the budget that glances may take.
const CLIMB: f64 = 0.25;

impl Ladder {
    /// Climbs within about `budget` seconds.
    pub(crate) fn climb(subject: &mut dyn Subject, budget: f64) -> Result<Self, LoadError> {
        let first = subject.closed(1, GLANCE)?;
        let glance = (GLANCE_LATENCIES * first.mean()).clamp(GLANCE, budget / 10.0);
        let mut ladder =
            Self { runs: vec![(1, first)], unhindered: ClosedRun::default(), has_levelled: false };
        let mut users = 2;
        let mut spent = GLANCE;
        while users <= MAX_USERS && spent + glance <= budget * CLIMB && !subject.is_canceled() {
            spent += glance;
            let best = ladder.best().throughput().0;
            let run = subject.closed(users, glance)?;
            let run_rate = run.throughput().0;
            let has_grown = run_rate > best * (1.0 + GROWTH);
            ladder.runs.push((users, run));
            ladder.has_levelled = run_rate <= best * LEVEL;
            let beyond = ladder.runs.len() - 1 - ladder.best_index();
            if !has_grown && beyond >= BEYOND {
                break;
            }
            users *= 2;
        }
        Ok(ladder)
    }

    /// Measures the capacity at the best rung, and service times with half as many users as there seem to be servers.
    pub(crate) fn look_longer(&mut self, subject: &mut dyn Subject, budget: f64) -> Result<(), LoadError> {
        let index = self.best_index();
        let (users, rate) = (self.runs[index].0, self.best().throughput().0.max(1.0));
        let servers = (rate * self.alone().mean()).round().max(1.0);
        let unhindered = (servers / 2.0).max(1.0);
        if subject.is_canceled() {
            self.unhindered = self.alone().clone();
            return Ok(());
        }
        let seconds = (UNHINDERED * servers / (unhindered * rate)).clamp(0.5, budget * 0.28);
        self.unhindered = subject.closed(unhindered as usize, seconds)?;
        if !subject.is_canceled() {
            let longer = subject.closed(users, (SATURATED / rate).clamp(1.0, budget * 0.32))?;
            if longer.throughput().0 > (1.0 - LASTING) * rate {
                self.runs[index].1 = longer;
            }
        }
        // A glance that shows less throughput with more users may be chance.
        let worst = (index + 1..self.runs.len())
            .min_by(|a, b| self.runs[*a].1.throughput().0.total_cmp(&self.runs[*b].1.throughput().0));
        if let Some(worst) = worst
            && !subject.is_canceled()
            && self.runs[worst].1.throughput().0 < (1.0 - GROWTH) * self.best().throughput().0
        {
            let seconds = (SATURATED / 4.0 / rate).clamp(0.5, budget * 0.15);
            self.runs[worst].1 = subject.closed(self.runs[worst].0, seconds)?;
        }
        Ok(())
    }

    fn best_index(&self) -> usize {
        let rate = |index: &usize| self.runs[*index].1.throughput().0;
        (0..self.runs.len()).max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or(0)
    }

    /// Returns the run with the highest throughput.
    pub(crate) fn best(&self) -> &ClosedRun {
        &self.runs[self.best_index()].1
    }

    /// Returns the run of one user.
    fn alone(&self) -> &ClosedRun {
        &self.runs[0].1
    }

    /// Returns service times: `(seconds, count)`, sorted.
    pub(crate) fn service_times(&self) -> &[(f64, u64)] {
        &self.unhindered.times
    }

    /// Returns the share of the highest throughput that is lost with more users.
    pub(crate) fn loss(&self) -> f64 {
        let (best, error) = self.best().throughput();
        let after = self.runs[self.best_index() + 1..].iter().map(|(_, run)| run.throughput());
        // A loss is one only beyond the noise of both.
        let losses = after
            .filter(|(rate, spread)| best - rate > 2.0 * error.hypot(*spread))
            .map(|(rate, _)| (best - rate) / best.max(1e-9));
        losses.fold(0.0, f64::max)
    }

    /// Returns whether more users brought no more throughput in the end: only then is the highest one the capacity.
    pub(crate) fn has_levelled(&self) -> bool {
        self.has_levelled
    }

    /// Returns whether the generator had reserve on all rungs up to the best.
    pub(crate) fn is_valid(&self) -> bool {
        self.runs[..=self.best_index()].iter().all(|(_, run)| run.is_valid)
    }

    /// Returns what was seen, for people.
    pub(crate) fn rungs(&self) -> Vec<Rung> {
        let rung = |(users, run): &(usize, ClosedRun)| Rung {
            users: *users,
            throughput: run.throughput().0,
            latency_s: run.mean(),
        };
        self.runs.iter().map(rung).collect()
    }
}

/// Draws as many times as there are, with replacement.
pub(crate) fn resample(times: &[(f64, u64)], random: &mut Pcg64) -> Vec<(f64, u64)> {
    let total: u64 = times.iter().map(|time| time.1).sum();
    let mut ranks: Vec<u64> = Vec::with_capacity(times.len());
    let mut sum = 0;
    for (_, count) in times {
        sum += count;
        ranks.push(sum);
    }
    let mut drawn: Vec<(f64, u64)> = times.iter().map(|(value, _)| (*value, 0)).collect();
    for _ in 0..total {
        let rank = random.random_range(0..total);
        drawn[ranks.partition_point(|sum| *sum <= rank)].1 += 1;
    }
    drawn.retain(|time| time.1 > 0);
    drawn
}
