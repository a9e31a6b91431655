//! Adds up what samples of a process tree tell of the whole run: pure.
//!
//! *Run delay* is the sum over all threads that were ever seen, each at its last reading; the main thread's last
//! reading is final. What a thread waited between its last reading and its end is missed, and so is a thread that
//! lived between two samples: at most one sampling period a thread, see `docs/concepts/processes.md`.
//!
//! *Blocked* is, over windows of a tenth of a second,
//!
//! ```text
//! min(alive − on_cpu − run_delay,  p · length − on_cpu − run_delay charged to slots)
//! ```
//!
//! with `alive` the thread-seconds lived. A window may be negative, for the kernel books the time of a running
//! thread late: the lag cancels in the sum, which alone is kept from being negative, and within what the slots
//! leave.

use std::collections::HashMap;

use festina_machine::process::{Scheduled, TreeReading};
use festina_types::Bytes;

const WINDOW_NS: f64 = 100e6;

/// What the threads of a run waited, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waits {
    pub(crate) run_delay_ns: f64,
    pub(crate) blocked_ns: f64,
    /// The CPU time that no reading has shown: of threads that ended after their last reading, or without one.
    pub(crate) unseen_cpu_ns: f64,
}

/// What is known of a run so far.
#[derive(Debug)]
pub(crate) struct TreeAccount {
    slots: f64,
    started_ns: u64,
    last_ns: u64,
    threads: HashMap<u32, Scheduled>,
    /// The sum over all threads.
    total: Scheduled,
    /// Whether the kernel tells what the scheduler did.
    is_scheduled: bool,
    alive: f64,
    window: Window,
    blocked_ns: f64,
    /// The largest memory at any sample.
    pub(crate) peak_memory: Bytes,
    /// The largest number of processes.
    pub(crate) peak_processes: u32,
    /// The largest number of threads.
    pub(crate) peak_threads: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    length: f64,
    alive: f64,
    on_cpu: f64,
    run_delay: f64,
}

impl Window {
    fn blocked(&self, slots: f64) -> f64 {
        let idle = slots * self.length - self.on_cpu;
        let charged = self.run_delay.min(idle.max(0.0));
        (self.alive - self.on_cpu - self.run_delay).min(idle - charged)
    }
}

impl TreeAccount {
    /// Returns the account of a run on `slots` workers that starts now, with its main thread.
    pub(crate) fn new(slots: u32, started_ns: u64) -> Self {
        Self {
            slots: f64::from(slots),
            started_ns,
            last_ns: started_ns,
            threads: HashMap::new(),
            total: Scheduled::default(),
            is_scheduled: false,
            alive: 1.0,
            window: Window::default(),
            blocked_ns: 0.0,
            peak_memory: Bytes(0),
            peak_processes: 1,
            peak_threads: 1,
        }
    }

    /// Adds a sample, with the memory of the tree at that time.
    pub(crate) fn observe(&mut self, now_ns: u64, reading: &TreeReading, memory: Bytes) {
        let before = self.total;
        for thread in &reading.threads {
            self.see(thread.tid, thread.scheduled);
        }
        let alive = f64::from(reading.n_threads());
        let grown = |after: u64, before: u64| after.saturating_sub(before) as f64;
        self.advance(
            now_ns,
            (self.alive + alive) / 2.0,
            grown(self.total.on_cpu_ns, before.on_cpu_ns),
            grown(self.total.run_delay_ns, before.run_delay_ns),
        );
        self.alive = alive;
        self.peak_memory = self.peak_memory.max(memory);
        self.peak_processes = self.peak_processes.max(reading.n_processes());
        self.peak_threads = self.peak_threads.max(reading.n_threads());
    }

    /// Ends the account with the last reading of the main thread and the CPU time of all; `None` where the kernel
    /// tells no run delay.
    pub(crate) fn finish(
        mut self,
        end_ns: u64,
        main: Option<(u32, Scheduled)>,
        cpu_ns: f64,
    ) -> Option<Waits> {
        let before = self.total;
        if let Some((tid, scheduled)) = main {
            self.see(tid, Some(scheduled));
        }
        if !self.is_scheduled {
            return None;
        }
        let run_delay = self.total.run_delay_ns as f64;
        let late = run_delay - before.run_delay_ns as f64;
        self.advance(end_ns, self.alive.max(1.0), cpu_ns - before.on_cpu_ns as f64, late);
        self.close();
        let idle = self.slots * end_ns.saturating_sub(self.started_ns) as f64 - cpu_ns;
        let left = (idle - run_delay).max(0.0);
        Some(Waits {
            run_delay_ns: run_delay,
            blocked_ns: self.blocked_ns.clamp(0.0, left),
            unseen_cpu_ns: (cpu_ns - self.total.on_cpu_ns as f64).max(0.0),
        })
    }

    fn see(&mut self, tid: u32, scheduled: Option<Scheduled>) {
        let Some(now) = scheduled else { return };
        self.is_scheduled = true;
        let before = self.threads.insert(tid, now).unwrap_or_default();
        // A thread whose time runs backwards is another one that got the same id.
        let before = if now.on_cpu_ns < before.on_cpu_ns { Scheduled::default() } else { before };
        self.total.on_cpu_ns += now.on_cpu_ns - before.on_cpu_ns;
        self.total.run_delay_ns += now.run_delay_ns.saturating_sub(before.run_delay_ns);
    }

    fn advance(&mut self, now_ns: u64, alive: f64, on_cpu: f64, run_delay: f64) {
        let length = now_ns.saturating_sub(self.last_ns) as f64;
        self.last_ns = now_ns;
        self.window.length += length;
        self.window.alive += alive * length;
        self.window.on_cpu += on_cpu;
        self.window.run_delay += run_delay;
        if self.window.length >= WINDOW_NS {
            self.close();
        }
    }

    fn close(&mut self) {
        self.blocked_ns += self.window.blocked(self.slots);
        self.window = Window::default();
    }
}

#[cfg(test)]
mod tests {
    use festina_machine::process::ThreadReading;

    use super::*;

    /// Returns a reading of threads, all alive in one process, for tests.
    fn reading(threads: &[(u32, u64, u64)]) -> TreeReading {
        let scheduled = |&(tid, on_cpu_ns, run_delay_ns): &(u32, u64, u64)| ThreadReading {
            tid,
            alive: true,
            scheduled: Some(Scheduled { on_cpu_ns, run_delay_ns }),
        };
        TreeReading { processes: Vec::new(), threads: threads.iter().map(scheduled).collect() }
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn one_thread_needs_no_sample() {
        // 100 ms alive: 30 on a CPU, 20 waiting for one, so 50 blocked.
        let last = Scheduled { on_cpu_ns: 30 * MS, run_delay_ns: 20 * MS };
        let waits = TreeAccount::new(1, 0).finish(100 * MS, Some((7, last)), 30e6).unwrap();
        assert_eq!(waits, Waits { run_delay_ns: 20e6, blocked_ns: 50e6, unseen_cpu_ns: 0.0 });
    }

    #[test]
    fn time_that_is_booked_late_cancels() {
        let mut account = TreeAccount::new(2, 0);
        // A thread that always runs, booked in steps of 40 ms.
        for time in 1..=100 {
            account.observe(10 * MS * time, &reading(&[(7, 10 * MS * (time / 4 * 4), 0)]), Bytes(0));
        }
        let last = Scheduled { on_cpu_ns: 1000 * MS, run_delay_ns: 0 };
        let waits = account.finish(1000 * MS, Some((7, last)), 1e9).unwrap();
        assert_eq!(waits.blocked_ns, 0.0);
    }

    #[test]
    fn two_threads_on_one_slot_wait_for_each_other() {
        let mut account = TreeAccount::new(1, 0);
        for time in [50, 100, 150] {
            let half = time * MS / 2;
            account.observe(time * MS, &reading(&[(7, half, half), (8, half, half)]), Bytes(time));
        }
        let last = Scheduled { on_cpu_ns: 100 * MS, run_delay_ns: 100 * MS };
        let waits = account.finish(200 * MS, Some((7, last)), 200e6).unwrap();
        // Thread 8 was last seen at 150 ms.
        // It used 25 ms more, and waited as long, unseen.
        assert_eq!(waits, Waits { run_delay_ns: 175e6, blocked_ns: 0.0, unseen_cpu_ns: 25e6 });
    }

    #[test]
    fn blocked_threads_fill_at_most_the_idle_slots() {
        let mut account = TreeAccount::new(2, 0);
        // Four threads, one of which runs: three are blocked, but only one slot is idle.
        account.observe(0, &reading(&[(1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)]), Bytes(0));
        account.observe(500 * MS, &reading(&[(1, 500 * MS, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)]), Bytes(0));
        let last = Scheduled { on_cpu_ns: 1000 * MS, run_delay_ns: 0 };
        let waits = account.finish(1000 * MS, Some((1, last)), 1e9).unwrap();
        assert_eq!(waits.blocked_ns, 1e9);
    }

    #[test]
    fn an_id_used_again_is_another_thread() {
        let mut account = TreeAccount::new(1, 0);
        account.observe(10 * MS, &reading(&[(7, 9 * MS, 3 * MS)]), Bytes(5));
        account.observe(20 * MS, &reading(&[(7, MS, 2 * MS)]), Bytes(4));
        assert_eq!(account.total, Scheduled { on_cpu_ns: 10 * MS, run_delay_ns: 5 * MS });
        assert_eq!(account.peak_memory, Bytes(5));
    }

    #[test]
    fn a_kernel_that_counts_nothing_is_told() {
        assert_eq!(TreeAccount::new(1, 0).finish(100, None, 50.0), None);
    }
}
