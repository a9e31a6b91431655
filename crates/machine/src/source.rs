//! The one way in which this crate reads files, so that a folder can stand for a machine.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cpu_set::CpuSet;

/// Where the files of a machine are read: below `/`, or below a folder that mimics it.
///
/// Nothing here fails: a file that is missing, forbidden or unreadable is absent, for a machine that does not
/// tell is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    root: PathBuf,
}

/// No file that is read here is longer; what is would be a wrong mount, or malice.
const LONGEST: u64 = 16 << 20;

impl Default for Source {
    fn default() -> Self {
        Self::live()
    }
}

impl Source {
    /// Returns the machine that this program runs on.
    pub fn live() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// Returns the machine that the files below `root` describe.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns whether this is the machine that the program runs on, so that system calls speak of it too.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Returns the text of the file at the absolute `path`, without the white space at its end.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        self.open(path)?.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let mut text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        text.truncate(text.trim_end().len());
        Some(text)
    }

    /// Returns the file at `path` read by `parse`, or `None` if it is absent or not understood.
    pub(crate) fn parse<T>(&self, path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.read(path).and_then(|text| parse(&text))
    }

    /// Returns the number in the file at `path`.
    pub(crate) fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.parse(path, |text| text.trim().parse().ok())
    }

    /// Returns the list of CPUs in the file at `path`.
    pub(crate) fn cpus(&self, path: &str) -> Option<CpuSet> {
        self.parse(path, |text| text.parse().ok())
    }

    /// Returns the open file at `path`, to be read again and again.
    pub(crate) fn open(&self, path: &str) -> Option<File> {
        File::open(self.locate(path)).ok()
    }

    /// Returns the sorted names in the folder at `path`; none if it is absent.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.locate(path))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }

    /// Returns whether there is something at `path`.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.locate(path).exists()
    }

    /// Returns whether the file at `path` is a program.
    pub(crate) fn is_executable(&self, path: &str) -> bool {
        let is_program = |file: fs::Metadata| file.is_file() && file.permissions().mode() & 0o111 != 0;
        fs::metadata(self.locate(path)).is_ok_and(is_program)
    }

    /// Returns the hypervisor's name as the CPU gives it; only the live machine can be asked.
    pub(crate) fn hypervisor_vendor(&self) -> Option<String> {
        self.is_live().then(crate::hypervisor::ask_cpu).flatten()
    }

    /// Returns where `path` of the machine is in our file system.
    pub(crate) fn locate(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}
