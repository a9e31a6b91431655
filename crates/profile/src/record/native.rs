//! The machine code of threads: where they compute, by asking the kernel; where they are blocked, by their registers.

use std::collections::{HashMap, HashSet};
use std::io;

use festina_machine::Source;
use festina_machine::target::{
    ProcessMemory, Registers, StackSample, StackSampler, TargetProcess, kernel_functions,
    tells_kernel_functions,
};
use festina_types::{Finding, Severity};

use super::{clock, lines};
use crate::native::{Code, CodeFiles, CodeMap, End, FileAddress, NO_FRAME_POINTER, Place, StackMemory};
use crate::recording::{Catalogue, Frame, Function, Kind, Recording};

/// Threads are asked where they are once they have been seen to compute so often.
const LOOKS_BEFORE: u32 = 2;
/// No more threads than these are asked: each takes memory that the kernel keeps for all users.
const MOST: usize = 128;
/// Threads are asked no more often than this.
const SHORTEST_PAUSE_NS: u64 = 400_000;
/// A thread whose Python stack is read is asked no more often than this, and than that if it was not asked yet where it was seen
/// last: what its Python calls of machine code changes less often than it is looked at, and asking is most of what a look costs.
const PYTHON_PAUSE_NS: u64 = 20_000_000;
const NEW_PYTHON_PAUSE_NS: u64 = 5_000_000;
/// The machine code that was seen on so many Python stacks of a thread is kept.
const MOST_KEPT: usize = 4_096;
/// Where the kernel's own code is not noted, a thread that ran for so long, and through so many looks, was in it.
const KERNEL_NS: u64 = 10_000_000;
const KERNEL_LOOKS: u32 = 8;
/// If something lies where nothing was known to be, it is looked what is mapped where: not again for so long, which doubles while
/// it does not help, and never for more than a small share of the time.
const FIRST_REFRESH_NS: u64 = 1_000_000;
const LAST_REFRESH_NS: u64 = 100_000_000;
const REFRESH_OVER_COST: u64 = 50;
/// The function of `CPython` that runs Python code: in its place stand the Python frames.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";
/// The function that all of the kernel is, which its functions stand on, and what stands for their file.
const KERNEL: &str = "[kernel]";
const KERNEL_FILE: (u64, u64) = (u64::MAX, u64::MAX);

/// What all processes share of it.
#[derive(Debug, Default)]
pub(super) struct Natives {
    files: CodeFiles,
    n_open: usize,
    is_refused: bool,
    last_start_ns: u64,
    sample: StackSample,
    addresses: Vec<u64>,
    /// Stacks that were walked, and those of which callers could not be told, by their outermost function.
    n_walked: u64,
    /// Of 32-bit code, of which only the innermost function is told.
    n_short: u64,
    lost: HashMap<u32, u64>,
    /// Time that went into reading files.
    reading_ns: u64,
    /// The frames of machine code.
    frames: HashMap<FileAddress, u32>,
    /// The files of interpreters: their own lines are of no interest.
    interpreters: HashSet<(u64, u64)>,
    /// Whether the kernel tells where its functions are, which is looked at once, and how often a thread was in it.
    tells_kernel: Option<bool>,
    n_in_kernel: u64,
}

impl Natives {
    /// Returns whether threads may be asked in the round at `now`.
    pub(super) fn begin(&mut self, now: u64) -> bool {
        let may = now >= self.last_start_ns + SHORTEST_PAUSE_NS || self.last_start_ns == 0;
        if may {
            self.last_start_ns = now.max(1);
        }
        may
    }

    /// Returns how much time went into reading files since this was called before: that is spent once.
    pub(super) fn take_reading_ns(&mut self) -> u64 {
        std::mem::take(&mut self.reading_ns)
    }

    /// Says at the end what was seen, and what not, and tells lines; returns whether there are stacks of machine code.
    pub(super) fn finish(&self, source: &Source, recording: &mut Recording) -> bool {
        /// Less is not worth a word.
        const LEAST_LOST: f64 = 0.05;
        if self.n_walked > 0 {
            recording.sampling.backends.push("stacks of machine code by timer (perf_event_open)".to_owned());
        }
        if self.is_refused {
            recording.findings.push(
                Finding::new(
                    Severity::Note,
                    "machine-code-not-seen",
                    "the kernel does not let us see where machine code computes: of programs without Python only waits have \
                     stacks, and C extensions are part of the Python lines that call them",
                )
                .with_hint(
                    "sudo sysctl kernel.perf_event_paranoid=2 allows it until the next boot; in a container: \
                     --cap-add PERFMON",
                ),
            );
        }
        if self.n_short as f64 > LEAST_LOST * self.n_walked as f64 {
            let message = "a 32-bit program computes: of its machine code it is seen in which file, not in which function, nor who called it";
            recording.findings.push(
                Finding::new(Severity::Note, "code-of-32-bits", message)
                    .with_hint("build it for 64 bits where you want its functions"),
            );
        }
        let lost: u64 = self.lost.values().sum();
        let most = self.lost.iter().max_by_key(|(frame, count)| (**count, **frame));
        if let Some((frame, _)) = most.filter(|_| lost as f64 >= LEAST_LOST * self.n_walked as f64) {
            let function = &recording.functions[recording.frames[*frame as usize].function as usize];
            let share = 100.0 * lost as f64 / self.n_walked as f64;
            let message = format!(
                "the callers of machine code are missing in {share:.0} % of its stacks, mostly above {} ({})",
                function.name, function.file
            );
            recording.findings.push(Finding::new(Severity::Note, "callers-not-seen", message).with_hint(
                "build it with its unwind tables (-fasynchronous-unwind-tables, and not without .eh_frame), or with \
                 -fno-omit-frame-pointer",
            ));
        }
        recording.findings.extend(self.hidden_kernel());
        let kernel = self.kernel_functions(source);
        lines::expand(recording, &self.frames, |address| {
            if address.file == KERNEL_FILE {
                let name = kernel.get(&address.address).map_or("[unknown]", String::as_str);
                return vec![Place { function: kernel_function(name, KERNEL), line: 0 }];
            }
            let is_own = !self.interpreters.contains(&address.file);
            if is_own { self.files.places(address) } else { Vec::new() }
        });
        if self.files.has_left_out_lines() {
            let message = "debug information longer than 160 MB was left out: functions have no lines, and \
                           inlined ones are not told";
            recording.findings.push(Finding::new(Severity::Note, "lines-left-out", message));
        }
        !self.frames.is_empty()
    }

    /// Returns the names of the functions of the kernel that were seen.
    fn kernel_functions(&self, source: &Source) -> HashMap<u64, String> {
        let addresses = self.frames.keys().filter(|address| address.file == KERNEL_FILE);
        let addresses: Vec<u64> = addresses.map(|address| address.address).collect();
        if addresses.is_empty() { HashMap::new() } else { kernel_functions(source, &addresses) }
    }

    /// Says where much of the time was the kernel's, and it was not told where in it.
    fn hidden_kernel(&self) -> Option<Finding> {
        /// Less is not worth a word.
        const LEAST: f64 = 0.1;
        let share = self.n_in_kernel as f64 / self.n_walked.max(1) as f64;
        let is_hidden = !self.frames.keys().any(|address| address.file == KERNEL_FILE);
        (is_hidden && self.n_in_kernel > 0 && share >= LEAST).then(|| {
            let message = format!(
                "{:.0} % of the stacks end in the kernel, which does not let us see in which of its functions",
                100.0 * share.min(1.0)
            );
            Finding::new(Severity::Note, "kernel-not-seen", message).with_hint(
                "sudo sysctl kernel.perf_event_paranoid=1 kernel.kptr_restrict=0 allows it until the next boot",
            )
        })
    }

    /// Returns the frame of `address`, which is its own until it is told at the end what is there.
    fn frame(&mut self, address: FileAddress, function: u32, recording: &mut Recording) -> u32 {
        *self.frames.entry(address).or_insert_with(|| {
            recording.frames.push(Frame { function, line: 0 });
            recording.frames.len() as u32 - 1
        })
    }

    fn open(&mut self, tid: u32, source: &Source) -> Option<StackSampler> {
        if self.is_refused || self.n_open >= MOST {
            return None;
        }
        let with_kernel = *self.tells_kernel.get_or_insert_with(|| tells_kernel_functions(source));
        let opened = StackSampler::open(tid, with_kernel);
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

/// Returns a function of the kernel's.
fn kernel_function(name: &str, file: &str) -> Function {
    Function { name: name.to_owned(), file: file.to_owned(), first_line: 0, kind: Kind::Native }
}

/// What is known of the machine code of one thread.
#[derive(Debug, Default)]
pub(super) struct NativeThread {
    sampler: Option<StackSampler>,
    is_started: bool,
    looks: u32,
    /// The stack that was seen last on top of each other one.
    seen: HashMap<u32, u32>,
    /// When it was asked last, and whether it was not yet asked where its Python was seen last.
    asked_ns: u64,
    is_new: bool,
    /// How long it ran, and how often it was looked at, since it was noted.
    unseen_ns: u64,
    unseen_looks: u32,
}

impl NativeThread {
    /// Asks at `now` where the thread `tid` is, which is on a CPU or ready for one; if it `runs_python`, now and then.
    pub(super) fn start(
        &mut self,
        tid: u32,
        now: u64,
        runs_python: bool,
        natives: &mut Natives,
        source: &Source,
    ) {
        self.looks += 1;
        if self.sampler.is_none() && self.looks == LOOKS_BEFORE {
            self.sampler = natives.open(tid, source);
        }
        let pause = if self.is_new { NEW_PYTHON_PAUSE_NS } else { PYTHON_PAUSE_NS };
        let may_ask = !runs_python || now >= self.asked_ns + pause;
        if let Some(sampler) = self.sampler.as_mut().filter(|_| may_ask) {
            sampler.start();
            self.is_started = true;
            self.asked_ns = now;
        }
    }

    /// Returns whether the answer is there, or none was asked for.
    pub(super) fn is_answered(&self) -> bool {
        !self.is_started || self.sampler.as_ref().is_none_or(StackSampler::has_sample)
    }

    /// Ends asking.
    pub(super) fn close(&mut self, natives: &mut Natives) {
        if self.sampler.take().is_some() {
            natives.n_open -= 1;
        }
        self.is_started = false;
    }

    /// Returns the stack of a thread that is on a CPU or ready for one and has run for `ran_ns` since it was looked at before:
    /// what was noted of it, on top of `below`. If it `was_switched` since it was asked, it was in the kernel for that only, unless in a
    /// call of its own.
    pub(super) fn stack(
        &mut self,
        below: Below,
        ran_ns: u64,
        was_switched: impl FnOnce() -> bool,
        process: &mut Seen<'_>,
    ) -> u32 {
        let Some(sampler) = self.sampler.as_mut().filter(|_| std::mem::take(&mut self.is_started)) else {
            self.is_new = !self.seen.contains_key(&below.stack());
            return self.before(below);
        };
        self.is_new = false;
        let mut sample = std::mem::take(&mut process.natives.sample);
        let mut is_noted = sampler.stop(&mut sample);
        sample.is_in_kernel &= is_noted;
        if sample.is_in_kernel && was_switched() {
            let call = sample.registers.map(|registers| process.is_call(registers.instruction));
            sample.is_in_kernel = call == Some(true);
            // Without registers, nothing is known of the program then.
            is_noted = call.is_some();
        }
        let sees_kernel = sampler.sees_kernel();
        self.unseen_ns = if is_noted { 0 } else { self.unseen_ns + ran_ns };
        self.unseen_looks = if is_noted { 0 } else { self.unseen_looks + 1 };
        if is_noted {
            let stack = process.noted(&sample, below);
            self.keep(below, stack);
        } else if !sees_kernel && self.unseen_ns > KERNEL_NS && self.unseen_looks >= KERNEL_LOOKS {
            let stack = process.kernel(below.stack(), &[]);
            self.keep(below, stack);
        }
        process.natives.sample = sample;
        self.before(below)
    }

    fn keep(&mut self, below: Below, stack: u32) {
        if self.seen.len() >= MOST_KEPT {
            self.seen.clear();
        }
        self.seen.insert(below.stack(), stack);
    }

    /// Returns the stack that was seen last on top of what is `below`.
    fn before(&self, below: Below) -> u32 {
        self.seen.get(&below.stack()).copied().unwrap_or(below.stack())
    }
}

/// What the frames of machine code stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// The stack that stands for a program: all frames are shown.
    Program(u32),
    /// A Python stack: what its innermost function has called is shown.
    Python(u32),
}

impl Below {
    fn stack(self) -> u32 {
        match self {
            Self::Program(stack) | Self::Python(stack) => stack,
        }
    }
}

/// What is known of the machine code of one process.
#[derive(Debug, Default)]
pub(super) struct ProcessCode {
    map: CodeMap,
    known: HashMap<u64, Known>,
    next_refresh_ns: u64,
    refresh_pause_ns: u64,
    has_any: bool,
}

impl ProcessCode {
    /// Looks what is mapped where in `process`, if something is at `addresses` where nothing was known to be, and if it was not
    /// looked shortly before `now`; returns whether it did.
    ///
    /// A program that begins, or loads libraries, maps them one after the other: where one was found, more may follow.
    fn refresh(&mut self, addresses: &[u64], process: &TargetProcess, now: u64) -> bool {
        let covers = |map: &CodeMap| addresses.iter().all(|address| map.covers(*address));
        if now < self.next_refresh_ns || covers(&self.map) {
            return false;
        }
        self.map.refresh(process);
        let longer = (2 * self.refresh_pause_ns).clamp(FIRST_REFRESH_NS, LAST_REFRESH_NS);
        self.refresh_pause_ns = if covers(&self.map) { FIRST_REFRESH_NS } else { longer };
        let end = clock::now_ns();
        self.next_refresh_ns = end + self.refresh_pause_ns.max(REFRESH_OVER_COST * end.saturating_sub(now));
        true
    }

    /// Returns whether anything has been seen of it.
    pub(super) fn has_any(&self) -> bool {
        self.has_any
    }
}

/// What is known of an address.
#[derive(Clone, Copy, Debug)]
struct Known {
    frame: u32,
    file: (u64, u64),
    is_evaluation: bool,
}

/// A process, and where what is seen of it goes.
pub(super) struct Seen<'a> {
    pub(super) code: &'a mut ProcessCode,
    pub(super) process: &'a TargetProcess,
    pub(super) memory: &'a mut ProcessMemory,
    pub(super) natives: &'a mut Natives,
    pub(super) recording: &'a mut Recording,
    pub(super) catalogue: &'a mut Catalogue,
}

impl Seen<'_> {
    /// Returns the stack of a thread that is blocked with these registers, on top of `program`.
    pub(super) fn blocked(&mut self, stack_pointer: u64, instruction: u64, program: u32) -> u32 {
        let registers = Registers { instruction, stack_pointer, frame_pointer: NO_FRAME_POINTER };
        let mut addresses = std::mem::take(&mut self.natives.addresses);
        let end = self.walk(registers, &[], &mut addresses);
        let stack = self.on_program(&addresses, end, program);
        self.natives.addresses = addresses;
        stack
    }

    /// Returns the stack of a thread that was noted on a CPU.
    fn noted(&mut self, sample: &StackSample, below: Below) -> u32 {
        let mut addresses = std::mem::take(&mut self.natives.addresses);
        addresses.clear();
        let end = match sample.registers {
            Some(registers) => self.walk(registers, &sample.stack, &mut addresses),
            None => {
                addresses.extend((!sample.is_in_kernel).then_some(sample.instruction));
                self.code.refresh(&addresses, self.process, clock::now_ns());
                End::Lost
            }
        };
        let is_short = cfg!(target_arch = "x86_64") && sample.registers.is_none();
        self.natives.n_short += u64::from(is_short);
        self.natives.n_walked += 1;
        let stack = match below {
            Below::Program(program) => {
                if !is_short {
                    self.note_lost(&addresses, end);
                }
                self.on_program(&addresses, end, program)
            }
            Below::Python(python) => self.on_python(&addresses, end, python),
        };
        self.natives.addresses = addresses;
        if sample.is_in_kernel { self.kernel(stack, &sample.kernel) } else { stack }
    }

    /// Returns whether the program is in a system call, if its next instruction is at `instruction`.
    fn is_call(&mut self, instruction: u64) -> bool {
        const SYSCALL: [u8; 2] = [0x0f, 0x05];
        let mut before = [0; 2];
        self.memory.read(instruction.wrapping_sub(2), &mut before).is_ok() && before == SYSCALL
    }

    fn walk(&mut self, registers: Registers, noted: &[u8], addresses: &mut Vec<u64>) -> End {
        let (before, n_readings) = (clock::now_ns(), self.natives.files.n_readings());
        let mut memory = StackMemory::new(registers, noted, self.memory);
        let code = &mut *self.code;
        let mut end = code.map.unwind(&mut memory, self.process, &mut self.natives.files, addresses);
        let now = clock::now_ns();
        if code.refresh(addresses, self.process, now) {
            end = code.map.unwind(&mut memory, self.process, &mut self.natives.files, addresses);
        }
        self.note_reading(before, n_readings);
        end
    }

    /// Counts the time since `before` as that of reading files, if any was read since there were `n_readings`.
    fn note_reading(&mut self, before: u64, n_readings: u64) {
        if self.natives.files.n_readings() != n_readings {
            self.natives.reading_ns += clock::now_ns() - before;
        }
    }

    fn note_lost(&mut self, addresses: &[u64], end: End) {
        let outermost = addresses.last().filter(|_| end == End::Lost);
        if let Some(frame) = outermost.map(|address| self.known(*address).frame) {
            *self.natives.lost.entry(frame).or_default() += 1;
        }
    }

    /// Returns all frames of `addresses` on top of `program`.
    fn on_program(&mut self, addresses: &[u64], end: End, program: u32) -> u32 {
        let missing = match end {
            End::Outermost => None,
            End::Lost => Some("[callers not seen]"),
            End::Deep => Some("[deeper than is followed]"),
        };
        let mut stack = program;
        if let Some(name) = missing {
            let frame = super::python::unseen_frame(name, self.recording, self.catalogue);
            stack = self.catalogue.stack(self.recording, stack, frame);
        }
        for address in addresses.iter().rev() {
            let frame = self.known(*address).frame;
            stack = self.catalogue.stack(self.recording, stack, frame);
        }
        stack
    }

    /// Returns the frames of `addresses` on top of the Python stack `python`, as far as its innermost function has called them;
    /// the interpreter's own functions between it and what it has called are left out.
    ///
    /// Where the walk was lost before it came to the interpreter, the innermost function is all that is sure.
    fn on_python(&mut self, addresses: &[u64], end: End, python: u32) -> u32 {
        let known: Vec<Known> = addresses.iter().map(|address| self.known(*address)).collect();
        let Some(evaluation) = known.iter().position(|known| known.is_evaluation) else {
            let is_called = |known: &&Known| {
                end == End::Lost && known.file != (0, 0) && !self.natives.interpreters.contains(&known.file)
            };
            let innermost = known.first().filter(is_called).map(|known| known.frame);
            return innermost.map_or(python, |frame| self.catalogue.stack(self.recording, python, frame));
        };
        let interpreter = known[evaluation].file;
        let called = known[..evaluation].iter().rev().skip_while(|known| known.file == interpreter);
        called.fold(python, |stack, known| self.catalogue.stack(self.recording, stack, known.frame))
    }

    /// Returns the kernel on top of `stack`, with those of its functions that hold `addresses`, the innermost first.
    fn kernel(&mut self, stack: u32, addresses: &[u64]) -> u32 {
        self.natives.n_in_kernel += 1;
        let function = self.catalogue.function(self.recording, kernel_function(KERNEL, ""));
        let frame = self.catalogue.frame(self.recording, Frame { function, line: 0 });
        let mut stack = self.catalogue.stack(self.recording, stack, frame);
        for (index, address) in addresses.iter().enumerate().rev() {
            // The instruction behind a call may be another function's.
            let address = address - u64::from(index > 0);
            let frame =
                self.natives.frame(FileAddress { file: KERNEL_FILE, address }, function, self.recording);
            stack = self.catalogue.stack(self.recording, stack, frame);
        }
        stack
    }

    /// Returns what is known of `address`.
    fn known(&mut self, address: u64) -> Known {
        if let Some(known) = self.code.known.get(&address) {
            return *known;
        }
        let (before, n_readings) = (clock::now_ns(), self.natives.files.n_readings());
        let code = self.code.map.code(address, self.process, &mut self.natives.files);
        let known = match &code {
            Some(code) => self.note(code),
            None => {
                let frame = super::python::unseen_frame("[unknown]", self.recording, self.catalogue);
                Known { frame, file: (0, 0), is_evaluation: false }
            }
        };
        self.note_reading(before, n_readings);
        // What lies nowhere may be a library that is not known yet.
        if code.is_some() {
            self.code.has_any = true;
            self.code.known.insert(address, known);
        }
        known
    }

    fn note(&mut self, code: &Code) -> Known {
        let function = self.catalogue.function(self.recording, code.function.clone());
        let is_evaluation = code.symbol.as_deref().is_some_and(|symbol| symbol.starts_with(EVALUATION));
        let file = code.address.map_or((0, 0), |address| address.file);
        if is_evaluation {
            self.natives.interpreters.insert(file);
        }
        let frame = match code.address {
            // Lines are told at the end: until then, each address has a frame of its own.
            Some(address) => self.natives.frame(address, function, self.recording),
            None => self.catalogue.frame(self.recording, Frame { function, line: 0 }),
        };
        Known { frame, file, is_evaluation }
    }
}
