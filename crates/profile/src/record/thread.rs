//! A thread that is recorded.

use std::ops::Range;

use festina_machine::Source;
use festina_machine::target::{Doing, Progress, TargetThread, Wait};

use super::native::{Below, NativeThread, Seen};
use crate::recording::{Change, Recording, State, Thread};

/// Waits for a CPU that are shorter are not worth a change of their own.
const SHORT_NS: u64 = 200_000;

/// A thread that is recorded.
#[derive(Debug)]
pub(super) struct Watched {
    thread: TargetThread,
    /// Its index in the recording.
    index: usize,
    progress: Progress,
    /// What was recorded last.
    last: Option<(State, u32)>,
    /// The wait for a CPU that has ended since it was looked at before.
    queued_ns: u64,
    /// How long it ran since it was looked at before.
    ran_ns: u64,
    /// How often it was seen to do something.
    n_seen: u64,
    /// Whether it is the first of its process, which is called like it.
    is_first: bool,
    /// Where its machine code is.
    pub(super) native: NativeThread,
}

/// What is new about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has ended.
    Ended,
    /// It is blocked where it was.
    Same,
    /// It did this.
    Did(Doing),
}

impl Watched {
    /// Begins to record the thread `tid` of the process `pid`, which is `process` in the recording.
    pub(super) fn new(
        source: &Source,
        pid: u32,
        tid: u32,
        process: u32,
        recording: &mut Recording,
    ) -> Option<Self> {
        let thread = TargetThread::open(source, pid, tid)?;
        let round = recording.rounds.len() as u32 - 1;
        recording.threads.push(Thread {
            process,
            tid,
            name: None,
            rounds: round..round,
            changes: Vec::new(),
            cpu_ns: 0,
            queued_ns: 0,
        });
        let index = recording.threads.len() - 1;
        let progress = thread.progress().unwrap_or_default();
        Some(Self {
            thread,
            index,
            progress,
            last: None,
            queued_ns: 0,
            ran_ns: 0,
            n_seen: 0,
            is_first: pid == tid,
            native: NativeThread::default(),
        })
    }

    pub(super) fn tid(&self) -> u32 {
        self.thread.tid()
    }

    /// Returns whether the kernel lets us see what it waits for.
    pub(super) fn tells_calls(&self) -> bool {
        self.thread.tells_calls()
    }

    pub(super) fn children(&self) -> Vec<u32> {
        self.thread.children()
    }

    /// Looks what it does.
    pub(super) fn look(&mut self) -> Look {
        if self.thread.tells_progress() {
            let Some(progress) = self.thread.progress() else { return Look::Ended };
            let before = std::mem::replace(&mut self.progress, progress);
            let delay = progress.scheduled.run_delay_ns.saturating_sub(before.scheduled.run_delay_ns);
            self.ran_ns = progress.scheduled.on_cpu_ns.saturating_sub(before.scheduled.on_cpu_ns);
            // Of several waits since, each is taken for as long as the others.
            self.queued_ns = delay / progress.slices.saturating_sub(before.slices).max(1);
            let was_blocked = self.last.is_some_and(|(state, _)| !state.is_ready());
            // Who was not put on a CPU since has not run.
            if was_blocked && progress.slices == before.slices {
                return Look::Same;
            }
        }
        self.thread.doing().map_or(Look::Ended, Look::Did)
    }

    /// Records what it does; a stack that is not told is the one before.
    pub(super) fn record(&mut self, state: State, stack: Option<u32>, recording: &mut Recording) {
        self.n_seen += 1;
        // A thread is named once it runs, and seldom later.
        if !self.is_first && self.n_seen.is_power_of_two() {
            let name = &mut recording.threads[self.index].name;
            *name = self.thread.name().or(name.take());
        }
        let thread = &mut recording.threads[self.index];
        let round = recording.rounds.len() as u32 - 1;
        thread.rounds.end = round + 1;
        thread.cpu_ns = self.progress.scheduled.on_cpu_ns;
        thread.queued_ns = self.progress.scheduled.run_delay_ns;
        let stack = stack.or(self.last.map(|(_, stack)| stack)).unwrap_or(0);
        if self.last != Some((state, stack)) || self.queued_ns >= SHORT_NS {
            let queued_ns = u32::try_from(std::mem::take(&mut self.queued_ns)).unwrap_or(u32::MAX);
            self.last = Some((state, stack));
            thread.changes.push(Change { round, state, stack, queued_ns });
        }
    }

    /// Returns the stack of its machine code on top of `below`, where it is on a CPU or ready for one.
    pub(super) fn native_stack(&mut self, below: Below, seen: &mut Seen<'_>) -> u32 {
        let Self { thread, progress, native, .. } = self;
        let was_switched = || thread.progress().is_some_and(|now| now.slices != progress.slices);
        native.stack(below, self.ran_ns, was_switched, seen)
    }

    /// Sees to it that it is looked at though it did not run: there is more to be seen of it now.
    pub(super) fn look_anew(&mut self) {
        if let Some((state, _)) = &mut self.last {
            *state = State::Cpu;
        }
    }

    /// Records that it is where it was.
    pub(super) fn stay(&mut self, recording: &mut Recording) {
        recording.threads[self.index].rounds.end = recording.rounds.len() as u32;
    }
}

/// Returns the state of a thread that does `doing`, where the lock of the interpreter is within `runtime`.
pub(super) fn state_of(doing: Doing, runtime: Option<&Range<u64>>) -> State {
    match doing.wait() {
        None => State::Cpu,
        Some(Wait::Lock { address: Some(address) }) if runtime.is_some_and(|r| r.contains(&address)) => {
            State::Gil
        }
        Some(Wait::Lock { .. }) => State::Lock,
        Some(Wait::Io) => State::Io,
        Some(Wait::Sleep) => State::Sleep,
        Some(Wait::Child) => State::Child,
        Some(Wait::Paging) => State::Paging,
        Some(Wait::Other) => State::Other,
    }
}
