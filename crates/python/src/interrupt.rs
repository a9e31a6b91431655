//! Long calls that Ctrl-C ends.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use festina::CancelToken;
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
