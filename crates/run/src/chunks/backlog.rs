//! What a worker has claimed and not yet run.

use std::collections::{BTreeMap, VecDeque};

use festina_types::{Bytes, Workers};

use super::pace::Pace;
use super::record::Record;
use crate::mpi::frame::Frame;

/// A task that was claimed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    pub(super) id: u64,
    pub(super) chunk: u64,
    pub(super) job: Frame,
    /// The memory that it may use.
    pub(super) memory: Bytes,
}

/// The tasks that a worker has.
#[derive(Debug)]
pub(super) struct Backlog {
    waiting: VecDeque<Task>,
    /// How many tasks of each chunk have not ended.
    chunks: BTreeMap<u64, usize>,
    n_slots: usize,
    n_running: usize,
    free_memory: u64,
    pace: Pace,
    /// What the pool knew when it made the chunk that was claimed last.
    p95_of_pool: Option<f64>,
    is_closed: bool,
    is_disowned: bool,
    has_failed: bool,
}

impl Backlog {
    pub(super) fn new(slots: Workers, memory: Bytes) -> Self {
        Self {
            waiting: VecDeque::new(),
            chunks: BTreeMap::new(),
            n_slots: slots.get() as usize,
            n_running: 0,
            free_memory: memory.0,
            pace: Pace::default(),
            p95_of_pool: None,
            is_closed: false,
            is_disowned: false,
            has_failed: false,
        }
    }

    /// Takes the tasks of a chunk in.
    pub(super) fn fill(&mut self, chunk: u64, records: Vec<(u64, Record)>) {
        for (id, record) in records {
            match record {
                Record::Pace { p95_s } => self.p95_of_pool = (p95_s > 0.0).then_some(p95_s),
                Record::Job(job) => {
                    let memory = match &job {
                        Frame::Run(job) => job.0.memory_limit.unwrap_or_default(),
                        _ => Bytes(0),
                    };
                    *self.chunks.entry(chunk).or_default() += 1;
                    self.waiting.push_back(Task { id, chunk, job, memory });
                }
                _ => {}
            }
        }
    }

    /// Returns whether another chunk is wanted: a slot has nothing to do, or soon would have.
    pub(super) fn is_wanting(&self) -> bool {
        let n_idle = self.n_slots - self.n_running.min(self.n_slots);
        !self.is_closed && self.waiting.len() < n_idle.max(self.pace.backlog(self.n_slots))
    }

    /// Returns the 95th percentile of the durations so far and the time limit of the next task, if there is one.
    pub(super) fn bounds_of_next(&self) -> Option<(Option<f64>, Option<f64>)> {
        let timeout = match &self.waiting.front()?.job {
            Frame::Run(job) => job.0.timeout.map(|timeout| timeout.0),
            _ => None,
        };
        // The pool has seen more tasks than this worker.
        Some((self.p95_of_pool.or(self.pace.p95()), timeout))
    }

    /// Returns the next task if there is memory for it; one that wants more than there is runs alone.
    pub(super) fn take(&mut self) -> Option<Task> {
        let memory = self.waiting.front()?.memory.0;
        if memory > self.free_memory && self.n_running > 0 {
            return None;
        }
        self.n_running += 1;
        self.free_memory = self.free_memory.wrapping_sub(memory);
        self.waiting.pop_front()
    }

    /// A task of a chunk has ended after `duration`, if that says anything.
    pub(super) fn end(&mut self, chunk: u64, memory: Bytes, duration: Option<f64>) {
        self.n_running -= 1;
        self.free_memory = self.free_memory.wrapping_add(memory.0);
        if let Some(duration) = duration {
            self.pace.learn(duration);
        }
        self.forget(chunk);
    }

    fn forget(&mut self, chunk: u64) {
        if let Some(left) = self.chunks.get_mut(&chunk) {
            *left -= 1;
            if *left == 0 {
                self.chunks.remove(&chunk);
            }
        }
    }

    /// Returns the chunks of which a task has not ended.
    pub(super) fn chunks(&self) -> Vec<u64> {
        self.chunks.keys().copied().collect()
    }

    /// Takes all tasks out that wait.
    pub(super) fn take_all(&mut self) -> Vec<Task> {
        let waiting: Vec<Task> = self.waiting.drain(..).collect();
        waiting.iter().for_each(|task| self.forget(task.chunk));
        waiting
    }

    pub(super) fn n_running(&self) -> usize {
        self.n_running
    }

    /// No more tasks come.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Tasks that are stopped from now on run elsewhere.
    pub(super) fn disown(&mut self, is_disowned: bool) {
        self.is_disowned |= is_disowned;
    }

    pub(super) fn is_disowned(&self) -> bool {
        self.is_disowned
    }

    /// A slot can run nothing more.
    pub(super) fn fail(&mut self) {
        self.has_failed = true;
        self.is_closed = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }
}
