//! The machine code of threads that run no Python: the function in which they are, where the kernel tells the instruction.

use std::collections::HashMap;
use std::io;

use festina_machine::target::{InstructionSampler, TargetProcess};

use super::python::unseen_frame;
use crate::native::{CodeMap, Tables};
use crate::recording::{Catalogue, Frame, Recording};

/// Threads are asked for their instruction once they have been seen to compute so often without Python.
const LOOKS_BEFORE: u32 = 3;
/// No more threads than these are asked: each takes memory that the kernel keeps for all users.
const MOST: usize = 128;
/// Instructions noted for each round, so that the last one before a round is at a time as irregular as the round.
const PER_ROUND: f64 = 4.0;
/// A thread that ran for so long, and for so many notes, without one was in the kernel.
const KERNEL_NS: u64 = 5_000_000;
const KERNEL_NOTES: u64 = 4;

/// What all processes share of it.
#[derive(Debug)]
pub(super) struct Natives {
    tables: Tables,
    rate_hz: u64,
    n_open: usize,
    is_refused: bool,
    /// Whether any instruction was noted.
    pub(super) is_used: bool,
}

impl Natives {
    pub(super) fn new(rate_hz: f64) -> Self {
        let rate_hz = (PER_ROUND * rate_hz).clamp(1.0, 20_000.0) as u64;
        Self { tables: Tables::default(), rate_hz, n_open: 0, is_refused: false, is_used: false }
    }

    /// Returns whether a thread computed whose instructions the kernel does not tell us.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    fn open(&mut self, tid: u32) -> Option<InstructionSampler> {
        if self.is_refused || self.n_open >= MOST {
            return None;
        }
        let opened = InstructionSampler::open(tid, self.rate_hz);
        if let Err(error) = &opened {
            let kind = error.kind();
            let is_forbidden = matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported);
            self.is_refused |= is_forbidden && self.n_open == 0;
        }
        let sampler = opened.ok()?;
        self.n_open += 1;
        Some(sampler)
    }
}

/// A thread that computes without Python.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computing {
    pub(super) tid: u32,
    /// How long it ran since it was looked at before.
    pub(super) ran_ns: u64,
    /// The stack that stands for its program.
    pub(super) program: u32,
}

/// What is known of the machine code of one thread.
#[derive(Debug, Default)]
pub(super) struct NativeThread {
    sampler: Option<InstructionSampler>,
    looks: u32,
    /// The stack that was seen last.
    last: Option<u32>,
    /// How long it ran since an instruction was noted.
    unseen_ns: u64,
}

impl NativeThread {
    /// Stops to ask for its instructions.
    pub(super) fn close(&mut self, natives: &mut Natives) {
        if self.sampler.take().is_some() {
            natives.n_open -= 1;
        }
        self.last = None;
    }

    /// Returns the stack of a thread that computes without Python: its function, to which `name` gives a frame, on top of
    /// the program's own stack.
    pub(super) fn stack(
        &mut self,
        thread: Computing,
        mut name: impl FnMut(u64, &mut Natives, &mut Recording, &mut Catalogue) -> Option<u32>,
        natives: &mut Natives,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> u32 {
        let Computing { tid, ran_ns, program } = thread;
        self.looks += 1;
        if self.sampler.is_none() && self.looks == LOOKS_BEFORE {
            self.sampler = natives.open(tid);
        }
        let Some(sampler) = &mut self.sampler else { return program };
        self.unseen_ns += ran_ns;
        if let Some(instruction) = sampler.latest() {
            natives.is_used = true;
            self.unseen_ns = 0;
            let frame = name(instruction, natives, recording, catalogue);
            self.last = frame.map(|frame| catalogue.stack(recording, program, frame));
        } else if self.unseen_ns > KERNEL_NS.max(KERNEL_NOTES * 1_000_000_000 / natives.rate_hz) {
            let kernel = unseen_frame("[kernel]", recording, catalogue);
            self.last = Some(catalogue.stack(recording, program, kernel));
        }
        self.last.unwrap_or(program)
    }
}

/// What is known of the machine code of one process.
#[derive(Debug, Default)]
pub(super) struct ProcessCode {
    map: CodeMap,
    frames: HashMap<u64, u32>,
}

impl ProcessCode {
    /// Returns the frame of the function at the address `instruction`; `None` if it is gone.
    pub(super) fn frame(
        &mut self,
        instruction: u64,
        process: &TargetProcess,
        natives: &mut Natives,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> Option<u32> {
        if let Some(frame) = self.frames.get(&instruction) {
            return Some(*frame);
        }
        let function = self.map.function(instruction, process, &mut natives.tables)?;
        let function = catalogue.function(recording, function);
        let frame = catalogue.frame(recording, Frame { function, line: 0 });
        self.frames.insert(instruction, frame);
        Some(frame)
    }
}
