//! How long tasks take, and what follows from it: how many go into a chunk, how many wait, which are too long to start.

use std::collections::VecDeque;

/// So many durations count.
const RECENT: usize = 512;

/// A chunk takes a slot about so long.
const CHUNK_S: f64 = 0.25;

/// So much work waits for each slot in the pool: the way through a shared file system takes some tenths of a second.
const AHEAD_S: f64 = 1.0;

/// So much work waits for each slot at its worker.
const BACKLOG_S: f64 = 0.1;

/// The largest number of tasks that wait for a slot, and of those in a chunk.
const MOST: usize = 256;

/// The durations of the tasks that ended of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    recent: VecDeque<f64>,
}

impl Pace {
    /// Takes the duration of a task, in seconds.
    pub(crate) fn learn(&mut self, duration_s: f64) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(duration_s);
    }

    /// Returns the mean duration, if any is known.
    pub(crate) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.recent.iter().sum();
        (!self.recent.is_empty()).then(|| sum / self.recent.len() as f64)
    }

    /// Returns the 95th percentile of the durations: the smallest that at least 95 % of them do not exceed.
    pub(crate) fn p95(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get((0.95 * sorted.len() as f64).ceil().max(1.0) as usize - 1).copied()
    }

    /// Returns how many tasks go into a chunk, of `n_waiting` that are to be shared among `n_workers`.
    pub(crate) fn chunk(&self, n_waiting: usize, n_workers: usize) -> usize {
        let of_time = self.mean().map_or(1, |mean| n_within(CHUNK_S, mean));
        of_time.min(n_waiting.div_ceil(2 * n_workers.max(1))).max(1)
    }

    /// Returns how many tasks wait at a worker of `slots` slots, so that none of them ever waits for a chunk.
    pub(crate) fn backlog(&self, slots: usize) -> usize {
        match self.mean() {
            Some(mean) if mean < BACKLOG_S => slots * n_within(BACKLOG_S, mean),
            _ => 0,
        }
    }
}

/// Returns how many tasks the pool has for a slot, given how long its tasks take of late. Those beyond the first are
/// nobody's yet, so that nothing waits behind a long one.
pub(crate) fn ahead(recent_s: Option<f64>) -> usize {
    recent_s.map_or(2, |recent| n_within(AHEAD_S, recent).max(2))
}

/// Returns whether a task may be started when so much time is left: what 95 % of the tasks took must fit in.
pub(crate) fn fits(left_s: f64, p95_s: Option<f64>, timeout_s: Option<f64>) -> bool {
    let longest = match (p95_s, timeout_s) {
        (Some(p95), Some(timeout)) => p95.min(timeout),
        (Some(p95), None) => p95,
        // Nothing is known: it is started, and the next will be known.
        (None, _) => 0.0,
    };
    longest < left_s
}

fn n_within(time_s: f64, mean_s: f64) -> usize {
    ((time_s / mean_s.max(1e-6)) as usize).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(durations: impl IntoIterator<Item = f64>) -> Pace {
        let mut pace = Pace::default();
        durations.into_iter().for_each(|duration| pace.learn(duration));
        pace
    }

    #[test]
    fn percentiles_by_hand() {
        assert_eq!(pace([]).p95(), None);
        assert_eq!(pace([3.0]).p95(), Some(3.0));
        assert_eq!(pace((1..=20).map(f64::from)).p95(), Some(19.0));
        assert_eq!(pace((1..=100).rev().map(f64::from)).p95(), Some(95.0));
        assert_eq!(pace((0..2000).map(|n| f64::from(u8::from(n < 1000)))).p95(), Some(0.0), "long past");
    }

    #[test]
    fn short_tasks_go_together_and_long_ones_alone() {
        assert_eq!(pace([]).chunk(100, 1), 1, "nothing is known yet");
        assert_eq!(pace([0.01]).chunk(1000, 1), 25, "a quarter of a second");
        assert_eq!(pace([0.01]).chunk(40, 4), 5, "each of four workers gets two chunks");
        assert_eq!(pace([7.0]).chunk(1000, 1), 1);
        assert_eq!((pace([0.01]).backlog(2), pace([7.0]).backlog(2)), (20, 0));
        assert_eq!((ahead(None), ahead(Some(0.01)), ahead(Some(60.0)), ahead(Some(0.0))), (2, 100, 2, 256));
    }

    #[test]
    fn what_would_outlast_the_allocation_is_not_started() {
        assert!(fits(10.0, Some(9.0), None) && !fits(10.0, Some(11.0), None));
        assert!(fits(10.0, Some(11.0), Some(5.0)), "it is stopped before");
        assert!(fits(1.0, None, Some(60.0)) && !fits(-1.0, None, None));
    }
}
