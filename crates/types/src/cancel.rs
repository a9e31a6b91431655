//! The request to stop, handed down to everything that can take long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A flag that says how urgently the user wants to stop; clones share it.
///
/// Whoever catches signals (the command line, Python) calls [`CancelToken::request`], once a signal; whoever
/// works asks [`CancelToken::is_requested`] between two steps. The first request asks to finish what is in
/// flight and to report; the second, [`CancelToken::is_urgent`], to drop it.
///
/// ```
/// let token = festina_types::CancelToken::new();
/// let seen_by_a_worker = token.clone();
/// token.request();
/// assert!(seen_by_a_worker.is_requested() && !seen_by_a_worker.is_urgent());
/// token.request();
/// assert!(seen_by_a_worker.is_urgent());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicU8>);

impl CancelToken {
    /// Returns a token on which nothing was requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop; a second call makes it urgent. Safe to call in a signal handler.
    pub fn request(&self) {
        // Saturates at 2: a third signal means the same as the second.
        let _ = self.0.compare_exchange(1, 2, Ordering::SeqCst, Ordering::SeqCst);
        let _ = self.0.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Returns whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }

    /// Returns whether a stop was requested more than once.
    pub fn is_urgent(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
