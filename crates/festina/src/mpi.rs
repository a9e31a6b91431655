//! The ranks of an MPI job: a backend for the commands of [`tasks`](crate::tasks), and for solvers.

use festina_run::mpi;
pub use festina_run::mpi::{LIBRARY, Mpi, MpiLaunch};
use festina_types::CancelToken;

use crate::Error;

/// Starts the ranks of `launch` by the machine's own `mpirun` or `mpiexec`, and returns the exit code of the first.
///
/// # Errors
///
/// [`Error::Mpi`] if there is no MPI, or the job ended before its time.
pub fn launch(launch: &MpiLaunch, cancel: &CancelToken) -> Result<u8, Error> {
    Ok(mpi::launch(launch, cancel)?)
}
