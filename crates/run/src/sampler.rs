//! Samples a running process tree, in a thread of its own, so that the end of the run is noticed at once.
//!
//! The first sample is taken after a millisecond; then the period grows with the age of the run, from 1 to 50 ms,
//! and with the cost of a sample, which it keeps below 2 % of the time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use festina_machine::Source;
use festina_machine::process::{TreeReader, TreeReading};
use festina_types::Bytes;
use rustix::process::{Pid, Signal};
use rustix::time::{ClockId, clock_gettime};

use crate::tree::TreeAccount;

/// The age of a run at its first sample.
pub(crate) const SHORTEST_NS: u64 = 1_000_000;
const LONGEST_NS: u64 = 50_000_000;
/// Under a memory limit the longest period is shorter: a program can fill gigabytes a second.
const LONGEST_GUARDED_NS: u64 = 5_000_000;
/// The age of a run over the period of its samples.
const AGE_OVER_PERIOD: u64 = 20;
/// The period over the cost of a sample.
const PERIOD_OVER_COST: u64 = 50;

/// A run that is sampled.
#[derive(Debug)]
pub(crate) struct Job {
    /// The process whose descendants are the tree.
    pub(crate) root: u32,
    /// The program; it is not collected as long as the job is with the sampler.
    pub(crate) main: Pid,
    pub(crate) started_ns: u64,
    pub(crate) memory_limit: Option<Bytes>,
    pub(crate) account: TreeAccount,
    /// The memory at which the program was killed for exceeding its limit.
    pub(crate) exceeded: Option<Bytes>,
    next_ns: u64,
    /// When shared pages may be told apart again, for it is slow.
    next_pss_ns: u64,
}

impl Job {
    pub(crate) fn new(
        root: u32,
        main: Pid,
        started_ns: u64,
        slots: u32,
        memory_limit: Option<Bytes>,
    ) -> Self {
        Self {
            root,
            main,
            started_ns,
            memory_limit,
            account: TreeAccount::new(slots, started_ns),
            exceeded: None,
            next_ns: started_ns,
            next_pss_ns: 0,
        }
    }

    fn sample(&mut self, reader: &mut TreeReader, reading: &mut TreeReading) {
        let (begin, cpu) = (now_ns(), cpu_ns());
        reader.read(self.root, reading);
        let cost = cpu_ns() - cpu;
        let memory = self.memory(reader, reading);
        self.account.observe(begin, reading, memory.unwrap_or(Bytes(0)));
        if let (Some(limit), Some(memory)) = (self.memory_limit, memory)
            && memory > limit
        {
            self.exceeded.get_or_insert(memory);
            let _ = rustix::process::kill_process_group(self.main, Signal::KILL);
            let _ = rustix::process::kill_process(self.main, Signal::KILL);
        }
        let end = now_ns();
        self.next_ns = end + self.period(end, cost);
    }

    fn period(&self, now: u64, cost: u64) -> u64 {
        let longest = if self.memory_limit.is_some() { LONGEST_GUARDED_NS } else { LONGEST_NS };
        let by_age = (now.saturating_sub(self.started_ns) / AGE_OVER_PERIOD).clamp(SHORTEST_NS, longest);
        by_age.max(cost * PERIOD_OVER_COST)
    }

    /// Returns the memory of the tree, with shared pages counted once: only where it could matter, for the peak
    /// or the limit, and where the time for it has come.
    fn memory(&mut self, reader: &mut TreeReader, reading: &TreeReading) -> Option<Bytes> {
        let rss = reading.rss();
        if reading.n_processes() < 2 || rss <= self.account.peak_memory {
            return Some(rss);
        }
        if now_ns() < self.next_pss_ns {
            return None;
        }
        let cpu = cpu_ns();
        let shared_once = reading.processes.iter().filter(|process| process.is_alive());
        let memory = shared_once.map(|process| reader.pss(process.pid).unwrap_or(process.rss).0).sum();
        self.next_pss_ns = now_ns() + (cpu_ns() - cpu) * PERIOD_OVER_COST;
        Some(Bytes(memory))
    }
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Idle,
    Busy(Box<Job>),
    Closed,
}

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    wake: Condvar,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        // The slot holds plain data that is whole at every time.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sampling thread.
#[derive(Debug)]
pub(crate) struct Sampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub(crate) fn new() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("festina-sample".to_owned()).spawn(move || work(&theirs))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Begins to sample `job`.
    pub(crate) fn start(&self, job: Job) {
        *self.shared.slot() = Slot::Busy(Box::new(job));
        self.shared.wake.notify_one();
    }

    /// Ends sampling, after the sample that is being taken, and gives the job back.
    pub(crate) fn finish(&self) -> Option<Box<Job>> {
        match std::mem::take(&mut *self.shared.slot()) {
            Slot::Busy(job) => Some(job),
            _ => None,
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        *self.shared.slot() = Slot::Closed;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared) {
    let mut reader = TreeReader::new(Source::live());
    let mut reading = TreeReading::default();
    let mut slot = shared.slot();
    loop {
        slot = match &mut *slot {
            Slot::Closed => return,
            Slot::Idle => shared.wake.wait(slot).unwrap_or_else(PoisonError::into_inner),
            Slot::Busy(job) => {
                let now = now_ns();
                if now >= job.next_ns {
                    job.sample(&mut reader, &mut reading);
                    continue;
                }
                let pause = Duration::from_nanos(job.next_ns - now);
                shared.wake.wait_timeout(slot, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// Returns `CLOCK_MONOTONIC` in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    clock_ns(ClockId::Monotonic)
}

/// Returns this thread's CPU time in nanoseconds: what a sample costs, however long others make it wait.
fn cpu_ns() -> u64 {
    clock_ns(ClockId::ThreadCPUTime)
}

fn clock_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
