//! The backend `processes`: native functions in worker processes of the same program, on this machine.
//!
//! ```text
//! the program                    hands out batches, takes outcomes, replaces workers that end
//!   ├─ guardian ─ the program    worker 1: socket, or shared memory for what is long
//!   ├─ guardian ─ the program    worker 2
//!   ⋮
//! ```
//!
//! A worker is a process of its own: a function that crashes costs its task, after some tries, and nothing else; memory
//! that it leaks, and locks of an allocator, are its worker's. Workers are started once and kept; each has its
//! [guardian](crate), so that none outlives the program, however that ends. `docs/concepts/processes-backend.md` tells
//! more.

mod channel;
mod crew;
mod enter;
mod error;
mod member;
mod memory;
mod message;

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use festina_types::{Backend, BackendError, Function, Workers};

use crate::native::{Schedule, Sink, Streamed, collected, drive};
use crew::Pool;
pub use enter::{WORKER, enter};
pub use error::ProcessesError;
pub use member::ProcessesLaunch;

/// Worker processes of this program. Dropping it ends them.
///
/// One map at a time: of several threads that map over the same workers the others wait. A program that uses it calls
/// [`enter`](fn@enter) first of all in `main`; there is an example.
pub struct Processes {
    workers: Workers,
    pool: Mutex<Pool>,
    /// The thread whose map goes on.
    holder: Mutex<Option<ThreadId>>,
}

impl Processes {
    /// Starts the workers, and waits until they are ready.
    ///
    /// # Errors
    ///
    /// [`ProcessesError`] if they cannot be started, or do not come to work.
    pub fn start(launch: ProcessesLaunch) -> Result<Self, ProcessesError> {
        // Workers of a program that does not let them in would start workers in turn, without end.
        if enter::is_worker(&launch.environment) {
            return Err(ProcessesError::IsWorker);
        }
        let workers = launch.workers;
        Ok(Self { workers, pool: Mutex::new(Pool::start(launch)?), holder: Mutex::new(None) })
    }

    fn drive(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        sink: &mut dyn Sink,
    ) -> Result<(), BackendError> {
        if *lock(&self.holder) == Some(thread::current().id()) {
            let message = "a map was begun where the outcomes of another are taken, on the same workers";
            return Err(BackendError::Lost { message: message.to_owned() });
        }
        let mut pool = lock(&self.pool);
        let _held = Held::new(&self.holder);
        let schedule = Schedule::new(pool.size(), inputs);
        let mut crew = pool.crew(function)?;
        drive(&mut crew, schedule, sink)
    }
}

/// A panic of whoever takes outcomes leaves the workers as an error does.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread has the workers.
struct Held<'p>(&'p Mutex<Option<ThreadId>>);

impl<'p> Held<'p> {
    fn new(holder: &'p Mutex<Option<ThreadId>>) -> Self {
        *lock(holder) = Some(thread::current().id());
        Self(holder)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

impl Backend for Processes {
    fn workers(&self) -> Workers {
        self.workers
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        collected(inputs, |inputs, all| self.drive(function, inputs, all))
    }

    fn stream(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        take: &mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    ) -> Result<(), BackendError> {
        self.drive(function, inputs, &mut Streamed::new(take))
    }
}
