//! Why a program could not be profiled.

use std::io;

use festina_types::Exit;
use thiserror::Error;

use crate::RecordingError;

/// Why a program could not be profiled.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// It could not be started.
    #[error(transparent)]
    Run(#[from] festina_run::RunError),
    /// There is no such process.
    #[error("there is no process {pid}")]
    NoProcess {
        /// Its id.
        pid: u32,
    },
    /// The process may not be looked into.
    #[error("process {pid} may not be looked into")]
    NotPermitted {
        /// Its id.
        pid: u32,
    },
    /// A rate that cannot be had.
    #[error("{rate_hz} looks a second cannot be had: 0.1 to 10000 can")]
    Rate {
        /// What was asked for.
        rate_hz: f64,
    },
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The program ended before it was seen once.
    #[error("the program ended before anything was seen of it")]
    Nothing,
    /// A file could not be written.
    #[error("failed to {action}")]
    File {
        /// What was tried.
        action: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl ProfileError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::NoProcess { .. } => Some("ps -e lists the processes".to_owned()),
            Self::NotPermitted { .. } => Some(
                "run festina as the process's user or as root, or start the program below festina: festina profile -- COMMAND; \
                 sudo sysctl kernel.yama.ptrace_scope=0 allows it until the next boot"
                    .to_owned(),
            ),
            Self::Recording(error) => match error {
                RecordingError::Version { .. } => Some("record the program again with this festina".to_owned()),
                RecordingError::NoRecording { .. } | RecordingError::File { .. } => {
                    Some("give the folder of a profile, such as .festina/profile-1, or the file `recording` in it".to_owned())
                }
                RecordingError::Empty { .. } | RecordingError::Line { .. } => {
                    Some("record the program again".to_owned())
                }
            },
            Self::Nothing => Some("profile it with more to do: a larger input, or many repetitions".to_owned()),
            Self::Rate { .. } => Some("--rate 1000 looks a thousand times a second".to_owned()),
            Self::File { .. } => None,
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Run(error) => error.exit(),
            Self::NotPermitted { .. } | Self::File { .. } => Exit::Unavailable,
            Self::Nothing => Exit::Unsure,
            Self::NoProcess { .. } | Self::Rate { .. } | Self::Recording(_) => Exit::BadInput,
        }
    }
}
