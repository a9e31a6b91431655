//! How many tasks make a batch.

use std::time::Duration;

/// Batches that a worker has at the same time, at most: one that it works at, the others on their way to it or back.
const AHEAD: usize = 3;

/// A batch takes about so long: long against the way there and back, short against what anybody waits for.
const BATCH: Duration = Duration::from_millis(2);

/// From one measurement to the next batches grow by no more than this factor: the first tasks may not be like the rest.
const GROWTH: f64 = 8.0;

/// How many tasks make a batch, and how many batches a worker may have.
///
/// As many tasks as take [`BATCH`], by what tasks took so far; and of what is left no more than its share of a half, so
/// that the last batches are small and no worker is waited for long (guided self-scheduling: C. D. Polychronopoulos and
/// D. J. Kuck, IEEE Trans. Computers C-36, 1987).
#[derive(Debug)]
pub(super) struct Pace {
    n_workers: usize,
    n_tasks: f64,
    elapsed_ns: f64,
    largest: f64,
}

impl Pace {
    pub(super) fn new(n_workers: usize) -> Self {
        Self { n_workers, n_tasks: 0.0, elapsed_ns: 0.0, largest: 1.0 }
    }

    /// Takes into account that so many tasks took so long.
    pub(super) fn learn(&mut self, n_tasks: usize, elapsed_ns: u64) {
        // What is long past counts less and less.
        self.n_tasks = 0.9 * self.n_tasks + n_tasks as f64;
        self.elapsed_ns = 0.9 * self.elapsed_ns + elapsed_ns as f64;
        let a_task = (self.elapsed_ns / self.n_tasks.max(1.0)).max(1.0);
        self.largest = (BATCH.as_nanos() as f64 / a_task).clamp(1.0, self.largest * GROWTH);
    }

    /// Returns the time that a task takes; `None` if nothing is known yet.
    fn task(&self) -> Option<Duration> {
        (self.n_tasks > 0.0).then(|| Duration::from_nanos((self.elapsed_ns / self.n_tasks) as u64))
    }

    /// Returns how many batches a worker may have. What waits behind a long task is not done elsewhere, so that of
    /// long tasks none waits: the way there and back, below 2 ms, is then little.
    pub(super) fn ahead(&self) -> usize {
        match self.task() {
            Some(task) if task < Duration::from_millis(10) => AHEAD,
            Some(task) if task < Duration::from_millis(100) => 2,
            _ => 1,
        }
    }

    /// Returns how many of the tasks that are left make the next batch.
    pub(super) fn size(&self, n_left: usize) -> usize {
        (self.largest as usize).min(n_left.div_ceil(2 * self.n_workers)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_take_two_milliseconds_and_shrink_at_the_end() {
        let mut pace = Pace::new(2);
        assert_eq!((pace.size(1_000_000), pace.ahead()), (1, 1), "nothing is known yet");
        pace.learn(1, 1000);
        assert_eq!(pace.size(1_000_000), 8, "2000 tasks of 1 µs take 2 ms, but one was seen only");
        (0..9).for_each(|_| pace.learn(8, 8000));
        assert_eq!((pace.size(1_000_000), pace.ahead()), (2000, 3));
        assert_eq!(pace.size(1000), 250, "of 1000 left each of two workers gets a quarter");
        assert_eq!(pace.size(1), 1);
        assert_eq!(pace.size(0), 1);
        (0..99).for_each(|_| pace.learn(1, 50_000_000));
        assert_eq!((pace.size(1_000_000), pace.ahead()), (1, 2), "tasks of 50 ms go one by one");
        (0..99).for_each(|_| pace.learn(1, 500_000_000));
        assert_eq!(pace.ahead(), 1);
    }
}
