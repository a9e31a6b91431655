//! Why tasks could not be handed to workers by way of a folder.

use std::io;
use std::path::{Path, PathBuf};

use festina_types::Exit;
use thiserror::Error;

use crate::RunError;
use crate::tasks::TaskError;

/// Why a pool or a worker of it cannot go on.
#[derive(Debug, Error)]
pub enum ChunkError {
    /// The folder through which pool and workers talk cannot be used.
    #[error("{} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A worker cannot start processes.
    #[error("tasks cannot be run")]
    Runner(#[source] RunError),
    /// A thread cannot be started.
    #[error("no thread can be started")]
    Thread(#[source] io::Error),
}

impl ChunkError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Folder { path, source }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { .. } => {
                Some("the state folder must be on a file system that all hosts share: --state DIR".to_owned())
            }
            Self::Runner(error) => error.hint(),
            Self::Thread(_) => Some("see ulimit -u".to_owned()),
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        Exit::Unavailable
    }
}

impl From<ChunkError> for TaskError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Folder { path, source } => Self::writing(&path, source),
            ChunkError::Runner(error) => Self::Runner(error),
            ChunkError::Thread(error) => Self::Thread(error),
        }
    }
}
