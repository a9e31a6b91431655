//! Ctrl-C and its kin become a request to stop.

use std::io::Write;
use std::sync::Arc;
use std::thread;

use festina::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Returns a token on which signals ask to stop: a first Ctrl-C politely, a second one, SIGTERM and SIGHUP urgently, since
/// whoever sends those does not come again.
pub(crate) fn cancel_on_signals() -> CancelToken {
    let token = CancelToken::new();
    request_on_signals(&token);
    token
}

/// Lets signals ask to stop on `token`.
pub(crate) fn request_on_signals(token: &CancelToken) {
    // Without a handler, the kernel would kill us where a file limit (ulimit -f) is reached: it is an error like a full
    // disk, and told as one.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        let token = token.clone();
        thread::spawn(move || {
            for signal in &mut signals {
                let is_urgent = signal != SIGINT || token.is_requested();
                say(if is_urgent {
                    "stopping at once"
                } else {
                    "stopping after the run in flight; again (Ctrl-C) to stop at once"
                });
                token.request();
                if is_urgent {
                    token.request();
                }
            }
        });
    }
}

/// Returns a token for a verb whose program gets Ctrl-C from the terminal as well: a first one is the program's, a second one
/// ends all. SIGTERM and SIGHUP come to us alone, and end all at once.
pub(crate) fn cancel_with_the_program() -> CancelToken {
    let token = CancelToken::new();
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        let requested = token.clone();
        thread::spawn(move || {
            for signal in &mut signals {
                requested.request();
                if signal != SIGINT {
                    requested.request();
                }
            }
        });
    }
    token
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
