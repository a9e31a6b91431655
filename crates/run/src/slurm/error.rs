//! Why Slurm could not be used.

use festina_types::Exit;
use thiserror::Error;

use crate::RunError;

/// Why Slurm could not be used.
#[derive(Debug, Error)]
pub enum SlurmError {
    /// A command of Slurm's is not there.
    #[error("Slurm cannot be used: {name} not found")]
    Absent {
        /// The command.
        name: &'static str,
    },
    /// A command of Slurm's could not be run.
    #[error("Slurm cannot be used")]
    Start(#[source] RunError),
    /// Slurm said no.
    #[error("{name} failed: {message}")]
    Refused {
        /// The command.
        name: &'static str,
        /// What it said.
        message: String,
    },
    /// The partition has no nodes.
    #[error("no node of Slurm's is in that partition")]
    NoNodes,
    /// A worker does not run in an element of a job of Slurm's.
    #[error("this is no job of Slurm's: {name} is not set")]
    NotWithin {
        /// The variable that is missing.
        name: &'static str,
    },
}

impl SlurmError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Absent { .. } => {
                "festina run --on slurm runs where sbatch does: on a cluster's login node, or apt-get install slurm-client"
                    .to_owned()
            }
            Self::Start(error) => return error.hint(),
            Self::Refused { .. } => "what sinfo and sbatch say by themselves should help".to_owned(),
            Self::NoNodes => "sinfo lists the partitions: --launcher-arg=--partition=NAME".to_owned(),
            Self::NotWithin { .. } => "workers are started by festina run --on slurm".to_owned(),
        })
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoNodes | Self::NotWithin { .. } => Exit::BadInput,
            _ => Exit::Unavailable,
        }
    }

    /// Returns the message with what is behind it.
    pub(super) fn with_source(&self) -> String {
        match self {
            Self::Start(error) => format!("{self}: {error}"),
            _ => self.to_string(),
        }
    }
}
