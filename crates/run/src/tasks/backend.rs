//! Where the commands of a run are executed.

use festina_types::{Bytes, CancelToken};

use super::cpus::{self, Shares};
use super::{RunFolder, RunRequest, TaskError, memory};
use crate::{Launch, Observer, Outcome, RunError, Runner};

/// Slots in which commands are executed: on the cores of this machine, or on the ranks of an MPI job.
///
/// Inputs, journal, outputs, retries and all the rest stay with [`run_on`](super::run_on): on every backend the same
/// request gives the same table.
pub trait CommandBackend: Sync {
    /// Returns how many slots there are, and what each of them has, given what `request` wants.
    fn shares(&self, request: &RunRequest) -> Shares;

    /// Returns the memory that all tasks together may use where the request does not say.
    fn memory(&self) -> Bytes;

    /// Makes ready for a run, whose outcomes go to `folder`. Called once, before slots are made.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if the backend cannot be used.
    fn prepare(&self, folder: &RunFolder, request: &RunRequest) -> Result<(), TaskError> {
        let _ = (folder, request);
        Ok(())
    }

    /// Makes what executes the commands of a slot, from 0, on the thread that will use it.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if the slot cannot be used.
    fn runner(&self, slot: u32, shares: &Shares) -> Result<Box<dyn CommandRunner + '_>, TaskError>;
}

/// Executes the commands of a slot, one at a time.
pub trait CommandRunner {
    /// Executes one command to its end, as [`Runner::run`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Runner::run`].
    fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError>;

    /// Returns the name of the host on which commands are executed; `None` if it is this one, where they can be given
    /// files and pipes that this process has open.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Returns this as a runner that takes commands ahead, where the way to its worker is long.
    fn ahead(&mut self) -> Option<&mut dyn AheadRunner> {
        None
    }
}

/// Takes commands ahead: while one runs, the next wait beside it.
pub trait AheadRunner {
    /// Hands a command over; it runs after all that were begun before.
    fn begin(&mut self, launch: &Launch);

    /// Waits for the command that was begun first of those that were not waited for.
    ///
    /// # Errors
    ///
    /// Those of [`Runner::run`].
    fn wait(&mut self, cancel: &CancelToken) -> Result<Outcome, RunError>;

    /// Returns how many commands may be begun and not waited for, given how long they take of late, in seconds.
    ///
    /// The way to a worker and back takes some tenths of a millisecond, some milliseconds on a busy machine. What waits
    /// behind a command is not done elsewhere meanwhile: of long ones, for which the way is nothing, none waits.
    fn limit(&self, recent_s: Option<f64>) -> usize {
        match recent_s {
            Some(time) if time < 0.005 => 6,
            Some(time) if time < 0.02 => 3,
            Some(time) if time < 0.1 => 2,
            _ => 1,
        }
    }
}

impl CommandRunner for Runner {
    fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        self.run(launch, cancel, observer)
    }
}

/// The cores of this machine that this process may use.
#[derive(Clone, Copy, Debug)]
pub struct LocalCores;

impl CommandBackend for LocalCores {
    fn shares(&self, request: &RunRequest) -> Shares {
        Shares::new(&cpus::usable(), request.slots, request.cores_per_task, request.pin)
    }

    fn memory(&self) -> Bytes {
        memory::available()
    }

    fn runner(&self, slot: u32, shares: &Shares) -> Result<Box<dyn CommandRunner + '_>, TaskError> {
        if let Some(own) = shares.of_slots.get(slot as usize) {
            cpus::bind(own)?;
        }
        Ok(Box::new(Runner::light()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl AheadRunner for Nobody {
        fn begin(&mut self, _: &Launch) {}

        fn wait(&mut self, _: &CancelToken) -> Result<Outcome, RunError> {
            unreachable!("nothing is begun")
        }
    }

    #[test]
    fn only_short_tasks_are_taken_ahead() {
        let limit = |recent_s| Nobody.limit(recent_s);
        assert_eq!((limit(None), limit(Some(3.0)), limit(Some(0.05)), limit(Some(0.001))), (1, 1, 2, 6));
    }
}
