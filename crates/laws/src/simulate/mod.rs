//! Discrete-event simulation: recorded tasks on any number of workers.
//!
//! Identical workers take tasks from one queue; none idles while a task is ready (list scheduling). A task keeps its worker
//! for its duration, plus an overhead a task, plus the time of its data:
//!
//! ```text
//! eᵢ = durationᵢ + overhead + bytesᵢ · time_per_byte
//! T₁ = Σ eᵢ      T∞ = longest chain of eᵢ      max(T₁/p, T∞) ≤ T(p) ≤ T₁/p + (1 − 1/p)·T∞
//! ```
//!
//! The bounds hold for every such schedule (see [`work_span`](crate::work_span)), and are given beside each result: where
//! they are close, no policy matters. The simulation is deterministic. It knows no slow-down of tasks that run side by
//! side, so it is a forecast only while memory bandwidth, disks and locks are not the limit.
//!
//! ```
//! use festina_laws::simulate::{Costs, Policy, Simulator, Tasks};
//! use festina_types::{Seconds, Workers};
//!
//! // Graham's example: the longest comes last, and one worker is left with it.
//! let tasks = Tasks::independent(vec![1.0, 1.0, 1.0, 3.0])?;
//! let makespan = |policy| {
//!     Simulator::new(&tasks, Costs::default(), policy).map(|mut s| s.run(Workers::new(3).unwrap()).makespan)
//! };
//! assert_eq!(makespan(Policy::Fifo)?, Seconds(4.0));
//! assert_eq!(makespan(Policy::LongestFirst)?, Seconds(3.0));
//! # Ok::<(), festina_laws::LawError>(())
//! ```

mod engine;
mod graph;
pub mod parse;
mod tasks;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use festina_types::{Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::LawError;
use crate::error::require;
use crate::work_span::{Bounds, WorkSpan};
use engine::{Fifo, Ranked, Run, Scratch};
use graph::Graph;

pub use engine::Placement;
pub use tasks::{Tasks, TasksBuilder};

/// What a task costs beyond its recorded duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// The time to start and to finish a task.
    pub per_task: Seconds,
    /// The time to transfer a byte.
    pub per_byte: Seconds,
}

/// Which of the tasks that are ready starts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The one that became ready first; of several, the one that was submitted first.
    #[default]
    Fifo,
    /// The longest.
    LongestFirst,
    /// The one with the longest chain of tasks behind it.
    CriticalPath,
}

/// The result of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// The number of workers.
    pub workers: Workers,
    /// The time from the first start to the last end.
    pub makespan: Seconds,
    /// What any greedy schedule can take.
    pub bounds: Bounds,
    /// T₁ / T(p), where T₁ is the time of all tasks on one worker, costs included.
    pub speedup: f64,
    /// The fraction of the workers' time in which they were busy: the speed-up a worker.
    pub utilisation: f64,
    /// Whether a task ever waited for a worker. If not, more workers change nothing.
    pub has_queued: bool,
}

/// Simulates tasks on one number of workers after the other, reusing its memory.
#[derive(Clone, Debug)]
pub struct Simulator<'a> {
    tasks: &'a Tasks,
    /// Durations with their costs: by position, or in the order of `task_at` where there are no dependencies.
    durations: Vec<f64>,
    work_span: WorkSpan,
    policy: Policy,
    /// Tasks in the order of the policy; empty for first come, first served.
    task_at: Vec<u32>,
    /// Each task's place in that order, where dependencies ask for it.
    rank_of: Vec<u32>,
    scratch: Scratch,
    fifo: Fifo,
    heap: BinaryHeap<Reverse<u32>>,
}

impl<'a> Simulator<'a> {
    /// Returns a simulator of `tasks`. O(n log n).
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if a cost is negative or not finite, or the work is beyond what a float can hold.
    pub fn new(tasks: &'a Tasks, costs: Costs, policy: Policy) -> Result<Self, LawError> {
        for (name, Seconds(value)) in
            [("the overhead a task", costs.per_task), ("the time a byte", costs.per_byte)]
        {
            require(value >= 0.0 && value.is_finite(), name, "finite and not negative", value)?;
        }
        let durations = with_costs(tasks, costs);
        let levels = tasks.graph.as_ref().map(|graph| graph.bottom_levels(&durations));
        let span = levels.as_ref().unwrap_or(&durations).iter().copied().fold(0.0, f64::max);
        // A chain of all tasks has a span that differs from the work by rounding alone.
        let work = durations.iter().sum::<f64>().max(span);
        let work_span = WorkSpan::new(Seconds(work), Seconds(span))?;
        let task_at = match policy {
            Policy::Fifo => Vec::new(),
            Policy::LongestFirst => longest_first(&durations),
            Policy::CriticalPath => longest_first(levels.as_ref().unwrap_or(&durations)),
        };
        let is_ranked = tasks.graph.is_some() && !task_at.is_empty();
        let mut rank_of = vec![0; if is_ranked { task_at.len() } else { 0 }];
        let mut durations = durations;
        if is_ranked {
            for (rank, &task) in task_at.iter().enumerate() {
                rank_of[task as usize] = rank as u32;
            }
        } else if !task_at.is_empty() {
            durations = task_at.iter().map(|&task| durations[task as usize]).collect();
        }
        let (scratch, fifo, heap) = Default::default();
        Ok(Self { tasks, durations, work_span, policy, task_at, rank_of, scratch, fifo, heap })
    }

    /// Returns the work and the span of the tasks, costs included.
    pub fn work_span(&self) -> WorkSpan {
        self.work_span
    }

    /// Simulates the tasks on `workers` workers. O(n log n), in place after the first run.
    ///
    /// ```
    /// use festina_laws::simulate::{Costs, Policy, Simulator, Tasks};
    /// use festina_types::{Seconds, Workers};
    /// // 0 → 2, 1 → 2; half a second of overhead each.
    /// let tasks = Tasks::independent(vec![1.0, 2.0, 3.0])?.with_dependencies(&[0, 0, 2], &[0, 1])?;
    /// let costs = Costs { per_task: Seconds(0.5), ..Costs::default() };
    /// let mut simulator = Simulator::new(&tasks, costs, Policy::Fifo)?;
    /// let result = simulator.run(Workers::new(2).unwrap());
    /// // 2.5, then 3.5.
    /// assert_eq!(result.makespan, Seconds(6.0));
    /// assert_eq!((result.bounds.lower, result.bounds.upper), (Seconds(6.0), Seconds(6.75)));
    /// // The worker that ends last goes on.
    /// assert_eq!(simulator.busy(), [1.5, 6.0]);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn run(&mut self, workers: Workers) -> Simulation {
        self.run_observed(workers, |_| ())
    }

    /// Simulates as [`Simulator::run`] and hands over each task as it starts, in the order of starts.
    pub fn run_observed(&mut self, workers: Workers, observe: impl FnMut(Placement)) -> Simulation {
        // More workers than tasks never get one.
        let useful = workers.get().min(u32::try_from(self.tasks.len()).unwrap_or(u32::MAX));
        let run = match &self.tasks.graph {
            Some(graph) => self.run_graph(useful, graph, observe),
            None => {
                let count = self.durations.len() as u32;
                let task = |i: u32| self.task_at.get(i as usize).copied().unwrap_or(i);
                let ordered = (0..count).zip(&self.durations).map(|(i, &duration)| (task(i), duration));
                self.scratch.run_independent(useful, ordered, observe)
            }
        };
        let work = self.work_span.work().0;
        let speedup = if run.makespan > 0.0 { work / run.makespan } else { 1.0 };
        Simulation {
            workers,
            makespan: Seconds(run.makespan),
            bounds: self.work_span.bounds(workers),
            speedup,
            utilisation: speedup / f64::from(workers.get()),
            has_queued: run.has_queued,
        }
    }

    fn run_graph(&mut self, workers: u32, graph: &Graph, observe: impl FnMut(Placement)) -> Run {
        let is_source = |task: &u32| graph.waits_for[*task as usize] == 0;
        if self.policy == Policy::Fifo {
            self.fifo.0.clear();
            self.fifo.0.extend((0..self.tasks.len() as u32).filter(is_source));
            return self.scratch.run(workers, &self.durations, graph, &mut self.fifo, observe);
        }
        let sources = self.task_at.iter().filter(|task| is_source(task));
        self.heap.clear();
        self.heap.extend(sources.map(|&task| Reverse(self.rank_of[task as usize])));
        let mut ready = Ranked { heap: &mut self.heap, rank_of: &self.rank_of, task_at: &self.task_at };
        self.scratch.run(workers, &self.durations, graph, &mut ready, observe)
    }

    /// Simulates each number of workers, in the order given.
    ///
    /// Once no task waits for a worker, more workers change nothing, and are not simulated again.
    ///
    /// ```
    /// use festina_laws::simulate::{Costs, Policy, Simulator, Tasks};
    /// use festina_types::Workers;
    /// let tasks = Tasks::independent(vec![1.0; 64])?;
    /// let mut simulator = Simulator::new(&tasks, Costs::default(), Policy::Fifo)?;
    /// let sweep = simulator.sweep((1..=4096).filter_map(Workers::new));
    /// assert_eq!((sweep[31].speedup, sweep[4095].speedup), (32.0, 64.0));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn sweep(&mut self, workers: impl IntoIterator<Item = Workers>) -> Vec<Simulation> {
        let mut saturated: Option<Simulation> = None;
        let mut simulate = |workers: Workers| {
            let known = saturated.filter(|known| known.workers <= workers);
            let result = match known {
                Some(known) => Simulation {
                    workers,
                    bounds: self.work_span.bounds(workers),
                    utilisation: known.speedup / f64::from(workers.get()),
                    ..known
                },
                None => self.run(workers),
            };
            if !result.has_queued && known.is_none() {
                saturated = Some(result);
            }
            result
        };
        workers.into_iter().map(&mut simulate).collect()
    }

    /// Returns the seconds in which each worker was busy in the last run; those that could get no task, beyond the
    /// number of tasks, are left out. A worker's idle time is the makespan less its busy time.
    pub fn busy(&self) -> &[f64] {
        &self.scratch.busy
    }
}

/// Returns at most `count` numbers of workers from `first` to `last`, ascending: all where that is possible, else about
/// evenly spaced in their logarithm, both ends and powers of two between them included as far as `count` goes.
///
/// ```
/// use festina_laws::simulate::spread;
/// use festina_types::Workers;
/// let p = |range: Vec<Workers>| range.iter().map(|p| p.get()).collect::<Vec<u32>>();
/// let (first, last) = (Workers::MIN, Workers::new(4096).unwrap());
/// assert_eq!(p(spread(first, last, 13)), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]);
/// assert_eq!(p(spread(first, Workers::new(5).unwrap(), 100)), [1, 2, 3, 4, 5]);
/// ```
pub fn spread(first: Workers, last: Workers, count: usize) -> Vec<Workers> {
    let (low, high) = (first.min(last).get(), first.max(last).get());
    if ((high - low) as usize) < count {
        return (low..=high).filter_map(Workers::new).collect();
    }
    let powers: Vec<u32> = (0..32)
        .map(|exponent| 1 << exponent)
        .filter(|power| (low..=high).contains(power))
        .chain([low, high])
        .collect();
    let steps = count.saturating_sub(1).max(1) as f64;
    let ratio = f64::from(high) / f64::from(low);
    let even = (0..count).map(|i| (f64::from(low) * ratio.powf(i as f64 / steps)).round() as u32);
    let mut chosen: Vec<u32> = even.map(|p| p.clamp(low, high)).chain([low, high]).collect();
    chosen.sort_unstable();
    chosen.dedup();
    // A power of two takes the place of the number next to it.
    for &power in &powers {
        let next = chosen.iter_mut().min_by_key(|p| p.abs_diff(power));
        if let Some(p) = next.filter(|p| !powers.contains(p)) {
            *p = power;
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().filter_map(Workers::new).collect()
}

/// Returns the time for which each task keeps its worker.
fn with_costs(tasks: &Tasks, costs: Costs) -> Vec<f64> {
    let mut durations: Vec<f64> =
        tasks.durations().iter().map(|duration| duration + costs.per_task.0).collect();
    for (duration, &bytes) in durations.iter_mut().zip(tasks.bytes().unwrap_or_default()) {
        *duration += bytes as f64 * costs.per_byte.0;
    }
    durations
}

/// Returns the tasks in descending order of `keys`, equal ones in the order of submission.
fn longest_first(keys: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by(|&a, &b| keys[b as usize].total_cmp(&keys[a as usize]));
    order
}

#[cfg(test)]
mod tests;
