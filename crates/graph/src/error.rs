//! What can be wrong with an input, and what to do about it.

use festina_types::Place;
use thiserror::Error;

/// An input is at fault. That a graph is not connected is an answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// A text could not be read.
    #[error("{place}: {message}")]
    Text {
        /// Where reading stopped.
        place: Place,
        /// What is wrong there.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A graph or a request is readable, and cannot be meant.
    #[error("{message}")]
    Graph {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl GraphError {
    /// Returns what to do about the error, where there is something.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Text { hint, .. } | Self::Graph { hint, .. } => hint.as_deref(),
        }
    }

    pub(crate) fn text(place: Place, message: impl Into<String>) -> Self {
        Self::Text { place, message: message.into(), hint: None }
    }

    pub(crate) fn graph(message: impl Into<String>) -> Self {
        Self::Graph { message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, advice: impl Into<String>) -> Self {
        match &mut self {
            Self::Text { hint, .. } | Self::Graph { hint, .. } => *hint = Some(advice.into()),
        }
        self
    }
}
