//! Walks over `/proc` without allocating.

use std::ffi::CStr;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::process::Pid;

/// Calls `act` on every child of this process, by a walk over `/proc`.
pub(super) fn for_each_child(mut act: impl FnMut(Pid)) {
    let Ok(folder) = open_folder(c"/proc") else { return };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(pid) = number(entry.file_name().to_bytes()).and_then(Pid::from_raw) else { continue };
        if parent_of(&folder, entry.file_name()) == Some(own) {
            act(pid);
        }
    }
}

/// Reads the parent's id from `/proc/<pid>/stat`: `pid (name) state ppid …`, where the name may hold anything.
fn parent_of(proc: &OwnedFd, pid: &CStr) -> Option<RawFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(proc, pid, flags, Mode::empty()).ok()?;
    let file = rustix::fs::openat(&folder, c"stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0_u8; 256];
    let length = rustix::io::read(file.as_fd(), &mut buffer).ok()?;
    let text = buffer.get(..length)?;
    let name_end = text.iter().rposition(|&byte| byte == b')')?;
    number(text.get(name_end + 1..)?.split(|&byte| byte == b' ').nth(2)?)
}

/// Reads what the scheduler tells of the main thread of a process from `/proc/<pid>/schedstat`: nanoseconds on a CPU and in
/// a run queue.
pub(super) fn scheduled(pid: Pid) -> Option<[u64; 2]> {
    let mut path = [0_u8; 32];
    write!(&mut path[..31], "{}/schedstat", pid.as_raw_nonzero()).ok()?;
    let path = CStr::from_bytes_until_nul(&path).ok()?;
    let proc = open_folder(c"/proc").ok()?;
    let file = rustix::fs::openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0_u8; 96];
    let length = rustix::io::read(&file, &mut buffer).ok()?;
    let mut numbers = buffer.get(..length)?.split(|&byte| byte == b' ').map(nanoseconds);
    Some([numbers.next()??, numbers.next()??])
}

fn nanoseconds(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

pub(super) fn open_folder(path: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

pub(super) fn number(digits: &[u8]) -> Option<RawFd> {
    let mut value: RawFd = 0;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| RawFd::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    (!digits.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_names_are_not() {
        assert_eq!(number(b"4194304"), Some(4_194_304));
        for text in [&b""[..], b"self", b"12a", b"-1", b"99999999999"] {
            assert_eq!(number(text), None);
        }
    }

    #[test]
    fn the_scheduler_tells_of_this_process() {
        let [on_cpu, _] = scheduled(rustix::process::getpid()).unwrap();
        assert!((1..3_600_000_000_000).contains(&on_cpu), "{on_cpu} ns");
        assert_eq!(scheduled(Pid::from_raw(i32::MAX).unwrap()), None);
        assert_eq!((nanoseconds(b"18446744073709551615"), nanoseconds(b"12\n")), (Some(u64::MAX), None));
    }

    #[test]
    fn the_parent_is_found() {
        let proc = open_folder(c"/proc").unwrap();
        let parent = std::os::unix::process::parent_id();
        assert_eq!(parent_of(&proc, c"self"), RawFd::try_from(parent).ok());
    }
}
