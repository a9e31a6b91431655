//! Why worker processes could not be had.

use std::io;

use festina_types::Exit;
use thiserror::Error;

use crate::RunError;

/// Why worker processes could not be started.
#[derive(Debug, Error)]
pub enum ProcessesError {
    /// This process is a worker itself, and its program goes on as if it were not.
    #[error("this process is a worker process already")]
    IsWorker,
    /// A worker could not be started.
    #[error("a worker process cannot be started")]
    Start(#[source] RunError),
    /// There are no more open files, processes or memory to be had.
    #[error("a worker process cannot be started: no more files, processes or memory to be had")]
    Exhausted(#[source] io::Error),
    /// Workers end, or fall silent, before they are ready.
    #[error("worker processes do not come to work: {how}")]
    Silent {
        /// What became of the first.
        how: String,
    },
}

impl ProcessesError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::IsWorker | Self::Silent { .. } => Some(
                "a program whose functions run in worker processes calls processes::enter first of all in main"
                    .to_owned(),
            ),
            Self::Start(source) => source.hint(),
            Self::Exhausted(_) => Some("see ulimit -u and ulimit -n".to_owned()),
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Start(source) => source.exit(),
            Self::Exhausted(_) => Exit::Unavailable,
            Self::IsWorker | Self::Silent { .. } => Exit::Bug,
        }
    }
}
