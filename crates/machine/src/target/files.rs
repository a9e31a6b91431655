//! The files of another process, as it names them: in its container, from its working folder.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};

use crate::Source;

/// Where a process looks for files; still good once it has ended.
#[derive(Debug)]
pub struct TargetFiles {
    root: OwnedFd,
    working_folder: PathBuf,
}

impl TargetFiles {
    /// Returns where the process `pid` looks for files; `None` where we may not see it.
    pub fn open(source: &Source, pid: u32) -> Option<Self> {
        let folder = source.locate(&format!("/proc/{pid}"));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder.join("root"), flags, Mode::empty()).ok()?;
        Some(Self { root, working_folder: std::fs::read_link(folder.join("cwd")).ok()? })
    }

    /// Returns whether files have the same names for both.
    pub fn is_like(&self, other: &Self) -> bool {
        let identity =
            |files: &Self| rustix::fs::fstat(&files.root).ok().map(|stat| (stat.st_dev, stat.st_ino));
        self.working_folder == other.working_folder
            && identity(self).is_some_and(|own| identity(other) == Some(own))
    }

    /// Opens the regular file that the process calls `path`; `None` if there is none.
    pub fn file(&self, path: &Path) -> Option<File> {
        let full = self.working_folder.join(path);
        let inside = full.strip_prefix("/").ok()?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // Links within a container lead to its own files. Old filters of system calls do not know this way.
        let opened = openat2(&self.root, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT)
            .or_else(|_| openat(&self.root, inside, flags, Mode::empty()));
        let file = File::from(opened.ok()?);
        file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_files_are_found_from_our_folder_and_by_full_paths() {
        let own = TargetFiles::open(&Source::live(), std::process::id()).unwrap();
        assert!(own.file(Path::new("Cargo.toml")).is_some());
        assert!(own.file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).is_some());
        assert!(own.file(Path::new("no such file")).is_none());
        assert!(own.file(Path::new("src")).is_none());
        assert!(own.is_like(&TargetFiles::open(&Source::live(), std::process::id()).unwrap()));
    }
}
