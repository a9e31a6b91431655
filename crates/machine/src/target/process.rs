//! A process that is looked at again and again.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use festina_types::Bytes;

use super::{Mapping, Usage, parse_io, parse_kernel_ticks, parse_mappings};
use crate::Source;

/// No mapping table or command line that is read here is longer.
const LONGEST: u64 = 64 << 20;
/// What is read of one at first.
const FIRST: usize = 4 << 10;

/// A process and where its files are.
#[derive(Debug)]
pub struct TargetProcess {
    source: Source,
    pid: u32,
    folder: PathBuf,
    tasks: File,
    statm: Option<File>,
    page: u64,
}

impl TargetProcess {
    /// Returns the process `pid`, or `None` if there is none.
    pub fn open(source: &Source, pid: u32) -> Option<Self> {
        let folder = source.locate(&format!("/proc/{pid}"));
        Some(Self {
            tasks: File::open(folder.join("task")).ok()?,
            statm: File::open(folder.join("statm")).ok(),
            source: source.clone(),
            pid,
            folder,
            page: rustix::param::page_size() as u64,
        })
    }

    /// Returns its id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the number of its threads, from the links of their folder: far cheaper than to list them.
    ///
    /// `None` once it has ended.
    pub fn n_threads(&self) -> Option<u64> {
        self.tasks.metadata().ok().map(|metadata| metadata.nlink().saturating_sub(2))
    }

    /// Returns its threads.
    pub fn threads(&self) -> Vec<u32> {
        let names = self.source.list(&format!("/proc/{}/task", self.pid));
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// Returns its resident memory; 0 once it has ended.
    pub fn rss(&self) -> Bytes {
        let mut buffer = [0; 128];
        let read = |file: &File| {
            let count = file.read_at(&mut buffer, 0).ok()?;
            let text = std::str::from_utf8(&buffer[..count]).ok()?;
            text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
        };
        Bytes(self.statm.as_ref().and_then(read).unwrap_or(0) * self.page)
    }

    /// Returns its program; `None` for a zombie, a kernel thread or a stranger's process.
    pub fn program(&self) -> Option<PathBuf> {
        std::fs::read_link(self.folder.join("exe")).ok()
    }

    /// Returns its arguments, the program's name first.
    pub fn arguments(&self) -> Vec<OsString> {
        let bytes = self.bytes("cmdline");
        let trimmed = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
        if trimmed.is_empty() {
            return Vec::new();
        }
        trimmed.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
    }

    /// Returns the name that it or the kernel gave it, of at most 15 bytes.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.bytes("comm")).trim_end().to_owned()
    }

    /// Returns what it has used so far; `None` where that may not be read.
    pub fn usage(&self) -> Option<Usage> {
        const SECOND_NS: u64 = 1_000_000_000;
        let text = |name| String::from_utf8_lossy(&self.bytes(name)).into_owned();
        let (calls, bytes) = parse_io(&text("io"))?;
        let ticks = parse_kernel_ticks(&text("stat"))?;
        Some(Usage { calls, bytes, kernel_ns: ticks * (SECOND_NS / rustix::param::clock_ticks_per_second()) })
    }

    /// Returns its memory map; empty where it may not be read.
    pub fn mappings(&self) -> Vec<Mapping> {
        parse_mappings(&self.bytes("maps"))
    }

    /// Opens the file at `path` as the process sees it, in whatever container it is; `None` if it is gone.
    ///
    /// A program that was deleted or replaced while it runs is still found.
    pub fn open_file(&self, path: &Path) -> Option<File> {
        let is_program = self.program().is_some_and(|program| program == path);
        let shown = path.strip_prefix("/").unwrap_or(path);
        if is_program {
            return File::open(self.folder.join("exe")).ok();
        }
        File::open(self.folder.join("root").join(shown)).ok()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        // Most files here are shorter: one system call reads them.
        let mut bytes = Vec::with_capacity(FIRST);
        if let Ok(file) = File::open(self.folder.join(name)) {
            // What was read before an error is kept: a process may end meanwhile.
            let _ = file.take(LONGEST).read_to_end(&mut bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_seen() {
        let own = TargetProcess::open(&Source::live(), std::process::id()).unwrap();
        assert_eq!(own.program(), std::env::current_exe().ok());
        assert_eq!(own.arguments().len(), std::env::args_os().count());
        assert!(own.n_threads().unwrap() >= 1);
        assert!(own.threads().len() as u64 >= 1);
        assert!(own.rss().0 > 0);
        let before = own.usage().unwrap();
        let after = own.usage().unwrap();
        assert!(after.calls > before.calls && after.bytes > before.bytes, "{before:?} {after:?}");
        let program = own.program().unwrap();
        let mappings = own.mappings();
        assert!(mappings.iter().any(|mapping| mapping.path == program && mapping.is_executable));
        let mut magic = [0; 4];
        own.open_file(&program).unwrap().read_exact(&mut magic).unwrap();
        assert_eq!(&magic, b"\x7fELF");
    }

    #[test]
    fn a_process_that_never_was_is_none() {
        assert!(TargetProcess::open(&Source::live(), u32::MAX).is_none());
    }
}
