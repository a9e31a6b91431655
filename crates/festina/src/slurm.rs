//! Allocations of Slurm: a backend for the commands of [`tasks`](crate::tasks).

use std::path::Path;

use festina_run::Environment;
pub use festina_run::chunks::Pool;
use festina_run::chunks::{self, PoolOptions};
use festina_run::slurm::{self, Slurm};
pub use festina_run::slurm::{Elements, SlurmOptions};
use festina_types::CancelToken;

use crate::Error;

/// Returns a backend whose workers are started by Slurm, as soon as a run wants them. A request on `cancel` ends the wait
/// for the first of them. It is good for one run; dropping it ends its jobs.
///
/// # Errors
///
/// [`Error::Slurm`] if there is no Slurm, or it does not answer.
pub fn pool(options: SlurmOptions, cancel: &CancelToken) -> Result<Pool, Error> {
    let cores_per_task = options.cores_per_task;
    let slurm = Slurm::find(options)?;
    let options = PoolOptions { cores_per_task, ..PoolOptions::new(slurm.slots()) };
    Ok(Pool::new(options, Box::new(slurm), cancel.clone()))
}

/// Works for the pool in `folder` as one of `elements` of a job, as which one the `environment` says, until there is nothing
/// more to do or the allocation nearly over. A request on `cancel` ends it at once.
///
/// # Errors
///
/// [`Error::Slurm`] if this process was not started by Slurm, [`Error::Chunk`] if the folder cannot be used.
pub fn work(
    folder: &Path,
    elements: Elements,
    environment: &Environment,
    cancel: &CancelToken,
) -> Result<(), Error> {
    Ok(chunks::work(&slurm::worker(folder, elements, environment)?, cancel)?)
}
