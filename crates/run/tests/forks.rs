//! What libraries do at a fork, such as `OpenBLAS`'s end of its threads, is not always safe for two at a time.
#![expect(unsafe_code, reason = "pthread_atfork has no safe interface")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use festina_run::Runner;

static FORKING: AtomicUsize = AtomicUsize::new(0);
static FORKS: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

extern "C" fn before() {
    let now = FORKING.fetch_add(1, Ordering::SeqCst) + 1;
    MOST.fetch_max(now, Ordering::SeqCst);
    FORKS.fetch_add(1, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(5));
}

extern "C" fn after() {
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

#[test]
fn runners_that_are_made_at_the_same_time_fork_one_after_the_other() {
    // SAFETY: the handlers only touch atomics and sleep, and stay as long as the program.
    assert_eq!(unsafe { libc::pthread_atfork(Some(before), Some(after), None) }, 0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(Runner::new().unwrap()));
        }
    });
    assert_eq!(FORKS.load(Ordering::SeqCst), 8);
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}
