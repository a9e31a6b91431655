//! What keeps festina from answering.

use std::io;

use festina_route::RouteError;
use festina_types::{BackendError, Exit};
use thiserror::Error;

/// Why there is no answer: one message, often a hint, and the exit code that suits both.
///
/// "No" and "it cannot be told" are answers, not errors.
#[derive(Debug, Error)]
pub enum Error {
    /// Something that was typed is wrong.
    #[error("{message}")]
    Input {
        /// What is wrong with it.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A spec file is wrong.
    #[error("{file}, line {line}: {message}")]
    Spec {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A file cannot be read or written.
    #[error("failed to {action}")]
    File {
        /// What was tried, such as "read tasks.csv".
        action: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A law refuses its numbers.
    #[error(transparent)]
    Law(#[from] festina_laws::LawError),
    /// The tasks could not be run.
    #[error(transparent)]
    Task(#[from] festina_run::tasks::TaskError),
    /// The ranks of MPI could not be used.
    #[error(transparent)]
    Mpi(#[from] festina_run::mpi::MpiError),
    /// Worker processes could not be had.
    #[error(transparent)]
    Processes(#[from] festina_run::processes::ProcessesError),
    /// A function failed, or the workers of a backend were lost.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Slurm could not be used.
    #[error(transparent)]
    Slurm(#[from] festina_run::slurm::SlurmError),
    /// A worker cannot use its pool's folder.
    #[error(transparent)]
    Chunk(#[from] festina_run::chunks::ChunkError),
    /// An instance, a tour or a request of the travelling salesman is wrong.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The program could not be profiled.
    #[error(transparent)]
    Profile(#[from] festina_profile::ProfileError),
    /// The service could not be loaded.
    #[error(transparent)]
    Load(#[from] festina_load::LoadError),
    /// A graph or points are wrong.
    #[error(transparent)]
    Graph(#[from] festina_graph::GraphError),
    /// The measurement could not be made.
    #[error(transparent)]
    Measure(#[from] festina_measure::MeasureError),
}

impl Error {
    /// Returns an input error without a hint.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input { message: message.into(), hint: None }
    }

    /// Returns an input error with what would be right.
    pub(crate) fn input_with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Input { message: message.into(), hint: Some(hint.into()) }
    }

    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input { hint, .. } | Self::Spec { hint, .. } => hint.clone(),
            Self::Measure(error) => error.hint(),
            Self::Task(error) => error.hint(),
            Self::Profile(error) => error.hint(),
            Self::Load(error) => error.hint(),
            Self::Mpi(error) => error.hint(),
            Self::Processes(error) => error.hint(),
            Self::Backend(_) => None,
            Self::Slurm(error) => error.hint(),
            Self::Chunk(error) => error.hint(),
            Self::Route(error) => error.hint().map(str::to_owned),
            Self::Graph(error) => error.hint().map(str::to_owned),
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some("correct the path: a file or a folder of it does not exist".to_owned())
                }
                io::ErrorKind::InvalidData => Some("give a text file in UTF-8".to_owned()),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Some("free some space, or write somewhere else".to_owned())
                }
                _ => None,
            },
            Self::Law(error) => error.hint(),
        }
    }

    /// Returns the exit code that says what kind of error it is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Route(RouteError::Backend(error)) | Self::Backend(error) => exit_of_backend(error),
            Self::Input { .. } | Self::Spec { .. } | Self::Law(_) | Self::Route(_) | Self::Graph(_) => {
                Exit::BadInput
            }
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::InvalidData
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::NotADirectory => Exit::BadInput,
                _ => Exit::Unavailable,
            },
            Self::Measure(error) => exit_of(error),
            Self::Task(error) => error.exit(),
            Self::Profile(error) => error.exit(),
            Self::Load(error) => error.exit(),
            Self::Mpi(error) => error.exit(),
            Self::Processes(error) => error.exit(),
            Self::Slurm(error) => error.exit(),
            Self::Chunk(error) => error.exit(),
        }
    }
}

fn exit_of_backend(error: &BackendError) -> Exit {
    match error {
        BackendError::Task { .. } | BackendError::Deadly { .. } => Exit::No,
        BackendError::Lost { .. } => Exit::Unavailable,
        BackendError::Canceled => Exit::Interrupted,
    }
}

fn exit_of(error: &festina_measure::MeasureError) -> Exit {
    use festina_measure::MeasureError as Measure;
    match error {
        Measure::File { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Exit::BadInput
        }
        Measure::NoSpace { .. } | Measure::File { .. } => Exit::Unavailable,
        _ => Exit::BadInput,
    }
}
