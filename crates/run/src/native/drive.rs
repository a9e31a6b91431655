//! The loop that hands batches out and takes what they come to.

use festina_types::BackendError;

use super::Output;
use super::schedule::{Batch, Schedule};
use super::sink::Sink;

/// Workers of a backend, as the loop sees them: numbered from 0.
pub(crate) trait Crew {
    /// Gives a worker a batch. A worker that has ended is told by [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// [`BackendError::Lost`] if no work is possible any more.
    fn hand_out(&mut self, worker: usize, batch: Batch) -> Result<(), BackendError>;

    /// Waits for something to happen.
    ///
    /// # Errors
    ///
    /// [`BackendError::Lost`] if no work is possible any more, [`BackendError::Canceled`] if none is wanted.
    fn wait(&mut self) -> Result<Event, BackendError>;
}

/// What happens to a worker.
pub(crate) enum Event {
    /// It has done a batch.
    Done(Done),
    /// It has ended and was replaced; it had these batches, in the order in which it got them.
    Lost { worker: usize, batches: Vec<Batch>, how: String },
}

/// A batch that was done.
pub(crate) struct Done {
    pub(crate) worker: usize,
    /// The index of its first task.
    pub(crate) first: usize,
    pub(crate) elapsed_ns: u64,
    pub(crate) outputs: Vec<Output>,
}

/// Has `crew` do all that `schedule` has and `sink` wants.
///
/// # Errors
///
/// Those of the crew. Batches that workers still have are then not waited for.
pub(crate) fn drive(
    crew: &mut dyn Crew,
    mut schedule: Schedule<'_>,
    sink: &mut dyn Sink,
) -> Result<(), BackendError> {
    loop {
        while let Some((worker, batch)) = schedule.next(sink) {
            crew.hand_out(worker, batch)?;
        }
        if schedule.is_idle() {
            return Ok(());
        }
        match crew.wait()? {
            Event::Done(Done { worker, first, elapsed_ns, outputs }) => {
                schedule.done(worker, outputs.len(), elapsed_ns);
                for (task, output) in (first..).zip(outputs) {
                    sink.take(task, output.map_err(|message| BackendError::Task { task, message }));
                }
            }
            Event::Lost { worker, batches, how } => {
                let first = batches.first().map(|batch| batch.first);
                if let (Some(task), Some(error)) = (first, schedule.lost(worker, batches, &how)) {
                    sink.take(task, Err(error));
                }
            }
        }
    }
}
