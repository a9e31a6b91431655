//! Time, and waiting for it.

use std::num::NonZero;

use festina_machine::target::PromptThread;
use rustix::thread::{clock_nanosleep_absolute, current_timer_slack, set_current_timer_slack};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Returns `CLOCK_MONOTONIC` in nanoseconds.
pub(super) fn now_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Returns this thread's CPU time in nanoseconds.
pub(super) fn cpu_ns() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Sleeps until `time` of [`now_ns`].
pub(super) fn sleep_until(time: u64) {
    let until = Timespec { tv_sec: (time / 1_000_000_000) as i64, tv_nsec: (time % 1_000_000_000) as i64 };
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &until);
}

/// While it lives, the kernel wakes this thread when it asks, not up to 50 µs late, and puts it on a CPU soon.
pub(super) struct PreciseSleep {
    before: Option<NonZero<u64>>,
    _prompt: PromptThread,
}

impl PreciseSleep {
    pub(super) fn new() -> Self {
        let before = current_timer_slack().ok().and_then(NonZero::new);
        let _ = set_current_timer_slack(NonZero::new(1));
        Self { before, _prompt: PromptThread::new() }
    }
}

impl Drop for PreciseSleep {
    fn drop(&mut self) {
        let _ = set_current_timer_slack(self.before);
    }
}
