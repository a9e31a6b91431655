//! Where tasks run, by the name that is typed.

use std::fmt;

use festina_run::nearest;

use crate::Error;

/// A backend, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendName {
    /// Threads of this process: native functions.
    Threads,
    /// Processes on the cores of this machine.
    Processes,
    /// The ranks of an MPI job, on one host or many.
    Mpi,
    /// Allocations of Slurm.
    Slurm,
}

impl BackendName {
    /// Returns the backend of `known` that is called `name`.
    ///
    /// ```
    /// use festina::BackendName::{self, Mpi, Processes};
    ///
    /// assert_eq!(BackendName::parse("mpi", &[Processes, Mpi])?, Mpi);
    /// let error = BackendName::parse("mpu", &[Processes, Mpi]).unwrap_err();
    /// assert_eq!(error.hint().unwrap(), "did you mean 'mpi'? There are processes, mpi");
    /// # Ok::<(), festina::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if none of them is, with the most similar name.
    pub fn parse(name: &str, known: &[Self]) -> Result<Self, Error> {
        if let Some(found) = known.iter().find(|backend| backend.name() == name) {
            return Ok(*found);
        }
        let names: Vec<&str> = known.iter().map(|backend| backend.name()).collect();
        let all = format!("here are {}", names.join(", "));
        let hint = match nearest(name, names) {
            Some(nearest) => format!("did you mean '{nearest}'? T{all}"),
            None => format!("t{all}"),
        };
        Err(Error::input_with_hint(format!("there is no backend '{name}' for this"), hint))
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Mpi => "mpi",
            Self::Slurm => "slurm",
        }
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
