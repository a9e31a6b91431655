//! Ctrl-C and its kin become a request to stop.

use std::thread;

use festina::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Returns a token on which SIGINT, SIGTERM and SIGHUP ask to stop: the first politely, the second urgently.
pub(crate) fn cancel_on_signals() -> CancelToken {
    let token = CancelToken::new();
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        let requested = token.clone();
        thread::spawn(move || signals.forever().for_each(|_| requested.request()));
    }
    token
}
