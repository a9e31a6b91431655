//! The event loop: list scheduling on identical workers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::graph::Graph;

/// A task on a worker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The position of the task.
    pub task: u32,
    /// The worker, counted from 0.
    pub worker: u32,
    /// When it starts, in seconds from the beginning.
    pub start: f64,
    /// When it ends.
    pub finish: f64,
}

/// Tasks that may start, in the order of a policy.
pub(super) trait Ready {
    fn push(&mut self, task: u32);
    fn pop(&mut self) -> Option<u32>;
    fn is_empty(&self) -> bool;
}

/// First come, first served.
#[derive(Clone, Debug, Default)]
pub(super) struct Fifo(pub(super) VecDeque<u32>);

impl Ready for Fifo {
    fn push(&mut self, task: u32) {
        self.0.push_back(task);
    }

    fn pop(&mut self) -> Option<u32> {
        self.0.pop_front()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The task of least rank first.
pub(super) struct Ranked<'a> {
    pub(super) heap: &'a mut BinaryHeap<Reverse<u32>>,
    pub(super) rank_of: &'a [u32],
    pub(super) task_at: &'a [u32],
}

impl Ready for Ranked<'_> {
    fn push(&mut self, task: u32) {
        self.heap.push(Reverse(self.rank_of[task as usize]));
    }

    fn pop(&mut self) -> Option<u32> {
        self.heap.pop().map(|Reverse(rank)| self.task_at[rank as usize])
    }

    fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

/// Memory of the event loop that is used again in the next run.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// The end of each running task and its worker. Times are not negative, so their bits are in the order of their
    /// values, and integers compare faster.
    events: BinaryHeap<Reverse<(u64, u32)>>,
    running: Vec<u32>,
    idle: Vec<u32>,
    waits_for: Vec<u32>,
    released: Vec<u32>,
    /// The time that each worker was busy.
    pub(super) busy: Vec<f64>,
}

/// What a run of the loop gave.
pub(super) struct Run {
    pub(super) makespan: f64,
    /// Whether a task ever waited for a worker: if not, more workers change nothing.
    pub(super) has_queued: bool,
}

impl Scratch {
    /// Runs tasks that wait for nothing, in the order given: each goes to the worker that is free first.
    pub(super) fn run_independent(
        &mut self,
        workers: u32,
        durations: impl ExactSizeIterator<Item = (u32, f64)>,
        mut observe: impl FnMut(Placement),
    ) -> Run {
        self.reset(0, None);
        self.busy.resize(workers as usize, 0.0);
        let has_queued = durations.len() > workers as usize;
        let mut makespan: f64 = 0.0;
        for (count, (task, duration)) in durations.enumerate() {
            let (start, finish, worker);
            if count < workers as usize {
                (start, finish, worker) = (0.0, duration, count as u32);
                self.events.push(Reverse((finish.to_bits(), worker)));
            } else {
                let mut first = self.events.peek_mut().expect("all workers have a task");
                (start, worker) = (f64::from_bits(first.0.0), first.0.1);
                finish = start + duration;
                // Replaced in place: half the work of taking the first out and putting the next in.
                first.0.0 = finish.to_bits();
            }
            self.busy[worker as usize] += duration;
            makespan = makespan.max(finish);
            observe(Placement { task, worker, start, finish });
        }
        Run { makespan, has_queued }
    }

    /// Runs all tasks; `ready` holds those that wait for nothing.
    pub(super) fn run(
        &mut self,
        workers: u32,
        durations: &[f64],
        graph: &Graph,
        ready: &mut impl Ready,
        mut observe: impl FnMut(Placement),
    ) -> Run {
        self.reset(workers, Some(graph));
        let mut run = Run { makespan: 0.0, has_queued: false };
        loop {
            while let Some(&worker) = self.idle.last() {
                let Some(task) = ready.pop() else { break };
                self.idle.pop();
                let duration = durations[task as usize];
                let (start, finish) = (run.makespan, run.makespan + duration);
                self.running[worker as usize] = task;
                self.busy[worker as usize] += duration;
                self.events.push(Reverse((finish.to_bits(), worker)));
                observe(Placement { task, worker, start, finish });
            }
            run.has_queued |= !ready.is_empty();
            let Some(&Reverse((now, _))) = self.events.peek() else { return run };
            run.makespan = f64::from_bits(now);
            // All that ends now ends before anything starts: the order of equal times must not matter.
            while let Some(&Reverse((time, worker))) = self.events.peek()
                && time == now
            {
                self.events.pop();
                self.idle.push(worker);
                self.release(graph, self.running[worker as usize]);
            }
            self.released.sort_unstable();
            self.released.drain(..).for_each(|task| ready.push(task));
        }
    }

    fn reset(&mut self, workers: u32, graph: Option<&Graph>) {
        let count = workers as usize;
        self.events.clear();
        self.released.clear();
        self.running.clear();
        self.running.resize(count, 0);
        self.busy.clear();
        self.busy.resize(count, 0.0);
        // The last is taken first.
        self.idle.clear();
        self.idle.extend((0..workers).rev());
        self.waits_for.clear();
        if let Some(graph) = graph {
            self.waits_for.extend_from_slice(&graph.waits_for);
        }
    }

    fn release(&mut self, graph: &Graph, finished: u32) {
        for &task in graph.successors(finished) {
            let remaining = &mut self.waits_for[task as usize];
            *remaining -= 1;
            if *remaining == 0 {
                self.released.push(task);
            }
        }
    }
}
