//! Whether any process or thread was started since: the last number that the kernel gave, `/proc/loadavg`.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::Source;

/// Tells whether processes or threads were started, of whatever program that we can see: one `pread`, where to look at every
/// thread's children takes one each.
#[derive(Debug)]
pub struct ForkWatch {
    file: Option<File>,
    last: Option<u64>,
}

impl ForkWatch {
    /// Returns what watches over the processes that `source` shows.
    pub fn new(source: &Source) -> Self {
        Self { file: source.open("/proc/loadavg"), last: None }
    }

    /// Returns whether any was started since this was called before; true as well where it cannot be told.
    pub fn has_any(&mut self) -> bool {
        let mut buffer = [0; 128];
        let count = self.file.as_ref().and_then(|file| file.read_at(&mut buffer, 0).ok()).unwrap_or(0);
        let now = std::str::from_utf8(&buffer[..count]).ok().and_then(last_number);
        now.is_none() || std::mem::replace(&mut self.last, now) != now
    }
}

/// Reads the text of `/proc/loadavg`: its fifth field is the number that was given last.
fn last_number(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_thread_is_noticed() {
        let mut forks = ForkWatch::new(&Source::live());
        forks.has_any();
        std::thread::spawn(|| {}).join().unwrap();
        assert!(forks.has_any());
    }

    #[test]
    fn the_same_number_is_nothing_new_and_no_number_may_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("proc")).unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("proc/loadavg"), text).unwrap();
        write("0.10 0.20 0.30 1/400 77\n");
        let mut forks = ForkWatch::new(&Source::at(folder.path()));
        assert!(forks.has_any());
        assert!(!forks.has_any());
        write("0.10 0.20 0.30 1/400 78\n");
        assert!(forks.has_any());
        assert!(!forks.has_any());
        write("?\n");
        assert!(forks.has_any() && forks.has_any());
    }
}
