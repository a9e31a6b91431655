//! A thread that is recorded.

use std::ops::Range;

use festina_machine::Source;
use festina_machine::target::{Doing, Progress, TargetThread, Wait};

use super::native::{Below, NativeThread, Seen};
use crate::recording::{Change, Recording, State, Thread};

/// Waits for a CPU that are shorter are not worth a change of their own.
const SHORT_NS: u64 = 200_000;
/// One of many threads that has been blocked for long is looked at again after such a part of that time, and after so long at the
/// latest.
const IDLE_OVER_PAUSE: u64 = 16;
const LONGEST_PAUSE_NS: u64 = 10_000_000;
/// The kernel counts the time of a thread that is on a CPU at least so often: at each tick, of which there are a hundred a second or more.
const TICK_NS: u64 = 12_000_000;

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
    /// When it was seen to do something last, and when it is looked at next.
    active_ns: u64,
    next_look_ns: u64,
    /// Since when its times are what they are.
    still_since_ns: u64,
    /// When it was looked at last, and the time before.
    looked_ns: u64,
    before_ns: u64,
    /// How often it was seen to do something.
    n_seen: u64,
    /// Whether it is the first of its process, which is called like it.
    is_first: bool,
    /// Where its machine code is.
    pub(super) native: NativeThread,
}

/// Which threads need not be looked at closely in each round, since there are many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    /// Those that have been blocked for long.
    pub(super) of_blocked: bool,
    /// Those that are ready and have had no CPU for so long that they are where they were.
    pub(super) of_ready: bool,
}

/// What is new about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has ended.
    Ended,
    /// It is where it was: blocked, or ready without a CPU.
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
            active_ns: 0,
            next_look_ns: 0,
            still_since_ns: 0,
            looked_ns: 0,
            before_ns: 0,
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

    /// Looks at `now` what it does. If it may `rest`, and has been blocked for long, it is looked at now and then.
    pub(super) fn look(&mut self, now: u64, rest: Rest) -> Look {
        if rest.of_blocked && now < self.next_look_ns {
            return Look::Same;
        }
        self.before_ns = std::mem::replace(&mut self.looked_ns, now);
        if self.thread.tells_progress() {
            let Some(progress) = self.thread.progress() else { return Look::Ended };
            let before = std::mem::replace(&mut self.progress, progress);
            let delay = progress.scheduled.run_delay_ns.saturating_sub(before.scheduled.run_delay_ns);
            self.ran_ns = progress.scheduled.on_cpu_ns.saturating_sub(before.scheduled.on_cpu_ns);
            // Of several waits since, each is taken for as long as the others.
            self.queued_ns = delay / progress.slices.saturating_sub(before.slices).max(1);
            if progress != before {
                self.still_since_ns = now;
            }
            let was_blocked = self.last.is_some_and(|(state, _)| !state.is_ready());
            // Who was not put on a CPU since has not run.
            if was_blocked && progress.slices == before.slices {
                let idle_ns = now.saturating_sub(self.active_ns);
                self.next_look_ns = now + (idle_ns / IDLE_OVER_PAUSE).min(LONGEST_PAUSE_NS);
                return Look::Same;
            }
            let was_ready = self.last.is_some_and(|(state, _)| state.is_ready());
            if rest.of_ready && was_ready && now - self.still_since_ns >= TICK_NS {
                return Look::Same;
            }
        }
        self.active_ns = now;
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
        let queued_ns = u32::try_from(self.queued_ns).unwrap_or(u32::MAX);
        let from = first_run(&recording.rounds, self.before_ns, self.ran_ns);
        if from < round && self.last.is_some_and(|(state, _)| !state.is_ready()) {
            self.queued_ns = 0;
            self.last = Some((State::Cpu, stack));
            thread.changes.push(Change { round: from, state: State::Cpu, stack, queued_ns });
        }
        if self.last != Some((state, stack)) || self.queued_ns >= SHORT_NS {
            let queued_ns = if std::mem::take(&mut self.queued_ns) > 0 { queued_ns } else { 0 };
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

    /// Sees to it that it is looked at in the next round.
    pub(super) fn look_soon(&mut self) {
        self.next_look_ns = 0;
    }

    /// Sees to it that it is looked at though it did not run: there is more to be seen of it now.
    pub(super) fn look_anew(&mut self) {
        self.look_soon();
        if let Some((state, _)) = &mut self.last {
            *state = State::Cpu;
        }
    }

    /// Records that it is where it was.
    pub(super) fn stay(&mut self, recording: &mut Recording) {
        recording.threads[self.index].rounds.end = recording.rounds.len() as u32;
    }
}

/// Returns the first of `rounds` in which a thread ran that was looked at before at `before_ns`, in the last now, and has run for
/// `ran_ns` in between: it is taken to have run at last.
fn first_run(rounds: &[u64], before_ns: u64, ran_ns: u64) -> u32 {
    let now = rounds.last().copied().unwrap_or(0);
    let from = now.saturating_sub(ran_ns).max(before_ns + 1);
    rounds.partition_point(|time| *time < from) as u32
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

#[cfg(test)]
mod tests {
    use super::first_run;

    #[test]
    fn a_thread_that_rested_has_run_as_long_as_the_kernel_says() {
        let rounds = [10, 20, 30, 40, 50];
        // Not at all; since the last round but one; for longer than since it was looked at before.
        assert_eq!([0, 9, 10, 25, 90].map(|ran_ns| first_run(&rounds, 10, ran_ns)), [4, 4, 3, 2, 1]);
        // It was looked at in the round before: that is where it was.
        assert_eq!(first_run(&rounds, 40, 30), 4);
    }
}
