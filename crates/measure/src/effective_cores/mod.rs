//! How much several CPUs do together, as a multiple of what one does alone.
//!
//! A CPU that the kernel counts may be a hardware thread that shares its core with another, which a virtual machine
//! hides; cores share caches, the way to memory, and the power that keeps their clock up. So p workers seldom do the
//! work of p cores, and what is missing is no fault of the program's. Here it is measured, with programs that share
//! nothing else:
//!
//! ```text
//! effective cores of p workers = (work a second of p at the same time) / (work a second of one alone)
//! ```
//!
//! In each round one worker alone, then every other number of workers works for a slice of time, in an order drawn
//! anew; the one worker takes turns on the CPUs. The median of the rounds' ratios is told with its 95 % interval: what
//! slows a whole round down cancels within it.

mod kernels;

use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use festina_laws::stats::paired_speedup;
use festina_run::tasks::{TaskError, bind};
use festina_types::{Bytes, CancelToken, Estimate, Workers};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

pub use kernels::Kernel;
use kernels::Work;

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// How effective cores are measured.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveCoresDesign {
    /// The CPUs, in the order in which workers take them.
    pub cpus: Vec<u32>,
    /// The numbers of workers to measure; those of more workers than there are CPUs are left out.
    pub workers: Vec<Workers>,
    /// How often each is measured.
    pub rounds: u32,
    /// For how long, each time.
    pub slice: Duration,
    /// The memory that each worker walks through with [`Kernel::Memory`].
    pub memory: Bytes,
    /// The seed of the order within rounds.
    pub seed: u64,
}

impl EffectiveCoresDesign {
    /// Returns a design with 15 rounds of slices of 20 ms, and 64 MiB for each worker: no one's part of a cache is as large.
    pub fn new(cpus: Vec<u32>, workers: Vec<Workers>) -> Self {
        let (slice, memory) = (Duration::from_millis(20), Bytes(64 << 20));
        Self { cpus, workers, rounds: 15, slice, memory, seed: 0 }
    }

    /// Returns how long measuring one kernel takes.
    pub fn duration(&self) -> Duration {
        self.slice * self.rounds * (1 + self.several().count() as u32)
    }

    /// Returns the numbers of workers above one for which there are CPUs.
    fn several(&self) -> impl Iterator<Item = usize> + '_ {
        self.workers.iter().map(|p| p.get() as usize).filter(|p| (2..=self.cpus.len()).contains(p))
    }
}

/// What a number of workers do together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveCores {
    /// How many workers, each on a CPU of its own.
    pub workers: Workers,
    /// How often the work of one alone they do, with its 95 % interval.
    pub cores: Estimate,
}

/// Measures what each number of workers of `design` does with `kernel`, the smallest first; one worker does 1 by
/// definition. Ends early when `cancel` is asked, with the rounds that are complete.
///
/// # Errors
///
/// [`TaskError::Bind`] if a thread cannot be bound to its CPU.
pub fn effective_cores(
    kernel: Kernel,
    design: &EffectiveCoresDesign,
    cancel: &CancelToken,
) -> Result<Vec<EffectiveCores>, TaskError> {
    let mut numbers: Vec<usize> = design.several().collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut all = vec![EffectiveCores { workers: Workers::MIN, cores: Estimate::exact(1.0) }];
    let Some(&most) = numbers.last() else { return Ok(all) };

    let mut works: Vec<Work> = (0..most).map(|worker| kernel.work(worker as u64, design.memory)).collect();
    let mut random = Pcg64::seed_from_u64(design.seed);
    // Seconds for a unit of work: of one alone, and of each number of workers together.
    let mut alone: Vec<f64> = Vec::new();
    let mut together: Vec<Vec<f64>> = vec![Vec::new(); numbers.len()];
    for round in 0..design.rounds as usize {
        let mut order: Vec<usize> = (0..=numbers.len()).collect();
        shuffle(&mut order, &mut random);
        let mut times = vec![0.0; order.len()];
        for which in order {
            if cancel.is_requested() {
                break;
            }
            times[which] = match which.checked_sub(1) {
                None => slice(&mut works[..1], &[design.cpus[round % most]], design.slice)?,
                Some(at) => slice(&mut works[..numbers[at]], &design.cpus[..numbers[at]], design.slice)?,
            };
        }
        if times.contains(&0.0) {
            break;
        }
        alone.push(times[0]);
        together.iter_mut().zip(&times[1..]).for_each(|(all, time)| all.push(*time));
    }
    if alone.is_empty() {
        return Ok(all);
    }
    for (number, times) in numbers.into_iter().zip(together) {
        let workers = Workers::new(number as u32).expect("two or more");
        let cores =
            paired_speedup(&alone, &times, LEVEL, design.seed).expect("times are positive and pair up");
        all.push(EffectiveCores { workers, cores });
    }
    Ok(all)
}

/// Lets each of `works` go on on its CPU for `duration`; returns the seconds that all of them together needed for a
/// unit of work.
fn slice(works: &mut [Work], cpus: &[u32], duration: Duration) -> Result<f64, TaskError> {
    let (ready, start) = (Barrier::new(works.len()), OnceLock::new());
    let rates: Vec<Result<f64, TaskError>> = thread::scope(|scope| {
        let workers: Vec<_> = works
            .iter_mut()
            .zip(cpus)
            .map(|(work, &cpu)| {
                let (ready, start) = (&ready, &start);
                scope.spawn(move || {
                    let bound = bind(&[cpu].into_iter().collect());
                    ready.wait();
                    bound?;
                    // One start for all: who gets its CPU late has done less.
                    Ok(rate(work, *start.get_or_init(Instant::now), duration))
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no kernel panics")).collect()
    });
    let rates: Vec<f64> = rates.into_iter().collect::<Result<_, _>>()?;
    Ok(1.0 / rates.iter().sum::<f64>())
}

/// Returns the units of work a second that this thread does in `duration` since `start`.
fn rate(work: &mut Work, start: Instant, duration: Duration) -> f64 {
    let mut units = 0_u32;
    loop {
        work.unit();
        units += 1;
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return f64::from(units) / elapsed.as_secs_f64();
        }
    }
}

/// Puts `values` into an order in which each is equally likely (Fisher and Yates).
fn shuffle(values: &mut [usize], random: &mut Pcg64) {
    for last in (1..values.len()).rev() {
        values.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(cpus: &[u32], workers: &[u32]) -> EffectiveCoresDesign {
        let workers = workers.iter().map(|&p| Workers::new(p).unwrap()).collect();
        EffectiveCoresDesign { rounds: 7, ..EffectiveCoresDesign::new(cpus.to_vec(), workers) }
    }

    fn measured(kernel: Kernel, cpus: &[u32], workers: &[u32]) -> Vec<EffectiveCores> {
        effective_cores(kernel, &design(cpus, workers), &CancelToken::new()).unwrap()
    }

    /// Workers that share one CPU do what one does, whatever the machine is: the answer is known. Of a CPU on which others
    /// compute as well three get a larger share than one, so that it is tried again.
    #[test]
    fn workers_on_one_cpu_do_the_work_of_one_core() {
        for kernel in Kernel::ALL {
            let mut tries = (0..10).map(|_| measured(kernel, &[0, 0, 0], &[1, 2, 3]));
            let are_one =
                |all: &[EffectiveCores]| all.iter().skip(1).all(|one| (0.7..1.3).contains(&one.cores.value));
            let mut seen = Vec::new();
            let is_found = tries.any(|all| {
                assert_eq!(all.iter().map(|one| one.workers.get()).collect::<Vec<_>>(), [1, 2, 3]);
                let is_one = are_one(&all);
                seen.push(all);
                is_one
            });
            assert!(is_found, "{kernel:?}: {seen:?}");
        }
    }

    #[test]
    fn one_worker_is_one_core_by_definition() {
        let all = measured(Kernel::Interpreter, &[0], &[1, 2]);
        assert_eq!(all, [EffectiveCores { workers: Workers::MIN, cores: Estimate::exact(1.0) }]);
    }

    #[test]
    fn a_cancelled_measurement_ends_with_what_it_has() {
        let cancel = CancelToken::new();
        cancel.request();
        let all = effective_cores(Kernel::Memory, &design(&[0, 0], &[2]), &cancel).unwrap();
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn a_cpu_that_is_not_there_is_an_error() {
        let missing = effective_cores(Kernel::Interpreter, &design(&[0, 900], &[2]), &CancelToken::new());
        assert!(missing.unwrap_err().to_string().contains("900"));
    }
}
