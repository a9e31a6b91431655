//! Finds `CPython` in a process: the symbol `_PyRuntime` of the program or of a `libpython`.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use festina_machine::target::{Mapping, TargetProcess};

use super::layout::{DEBUG_OFFSETS_SIZE, Layout, Unread, Version};
use super::{Memory, half_at, word_at};
use crate::elf::{ElfImage, Found, Segments};

/// No interpreter has more threads or sub-interpreters than we follow.
const MOST: usize = 10_000;

/// The interpreter in a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    pub(crate) version: Version,
    pub(crate) layout: Layout,
    /// `_PyRuntime`: the lock that guards the interpreter is within it.
    pub(crate) runtime: Range<u64>,
}

/// Why a process has no interpreter that we read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// It has none.
    NoPython,
    /// Its version is not known here.
    Unsupported(String),
    /// It is there and has not started yet, or its memory may not be read.
    NotReady,
}

/// Files in which an interpreter was looked for: each is read once, however often processes that map it are looked at.
#[derive(Debug, Default)]
pub(crate) struct RuntimeFiles(HashMap<(u64, u64), Option<RuntimeFile>>);

/// A file with an interpreter.
#[derive(Debug)]
struct RuntimeFile {
    runtime: Found,
    version: Option<Found>,
    segments: Segments,
}

impl RuntimeFiles {
    /// Returns what is in the file that `process` has at `mapping`; `None` if that is no interpreter.
    fn of(&mut self, process: &TargetProcess, mapping: &Mapping) -> Option<&RuntimeFile> {
        let read = || process.open_file(&mapping.path).and_then(RuntimeFile::read);
        self.0.entry(mapping.identity).or_insert_with(read).as_ref()
    }
}

impl RuntimeFile {
    fn read(file: File) -> Option<Self> {
        let image = ElfImage::new(file);
        let [symbol, version] = image.symbols(["_PyRuntime", "Py_Version"]);
        let runtime = symbol.or_else(|| image.section(".PyRuntime"))?;
        Some(Self { runtime, version, segments: image.segments() })
    }
}

impl Interpreter {
    /// Looks for `CPython` in `process`.
    pub(crate) fn find(
        process: &TargetProcess,
        memory: &mut impl Memory,
        files: &mut RuntimeFiles,
    ) -> Result<Self, NotFound> {
        let mappings = process.mappings();
        let program = process.program();
        let mut seen = Vec::new();
        // The library of an interpreter that has just been started is not mapped yet.
        let is_named_so =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"python3"));
        let is_likely = program.as_ref().is_some_and(is_named_so);
        let mut answer = if is_likely { NotFound::NotReady } else { NotFound::NoPython };
        for mapping in mappings.iter().filter(|mapping| mapping.is_file()) {
            let is_candidate =
                program.as_ref() == Some(&mapping.path) || mapping.file_name().starts_with("libpython3");
            if !is_candidate || seen.contains(&mapping.identity) {
                continue;
            }
            seen.push(mapping.identity);
            let Some(file) = files.of(process, mapping) else { continue };
            match Self::find_in(file, mapping, &mappings, memory) {
                Err(NotFound::NoPython) => {}
                Err(reason) => answer = reason,
                found => return found,
            }
        }
        Err(answer)
    }

    fn find_in(
        file: &RuntimeFile,
        mapping: &Mapping,
        mappings: &[Mapping],
        memory: &mut impl Memory,
    ) -> Result<Self, NotFound> {
        let bias = file.segments.bias(mapping).ok_or(NotFound::NoPython)?;
        let told = file.version.and_then(|Found { address, .. }| {
            let mut bytes = [0; 8];
            memory.fill(address.wrapping_add(bias), &mut bytes).then_some(())?;
            Version::from_hex(word_at(&bytes, 0)?)
        });
        let named = || {
            let files = std::iter::once(mapping).chain(mappings);
            files.filter_map(|mapping| Version::from_file_name(&mapping.file_name())).next()
        };
        let address = file.runtime.address.wrapping_add(bias);
        let runtime = address..address + file.runtime.size;
        Self::with_runtime(runtime, told.or_else(named), memory)
    }

    fn with_runtime(
        runtime: Range<u64>,
        version: Option<Version>,
        memory: &mut impl Memory,
    ) -> Result<Self, NotFound> {
        let mut table = [0; DEBUG_OFFSETS_SIZE];
        if !memory.fill(runtime.start, &mut table) {
            return Err(NotFound::NotReady);
        }
        let (version, layout) = match Layout::from_debug_offsets(&table) {
            Ok(found) => found,
            Err(Unread::Version(version)) => return Err(unsupported(version)),
            Err(Unread::FreeThreaded(version)) => {
                return Err(NotFound::Unsupported(format!("{version} without the GIL")));
            }
            Err(Unread::NoTable) => {
                let version = version.ok_or(NotFound::Unsupported("of unknown version".to_owned()))?;
                (version, Layout::of(version).ok_or_else(|| unsupported(version))?)
            }
        };
        let found = Self { version, layout, runtime };
        // Before it has started, it has no interpreter state.
        let interpreter = memory.word(found.runtime.start + layout.interpreters_head);
        match interpreter {
            Some(address) if address != 0 => Ok(found),
            _ => Err(NotFound::NotReady),
        }
    }

    /// Returns the addresses of the states of all threads that run Python, with the kernel's id or, where that is not
    /// told, the address of the thread's `pthread` structure.
    pub(crate) fn threads(&self, memory: &mut impl Memory) -> Vec<(u64, ThreadId)> {
        let layout = &self.layout;
        let mut found = Vec::new();
        let mut interpreter = memory.word(self.runtime.start + layout.interpreters_head).unwrap_or(0);
        let mut state = vec![0; layout.thread.size];
        for _ in 0..MOST {
            if interpreter == 0 {
                break;
            }
            let mut address = memory.word(interpreter + layout.threads_head).unwrap_or(0);
            while address != 0 && found.len() < MOST && memory.fill(address, &mut state) {
                // A list that changes while it is walked may lead astray.
                if word_at(&state, layout.thread.interpreter) != Some(interpreter) {
                    break;
                }
                let id = match layout.thread.native_id {
                    Some(offset) => ThreadId::Native(half_at(&state, offset).unwrap_or(0)),
                    None => ThreadId::Pthread(word_at(&state, layout.thread.pthread).unwrap_or(0)),
                };
                found.push((address, id));
                address = word_at(&state, layout.thread.next).unwrap_or(0);
            }
            interpreter = memory.word(interpreter + layout.interpreter_next).unwrap_or(0);
        }
        found
    }
}

fn unsupported(version: Version) -> NotFound {
    NotFound::Unsupported(version.to_string())
}

/// Which thread a thread state belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadId {
    /// The kernel's id.
    Native(u32),
    /// The address of its `pthread` structure, which holds the kernel's id somewhere.
    Pthread(u64),
}

/// How much of a `pthread` structure is looked through.
const PTHREAD_SIZE: usize = 1024;

/// Returns where in a `pthread` structure the kernel's id stands: the first place at which each of `threads` holds an id
/// of `tids`, all of them different.
///
/// The place differs between C libraries; it is the same for all threads of a process.
pub(crate) fn place_of_id(threads: &[u64], tids: &[u32], memory: &mut impl Memory) -> Option<usize> {
    let structures: Vec<Vec<u8>> = threads
        .iter()
        .map(|address| {
            let mut bytes = vec![0; PTHREAD_SIZE];
            memory.fill(*address, &mut bytes).then_some(bytes)
        })
        .collect::<Option<_>>()?;
    (0..PTHREAD_SIZE).step_by(4).find(|place| {
        let mut ids: Vec<u32> = structures.iter().filter_map(|bytes| half_at(bytes, *place)).collect();
        let all_known = !ids.is_empty() && ids.iter().all(|id| tids.contains(id));
        ids.sort_unstable();
        ids.dedup();
        all_known && ids.len() == threads.len()
    })
}
