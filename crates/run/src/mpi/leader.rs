//! The first rank, and what it has at its command.

use std::sync::Arc;

use festina_types::{CancelToken, Workers};

use super::MpiError;
use super::control::Control;
use super::endpoint::Endpoint;
use super::frame::Frame;
use super::ranks::Rank;
use super::router::Router;

/// The ranks of an MPI job, at the command of the first, which is a worker itself: of `-n 64` all 64 work.
///
/// It is a [`Backend`](festina_types::Backend) for native functions, which solvers are handed, and a
/// [`CommandBackend`](crate::tasks::CommandBackend) for commands. Only [`enter`](fn@super::enter) makes one.
pub struct Mpi {
    pub(super) endpoint: Endpoint,
    pub(super) router: Arc<Router>,
    pub(super) ranks: Vec<Rank>,
    cancel: CancelToken,
}

impl Mpi {
    pub(super) fn new(
        endpoint: Endpoint,
        router: Arc<Router>,
        ranks: Vec<Rank>,
        control: Option<&Control>,
    ) -> Self {
        let cancel = control.map_or_else(CancelToken::new, |control| control.cancel().clone());
        Self { endpoint, router, ranks, cancel }
    }

    /// Returns the number of ranks.
    pub fn size(&self) -> Workers {
        Workers::new(self.endpoint.size).unwrap_or(Workers::MIN)
    }

    /// Returns the names of the hosts, in the order of their first ranks.
    pub fn hosts(&self) -> Vec<&str> {
        let first = self.ranks.iter().filter(|rank| rank.local.0 == 0);
        first.map(|rank| rank.host.as_str()).collect()
    }

    /// Returns the MPI library: its name and version, its interface, and where it is.
    pub fn library(&self) -> &str {
        &self.endpoint.library
    }

    /// Returns the token on which the requests to stop come that the user makes of the process that
    /// [launched](fn@super::launch) this job. Signals reach only that process.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    pub(super) fn send(&self, to: u32, id: u64, frame: &Frame) {
        self.endpoint.send(to, frame.encode(id));
    }

    /// Sends the other ranks away, and ends MPI.
    pub(super) fn finish(self) -> Result<(), MpiError> {
        for rank in 1..self.endpoint.size {
            self.send(rank, 0, &Frame::Bye);
        }
        self.endpoint.finalize()
    }
}
