//! The ranks of an MPI job: a backend for the commands of [`tasks`](crate::tasks), and for solvers.

use festina_run::Environment;
use festina_run::mpi;
pub use festina_run::mpi::{LIBRARY, Mpi, MpiLaunch};
use festina_types::{CancelToken, Function};

use crate::Error;

/// What other ranks can be asked to call.
const FUNCTIONS: &[Function] = &[festina_route::TASK];

/// Runs `body` once, with the other ranks at its command where this process is the first rank of a job: see
/// [`festina_run::mpi::enter`]. Called first of all by a program that is to run over MPI. Returns the code to exit with.
///
/// # Errors
///
/// [`Error::Mpi`] if this process is a rank and MPI cannot be used.
pub fn enter(environment: &Environment, body: impl FnOnce(Option<&Mpi>) -> u8) -> Result<u8, Error> {
    Ok(mpi::enter(environment, FUNCTIONS, body)?)
}

/// Starts the ranks of `launch` by the machine's own `mpirun` or `mpiexec`, and returns the exit code of the first.
///
/// # Errors
///
/// [`Error::Mpi`] if there is no MPI, or the job ended before its time.
pub fn launch(launch: &MpiLaunch, cancel: &CancelToken) -> Result<u8, Error> {
    Ok(mpi::launch(launch, cancel)?)
}
