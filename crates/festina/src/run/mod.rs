//! `festina::run`: functions of your own over all inputs, on threads, worker processes or the ranks of MPI.
//!
//! A [`Function`] is registered by name, where the program [`enter`]s; a [`Place`] says where it runs; a [`Job`] maps it
//! over inputs, and gives outcomes as they come, or in the order of the inputs. The program is the same on every
//! backend: a worker process and a rank are this program once more.
//!
//! ```
//! use std::process::ExitCode;
//!
//! use festina::run::{Backend, Function, Here, Job, Place, enter};
//! use festina::{BackendName, Workers};
//!
//! /// What workers can be asked to call: the digits of a number, summed.
//! const FUNCTIONS: &[Function] = &[Function { name: "digits", call: digits }];
//!
//! fn digits(input: &[u8]) -> Result<Vec<u8>, String> {
//!     let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
//!     let sum: Option<u32> = text.chars().map(|digit| digit.to_digit(10)).sum();
//!     Ok(sum.ok_or_else(|| format!("{text} is not a number"))?.to_string().into())
//! }
//!
//! fn main() -> ExitCode {
//!     match enter(&std::env::vars_os().collect(), FUNCTIONS, work) {
//!         Ok(code) => code.into(),
//!         Err(error) => error.exit().code().into(),
//!     }
//! }
//!
//! fn work(here: Here<'_>) -> u8 {
//!     let mut place = Place::new(BackendName::Processes, std::env::vars_os().collect());
//!     place.workers = Workers::new(2);
//!     place.arguments = std::env::args_os().skip(1).collect();
//!     here.on(&place, sum).map_or(70, |placed| placed.code())
//! }
//!
//! fn sum(backend: &(dyn Backend + Sync)) -> u8 {
//!     let inputs = ["12", "345", "x", "9"].iter().map(|text| text.as_bytes().to_vec());
//!     let mut sum = 0;
//!     let ended = Job::new(backend, FUNCTIONS[0]).for_each(inputs, |task, outcome| {
//!         match outcome {
//!             Ok(output) => sum += String::from_utf8_lossy(&output).parse().unwrap_or(0),
//!             Err(error) => assert_eq!(error.to_string(), format!("task {task} failed: x is not a number")),
//!         }
//!         std::ops::ControlFlow::Continue(())
//!     });
//!     let ended = ended.expect("the workers are of this machine");
//!     assert_eq!((sum, ended.finished, ended.failed), (24, 3, 1));
//!     0
//! }
//! ```
//!
//! Functions are pure: bytes in, bytes out, the same in every process. What else a function needs comes with its input,
//! or is read from files. Commands, rather than functions, are run by [`tasks`](crate::tasks).

mod job;
mod order;
mod place;

use festina_run::mpi::Mpi;
use festina_run::{Environment, processes};
pub use festina_types::{Backend, BackendError, Function};

use crate::Error;
pub use job::{Ended, Job, Outcomes};
pub use order::Order;
pub use place::{Place, Placed};

/// What every worker of a program can be asked to call for festina's own verbs, such as [`solve`](crate::solve).
pub const OWN_FUNCTIONS: &[Function] = &[festina_route::TASK];

/// Where a program has entered: alone, or as the first rank of an MPI job.
#[derive(Clone, Copy)]
pub struct Here<'m> {
    ranks: Option<&'m Mpi>,
}

impl<'m> Here<'m> {
    /// Returns the ranks of the MPI job of which this process is the first.
    pub fn ranks(self) -> Option<&'m Mpi> {
        self.ranks
    }
}

/// Runs `body` once, in the process that the user started or in the first of its ranks; returns the code to exit with.
///
/// A program whose functions run elsewhere than in its own threads calls this first of all in `main`, with all of them:
///
/// - in a worker process it calls what it is asked to, and returns 0 when there is nothing more to do;
/// - on another rank than the first likewise;
/// - else `body` goes on, and its code is returned.
///
/// # Errors
///
/// [`Error::Mpi`] if this process is a rank and MPI cannot be used.
pub fn enter(
    environment: &Environment,
    functions: &[Function],
    body: impl FnOnce(Here<'_>) -> u8,
) -> Result<u8, Error> {
    if processes::enter(environment, functions) {
        return Ok(0);
    }
    Ok(festina_run::mpi::enter(environment, functions, |ranks| body(Here { ranks }))?)
}
