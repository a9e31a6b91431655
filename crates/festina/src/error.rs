//! What keeps festina from answering.

use std::io;

use festina_types::Exit;
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
    /// An instance, a tour or a request of the travelling salesman is wrong.
    #[error(transparent)]
    Route(#[from] festina_route::RouteError),
    /// The program could not be profiled.
    #[error(transparent)]
    Profile(#[from] festina_profile::ProfileError),
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
            Self::Mpi(error) => error.hint(),
            Self::Route(error) => error.hint().map(str::to_owned),
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
            Self::Input { .. } | Self::Spec { .. } | Self::Law(_) | Self::Route(_) => Exit::BadInput,
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
            Self::Mpi(error) => error.exit(),
        }
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
