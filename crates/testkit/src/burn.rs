//! Spending a stated time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How time is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// On a CPU, measured by the thread's own CPU clock: other load makes it last longer, not cost more.
    Burn,
    /// Asleep, so that more workers than cores can be pretended.
    Sleep,
}

/// Spends `seconds` of the calling thread's time.
pub fn spend(how: Spend, seconds: f64) {
    if seconds <= 0.0 {
        return;
    }
    match how {
        Spend::Sleep => std::thread::sleep(Duration::from_secs_f64(seconds)),
        Spend::Burn => {
            let end = thread_cpu_time() + seconds;
            while thread_cpu_time() < end {
                std::hint::black_box((0..2000_u64).fold(0, |sum, i| sum ^ i.wrapping_mul(sum | 1)));
            }
        }
    }
}

/// Returns the CPU time of the calling thread in seconds.
fn thread_cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
