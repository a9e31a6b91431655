//! The processes that are recorded: a program and its descendants.

use std::path::PathBuf;

use festina_machine::Source;
use festina_machine::target::{
    Doing, ForkWatch, ProcessMemory, TargetFiles, TargetProcess, Usage, counts_at_ticks,
};
use festina_types::{Bytes, Finding, Severity};

use super::clock;
use super::native::{Below, Natives, ProcessCode, Seen};
use super::python::{Python, unseen};
use super::thread::{Look, Rest, Watched, state_of};
use crate::python::RuntimeFiles;
use crate::recording::{Catalogue, Process, Recording, State};

/// How often new children and calls of exec are looked for: at first and later, and at least. Children are looked for when anything
/// was started on the machine, and at least so often.
const SHORTEST_DISCOVERY_NS: u64 = 1_000_000;
const DISCOVERY_NS: u64 = 10_000_000;
const LONGEST_DISCOVERY_NS: u64 = 100_000_000;
/// The time between two such looks, over their cost: where nothing was found, and where a child was.
const PERIOD_OVER_COST: u64 = 200;
const PERIOD_OVER_COST_OF_CHILDREN: u64 = 30;
/// How often the threads of a process are counted.
const COUNT_NS: u64 = 3_000_000;
/// How often it is looked what a process has used.
const USAGE_NS: u64 = 100_000_000;
/// For so long after it was first seen, a thread is expected to begin to run Python.
const FRESH_NS: u64 = 100_000_000;
/// Where there are more threads than these, those that did nothing for long are not looked at closely in every round.
const MANY: usize = 16;
/// How long the answers of threads that were asked where they are are waited for, at first and then once more: to wait without giving
/// up the CPU would take it from the program.
const PAUSES_NS: [u64; 2] = [30_000, 60_000];

/// All processes that are recorded.
#[derive(Debug)]
pub(super) struct Processes {
    source: Source,
    living: Vec<Living>,
    root: u32,
    next_discovery_ns: u64,
    next_children_ns: u64,
    /// Whether something could not be looked at for want of a permission.
    is_refused: bool,
    /// Versions of Python that are not read.
    unsupported: Vec<String>,
    /// Whether waits are seen by their system calls.
    tells_calls: bool,
    /// Where the processes of which functions were seen look for files.
    files: Vec<TargetFiles>,
    natives: Natives,
    runtimes: RuntimeFiles,
    forks: ForkWatch,
    /// Whether the times of threads on CPUs are brought up to date at every tick.
    counts_at_ticks: bool,
}

/// A process that has not ended.
#[derive(Debug)]
struct Living {
    process: TargetProcess,
    memory: ProcessMemory,
    index: u32,
    program: Option<PathBuf>,
    python: Python,
    n_threads: u64,
    next_count_ns: u64,
    threads: Vec<Watched>,
    /// The stack of its threads that run no Python.
    own_stack: u32,
    /// Until then, threads are looked for that begin to run Python.
    fresh_until_ns: u64,
    /// Whether it is known where it looks for files.
    has_files: bool,
    /// Its machine code.
    code: ProcessCode,
    /// What its threads did in this round, if it was new.
    did: Vec<Did>,
    next_usage_ns: u64,
}

/// What processes share while they are looked at.
struct Shared<'a> {
    source: &'a Source,
    natives: &'a mut Natives,
    runtimes: &'a mut RuntimeFiles,
    rest: Rest,
}

/// What a thread did in a round.
#[derive(Clone, Copy, Debug)]
struct Did {
    /// Its index among the threads.
    thread: usize,
    doing: Doing,
    state: State,
    /// Its Python stack, if it runs Python.
    python: Option<u32>,
}

impl Processes {
    pub(super) fn new(source: Source, root: u32) -> Self {
        Self {
            forks: ForkWatch::new(&source),
            counts_at_ticks: counts_at_ticks(&source),
            source,
            living: Vec::new(),
            root,
            next_discovery_ns: 0,
            next_children_ns: 0,
            is_refused: false,
            unsupported: Vec::new(),
            tells_calls: false,
            files: Vec::new(),
            natives: Natives::default(),
            runtimes: RuntimeFiles::default(),
        }
    }

    /// Returns where the processes that run Python look for files.
    pub(super) fn files(&self) -> &[TargetFiles] {
        &self.files
    }

    /// Returns the resident memory of all.
    pub(super) fn rss(&self) -> Bytes {
        Bytes(self.living.iter().map(|living| living.process.rss().0).sum())
    }

    /// Looks at all threads, in the round that was begun last.
    pub(super) fn look(&mut self, now: u64, recording: &mut Recording, catalogue: &mut Catalogue) {
        if now >= self.next_discovery_ns {
            let (before, n_before) = (clock::cpu_ns(), recording.processes.len());
            self.discover(now, recording, catalogue);
            let has_found = recording.processes.len() > n_before;
            let over_cost = if has_found { PERIOD_OVER_COST_OF_CHILDREN } else { PERIOD_OVER_COST };
            let cost = clock::cpu_ns() - before;
            let pause = (now / 20).clamp(SHORTEST_DISCOVERY_NS, DISCOVERY_NS).max(cost * over_cost);
            self.next_discovery_ns = now + pause.min(LONGEST_DISCOVERY_NS);
        }
        let may_ask = self.natives.begin(now);
        let n_threads: usize = self.living.iter().map(|living| living.threads.len()).sum();
        let mut shared = Shared {
            source: &self.source,
            natives: &mut self.natives,
            runtimes: &mut self.runtimes,
            rest: Rest { of_blocked: n_threads > MANY, of_ready: n_threads > MANY && self.counts_at_ticks },
        };
        self.living.retain_mut(|living| living.look(now, may_ask, &mut shared, recording, catalogue));
        if may_ask {
            self.wait_for_answers();
        }
        for living in &mut self.living {
            living.settle(&mut self.natives, recording, catalogue);
            living.note_files(&mut self.files, &self.source);
        }
    }

    /// Waits until all threads that were asked where they are have been noted; not long, since some may wait for a CPU.
    fn wait_for_answers(&self) {
        let are_there = || self.living.iter().all(Living::is_answered);
        for pause in PAUSES_NS {
            if are_there() {
                break;
            }
            clock::sleep_until(clock::now_ns() + pause);
        }
    }

    /// Returns how much CPU time went into what is done once since this was called before.
    pub(super) fn take_single_ns(&mut self) -> u64 {
        self.natives.take_reading_ns()
    }

    /// Says at the end what was seen, and what not; returns whether stacks are others than before, since lines were told.
    pub(super) fn finish(&mut self, recording: &mut Recording) -> bool {
        for living in &self.living {
            note_python(living, recording);
        }
        let backends = &mut recording.sampling.backends;
        if recording.sampling.stacks_read > 0 {
            backends.push("Python stacks from memory (process_vm_readv)".to_owned());
        }
        backends.push(if self.tells_calls {
            "waits by system call (/proc/PID/task/TID/syscall)".to_owned()
        } else {
            "states by the kernel's letter (/proc/PID/task/TID/stat)".to_owned()
        });
        if self.is_refused || !self.tells_calls && !recording.threads.is_empty() {
            recording.findings.push(
                Finding::new(
                    Severity::Warning,
                    "not-permitted",
                    "the kernel does not let us look into the program: stacks, and what threads wait for, are missing",
                )
                .with_hint(
                    "start the program below festina (festina profile -- COMMAND), run festina as the program's user or \
                     as root, or allow it: sudo sysctl kernel.yama.ptrace_scope=0; in a container: --cap-add SYS_PTRACE",
                ),
            );
        }
        let has_lines = self.natives.finish(&self.source, recording);
        for version in &self.unsupported {
            recording.findings.push(
                Finding::new(
                    Severity::Warning,
                    "python-not-read",
                    format!("Python {version} is not read: its threads have states and times, but no stacks"),
                )
                .with_hint("festina reads CPython 3.9 to 3.15, with its GIL"),
            );
        }
        has_lines
    }

    fn discover(&mut self, now: u64, recording: &mut Recording, catalogue: &mut Catalogue) {
        if recording.processes.is_empty() {
            self.adopt(self.root, None, now, recording, catalogue);
        }
        let has_children = self.forks.has_any() || now >= self.next_children_ns;
        if has_children {
            self.next_children_ns = now + LONGEST_DISCOVERY_NS;
        }
        let mut next = 0;
        while next < self.living.len() {
            let living = &mut self.living[next];
            living.renew(now, recording, catalogue);
            if let Python::Unsupported(version) = &living.python
                && !self.unsupported.contains(version)
            {
                self.unsupported.push(version.clone());
            }
            self.tells_calls |= living.threads.iter().any(Watched::tells_calls);
            let index = living.index;
            let parents = living.threads.iter().filter(|_| has_children);
            let children: Vec<u32> = parents.flat_map(Watched::children).collect();
            for pid in children {
                if self.living.iter().all(|living| living.process.pid() != pid) {
                    self.adopt(pid, Some(index), now, recording, catalogue);
                }
            }
            next += 1;
        }
    }

    /// Begins to record the process `pid`.
    fn adopt(
        &mut self,
        pid: u32,
        parent: Option<u32>,
        now: u64,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) {
        let Some(process) = TargetProcess::open(&self.source, pid) else { return };
        // A child that has ended and was not collected has no program.
        let program = process.program();
        if program.is_none() && parent.is_some() {
            return;
        }
        let name = process.name();
        let own_stack = unseen(&format!("[{name}]"), recording, catalogue);
        let from_ns = if parent.is_none() { 0 } else { now };
        recording.processes.push(Process {
            pid,
            parent,
            name,
            python: None,
            from_ns,
            usage: Usage::default(),
        });
        let mut living = Living {
            memory: ProcessMemory::new(pid),
            process,
            index: recording.processes.len() as u32 - 1,
            program,
            python: Python::of_new_program(now),
            n_threads: 0,
            next_count_ns: 0,
            threads: Vec::new(),
            own_stack,
            fresh_until_ns: 0,
            has_files: false,
            code: ProcessCode::default(),
            did: Vec::new(),
            next_usage_ns: now,
        };
        living.list_threads(now, &self.source, recording);
        living.seek_python(now, &mut self.runtimes, recording);
        self.living.push(living);
    }
}

impl Living {
    /// Looks at its threads, and asks those that compute where they are if that `may_ask`; returns whether it goes on.
    fn look(
        &mut self,
        now: u64,
        may_ask: bool,
        shared: &mut Shared<'_>,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> bool {
        self.did.clear();
        if now >= self.next_count_ns || self.n_threads == 0 {
            self.next_count_ns = now + COUNT_NS;
            let Some(n_threads) = self.process.n_threads() else {
                return self.end(shared.natives, recording);
            };
            if n_threads != self.n_threads {
                self.threads.iter_mut().for_each(Watched::look_soon);
                self.list_threads(now, shared.source, recording);
            } else if now < self.fresh_until_ns {
                self.refresh_python();
            }
        }
        self.seek_python(now, shared.runtimes, recording);
        let mut index = 0;
        while index < self.threads.len() {
            match self.threads[index].look(now, shared.rest) {
                Look::Ended => {
                    self.threads.remove(index).native.close(shared.natives);
                    // Count again next time.
                    self.n_threads = 0;
                    continue;
                }
                Look::Same => self.threads[index].stay(recording),
                Look::Did(doing) => {
                    let state = state_of(doing, self.python.runtime());
                    if may_ask && state == State::Cpu {
                        let thread = &mut self.threads[index];
                        let runs_python = self.python.knows(thread.tid());
                        thread.native.start(thread.tid(), now, runs_python, shared.natives, shared.source);
                    }
                    self.did.push(Did { thread: index, doing, state, python: None });
                }
            }
            index += 1;
        }
        self.read_python(recording, catalogue);
        !self.threads.is_empty() || self.process.program().is_some() || self.end(shared.natives, recording)
    }

    /// Returns whether all of its threads that were asked where they are were noted.
    fn is_answered(&self) -> bool {
        self.did.iter().all(|did| self.threads[did.thread].native.is_answered())
    }

    /// Records what its threads did.
    fn settle(&mut self, natives: &mut Natives, recording: &mut Recording, catalogue: &mut Catalogue) {
        for Did { thread, doing, state, python } in std::mem::take(&mut self.did) {
            let thread = &mut self.threads[thread];
            let mut seen = Seen {
                code: &mut self.code,
                process: &self.process,
                memory: &mut self.memory,
                natives,
                recording,
                catalogue,
            };
            let stack = match (python, state, doing.registers()) {
                (Some(python), State::Cpu, _) => thread.native_stack(Below::Python(python), &mut seen),
                (Some(python), ..) => python,
                (None, State::Cpu, _) => thread.native_stack(Below::Program(self.own_stack), &mut seen),
                (None, _, Some((stack_pointer, instruction))) => {
                    seen.blocked(stack_pointer, instruction, self.own_stack)
                }
                (None, _, None) => self.own_stack,
            };
            thread.record(state, Some(stack), recording);
        }
    }

    fn end(&mut self, natives: &mut Natives, recording: &mut Recording) -> bool {
        note_python(self, recording);
        self.threads.iter_mut().for_each(|thread| thread.native.close(natives));
        false
    }

    /// Reads the Python stacks of its threads that did something.
    fn read_python(&mut self, recording: &mut Recording, catalogue: &mut Catalogue) {
        let Python::Read(reading) = &mut self.python else { return };
        let tids: Vec<u32> = self.did.iter().map(|did| self.threads[did.thread].tid()).collect();
        let stacks = reading.stacks(&tids, &mut self.memory, recording, catalogue);
        for (did, stack) in self.did.iter_mut().zip(stacks) {
            did.python = stack;
        }
    }

    /// Brings its list of threads up to date.
    fn list_threads(&mut self, now: u64, source: &Source, recording: &mut Recording) {
        let tids = self.process.threads();
        self.n_threads = tids.len() as u64;
        for tid in &tids {
            if self.threads.iter().all(|thread| thread.tid() != *tid) {
                let pid = self.process.pid();
                self.fresh_until_ns = now + FRESH_NS;
                self.threads.extend(Watched::new(source, pid, *tid, self.index, recording));
            }
        }
        self.refresh_python();
    }

    /// Looks for what changes seldom: another program, an interpreter, threads that have begun to run Python.
    fn renew(&mut self, now: u64, recording: &mut Recording, catalogue: &mut Catalogue) {
        // Python that is read goes on; what it does not, may be another program.
        let program = if self.python.is_read_well() { None } else { self.process.program() };
        if program.is_some() && program != self.program || self.python.has_failed() {
            self.program = program;
            self.python = Python::of_new_program(now);
            self.memory = ProcessMemory::new(self.process.pid());
            self.code = ProcessCode::default();
            let name = self.process.name();
            self.own_stack = unseen(&format!("[{name}]"), recording, catalogue);
            self.has_files = false;
            recording.processes[self.index as usize].name = name;
        }
        if now >= self.next_usage_ns {
            self.next_usage_ns = now + USAGE_NS;
            let usage = self.process.usage().unwrap_or(recording.processes[self.index as usize].usage);
            recording.processes[self.index as usize].usage = usage;
        }
        if let Python::Read(reading) = &mut self.python {
            reading.check(now, &mut self.memory);
            self.refresh_python();
        }
    }

    fn seek_python(&mut self, now: u64, files: &mut RuntimeFiles, recording: &mut Recording) {
        if self.python.seek(now, &self.process, &mut self.memory, files) {
            self.refresh_python();
            note_python(self, recording);
        }
    }

    /// Keeps where it looks for files, once functions of it were seen, if no other looks there.
    fn note_files(&mut self, known: &mut Vec<TargetFiles>, source: &Source) {
        /// Each is a file that is kept open.
        const MOST: usize = 16;
        let has_functions = self.code.has_any() || matches!(self.python, Python::Read(_));
        if self.has_files || !has_functions || known.len() >= MOST {
            return;
        }
        self.has_files = true;
        if let Some(files) = TargetFiles::open(source, self.process.pid())
            && known.iter().all(|other| !other.is_like(&files))
        {
            known.push(files);
        }
    }

    /// Looks for threads that have begun to run Python, where some do not.
    fn refresh_python(&mut self) {
        if let Python::Read(reading) = &mut self.python
            && self.threads.iter().any(|thread| !reading.knows(thread.tid()))
        {
            let tids: Vec<u32> = self.threads.iter().map(Watched::tid).collect();
            let before: Vec<bool> = tids.iter().map(|tid| reading.knows(*tid)).collect();
            reading.refresh(&tids, &mut self.memory);
            // Those that are blocked have a stack now.
            for (thread, knew) in self.threads.iter_mut().zip(before) {
                if !knew && reading.knows(thread.tid()) {
                    thread.look_anew();
                }
            }
        }
    }
}

fn note_python(living: &Living, recording: &mut Recording) {
    let python = &mut recording.processes[living.index as usize].python;
    *python = living.python.version().or(python.take());
}
