//! What can go wrong before, between and after the runs. A run that fails is no error: it is a
//! [`Status`](festina_types::Status) of its sample.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::template::TemplateError;

/// Why a measurement could not be planned, carried on, stored or read again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A placeholder of the workload is unknown.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The workload cannot be run as it is given.
    #[error("the workload {reason}")]
    Workload {
        /// What is wrong with it.
        reason: String,
        /// What would be right.
        hint: String,
    },
    /// The design cannot be measured as it is given.
    #[error("the design {reason}")]
    Design {
        /// What is wrong with it.
        reason: String,
        /// What would be right.
        hint: String,
    },
    /// A pattern, tolerance or target of the check is invalid.
    #[error("the check {reason}")]
    Check {
        /// What is wrong with it.
        reason: String,
        /// What would be right.
        hint: String,
    },
    /// The set-up or the preparation failed, so that there is nothing to measure.
    #[error("{step} failed: {reason}")]
    Step {
        /// Which step: `the set-up`, `the preparation of n = 1000, p = 2`.
        step: String,
        /// How it ended, with the last line that it wrote.
        reason: String,
    },
    /// The reference did not write the file that is to be checked.
    #[error("the run at {point} did not write {path}, which --check names")]
    NothingToCheck {
        /// The file.
        path: PathBuf,
        /// Where: `n = 1000, p = 1`.
        point: String,
    },
    /// The workload could not be started at all.
    #[error("cannot start the workload: {source}")]
    Start {
        /// Why.
        #[source]
        source: festina_run::RunError,
        /// What to do.
        hint: Option<String>,
    },
    /// No space is left for the journal; everything measured before is kept.
    #[error("no space left to write {path}")]
    NoSpace {
        /// The file that could not grow.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// A file of the state folder cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// There is no such run in the state folder.
    #[error("there is no run '{id}' in {folder}")]
    NoSuchRun {
        /// What was asked for.
        id: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The nearest run that exists, or what to do.
        hint: String,
    },
    /// A file of a stored run does not hold what it should.
    #[error("{path} is not what festina wrote: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        reason: String,
    },
    /// A stored run was written by another version.
    #[error("{path} has version {found}, and this festina reads version {expected}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that can be read.
        expected: u32,
    },
}

impl MeasureError {
    /// Returns what to do about the error, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => Some(error.hint()),
            Self::Workload { hint, .. } | Self::Design { hint, .. } | Self::Check { hint, .. } => {
                Some(hint.clone())
            }
            Self::NoSuchRun { hint, .. } => Some(hint.clone()),
            Self::Start { hint, .. } => hint.clone(),
            Self::NothingToCheck { .. } => Some(
                "correct the path, which starts where festina was started; or give --check stdout or none"
                    .to_owned(),
            ),
            // Only a journal grows while runs are measured: what it holds is kept.
            Self::NoSpace { path, .. } if path.extension().is_some_and(|e| e == "jsonl") => Some(format!(
                "all runs that ended are kept: free some space, then analyse them with --from {}",
                run_of(path)
            )),
            Self::NoSpace { .. } => {
                Some("free some space, or give another folder with --state DIR".to_owned())
            }
            Self::Corrupt { path, .. } => {
                Some(format!("measure again, or bring back {} from a copy", run_of(path)))
            }
            Self::File { action, source, .. } => file_hint(action, source.kind()),
            Self::Version { .. } => {
                Some("measure again, or read it with the festina that wrote it".to_owned())
            }
            Self::Step { .. } => Some("try it in a shell: it is given to sh -c".to_owned()),
        }
    }

    /// Returns the error of a failed `action` on `path`, a full disk told apart.
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { path, source }
            }
            _ => Self::File { action, path, source },
        }
    }
}

/// Returns what to do where `action` on a file failed.
fn file_hint(action: &str, kind: io::ErrorKind) -> Option<String> {
    let hint = match (action, kind) {
        ("create" | "write", _) => "give a folder that can be written with --state DIR",
        (_, io::ErrorKind::NotFound) => "correct the path, which starts where festina was started",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns the name of the run folder that `path` lies in.
fn run_of(path: &Path) -> String {
    path.parent().and_then(Path::file_name).unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
