//! One pass over all rounds: who ran, who waited for whom, and what that is charged to.

use super::charge::Charge;
use super::cores::{Cores, Saved};
use super::segments::{Segment, segments};
use crate::recording::{Recording, State};

/// What a function or a frame is charged.
#[derive(Clone, Debug, Default)]
pub(super) struct Charges {
    /// As the innermost; of a Python function also with what it called of machine code.
    pub(super) own: Charge,
    /// Anywhere on the stack.
    pub(super) total: Charge,
    /// Anywhere on the stack of the only thread that ran.
    pub(super) serial: Charge,
    /// What spreading it over all cores would save.
    pub(super) spread: Saved,
    /// Σ w/|R| · (|R| − 1).
    pub(super) others_ns: f64,
    /// Σ w/|R| · number of threads that waited for others.
    pub(super) waited_for_ns: f64,
}

/// What a pass over all rounds gives.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) segments: Vec<Vec<Segment>>,
    pub(super) elapsed_ns: f64,
    /// By function, by frame.
    pub(super) functions: Vec<Charges>,
    pub(super) frames: Vec<Charges>,
    /// Rounds in which at most one thread was ready.
    pub(super) serial: Charge,
    /// Threads on CPUs.
    pub(super) on_cpu_ns: f64,
    /// Threads that were ready.
    pub(super) ready_ns: f64,
    /// Time in which any thread was ready.
    pub(super) busy_ns: f64,
    /// What spreading every hot spot over 2, 4, … 64 cores would save.
    pub(super) spread_all: [Saved; 6],
    /// Thread time by stack and state, in nanoseconds.
    pub(super) stacks: Vec<[f64; 9]>,
}

/// The numbers of cores for which the whole program's speed-up is told.
pub(super) const CORES: [u32; 6] = [2, 4, 8, 16, 32, 64];

/// The functions and frames of each stack, each once.
struct Members {
    functions: Vec<Box<[u32]>>,
    frames: Vec<Box<[u32]>>,
    /// The stack of the Python function whose machine code is on top of each, or 0.
    callers: Vec<u32>,
}

impl Members {
    fn of(recording: &Recording) -> Self {
        let mut functions: Vec<Box<[u32]>> = Vec::with_capacity(recording.stacks.len());
        let mut frames: Vec<Box<[u32]>> = Vec::with_capacity(recording.stacks.len());
        for (index, stack) in recording.stacks.iter().enumerate() {
            if index == 0 {
                functions.push(Box::default());
                frames.push(Box::default());
                continue;
            }
            let parent = stack.parent as usize;
            let function = recording.frames[stack.frame as usize].function;
            functions.push(with(&functions[parent], function));
            frames.push(with(&frames[parent], stack.frame));
        }
        Self { functions, frames, callers: recording.callers_in_python() }
    }
}

fn with(members: &[u32], new: u32) -> Box<[u32]> {
    if members.contains(&new) { members.into() } else { [members, &[new]].concat().into() }
}

/// Walks over the rounds of `recording`, which stand for `weights`; gains are told for `cores`.
pub(super) fn sweep(recording: &Recording, weights: &[u64], cores: &Cores) -> Sweep {
    let members = Members::of(recording);
    let mut pass = Sweep {
        segments: segments(recording),
        elapsed_ns: recording.end_ns.max(1) as f64,
        functions: vec![Charges::default(); recording.functions.len()],
        frames: vec![Charges::default(); recording.frames.len()],
        serial: Charge::default(),
        on_cpu_ns: 0.0,
        ready_ns: 0.0,
        busy_ns: 0.0,
        spread_all: Default::default(),
        stacks: vec![[0.0; 9]; recording.stacks.len()],
    };
    let mut next = vec![0; pass.segments.len()];
    // Threads by their first round, so that those that are not there yet cost nothing.
    let mut coming: Vec<usize> = (0..pass.segments.len()).filter(|t| !pass.segments[*t].is_empty()).collect();
    coming.sort_by_key(|thread| std::cmp::Reverse(pass.segments[*thread][0].rounds.start));
    let mut there: Vec<usize> = Vec::new();
    let mut seen: Vec<(State, u32)> = Vec::new();
    for (round, weight) in weights.iter().enumerate() {
        let round = round as u32;
        while coming.last().is_some_and(|thread| pass.segments[*thread][0].rounds.start <= round) {
            there.extend(coming.pop());
        }
        seen.clear();
        there.retain(|thread| {
            let list = &pass.segments[*thread];
            let at = &mut next[*thread];
            while list.get(*at).is_some_and(|segment| segment.rounds.end <= round) {
                *at += 1;
            }
            let Some(segment) = list.get(*at) else { return false };
            if segment.rounds.start <= round {
                seen.push((segment.state, segment.stack));
            }
            true
        });
        pass.round(round, *weight as f64, &seen, &members, recording, cores);
    }
    pass
}

impl Sweep {
    fn round(
        &mut self,
        round: u32,
        weight: f64,
        seen: &[(State, u32)],
        members: &Members,
        recording: &Recording,
        cores: &Cores,
    ) {
        let count = |test: fn(State) -> bool| seen.iter().filter(|(state, _)| test(*state)).count();
        let ready = count(State::is_ready);
        let on_cpu = count(|state| state == State::Cpu);
        let dependent = count(|state| matches!(state, State::Lock | State::Gil | State::Child));
        for (state, stack) in seen {
            self.stacks[*stack as usize][state.index()] += weight;
        }
        self.ready_ns += weight * ready as f64;
        self.on_cpu_ns += weight * on_cpu as f64;
        if ready > 0 {
            self.busy_ns += weight;
        }
        if ready <= 1 {
            self.serial.add(round, weight, 1.0);
        }
        let runs = running(seen, ready);
        let n_running = seen.iter().filter(|thread| runs(thread)).count();
        if n_running == 0 {
            return;
        }
        let part = 1.0 / n_running as f64;
        let busy = on_cpu.max(1) as f64;
        let saved = |p: u32| if ready > 0 { cores.saved(busy, p) } else { 0.0 };
        for (all, p) in self.spread_all.iter_mut().zip(CORES) {
            all.add(round, weight, 1.0, saved(p));
        }
        let saved = saved(cores.count);
        for (_, stack) in seen.iter().filter(|thread| runs(thread)) {
            let stack = *stack as usize;
            if stack == 0 {
                continue;
            }
            for stack in [stack, members.callers[stack] as usize].into_iter().filter(|stack| *stack != 0) {
                let frame = recording.stacks[stack].frame as usize;
                let function = recording.frames[frame].function as usize;
                self.functions[function].own.add(round, weight, part);
                self.frames[frame].own.add(round, weight, part);
            }
            for (list, all) in
                [(&members.functions[stack], &mut self.functions), (&members.frames[stack], &mut self.frames)]
            {
                for index in list {
                    let charges = &mut all[*index as usize];
                    charges.total.add(round, weight, part);
                    charges.spread.add(round, weight, part, saved);
                    if n_running == 1 {
                        charges.serial.add(round, weight, 1.0);
                    }
                    charges.others_ns += weight * part * (n_running - 1) as f64;
                    charges.waited_for_ns += weight * part * dependent as f64;
                }
            }
        }
    }
}

/// Returns what tells the running threads from the others.
fn running(seen: &[(State, u32)], ready: usize) -> impl Fn(&&(State, u32)) -> bool + use<> {
    let waits_outside = seen.iter().any(|(state, _)| state.is_outside_wait());
    move |(state, _)| match (ready > 0, waits_outside) {
        (true, _) => state.is_ready(),
        (false, true) => state.is_outside_wait(),
        // All wait for each other, or for something that is not told.
        (false, false) => true,
    }
}
