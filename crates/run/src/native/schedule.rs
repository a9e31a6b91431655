//! Which tasks go to which worker: pure, so that it is the same for threads, processes and ranks.

use std::collections::VecDeque;
use std::iter::Fuse;

use festina_types::BackendError;

use super::pace::Pace;
use super::sink::Sink;

/// A batch has about so many bytes at most, unless it is a single task.
const BATCH_BYTES: usize = 1 << 20;

/// So often a task may end its worker.
const LIVES: u32 = 3;

/// A batch that was lost with its worker is cut into so many parts, until it is known which task is deadly.
const PARTS: usize = 8;

/// Tasks that follow each other, for one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The index of the first task.
    pub(crate) first: usize,
    pub(crate) inputs: Vec<Vec<u8>>,
    /// How often it ended its worker, as a batch of one task.
    n_deaths: u32,
}

/// Hands tasks out in the order of the inputs, more at a time the shorter they are.
pub(crate) struct Schedule<'i> {
    inputs: Fuse<&'i mut dyn Iterator<Item = Vec<u8>>>,
    next: usize,
    /// Batches that came back with the death of their worker.
    returned: VecDeque<Batch>,
    /// How many batches each worker has.
    ahead: Vec<usize>,
    pace: Pace,
}

impl<'i> Schedule<'i> {
    pub(crate) fn new(n_workers: usize, inputs: &'i mut dyn Iterator<Item = Vec<u8>>) -> Self {
        let ahead = vec![0; n_workers];
        Self { inputs: inputs.fuse(), next: 0, returned: VecDeque::new(), ahead, pace: Pace::new(n_workers) }
    }

    /// Returns whether no worker has a batch.
    pub(super) fn is_idle(&self) -> bool {
        self.ahead.iter().all(|n_batches| *n_batches == 0)
    }

    /// Returns the next batch, and the worker that it goes to: the one with the fewest, if any may have more.
    pub(super) fn next(&mut self, sink: &dyn Sink) -> Option<(usize, Batch)> {
        // Of equals the last: on the first rank of an MPI job, which is nearest, others wait less.
        let (worker, n_batches) = self.ahead.iter().copied().enumerate().rev().min_by_key(|(_, n)| *n)?;
        if n_batches >= self.pace.ahead() {
            return None;
        }
        let batch = self.returned_batch(sink).or_else(|| self.fresh_batch(sink))?;
        self.ahead[worker] += 1;
        Some((worker, batch))
    }

    fn returned_batch(&mut self, sink: &dyn Sink) -> Option<Batch> {
        while let Some(batch) = self.returned.pop_front() {
            if sink.wants(batch.first) {
                return Some(batch);
            }
        }
        None
    }

    fn fresh_batch(&mut self, sink: &dyn Sink) -> Option<Batch> {
        if !sink.wants(self.next) {
            return None;
        }
        let n_left = self.inputs.size_hint().1.unwrap_or(usize::MAX);
        let size = self.pace.size(n_left);
        let mut inputs = Vec::new();
        let mut n_bytes = 0;
        while inputs.len() < size && n_bytes < BATCH_BYTES {
            let Some(input) = self.inputs.next() else { break };
            n_bytes += input.len();
            inputs.push(input);
        }
        let first = self.next;
        self.next += inputs.len();
        (!inputs.is_empty()).then(|| Batch::new(first, inputs))
    }

    /// A worker has done a batch.
    pub(super) fn done(&mut self, worker: usize, n_tasks: usize, elapsed_ns: u64) {
        self.ahead[worker] -= 1;
        self.pace.learn(n_tasks, elapsed_ns);
    }

    /// A worker has ended, with these batches in the order in which it got them; returns the failure of a task that is
    /// given up.
    ///
    /// Batches are worked at in turn, so that only the first is to blame. Where it has several tasks, which of them is
    /// not known: its parts are tried again.
    pub(super) fn lost(&mut self, worker: usize, batches: Vec<Batch>, how: &str) -> Option<BackendError> {
        self.ahead[worker] = 0;
        let mut batches = batches.into_iter();
        let mut first = batches.next()?;
        let others: Vec<Batch> = batches.collect();
        others.into_iter().rev().for_each(|batch| self.returned.push_front(batch));
        if first.inputs.len() > 1 {
            first.parts().into_iter().rev().for_each(|part| self.returned.push_front(part));
            return None;
        }
        first.n_deaths += 1;
        if first.n_deaths == LIVES {
            return Some(BackendError::Deadly { task: first.first, times: LIVES, how: how.to_owned() });
        }
        self.returned.push_front(first);
        None
    }
}

impl Batch {
    pub(crate) fn new(first: usize, inputs: Vec<Vec<u8>>) -> Self {
        Self { first, inputs, n_deaths: 0 }
    }

    fn parts(self) -> Vec<Self> {
        let size = self.inputs.len().div_ceil(PARTS);
        let mut inputs = self.inputs.into_iter();
        let starts = (self.first..).step_by(size);
        let part = |first| Self::new(first, inputs.by_ref().take(size).collect());
        starts.map(part).take_while(|part| !part.inputs.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sink::Collected;
    use super::*;

    fn numbers(n: u8) -> std::vec::IntoIter<Vec<u8>> {
        (0..n).map(|n| vec![n]).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn every_worker_has_one_before_any_has_two() {
        let (mut inputs, sink) = (numbers(9), Collected::new(9));
        let mut schedule = Schedule::new(3, &mut inputs);
        let mut next =
            || schedule.next(&sink).map(|(worker, batch)| (worker, batch.first, batch.inputs.len()));
        assert_eq!([next(), next(), next()], [Some((2, 0, 1)), Some((1, 1, 1)), Some((0, 2, 1))]);
        assert_eq!(next(), None, "nothing is known of how long tasks take");
        schedule.done(1, 1, 100);
        let batch = schedule.next(&sink).unwrap();
        assert_eq!((batch.0, batch.1.first), (1, 3));
    }

    #[test]
    fn a_deadly_task_is_found_among_others_and_given_up() {
        let mut inputs = numbers(40);
        let sink = Collected::new(40);
        let mut schedule = Schedule::new(1, &mut inputs);
        schedule.pace.learn(1, 1);
        schedule.pace.learn(1, 1);
        let (mut survivors, mut n_deaths, mut given_up) = (Vec::new(), 0, Vec::new());
        while let Some((worker, batch)) = schedule.next(&sink) {
            let tasks = batch.first..batch.first + batch.inputs.len();
            if tasks.contains(&17) {
                n_deaths += 1;
                given_up.extend(schedule.lost(worker, vec![batch], "of itself"));
            } else {
                survivors.extend(batch.inputs.concat());
                schedule.done(worker, 1, 1);
            }
        }
        survivors.sort_unstable();
        assert_eq!(survivors, (0..40).filter(|n| *n != 17).collect::<Vec<u8>>());
        let deadly = BackendError::Deadly { task: 17, times: 3, how: "of itself".to_owned() };
        assert_eq!(given_up, [deadly]);
        assert!(n_deaths <= 5, "{n_deaths} workers died");
    }

    #[test]
    fn what_waited_behind_a_deadly_task_is_not_blamed() {
        let (mut inputs, sink) = (numbers(9), Collected::new(9));
        let mut schedule = Schedule::new(1, &mut inputs);
        schedule.pace.learn(1, 1_000_000);
        let batches: Vec<Batch> = std::iter::from_fn(|| Some(schedule.next(&sink)?.1)).collect();
        assert_eq!(batches.len(), 3);
        assert_eq!(schedule.lost(0, batches.clone(), "it"), None);
        let single = |first: usize| Batch::new(first, vec![vec![first as u8]]);
        let tried_again = [&[single(0), single(1)], &batches[1..]].concat();
        assert_eq!(schedule.returned, tried_again, "the first had two tasks, and either may be deadly");
        let batch = schedule.next(&sink).unwrap().1;
        assert_eq!(schedule.lost(0, vec![batch, single(8)], "it"), None);
        assert_eq!(schedule.returned[0], Batch { n_deaths: 1, ..single(0) });
        assert_eq!(schedule.returned[1], single(8));
    }
}
