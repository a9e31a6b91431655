//! What can go wrong, and what to do about it.

use festina_types::BackendError;
pub use festina_types::Place;
use thiserror::Error;

/// An input, a request or a backend is at fault. That an instance has no tour of some kind is an answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
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
    /// An instance is readable, and cannot be a travelling-salesman problem.
    #[error("{message}")]
    Instance {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The instance and what is asked of it do not fit together.
    #[error("{message}")]
    Request {
        /// What does not fit.
        message: String,
        /// What would.
        hint: Option<String>,
    },
    /// The backend failed.
    #[error("the solver's tasks could not be run")]
    Backend(#[from] BackendError),
}

impl RouteError {
    /// Returns what to do about the error, where there is something.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Text { hint, .. } | Self::Instance { hint, .. } | Self::Request { hint, .. } => {
                hint.as_deref()
            }
            Self::Backend(_) => None,
        }
    }

    /// Returns the place in the text that was being read, where there is one.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Text { place, .. } => Some(*place),
            _ => None,
        }
    }

    pub(crate) fn text(place: Place, message: impl Into<String>) -> Self {
        Self::Text { place, message: message.into(), hint: None }
    }

    pub(crate) fn instance(message: impl Into<String>) -> Self {
        Self::Instance { message: message.into(), hint: None }
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::Request { message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, advice: impl Into<String>) -> Self {
        match &mut self {
            Self::Text { hint, .. } | Self::Instance { hint, .. } | Self::Request { hint, .. } => {
                *hint = Some(advice.into());
            }
            Self::Backend(_) => {}
        }
        self
    }
}
