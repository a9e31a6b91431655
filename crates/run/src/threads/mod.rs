//! The backend `threads`: native functions on the cores of this machine, in this process.

mod crew;

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use festina_types::{Backend, BackendError, Function, SharedMemory, Workers};

use crate::native::{Output, Schedule, Streamed, call, drive};
use crew::ThreadCrew;

/// Worker threads in this process, a pool for each call of [`Backend::map`].
///
/// Inputs are taken from one shared counter, several at a time while many are left and one at a time towards the end,
/// so that neither the counter nor a long last batch costs much. The order of the outputs is that of the inputs,
/// whatever the number of threads.
///
/// ```
/// use festina_run::Threads;
/// use festina_types::{Backend, Function, Workers};
///
/// let square = Function { name: "square", call: |bytes| Ok(bytes.iter().map(|b| b * b).collect()) };
/// let threads = Threads::new(Workers::new(4).unwrap());
/// assert_eq!(threads.map(square, vec![vec![1, 2], vec![3]])?, [vec![1, 4], vec![9]]);
/// # Ok::<(), festina_types::BackendError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    workers: Workers,
}

impl Threads {
    /// Returns a backend of so many threads.
    pub fn new(workers: Workers) -> Self {
        Self { workers }
    }

    /// Returns a backend of as many threads as this process has CPUs.
    pub fn available() -> Self {
        let n = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        Self { workers: Workers::new(n).unwrap_or(Workers::MIN) }
    }
}

impl Backend for Threads {
    fn workers(&self) -> Workers {
        self.workers
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        let next = AtomicUsize::new(0);
        let n_threads = (self.workers.get() as usize).min(inputs.len()).max(1);
        let work = || run_batches(function, &inputs, &next, n_threads);
        let parts: Vec<Vec<(usize, Output)>> = thread::scope(|scope| {
            // The calling thread is one of the workers. Where no more threads can be had, there are fewer.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..n_threads).filter_map(spawn).collect();
            let own = work();
            let others =
                others.into_iter().map(|thread| thread.join().expect("panics of functions are caught"));
            std::iter::once(own).chain(others).collect()
        });
        let mut outputs: Vec<Option<Output>> = Vec::new();
        outputs.resize_with(inputs.len(), || None);
        for (task, output) in parts.into_iter().flatten() {
            outputs[task] = Some(output);
        }
        let output = |(task, output): (usize, Option<Output>)| {
            let output = output.expect("the counter hands out every task");
            output.map_err(|message| BackendError::Task { task, message })
        };
        outputs.into_iter().enumerate().map(output).collect()
    }

    fn stream(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        take: &mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    ) -> Result<(), BackendError> {
        thread::scope(|scope| {
            let mut crew = ThreadCrew::start(scope, function, self.workers)?;
            let schedule = Schedule::new(crew.size(), inputs);
            drive(&mut crew, schedule, &mut Streamed::new(take))
        })
    }
}

impl SharedMemory for Threads {
    fn workers(&self) -> Workers {
        self.workers
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let take =
            || std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&i| i < n_tasks));
        let work = || take().for_each(task);
        thread::scope(|scope| {
            let others = 1..(self.workers.get() as usize).min(n_tasks);
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = others.filter_map(spawn).collect();
            work();
            // All are waited for before the first panic goes on.
            let panics: Vec<_> = others.into_iter().filter_map(|thread| thread.join().err()).collect();
            if let Some(panic) = panics.into_iter().next() {
                resume_unwind(panic);
            }
        });
    }
}

fn run_batches(
    function: Function,
    inputs: &[Vec<u8>],
    next: &AtomicUsize,
    n_threads: usize,
) -> Vec<(usize, Output)> {
    let mut outputs = Vec::new();
    loop {
        let left = inputs.len().saturating_sub(next.load(Ordering::Relaxed));
        let batch = (left / (4 * n_threads)).clamp(1, 256);
        let first = next.fetch_add(batch, Ordering::Relaxed);
        if first >= inputs.len() {
            return outputs;
        }
        for (task, input) in inputs.iter().enumerate().skip(first).take(batch) {
            outputs.push((task, call(function, input)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(n: u32) -> Threads {
        Threads::new(Workers::new(n).unwrap())
    }

    #[test]
    fn outputs_are_the_same_for_any_number_of_threads() {
        let inputs: Vec<Vec<u8>> = (0..5000_u32).map(|n| n.to_le_bytes().to_vec()).collect();
        let reverse = Function { name: "reverse", call: |bytes| Ok(bytes.iter().rev().copied().collect()) };
        let expected: Vec<Vec<u8>> = (0..5000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        for n in [1, 2, 3, 16] {
            assert_eq!(threads(n).map(reverse, inputs.clone()).unwrap(), expected);
        }
        assert_eq!(threads(4).map(reverse, vec![]), Ok(vec![]));
    }

    #[test]
    fn every_task_in_shared_memory_is_called_once_and_its_panic_is_the_callers() {
        for n in [1, 2, 3, 16] {
            let calls: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
            threads(n).for_each(1000, &|i| {
                calls[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            let panic = std::panic::catch_unwind(|| threads(n).for_each(9, &|i| assert_ne!(i, 7, "seven")))
                .unwrap_err();
            assert!(panic.downcast_ref::<String>().unwrap().contains("seven"));
        }
        threads(2).for_each(0, &|_| unreachable!("there is no task"));
    }

    #[test]
    fn a_stream_gives_each_outcome_once_and_holds_few() {
        let identity = Function { name: "identity", call: |bytes| Ok(bytes.to_vec()) };
        for n in [1, 3] {
            let (mut seen, mut most) = (vec![0; 3000], 0);
            let pulled = std::cell::Cell::new(0_usize);
            let mut inputs =
                (0..3000_u32).inspect(|_| pulled.set(pulled.get() + 1)).map(|n| n.to_le_bytes().into());
            let mut n_taken = 0;
            let mut take = |task: usize, outcome: Result<Vec<u8>, BackendError>| {
                assert_eq!(outcome.unwrap(), (task as u32).to_le_bytes());
                seen[task] += 1;
                n_taken += 1;
                most = most.max(pulled.get() - n_taken);
                ControlFlow::Continue(())
            };
            threads(n).stream(identity, &mut inputs, &mut take).unwrap();
            assert!(seen.iter().all(|times| *times == 1));
            assert!(most < 3000, "{most} of 3000 were held at the same time");
        }
    }

    #[test]
    fn a_stream_ends_when_nobody_takes_more() {
        let odd = Function {
            name: "odd",
            call: |bytes| if bytes[0] % 2 == 1 { Ok(vec![]) } else { Err("even".to_owned()) },
        };
        let (mut n_taken, mut inputs) = (0, (0..=u8::MAX).cycle().map(|n| vec![n]));
        let mut take = |task: usize, outcome: Result<Vec<u8>, BackendError>| {
            assert_eq!(outcome.is_ok(), task % 2 == 1);
            n_taken += 1;
            if n_taken == 1000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        threads(2).stream(odd, &mut inputs, &mut take).unwrap();
        assert_eq!(n_taken, 1000, "the inputs have no end");
    }

    #[test]
    fn the_first_failure_in_the_order_of_the_inputs_is_told() {
        let picky = Function {
            name: "picky",
            call: |bytes| match bytes[0] {
                7 => panic!("seven"),
                9 => Err("nine".to_owned()),
                _ => Ok(Vec::new()),
            },
        };
        let inputs = |numbers: &[u8]| numbers.iter().map(|&n| vec![n]).collect::<Vec<_>>();
        let failure = |numbers| threads(3).map(picky, inputs(numbers)).unwrap_err();
        let task = |task, message: &str| BackendError::Task { task, message: message.to_owned() };
        assert_eq!(failure(&[1, 7, 9]), task(1, "panicked: seven"));
        assert_eq!(failure(&[1, 2, 9, 7]), task(2, "nine"));
    }
}
