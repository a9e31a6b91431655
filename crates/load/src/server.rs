//! What the server's processes do while they are loaded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use festina_machine::Source;
use festina_machine::process::{TreeReader, TreeReading};
use festina_types::{Bytes, Seconds};
use serde::Serialize;

/// What the process tree of a server used, while requests were sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServerUsage {
    /// Processor time, in cores: 1.0 is one core all the time.
    pub cores: f64,
    /// The share of its time that its busiest thread ran on a core.
    pub busiest_thread: f64,
    /// The time its threads were ready to run and waited for a core, as a multiple of the elapsed time.
    pub run_delay: f64,
    /// The most threads at one time.
    pub threads: u32,
    /// The most processes at one time.
    pub processes: u32,
    /// The most resident memory at one time.
    pub peak_rss: Bytes,
}

/// How often the server is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Samples the trees below `roots` until `stop` or for `duration`; `None` if they were gone at once.
pub(crate) fn sample(roots: &[u32], duration: Seconds, stop: &AtomicBool) -> Option<ServerUsage> {
    let mut reader = TreeReader::new(Source::live());
    let mut reading = TreeReading::default();
    let mut threads: HashMap<u32, ThreadTimes> = HashMap::new();
    let mut usage = ServerUsage {
        cores: 0.0,
        busiest_thread: 0.0,
        run_delay: 0.0,
        threads: 0,
        processes: 0,
        peak_rss: Bytes(0),
    };
    let begin = Instant::now();
    let mut observed = 0.0;
    loop {
        reader.read_with_roots(roots, &mut reading);
        if reading.n_processes() == 0 {
            break;
        }
        observed = begin.elapsed().as_secs_f64();
        for thread in &reading.threads {
            let Some(scheduled) = thread.scheduled else { continue };
            let is_new = observed > PERIOD.as_secs_f64() / 2.0;
            // A thread that was not there at the begin has used all it has since then.
            let first = if is_new { (0, 0) } else { (scheduled.on_cpu_ns, scheduled.run_delay_ns) };
            let times = threads.entry(thread.tid).or_insert(ThreadTimes { first, last: first });
            times.last = (scheduled.on_cpu_ns, scheduled.run_delay_ns);
        }
        usage.threads = usage.threads.max(reading.n_threads());
        usage.processes = usage.processes.max(reading.n_processes());
        usage.peak_rss = usage.peak_rss.max(reading.rss());
        if stop.load(Ordering::Relaxed) || observed >= duration.0 {
            break;
        }
        let rest = (duration.0 - observed).clamp(0.001, PERIOD.as_secs_f64());
        std::thread::sleep(Duration::from_secs_f64(rest));
    }
    if observed <= 0.0 || threads.is_empty() {
        return None;
    }
    let share = |nanoseconds: u64| nanoseconds as f64 * 1e-9 / observed;
    let on_cpu = |times: &ThreadTimes| share(times.last.0.saturating_sub(times.first.0));
    usage.cores = threads.values().map(on_cpu).sum();
    usage.busiest_thread = threads.values().map(on_cpu).fold(0.0, f64::max);
    usage.run_delay = threads.values().map(|times| share(times.last.1.saturating_sub(times.first.1))).sum();
    Some(usage)
}

struct ThreadTimes {
    first: (u64, u64),
    last: (u64, u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen() {
        let stop = AtomicBool::new(false);
        let own = std::process::id();
        let usage = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut x = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    x = std::hint::black_box(x + 1);
                }
            });
            let usage = sample(&[own], Seconds(0.4), &AtomicBool::new(false));
            stop.store(true, Ordering::Relaxed);
            usage.unwrap()
        });
        // On a crowded machine the thread may have waited for its core; then that is seen.
        assert!(usage.busiest_thread + usage.run_delay > 0.8, "{usage:?}");
        assert!(usage.busiest_thread <= 1.1 && usage.threads >= 2 && usage.peak_rss.0 > 1 << 20, "{usage:?}");
    }

    #[test]
    fn what_is_gone_gives_nothing() {
        assert_eq!(sample(&[u32::MAX - 1], Seconds(0.1), &AtomicBool::new(false)), None);
    }
}
