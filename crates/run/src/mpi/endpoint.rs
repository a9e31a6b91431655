//! The thread that calls MPI, and how the others talk to it.
//!
//! MPI is asked for new messages again and again, since it has no way to wait that leaves the CPU to others: Open MPI
//! and MPICH spin in every call that blocks. The pauses between two looks grow with the time that nothing has come, up
//! to a millisecond, so that an answer which took a while is noticed within an eighth of that while, and a rank whose
//! task runs for long costs its CPU next to nothing.

use std::num::NonZeroU64;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::MpiError;
use super::library::{Library, World};

/// For so long after a message the thread looks for another without a pause.
const EAGER: Duration = Duration::from_micros(50);

/// The shortest and the longest pause.
const SHORTEST: Duration = Duration::from_micros(10);
const LONGEST: Duration = Duration::from_millis(1);

/// What other threads ask for.
enum Order {
    Send { to: u32, message: Vec<u8> },
    Finalize,
    Abort(i32),
}

/// Is given every message, and the rank that it is from, on the thread that calls MPI.
pub(super) type Deliver = Box<dyn FnMut(u32, Vec<u8>) + Send>;

/// This process as a rank.
pub(super) struct Endpoint {
    orders: Sender<Order>,
    thread: Option<JoinHandle<Result<(), MpiError>>>,
    pub(super) rank: u32,
    pub(super) size: u32,
    /// The library, its version and its place.
    pub(super) library: String,
}

impl Endpoint {
    /// Initialises MPI on a thread of its own; `deliver` makes, for this rank, what is given the messages.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if it cannot be initialised.
    pub(super) fn start(
        library: Library,
        deliver: impl FnOnce(u32) -> Deliver + Send + 'static,
    ) -> Result<Self, MpiError> {
        let (orders, taken) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let serve = move || {
            let world = match World::init(library) {
                Ok(world) => world,
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return Ok(());
                }
            };
            let _ = tell.send(Ok((world.rank(), world.size(), world.describe())));
            let deliver = deliver(world.rank());
            serve(world, &taken, deliver)
        };
        let thread = std::thread::Builder::new().name("festina-mpi".to_owned()).spawn(serve);
        let thread = thread.map_err(MpiError::Thread)?;
        let lost = || MpiError::Lost { how: "MPI could not be initialised".to_owned() };
        let (rank, size, library) = told.recv().map_err(|_| lost())??;
        Ok(Self { orders, thread: Some(thread), rank, size, library })
    }

    /// Sends a message to rank `to`, soon.
    pub(super) fn send(&self, to: u32, message: Vec<u8>) {
        // A thread that has ended had an error, which whoever waits for an answer is told.
        let _ = self.orders.send(Order::Send { to, message });
    }

    /// Ends all ranks, at once.
    pub(super) fn abort(&self, code: i32) {
        let _ = self.orders.send(Order::Abort(code));
    }

    /// Ends MPI in order, when all ranks do.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if a call has failed since the start.
    pub(super) fn finalize(mut self) -> Result<(), MpiError> {
        let _ = self.orders.send(Order::Finalize);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(MpiError::Lost { how: "the thread that calls MPI panicked".to_owned() }),
        }
    }
}

fn serve(mut world: World, orders: &Receiver<Order>, mut deliver: Deliver) -> Result<(), MpiError> {
    // Pauses are then as short as they are meant to be, where the kernel adds 50 µs otherwise.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1000));
    let mut last = Instant::now();
    loop {
        let mut is_busy = false;
        while let Ok(order) = orders.try_recv() {
            is_busy = true;
            match order {
                Order::Send { to, message } => world.send(to, message)?,
                Order::Finalize => return world.finalize(),
                Order::Abort(code) => world.abort(code),
            }
        }
        let is_sending = world.is_sending()?;
        while let Some((from, message)) = world.receive()? {
            is_busy = true;
            deliver(from, message);
        }
        let now = Instant::now();
        if is_busy {
            last = now;
        }
        match pause(now - last, is_sending) {
            None => std::thread::yield_now(),
            Some(pause) => match orders.recv_timeout(pause) {
                Ok(Order::Send { to, message }) => {
                    world.send(to, message)?;
                    last = Instant::now();
                }
                Ok(Order::Finalize) => return world.finalize(),
                Ok(Order::Abort(code)) => world.abort(code),
                Err(RecvTimeoutError::Timeout) => {}
                // All that could give orders is gone without a word, on the way to an error's end.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            },
        }
    }
}

/// Returns how long to pause when nothing has come for `idle`; MPI needs calls to send what is long.
fn pause(idle: Duration, is_sending: bool) -> Option<Duration> {
    if idle < EAGER {
        None
    } else if is_sending {
        Some(SHORTEST)
    } else {
        Some((idle / 8).clamp(SHORTEST, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_an_eighth_of_the_wait() {
        let us = Duration::from_micros;
        assert_eq!(pause(us(49), false), None);
        assert_eq!(pause(us(50), false), Some(us(10)));
        assert_eq!(pause(us(800), false), Some(us(100)));
        assert_eq!(pause(us(90_000), false), Some(us(1000)));
        assert_eq!(pause(us(90_000), true), Some(us(10)));
    }
}
