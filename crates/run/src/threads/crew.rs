//! Threads that are handed their batches one by one.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope};

use festina_types::{BackendError, Function, Workers};

use crate::native::{Batch, Crew, Done, Event, work};

/// Threads of a scope; they end when this is dropped.
pub(super) struct ThreadCrew {
    batches: Vec<Sender<Batch>>,
    done: Receiver<Done>,
}

impl ThreadCrew {
    /// Starts as many threads as there are to be, or fewer where no more can be had.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        function: Function,
        workers: Workers,
    ) -> Result<Self, BackendError> {
        let (tell, done) = mpsc::channel();
        let mut batches = Vec::new();
        for worker in 0..workers.get() as usize {
            let (hand, handed) = mpsc::channel();
            let tell = tell.clone();
            match Builder::new()
                .spawn_scoped(scope, move || work(worker, function, &handed, |done| tell.send(done).is_ok()))
            {
                Ok(_) => batches.push(hand),
                Err(_) if worker > 0 => break,
                Err(error) => return Err(BackendError::Lost { message: error.to_string() }),
            }
        }
        Ok(Self { batches, done })
    }

    pub(super) fn size(&self) -> usize {
        self.batches.len()
    }
}

impl Crew for ThreadCrew {
    fn hand_out(&mut self, worker: usize, batch: Batch) -> Result<(), BackendError> {
        self.batches[worker].send(batch).expect("threads end only when their batches do");
        Ok(())
    }

    fn wait(&mut self) -> Result<Event, BackendError> {
        Ok(Event::Done(self.done.recv().expect("threads that have a batch tell of its end")))
    }
}
