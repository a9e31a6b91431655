//! The processes that are recorded: a program and its descendants.

use std::path::PathBuf;

use festina_machine::Source;
use festina_machine::target::{ProcessMemory, TargetFiles, TargetProcess, Usage};
use festina_types::{Bytes, Finding, Severity};

use super::clock;
use super::native::{Computing, Natives, ProcessCode};
use super::python::{Python, unseen};
use super::thread::{Look, Watched, state_of};
use crate::recording::{Catalogue, Process, Recording, State};

/// How often new children and calls of exec are looked for: at first and later, and at least.
const SHORTEST_DISCOVERY_NS: u64 = 1_000_000;
const DISCOVERY_NS: u64 = 10_000_000;
const LONGEST_DISCOVERY_NS: u64 = 100_000_000;
/// The time between two such looks, over their cost.
const PERIOD_OVER_COST: u64 = 30;
/// How often it is looked what a process has used.
const USAGE_NS: u64 = 100_000_000;
/// For so long after it was first seen, a thread is expected to begin to run Python.
const FRESH_NS: u64 = 100_000_000;

/// All processes that are recorded.
#[derive(Debug)]
pub(super) struct Processes {
    source: Source,
    living: Vec<Living>,
    root: u32,
    next_discovery_ns: u64,
    /// Whether something could not be looked at for want of a permission.
    is_refused: bool,
    /// Versions of Python that are not read.
    unsupported: Vec<String>,
    /// Whether waits are seen by their system calls.
    tells_calls: bool,
    /// Where the processes that run Python look for files.
    files: Vec<TargetFiles>,
    natives: Natives,
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
    threads: Vec<Watched>,
    /// The stack of its threads that run no Python.
    own_stack: u32,
    /// Until then, threads are looked for that begin to run Python.
    fresh_until_ns: u64,
    /// Whether its Python was found in this round.
    has_new_python: bool,
    /// Its machine code.
    code: ProcessCode,
    next_usage_ns: u64,
}

impl Processes {
    pub(super) fn new(source: Source, root: u32, rate_hz: f64) -> Self {
        Self {
            source,
            living: Vec::new(),
            root,
            next_discovery_ns: 0,
            is_refused: false,
            unsupported: Vec::new(),
            tells_calls: false,
            files: Vec::new(),
            natives: Natives::new(rate_hz),
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
            let before = clock::cpu_ns();
            self.discover(now, recording, catalogue);
            let cost = clock::cpu_ns() - before;
            let pause = (now / 20).clamp(SHORTEST_DISCOVERY_NS, DISCOVERY_NS).max(cost * PERIOD_OVER_COST);
            self.next_discovery_ns = now + pause.min(LONGEST_DISCOVERY_NS);
        }
        let (source, files, natives) = (&self.source, &mut self.files, &mut self.natives);
        self.living.retain_mut(|living| {
            let is_living = living.look(now, source, natives, recording, catalogue);
            if std::mem::take(&mut living.has_new_python) {
                note_files(files, source, living.process.pid());
            }
            is_living
        });
    }

    /// Says at the end what was seen, and what not.
    pub(super) fn finish(&mut self, recording: &mut Recording) {
        for living in &self.living {
            note_python(living, recording);
        }
        let backends = &mut recording.sampling.backends;
        if recording.sampling.stacks_read > 0 {
            backends.push("Python stacks from memory (process_vm_readv)".to_owned());
        }
        if self.natives.is_used {
            backends.push("functions of machine code by timer (perf_event_open)".to_owned());
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
        if self.natives.is_refused() {
            recording.findings.push(
                Finding::new(
                    Severity::Note,
                    "machine-code-not-seen",
                    "the kernel does not let us see the functions of machine code: programs without Python are one block each",
                )
                .with_hint(
                    "sudo sysctl kernel.perf_event_paranoid=2 allows it until the next boot; in a container: \
                     --cap-add PERFMON",
                ),
            );
        }
        for version in &self.unsupported {
            recording.findings.push(
                Finding::new(
                    Severity::Warning,
                    "python-not-read",
                    format!("Python {version} is not read: its threads have states and times, but no stacks"),
                )
                .with_hint("festina reads CPython 3.9 to 3.13, with its GIL"),
            );
        }
    }

    fn discover(&mut self, now: u64, recording: &mut Recording, catalogue: &mut Catalogue) {
        if recording.processes.is_empty() {
            self.adopt(self.root, None, now, recording, catalogue);
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
            let children: Vec<u32> = living.threads.iter().flat_map(Watched::children).collect();
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
            threads: Vec::new(),
            own_stack,
            fresh_until_ns: 0,
            has_new_python: false,
            code: ProcessCode::default(),
            next_usage_ns: now,
        };
        living.list_threads(now, &self.source, recording);
        living.seek_python(now, recording);
        self.living.push(living);
    }
}

impl Living {
    /// Looks at its threads; returns whether it goes on.
    fn look(
        &mut self,
        now: u64,
        source: &Source,
        natives: &mut Natives,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> bool {
        let Some(n_threads) = self.process.n_threads() else { return self.end(natives, recording) };
        if n_threads != self.n_threads {
            self.list_threads(now, source, recording);
        } else if now < self.fresh_until_ns {
            self.refresh_python();
        }
        self.seek_python(now, recording);
        let mut did = Vec::new();
        let mut index = 0;
        while index < self.threads.len() {
            match self.threads[index].look() {
                Look::Ended => {
                    self.threads.remove(index).native.close(natives);
                    // Count again next time.
                    self.n_threads = 0;
                    continue;
                }
                Look::Same => self.threads[index].stay(recording),
                Look::Did(doing) => did.push((index, state_of(doing, self.python.runtime()))),
            }
            index += 1;
        }
        let stacks = self.stacks(&did, recording, catalogue);
        for ((index, state), stack) in did.into_iter().zip(stacks) {
            let stack = match (stack, state) {
                (Some(stack), _) => {
                    self.threads[index].native.close(natives);
                    stack
                }
                (None, State::Cpu) => self.native_stack(index, natives, recording, catalogue),
                (None, _) => self.own_stack,
            };
            self.threads[index].record(state, Some(stack), recording);
        }
        !self.threads.is_empty() || self.process.program().is_some() || self.end(natives, recording)
    }

    fn end(&mut self, natives: &mut Natives, recording: &mut Recording) -> bool {
        note_python(self, recording);
        self.threads.iter_mut().for_each(|thread| thread.native.close(natives));
        false
    }

    fn stacks(
        &mut self,
        did: &[(usize, State)],
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> Vec<Option<u32>> {
        let Python::Read(reading) = &mut self.python else { return vec![None; did.len()] };
        let tids: Vec<u32> = did.iter().map(|(index, _)| self.threads[*index].tid()).collect();
        reading.stacks(&tids, &mut self.memory, recording, catalogue)
    }

    /// Returns the stack of the thread at `index`, which computes without Python.
    fn native_stack(
        &mut self,
        index: usize,
        natives: &mut Natives,
        recording: &mut Recording,
        catalogue: &mut Catalogue,
    ) -> u32 {
        let (thread, code, process) = (&mut self.threads[index], &mut self.code, &self.process);
        let computing = Computing { tid: thread.tid(), ran_ns: thread.ran_ns(), program: self.own_stack };
        let name =
            |instruction, natives: &mut Natives, recording: &mut Recording, catalogue: &mut Catalogue| {
                code.frame(instruction, process, natives, recording, catalogue)
            };
        thread.native.stack(computing, name, natives, recording, catalogue)
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
        let program = self.process.program();
        if program.is_some() && program != self.program || self.python.has_failed() {
            self.program = program;
            self.python = Python::of_new_program(now);
            self.memory = ProcessMemory::new(self.process.pid());
            self.code = ProcessCode::default();
            let name = self.process.name();
            self.own_stack = unseen(&format!("[{name}]"), recording, catalogue);
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

    fn seek_python(&mut self, now: u64, recording: &mut Recording) {
        if self.python.seek(now, &self.process, &mut self.memory) {
            self.has_new_python = true;
            self.refresh_python();
            note_python(self, recording);
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

/// Keeps where the process `pid` looks for files, if no other looks there.
fn note_files(known: &mut Vec<TargetFiles>, source: &Source, pid: u32) {
    /// Each is a file that is kept open.
    const MOST: usize = 16;
    if known.len() < MOST
        && let Some(files) = TargetFiles::open(source, pid)
        && known.iter().all(|other| !other.is_like(&files))
    {
        known.push(files);
    }
}

fn note_python(living: &Living, recording: &mut Recording) {
    let python = &mut recording.processes[living.index as usize].python;
    *python = living.python.version().or(python.take());
}
