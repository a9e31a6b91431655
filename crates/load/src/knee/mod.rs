//! The knee: the highest rate at which users still get what they were promised.
//!
//! A ladder of closed loops shows how throughput grows with the users; from the service times of one user and the highest
//! throughput a queue is made that behaves like the service, the *twin*, which is simulated at any rate in no time; two
//! windows at rates around its knee then test it against the service. They test and never tune: short windows are biased,
//! since the queue has not filled, and the twin is asked for the same short windows. Where the service is no such queue
//! (its parts fight for a lock, it batches, it collects garbage), it contradicts its twin, and a search by windows finds
//! the knee instead.

mod ladder;
mod search;
mod sizing;
mod subject;
mod twin;

use festina_types::{Estimate, Interval, Method};
use serde::Serialize;

pub(crate) use ladder::Ladder;
pub use sizing::{Demand, Sizing};
pub(crate) use subject::{ClosedRun, OpenRun, Subject};
use twin::Twin;

use crate::LoadError;

/// The highest rate that meets an objective, and how it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Knee {
    /// In requests a second; 0 if even an idle service is too slow.
    pub rate: Estimate,
    /// How it was found.
    pub found_by: FoundBy,
    /// Whether the knee may be higher: no rate that was tried failed, or the generator was the limit.
    pub is_at_least: bool,
    /// The highest throughput of a closed loop, in requests a second; the service's capacity, if more users brought no more.
    pub capacity: f64,
    /// What the twin says of the latency at a rate: `(requests a second, seconds)` of the quantile that is asked for.
    pub curve: Vec<(f64, f64)>,
    /// Throughput by users.
    pub ladder: Vec<Rung>,
    /// The share of its highest throughput that the service loses when many requests overlap.
    pub loss_when_overlapping: f64,
    /// Windows at constant rates: what was seen, and what the twin says of such a window.
    pub windows: Vec<Window>,
    /// Whether the generator had reserve all the time.
    pub is_valid: bool,
    /// Whether more users brought no more throughput in the end.
    #[serde(skip)]
    pub(crate) has_levelled: bool,
    /// The queue that behaves as the service does, if there is one.
    #[serde(skip)]
    pub(crate) twin: Option<Twin>,
}

/// How a knee was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// A queue made of the service's own times, which windows did not contradict.
    Twin,
    /// Windows at constant rates: the service is no queue.
    Search,
}

/// A rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Users in a closed loop.
    pub users: usize,
    /// Good responses a second.
    pub throughput: f64,
    /// Mean latency in seconds.
    pub latency_s: f64,
}

/// A window at a constant rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Window {
    /// Requests a second.
    pub rate: f64,
    /// The share of requests beyond the limit.
    pub share: f64,
    /// The latency in seconds of the quantile that is asked for; `None` without requests.
    pub latency_s: Option<f64>,
    /// The shares that the twin calls likely; `None` in a search.
    pub likely: Option<(f64, f64)>,
    /// Whether the objective held, as far as the window tells.
    pub holds: bool,
}

/// What is to hold: at most a share `allowed` of requests takes longer than `limit` seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) limit: f64,
    pub(crate) allowed: f64,
}

/// A service that loses more than this of its throughput when requests overlap is no queue.
pub(crate) const RETROGRADE: f64 = 0.05;
/// The level of the band.
const LEVEL: f64 = 0.9;
/// Simulated runs for the band.
const REPLICATES: usize = 40;
/// No band is narrower than this on either side: the least by which a real service is not its twin.
const MISFIT: f64 = 0.02;
/// Simulated windows that say what is likely.
const WINDOWS: u64 = 200;
/// Shares of the capacity at which the twin's latency is told.
const CURVE: [f64; 14] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98];
/// The largest share of likely windows on either side that a window may lie outside of.
const UNLIKELY: f64 = 0.01;
/// The share of the budget that climbing the ladder may count on.
const CLIMB: f64 = 0.8;
/// The share of the budget that is kept for what follows the look at the ladder: the twin, and windows that test it.
const KEPT: f64 = 0.3;
/// Of a service that already shows that it is no queue, half the look is enough: the search needs its time.
const SHORTER_LOOK: f64 = 0.5;
/// The share of the budget that a window takes that tests the twin, and the least if time is short.
const TRIAL: f64 = 0.08;
const SHORTEST_TRIAL: f64 = 0.04;
/// The share of the budget that a search takes.
const SEARCH: f64 = 0.5;

/// Finds the knee of `subject`, in about `budget` seconds.
///
/// # Errors
///
/// Those of the subject.
pub(crate) fn find(
    subject: &mut dyn Subject,
    target: Target,
    budget: f64,
    seed: u64,
) -> Result<Knee, LoadError> {
    let mut ladder = Ladder::climb(subject, budget * CLIMB)?;
    let has_levelled = ladder.has_levelled() || !bears_twice(subject, &ladder, target, budget)?;
    // Of a capacity that was not reached there is nothing more to learn.
    if has_levelled || subject.is_canceled() {
        let left = (budget * (1.0 - KEPT) - subject.elapsed()).max(budget * 0.1);
        let share = if ladder.loss() > RETROGRADE { SHORTER_LOOK } else { 1.0 };
        ladder.look_longer(subject, share * left)?;
    }
    let (capacity, error) = ladder.best().throughput();
    let loss = ladder.loss();
    let mut knee = Knee {
        rate: Estimate { value: 0.0, interval: None, method: Method::Simulation },
        found_by: FoundBy::Twin,
        is_at_least: false,
        capacity,
        curve: Vec::new(),
        ladder: ladder.rungs(),
        loss_when_overlapping: loss,
        windows: Vec::new(),
        is_valid: ladder.is_valid(),
        has_levelled,
        twin: None,
    };
    let is_queue = loss <= RETROGRADE && (knee.has_levelled || subject.is_canceled());
    let twin = Twin::new(ladder.service_times(), capacity).filter(|_| is_queue);
    if let Some(twin) = twin {
        knee.rate = estimate(&twin, &ladder, (capacity, error), target, seed);
        knee.curve = curve(&twin, capacity, target, seed);
        let is_over = knee.rate.value <= 0.0 || subject.is_canceled();
        if is_over || agrees(subject, &twin, &mut knee, target, budget, seed)? {
            knee.twin = (!is_over).then_some(twin);
            knee.is_at_least = !knee.is_valid || !knee.has_levelled;
            return Ok(knee);
        }
    }
    knee.found_by = FoundBy::Search;
    let highest = knee.has_levelled.then_some(capacity);
    search::search(subject, &mut knee, highest, target, budget * SEARCH)?;
    knee.is_at_least |= !knee.is_valid;
    Ok(knee)
}

/// Returns whether a window at twice the highest throughput of `ladder` holds: then that was not the capacity.
fn bears_twice(
    subject: &mut dyn Subject,
    ladder: &Ladder,
    target: Target,
    budget: f64,
) -> Result<bool, LoadError> {
    if subject.is_canceled() {
        return Ok(true);
    }
    let rate = 2.0 * ladder.best().throughput().0;
    Ok(subject.open(rate, budget * TRIAL, target)?.share <= target.allowed)
}

/// Returns the twin's knee with a band: service times are drawn again, the capacity varies as it was seen to.
fn estimate(
    twin: &Twin,
    ladder: &Ladder,
    (capacity, error): (f64, f64),
    target: Target,
    seed: u64,
) -> Estimate {
    let first = twin.knee(capacity, target, seed);
    let others = (1..5).map(|k| twin.knee_near(first, capacity, target, seed + k));
    let value = (first + others.sum::<f64>()) / 5.0;
    let mut random = rand::SeedableRng::seed_from_u64(seed);
    let mut draws: Vec<f64> = (0..REPLICATES)
        .filter_map(|replicate| {
            let times = ladder::resample(ladder.service_times(), &mut random);
            let normal: f64 = rand_distr::Distribution::sample(&rand_distr::StandardNormal, &mut random);
            let capacity = (capacity + error * normal).max(capacity * 0.5);
            let twin = Twin::new(&times, capacity)?;
            Some(twin.knee_near(value, capacity, target, seed + 100 + replicate as u64))
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let tail = ((1.0 - LEVEL) / 2.0 * draws.len() as f64) as usize;
    let at = |index: usize| draws.get(index).copied().unwrap_or(value);
    let interval = Interval {
        lower: at(tail).min(value * (1.0 - MISFIT)),
        upper: at(draws.len().saturating_sub(tail + 1)).max(value * (1.0 + MISFIT)),
        level: LEVEL,
    };
    Estimate { value, interval: Some(interval), method: Method::Simulation }
}

/// Returns the twin's latency at rates up to almost its capacity.
fn curve(twin: &Twin, capacity: f64, target: Target, seed: u64) -> Vec<(f64, f64)> {
    let rates = CURVE.iter().map(|share| share * capacity);
    rates.filter_map(|rate| Some((rate, twin.quantile(rate, 1.0 - target.allowed, seed)?))).collect()
}

/// Returns whether windows below and above the knee go as the twin says; one in which the generator was late is asked again, if
/// there is time.
fn agrees(
    subject: &mut dyn Subject,
    twin: &Twin,
    knee: &mut Knee,
    target: Target,
    budget: f64,
    seed: u64,
) -> Result<bool, LoadError> {
    let mut agrees = true;
    for (factor, n_left) in [(0.95, 2.0), (1.05, 1.0)] {
        let rate = knee.rate.value * factor;
        let left = (budget - subject.elapsed()) / n_left;
        let seconds = left.clamp(budget * SHORTEST_TRIAL, budget * TRIAL);
        let trial = Trial { twin, rate, seconds, target, seed };
        let mut outcome = trial.make(subject, knee)?;
        let has_time = subject.elapsed() + n_left * seconds <= budget;
        if !outcome.1 && has_time && !subject.is_canceled() {
            outcome = trial.make(subject, knee)?;
        }
        agrees &= outcome.0;
        knee.is_valid &= outcome.1;
        if subject.is_canceled() {
            break;
        }
    }
    Ok(agrees)
}

/// A window at a rate, as the twin expects it.
struct Trial<'a> {
    twin: &'a Twin,
    rate: f64,
    seconds: f64,
    target: Target,
    seed: u64,
}

impl Trial<'_> {
    /// Returns whether the service does in such a window what the twin says, and whether the generator was on time.
    fn make(&self, subject: &mut dyn Subject, knee: &mut Knee) -> Result<(bool, bool), LoadError> {
        let Self { twin, rate, seconds, target, seed } = *self;
        let run = subject.open(rate, seconds, target)?;
        let mut shares: Vec<f64> = (0..WINDOWS)
            .map(|k| twin.share_of_window(rate, run.sent as usize, target.limit, seed + 1000 + k))
            .collect();
        shares.sort_by(f64::total_cmp);
        let tail = (UNLIKELY * WINDOWS as f64) as usize;
        // The twin's own error in capacity moves the share as well: a factor of two on either side of it.
        let likely = (shares[tail] / 2.0, shares[shares.len() - 1 - tail] * 2.0 + target.allowed);
        let share = run.share;
        let holds = share <= target.allowed;
        knee.windows.push(Window { rate, share, latency_s: run.latency_s, likely: Some(likely), holds });
        let agrees = share >= likely.0 * 0.999 && share <= likely.1;
        Ok((agrees || subject.is_canceled(), run.is_valid))
    }
}

#[cfg(test)]
mod tests;
