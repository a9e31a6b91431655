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
    /// The rung that was looked at for longer: a glance at another one that shows more is chance.
    chosen: Option<usize>,
}

/// Throughput grows if it does so by more than this.
const GROWTH: f64 = 0.03;
/// Twice the users of a service far from its capacity bring twice the throughput; below this factor it is near.
const LEVEL: f64 = 1.5;
/// A service that has lost more than this of its throughput since it was glanced at stays slow once requests have overlapped: then the
/// glance tells what it can do.
const LASTING: f64 = 0.3;
/// Responses without queueing that a distribution of service times needs, and the share of the time to look that they may take.
const UNHINDERED: (f64, f64) = (2000.0, 0.38);
/// Users for each server there seems to be, so that none waits for another even if there are somewhat fewer.
const UNHINDERED_USERS: f64 = 0.75;
/// Responses at full throughput that a capacity needs, and the share of the time to look that they may take.
const SATURATED: (f64, f64) = (4000.0, 0.42);
/// Those with more users than bring the highest throughput.
const CROWDED: (f64, f64) = (1000.0, 0.2);
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
        let mut ladder = Self {
            runs: vec![(1, first)],
            unhindered: ClosedRun::default(),
            has_levelled: false,
            chosen: None,
        };
        let mut users = 2;
        // By the clock: the last responses to hundreds of users are waited for after each glance.
        while users <= MAX_USERS && subject.elapsed() + glance <= budget * CLIMB && !subject.is_canceled() {
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

    /// Measures the capacity at the best rung, and service times with fewer users than there seem to be servers, within about
    /// `budget` seconds.
    pub(crate) fn look_longer(&mut self, subject: &mut dyn Subject, budget: f64) -> Result<(), LoadError> {
        let index = self.best_index();
        let (users, rate) = (self.runs[index].0, self.best().throughput().0.max(1.0));
        let servers = self.servers();
        let unhindered = (servers * UNHINDERED_USERS).floor().max(1.0);
        if subject.is_canceled() {
            self.unhindered = self.alone().clone();
            return Ok(());
        }
        let seconds =
            |(responses, share): (f64, f64), rate: f64| (responses / rate).clamp(0.5, budget * share);
        let slower = seconds(UNHINDERED, rate * unhindered / servers);
        self.unhindered = subject.closed(unhindered as usize, slower)?;
        if !subject.is_canceled() {
            let longer = subject.closed(users, seconds(SATURATED, rate).max(1.0))?;
            if longer.throughput().0 > (1.0 - LASTING) * rate {
                self.runs[index].1 = longer;
                self.chosen = Some(index);
            }
        }
        if let Some(worst) = self.worst_after(index).filter(|_| !subject.is_canceled()) {
            self.runs[worst].1 = subject.closed(self.runs[worst].0, seconds(CROWDED, rate))?;
        }
        Ok(())
    }

    /// Returns how many servers there seem to be: highest throughput times the mean latency on the rungs on which at most half of
    /// them had a user.
    fn servers(&self) -> f64 {
        let rate = self.best().throughput().0;
        let seem = rate * self.alone().mean();
        let free = self.runs.iter().filter(|(users, _)| *users == 1 || 2.0 * *users as f64 <= seem);
        let (sum, count) = free.fold((0.0, 0.0), |(sum, count), (_, run)| {
            let n = run.count() as f64;
            (sum + n * run.mean(), count + n)
        });
        (rate * sum / f64::max(count, 1.0)).round().max(1.0)
    }

    /// Returns the rung beyond `index` with the least throughput, if that may be less than what `index` has by more than chance.
    fn worst_after(&self, index: usize) -> Option<usize> {
        let rate = |index: usize| self.runs[index].1.throughput();
        let worst = (index + 1..self.runs.len()).min_by(|a, b| rate(*a).0.total_cmp(&rate(*b).0))?;
        let ((best, error), (least, spread)) = (rate(index), rate(worst));
        (best - least > (GROWTH * best).max(error.hypot(spread))).then_some(worst)
    }

    fn best_index(&self) -> usize {
        let rate = |index: &usize| self.runs[*index].1.throughput().0;
        let highest = (0..self.runs.len()).max_by(|a, b| rate(a).total_cmp(&rate(b)));
        self.chosen.or(highest).unwrap_or(0)
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
