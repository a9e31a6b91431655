//! Long calls that Ctrl-C ends.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use festina::{CancelToken, SharedMemory, Workers};
use pyo3::prelude::*;

/// How often a signal is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Lets Python's handlers of signals run.
fn signals(py: Python<'_>) -> PyResult<()> {
    py.check_signals()
}

/// Runs `work` with the interpreter's lock free, and hands signals on: the first asks `cancel` to stop, a second to stop at
/// once.
///
/// # Errors
///
/// What a signal handler raised (`KeyboardInterrupt`), after `work` has ended.
///
/// # Panics
///
/// Panics where `work` does.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    cancel: &CancelToken,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let mut raised = None;
    let output = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || {
                // The other side waits until this has been sent.
                let _ = sender.send(work());
            });
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok(output) => return Some(output),
                    Err(RecvTimeoutError::Disconnected) => return None,
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(error) = Python::attach(signals) {
                            cancel.request();
                            raised.get_or_insert(error);
                        }
                    }
                }
            }
        })
    });
    match raised {
        Some(error) => Err(error),
        None => Ok(output.expect("a panic of the work has been passed on")),
    }
}

/// Runs `work`, which asks nobody whether to stop, on workers that do so between two of its tasks; `None` if it was stopped.
///
/// A task is then left by unwinding, through code that hands panics on to its caller: nothing is printed, and nothing of the
/// work remains.
pub(crate) fn stoppable<T>(
    memory: &dyn SharedMemory,
    cancel: &CancelToken,
    work: impl FnOnce(&dyn SharedMemory) -> T,
) -> Option<T> {
    let memory = Stoppable { memory, cancel };
    match catch_unwind(AssertUnwindSafe(|| work(&memory))) {
        Ok(output) => Some(output),
        Err(payload) if payload.is::<Stopped>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

struct Stopped;

struct Stoppable<'a> {
    memory: &'a dyn SharedMemory,
    cancel: &'a CancelToken,
}

impl SharedMemory for Stoppable<'_> {
    fn workers(&self) -> Workers {
        self.memory.workers()
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.memory.for_each(n_tasks, &|index| {
            if self.cancel.is_requested() {
                resume_unwind(Box::new(Stopped));
            }
            task(index);
        });
    }
}
