//! Where a job runs.

use std::ffi::OsString;
use std::path::PathBuf;

use festina_run::mpi::{MpiLaunch, launch};
use festina_run::processes::{Processes, ProcessesLaunch};
use festina_run::{Environment, Threads};
use festina_types::{Backend, CancelToken, Workers};

use super::Here;
use crate::{BackendName, Error};

/// A backend by its name, and what it takes to have it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The backend.
    pub backend: BackendName,
    /// The number of workers; `None` is as many as there are CPUs to be used.
    pub workers: Option<Workers>,
    /// The environment variables of workers.
    pub environment: Environment,
    /// The arguments of this program, which is started again with them on every rank.
    pub arguments: Vec<OsString>,
    /// What starts the ranks; `None` is the first `mpirun` or `mpiexec` on the `PATH`.
    pub launcher: Option<OsString>,
    /// The folder by which this process and the ranks that it starts talk.
    pub state: PathBuf,
    /// A first request lets workers finish what they have begun, a second ends worker processes and ranks.
    pub cancel: CancelToken,
}

impl Place {
    /// Returns the place of this name, with as many workers as there are CPUs.
    pub fn new(backend: BackendName, environment: Environment) -> Self {
        Self {
            backend,
            workers: None,
            environment,
            arguments: Vec::new(),
            launcher: None,
            state: PathBuf::from(".festina"),
            cancel: CancelToken::new(),
        }
    }

    /// Starts worker processes of this program, which must have [entered](super::enter).
    ///
    /// # Errors
    ///
    /// [`Error::Processes`] if they cannot be started, or do not come to work.
    pub fn processes(&self) -> Result<Processes, Error> {
        let mut launch = ProcessesLaunch::new(self.workers(), self.environment.clone());
        launch.cancel = self.cancel.clone();
        Ok(Processes::start(launch)?)
    }

    fn workers(&self) -> Workers {
        self.workers.unwrap_or_else(|| Threads::available().workers())
    }

    fn launch(&self) -> Result<u8, Error> {
        let own = std::env::current_exe()
            .map_err(|source| Error::File { action: "find this program".to_owned(), source })?;
        let mut job = MpiLaunch::new(own, self.workers(), self.environment.clone());
        job.arguments.clone_from(&self.arguments);
        job.launcher.clone_from(&self.launcher);
        job.state.clone_from(&self.state);
        Ok(launch(&job, &self.cancel)?)
    }
}

/// What became of a body that was to run at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed<T> {
    /// It ran here, and returned this.
    Here(T),
    /// It ran on the first of the ranks that were started, which ended with this exit code.
    Ranks(u8),
}

impl Placed<u8> {
    /// Returns the exit code of the body, wherever it ran.
    pub fn code(self) -> u8 {
        match self {
            Self::Here(code) | Self::Ranks(code) => code,
        }
    }
}

impl Here<'_> {
    /// Runs `body` with the backend of `place`.
    ///
    /// For MPI the program is started once more on every rank, with the same arguments, comes to this line again on the
    /// first of them, and goes on there; in this process the body is not called.
    ///
    /// # Errors
    ///
    /// [`Error::Processes`] or [`Error::Mpi`] if the workers cannot be had; [`Error::Input`] for Slurm, which runs commands
    /// alone.
    pub fn on<T>(
        self,
        place: &Place,
        body: impl FnOnce(&(dyn Backend + Sync)) -> T,
    ) -> Result<Placed<T>, Error> {
        match (place.backend, self.ranks()) {
            (BackendName::Threads, _) => Ok(Placed::Here(body(&Threads::new(place.workers())))),
            (BackendName::Processes, _) => Ok(Placed::Here(body(&place.processes()?))),
            (BackendName::Mpi, Some(ranks)) => Ok(Placed::Here(body(ranks))),
            (BackendName::Mpi, None) => place.launch().map(Placed::Ranks),
            (BackendName::Slurm, _) => Err(Error::input_with_hint(
                "the nodes of Slurm run commands, not functions",
                "choose threads, processes or mpi; within an allocation mpi is started by its srun",
            )),
        }
    }
}
