//! Starts programs, bounds them, leaves none behind, and tells what they used.
//!
//! The only crate of festina that starts processes. A [`Launch`] says what to start, as plain data; a [`Runner`]
//! starts it, one at a time; an [`Outcome`] says how it ended and what its whole process tree used:
//!
//! ```
//! use festina_run::{Environment, Launch, Runner, Sink};
//! use festina_types::{CancelToken, Status};
//!
//! let environment = Environment::from_iter([("PATH", "/usr/bin:/bin")]);
//! let launch = Launch::new("echo", environment).arguments(["make", "haste"]).output(Sink::capture());
//! let outcome = Runner::new()?.run(&launch, &CancelToken::new(), &mut ())?;
//! assert_eq!(outcome.status, Status::Finished);
//! assert_eq!(outcome.output.bytes, b"make haste\n");
//! # Ok::<(), festina_run::RunError>(())
//! ```
//!
//! Programs are children of a *guardian*, a small process that each runner forks for itself: it is the subreaper
//! of all that they start, so that nothing outlives its run, nor the death of this process by whatever signal.
//! `docs/concepts/processes.md` tells the whole story, and what each counter means.

mod accounting;
mod capture;
pub mod chunks;
mod ending;
mod environment;
mod error;
mod guardian;
mod launch;
mod lookup;
pub mod mpi;
mod native;
mod nearest;
mod outcome;
mod passthrough;
pub mod processes;
mod runner;
mod sampler;
pub mod slurm;
mod stdio;
mod stop;
pub mod tasks;
mod threads;
mod tree;
mod watch;
mod wire;

pub use accounting::Accounting;
pub use environment::Environment;
pub use error::RunError;
pub use launch::{Input, Launch, Sink};
pub use lookup::find_program;
pub use nearest::nearest;
pub use outcome::{Captured, Outcome};
pub use passthrough::Passthrough;
pub use runner::{Observer, Runner, run};
pub use threads::Threads;
