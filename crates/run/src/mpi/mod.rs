//! Tasks over the ranks of an MPI job: many cores, many hosts.
//!
//! A process that wants ranks [launches](fn@launch) its own program again, on every rank, with the machine's own `mpirun`,
//! `mpiexec` or `srun`. Each comes in by [`enter`](fn@enter): on the first rank the program goes on with an [`Mpi`] in its hands,
//! which is a backend for native functions and for commands alike; the others do what the first asks for.
//!
//! ```text
//! festina run --on mpi -j 4        the user's: starts mpirun, passes requests to stop on, returns the exit code
//!   └─ mpirun                      the machine's
//!        ├─ rank 0                 inputs, journal, outputs, table; hands tasks out; its slot works too
//!        │    └─ guardian ─ task
//!        ├─ rank 1                 does what rank 0 asks for
//!        │    └─ guardian ─ task
//!        ⋮
//! ```
//!
//! The MPI library is loaded while the program runs: one binary serves Open MPI, MPICH and all that have the
//! interface of MPI 5, and runs where there is no MPI. `docs/concepts/mpi.md` tells the whole story.

mod commands;
mod control;
mod endpoint;
mod enter;
mod error;
pub(crate) mod frame;
mod launch;
mod leader;
mod library;
mod map;
pub(crate) mod membership;
mod ranks;
mod router;
mod worker;

pub use enter::enter;
pub use error::MpiError;
pub use frame::FrameError;
pub use launch::{Launcher, LauncherKind, MpiLaunch, launch};
pub use leader::Mpi;
pub use membership::{LIBRARY, MEMBER};

/// Reads `bytes` as a message of one rank to another, and says why it cannot be read: for tests, which have no others.
///
/// # Errors
///
/// [`FrameError`] for what is no message of this version, whole.
pub fn check_message(bytes: &[u8]) -> Result<(), FrameError> {
    frame::Frame::decode(bytes).map(|_| ())
}
