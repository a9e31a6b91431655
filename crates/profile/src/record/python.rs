//! The Python side of a process that is recorded.

use std::collections::HashMap;
use std::ops::Range;

use festina_machine::target::{ProcessMemory, TargetProcess};

use super::clock;
use crate::python::{
    CodeReader, Interpreter, LocalReader, NotFound, RawFrame, RuntimeFiles, StackReader, Tried,
};
use crate::recording::{Catalogue, Frame, Function, Kind, Local, Recording};

/// How often an interpreter is looked for that may still start: where it is likely, and at most.
const TRY_NS: u64 = 2_000_000;
const LONGEST_TRY_NS: u64 = 2_000_000_000;
/// It is looked for again after such a part of the process's age, where nothing hints at it: each time all that is mapped is read.
const AGE_OVER_TRY: u64 = 3;
/// It is looked whether code objects were replaced every so-manieth of an interpreter's age, within these times, and at
/// most every so many times as long as that takes.
const AGE_OVER_CHECK: u64 = 20;
const SHORTEST_CHECK_NS: u64 = 5_000_000;
const LONGEST_CHECK_NS: u64 = 500_000_000;
const PERIOD_OVER_CHECK: u64 = 500;
/// Readings that fail one behind the other before the interpreter is looked for again: the process may have called exec.
const MOST_FAILURES: u32 = 200;

/// What is known of a process's Python.
#[derive(Debug)]
pub(super) enum Python {
    /// None was found since then; it is looked for again when it is time to.
    Sought { since_ns: u64, next_ns: u64 },
    /// It has one that we do not read.
    Unsupported(String),
    /// It is read.
    Read(Box<Reading>),
}

/// A Python whose stacks are read.
#[derive(Debug)]
pub(super) struct Reading {
    interpreter: Interpreter,
    stacks: StackReader,
    codes: CodeReader,
    locals: LocalReader,
    frames: HashMap<RawFrame, u32>,
    known: HashMap<Box<[RawFrame]>, u32>,
    since_ns: u64,
    next_check_ns: u64,
    failures: u32,
}

impl Python {
    /// Returns what is known of a program that was started now.
    pub(super) fn of_new_program(now: u64) -> Self {
        Self::Sought { since_ns: now, next_ns: now }
    }

    /// Looks for an interpreter, if it is time to; returns whether one was found now.
    pub(super) fn seek(
        &mut self,
        now: u64,
        process: &TargetProcess,
        memory: &mut ProcessMemory,
        files: &mut RuntimeFiles,
    ) -> bool {
        let Self::Sought { since_ns, next_ns } = *self else { return false };
        if now < next_ns {
            return false;
        }
        let by_age = ((now - since_ns) / AGE_OVER_TRY).clamp(TRY_NS, LONGEST_TRY_NS);
        *self = match Interpreter::find(process, memory, files) {
            Ok(interpreter) => Self::Read(Box::new(Reading::new(interpreter, now))),
            Err(NotFound::Unsupported(version)) => Self::Unsupported(version),
            Err(NotFound::NotReady) => Self::Sought { since_ns, next_ns: now + TRY_NS },
            Err(NotFound::NoPython) => Self::Sought { since_ns, next_ns: now + by_age },
        };
        matches!(self, Self::Read(_))
    }

    /// Returns where the interpreter's lock is.
    pub(super) fn runtime(&self) -> Option<&Range<u64>> {
        match self {
            Self::Read(reading) => Some(&reading.interpreter.runtime),
            _ => None,
        }
    }

    /// Returns the version, where there is an interpreter.
    pub(super) fn version(&self) -> Option<String> {
        match self {
            Self::Read(reading) => Some(reading.interpreter.version.to_string()),
            Self::Unsupported(version) => Some(version.clone()),
            Self::Sought { .. } => None,
        }
    }

    /// Returns whether there is one, and its stacks could be read the last time.
    pub(super) fn is_read_well(&self) -> bool {
        matches!(self, Self::Read(reading) if reading.failures == 0)
    }

    /// Returns whether the thread `tid` was seen to run Python.
    pub(super) fn knows(&self, tid: u32) -> bool {
        matches!(self, Self::Read(reading) if reading.knows(tid))
    }

    /// Returns whether stacks cannot be read any more, as after an exec.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Read(reading) if reading.failures >= MOST_FAILURES)
    }
}

impl Reading {
    fn new(interpreter: Interpreter, now: u64) -> Self {
        Self {
            stacks: StackReader::new(interpreter.layout),
            interpreter,
            codes: CodeReader::default(),
            locals: LocalReader::default(),
            frames: HashMap::new(),
            known: HashMap::new(),
            since_ns: now,
            next_check_ns: 0,
            failures: 0,
        }
    }

    /// Finds out which of `tids` run Python.
    pub(super) fn refresh(&mut self, tids: &[u32], memory: &mut ProcessMemory) {
        self.stacks.refresh(&self.interpreter, tids, memory);
    }

    /// Returns whether the thread was seen to run Python.
    pub(super) fn knows(&self, tid: u32) -> bool {
        self.stacks.knows(tid)
    }

    /// Forgets code objects that are not there any more.
    pub(super) fn check(&mut self, now: u64, memory: &mut ProcessMemory) {
        if now < self.next_check_ns {
            return;
        }
        let before = clock::cpu_ns();
        if self.codes.forget_stale(self.stacks.layout(), memory) {
            self.frames.clear();
            self.known.clear();
            self.locals.forget();
        }
        let cost = clock::cpu_ns() - before;
        let pause = ((now - self.since_ns) / AGE_OVER_CHECK).clamp(SHORTEST_CHECK_NS, LONGEST_CHECK_NS);
        self.next_check_ns = now + pause.max(PERIOD_OVER_CHECK * cost);
    }

    /// Reads the stacks of `tids`: the index of each, or `None` for a thread that runs no Python.
    pub(super) fn stacks(
        &mut self,
        tids: &[u32],
        memory: &mut ProcessMemory,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> Vec<Option<u32>> {
        let mut raw = Vec::with_capacity(tids.len());
        self.stacks.read(tids, memory, |_, tried, frames| {
            // Most stacks were seen before.
            let known = if tried == Tried::Read { self.known.get(frames).copied() } else { None };
            let innermost = frames.first().copied();
            let frames: Box<[RawFrame]> = if known.is_some() { Box::default() } else { frames.into() };
            raw.push((tried, known, innermost, frames));
        });
        raw.into_iter()
            .zip(tids)
            .map(|((tried, known, innermost, frames), tid)| match tried {
                Tried::NoPython => None,
                Tried::Read if frames.is_empty() && known.is_none() => None,
                Tried::Torn => {
                    let outer = self.resolve(&frames, memory, recording, catalogue).unwrap_or(0);
                    Some(self.torn(outer, recording, catalogue))
                }
                Tried::Read => {
                    recording.sampling.stacks_read += 1;
                    self.failures = 0;
                    let stack = known.or_else(|| {
                        let stack = self.resolve(&frames, memory, recording, catalogue)?;
                        self.known.insert(frames, stack);
                        Some(stack)
                    });
                    match (stack, innermost) {
                        (Some(stack), Some(innermost)) => {
                            self.look_at_locals(*tid, innermost, stack, memory, recording, catalogue);
                            Some(stack)
                        }
                        _ => Some(self.torn(0, recording, catalogue)),
                    }
                }
            })
            .collect()
    }

    /// Looks at the variables of the function that the thread `tid` is in, when it is time to.
    fn look_at_locals(
        &mut self,
        tid: u32,
        innermost: RawFrame,
        stack: u32,
        memory: &mut ProcessMemory,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) {
        if !self.locals.wants(innermost) {
            return;
        }
        let address = self.stacks.innermost(tid);
        let frame = recording.stacks[stack as usize].frame;
        for found in self.locals.read(address, innermost.code, self.stacks.layout(), memory) {
            let (name, kind, size) = (found.name, found.kind, found.size);
            catalogue.local(recording, Local { frame, name, kind, size, looks: 1 });
        }
    }

    /// Counts a stack that could not be read, and returns what stands for it on top of its frames that could.
    fn torn(&mut self, outer: u32, recording: &mut Recording, catalogue: &mut Catalogue) -> u32 {
        recording.sampling.stacks_torn += 1;
        self.failures += 1;
        let frame = unseen_frame("[not readable]", recording, catalogue);
        catalogue.stack(recording, outer, frame)
    }

    fn resolve(
        &mut self,
        frames: &[RawFrame],
        memory: &mut ProcessMemory,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> Option<u32> {
        let mut stack = 0;
        for raw in frames.iter().rev() {
            let frame = match self.frames.get(raw) {
                Some(frame) => *frame,
                None => {
                    let place = self.codes.place(raw.code, raw.instruction, self.stacks.layout(), memory)?;
                    let function = Function {
                        name: place.name,
                        file: place.file,
                        first_line: place.first_line,
                        kind: Kind::Python,
                    };
                    let function = catalogue.function(recording, function);
                    let frame = catalogue.frame(recording, Frame { function, line: place.line });
                    self.frames.insert(*raw, frame);
                    frame
                }
            };
            stack = catalogue.stack(recording, stack, frame);
        }
        Some(stack)
    }
}

/// Returns the stack of something whose functions are not seen.
pub(super) fn unseen(name: &str, recording: &mut Recording, catalogue: &mut Catalogue) -> u32 {
    let frame = unseen_frame(name, recording, catalogue);
    catalogue.stack(recording, 0, frame)
}

/// Returns the frame of something that is not seen.
pub(super) fn unseen_frame(name: &str, recording: &mut Recording, catalogue: &mut Catalogue) -> u32 {
    let function = Function { name: name.to_owned(), file: String::new(), first_line: 0, kind: Kind::Unseen };
    let function = catalogue.function(recording, function);
    catalogue.frame(recording, Frame { function, line: 0 })
}
