//! Who works on what, in memory that a parent and its worker share.
//!
//! A batch of tasks lies in a *slot*: one atomic word with the next task to start (low half) and where the batch ends (high
//! half). The worker *claims* a task by moving the low half up; the parent *revokes* tasks that have not started by moving
//! the high half down. Both are one compare-and-swap, so that each task is either started or revoked, and whoever finds
//! the worker dead knows which task it died in.
//!
//! The first two words say which slot is worked on, and since when, by the monotonic clock; zero is never.

use std::ffi::c_void;
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::time::{ClockId, clock_gettime};

const SLOTS: usize = 64;
const WORDS: usize = SLOTS + 2;
const SIZE: usize = 4096;

/// Which tasks a worker has started.
#[pyclass(frozen, module = "festina._festina")]
pub(crate) struct Board {
    words: NonNull<AtomicU64>,
    fd: OwnedFd,
}

// SAFETY: the memory holds atomics only, and stays mapped as long as the board lives.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    fn map(fd: OwnedFd) -> PyResult<Self> {
        // SAFETY: a new mapping at an address that the kernel chooses.
        let address = unsafe {
            mmap(
                std::ptr::null_mut(),
                SIZE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                fd.as_fd(),
                0,
            )
        };
        let words = NonNull::new(address.map_err(std::io::Error::from)?.cast());
        Ok(Self { words: words.expect("a mapping is not at zero"), fd })
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < WORDS, "slots are counted from 0 to {SLOTS}");
        // SAFETY: the mapping has room for all words, all of which were zero at first.
        unsafe { self.words.add(index).as_ref() }
    }

    fn slot(&self, slot: usize) -> &AtomicU64 {
        self.word(slot + 2)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        let _ = unsafe { munmap(self.words.as_ptr().cast::<c_void>(), SIZE) };
    }
}

fn pack(next: u32, end: u32) -> u64 {
    u64::from(end) << 32 | u64::from(next)
}

fn unpack(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

/// Returns the monotonic clock in nanoseconds.
#[pyfunction]
pub(crate) fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[pymethods]
impl Board {
    /// Returns a new board, or that behind the file descriptor `fd`, which it takes over.
    #[new]
    #[pyo3(signature = (fd=None))]
    fn new(fd: Option<RawFd>) -> PyResult<Self> {
        let fd = match fd {
            // SAFETY: the caller gives the descriptor away.
            Some(fd) if fd >= 0 => unsafe { OwnedFd::from_raw_fd(fd) },
            Some(fd) => return Err(PyValueError::new_err(format!("{fd} is not a file descriptor"))),
            None => {
                let fd = memfd_create("festina-board", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
                ftruncate(&fd, SIZE as u64).map_err(std::io::Error::from)?;
                fd
            }
        };
        Self::map(fd)
    }

    /// Returns a file descriptor of the board's memory for a worker; whoever asked closes it.
    fn fd(&self) -> PyResult<RawFd> {
        Ok(self.fd.try_clone()?.into_raw_fd())
    }

    /// Offers `count` tasks in `slot`, which must be at rest.
    fn offer(&self, slot: usize, count: u32) {
        self.slot(slot).store(pack(0, count), Ordering::Release);
    }

    /// Claims the next task of `slot`, and notes when; `False` if the rest was revoked.
    fn claim(&self, slot: usize) -> bool {
        self.word(0).store(slot as u64 + 1, Ordering::Relaxed);
        self.word(1).store(now_ns(), Ordering::Relaxed);
        let claimed = self.slot(slot).fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
            let (next, end) = unpack(word);
            (next < end).then(|| pack(next + 1, end))
        });
        if claimed.is_err() {
            self.rest();
        }
        claimed.is_ok()
    }

    /// Notes that nothing is worked on.
    fn rest(&self) {
        self.word(1).store(0, Ordering::Relaxed);
    }

    /// Revokes up to `count` of the tasks of `slot` that have not started, the last first; returns how many.
    fn revoke(&self, slot: usize, count: u32) -> u32 {
        let mut revoked = 0;
        let _ = self.slot(slot).fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
            let (next, end) = unpack(word);
            revoked = count.min(end.saturating_sub(next));
            Some(pack(next, end - revoked))
        });
        revoked
    }

    /// Returns how many tasks of `slot` have started, and where its batch ends.
    fn state(&self, slot: usize) -> (u32, u32) {
        unpack(self.slot(slot).load(Ordering::Acquire))
    }

    /// Returns the slot that is worked on, and for how many seconds.
    fn working(&self) -> Option<(u64, f64)> {
        let since = self.word(1).load(Ordering::Relaxed);
        let slot = self.word(0).load(Ordering::Relaxed).checked_sub(1)?;
        (since > 0).then(|| (slot, now_ns().saturating_sub(since) as f64 * 1e-9))
    }
}
