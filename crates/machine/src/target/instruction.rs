//! Where a thread's machine code is, by `perf_event_open`: the kernel notes the instruction at which a thread is, so many
//! times a second of its time on CPUs.
//!
//! The clock is the kernel's own timer, so that it works in virtual machines without counters. It needs
//! `kernel.perf_event_paranoid` 2 or less, or the capability `CAP_PERFMON`; the usual filters of containers refuse it.

#![allow(unsafe_code, reason = "no safe wrapper of perf_event_open and its ring of samples exists")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// The start of `struct perf_event_attr` (`PERF_ATTR_SIZE_VER0`), which all kernels take.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    frequency: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

const SOFTWARE: u32 = 1;
const TASK_CLOCK: u64 = 1;
/// A sample is the address of the instruction.
const SAMPLE_IP: u64 = 1;
/// Not the kernel's nor the hypervisor's instructions; the frequency is in samples a second.
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const BY_FREQUENCY: u64 = 1 << 10;
const CLOSE_ON_EXEC: u64 = 1 << 3;

/// The type of a record that is a sample.
const RECORD_SAMPLE: u32 = 9;
/// Where in the first page the kernel says how far it has written, and we how far we have read.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// Notes at which instruction one thread is.
#[derive(Debug)]
pub struct InstructionSampler {
    _event: OwnedFd,
    /// The first page, and behind it one of samples.
    pages: *mut u8,
    page: usize,
}

// The pages are this value's alone on our side; what the kernel writes is read through atomics.
unsafe impl Send for InstructionSampler {}

impl InstructionSampler {
    /// Begins to note the instructions of the thread `tid`, `rate_hz` times a second of its time on CPUs.
    ///
    /// # Errors
    ///
    /// The kernel's: `PermissionDenied` where it is not allowed.
    pub fn open(tid: u32, rate_hz: u64) -> io::Result<Self> {
        let attributes = Attributes {
            kind: SOFTWARE,
            size: size_of::<Attributes>() as u32,
            config: TASK_CLOCK,
            frequency: rate_hz,
            sample_type: SAMPLE_IP,
            flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | BY_FREQUENCY,
            ..Attributes::default()
        };
        // SAFETY: the kernel reads `size` bytes of the attributes, and keeps no pointer to them.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                tid.cast_signed(),
                -1,
                -1,
                CLOSE_ON_EXEC,
            )
        };
        let event = i32::try_from(event).map_err(|_| io::ErrorKind::InvalidData)?;
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        let page = rustix::param::page_size();
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let pages = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                2 * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if pages == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { _event: event, pages: pages.cast(), page })
    }

    /// Returns the instruction that was noted last since this was called before; `None` if none was.
    pub fn latest(&mut self) -> Option<u64> {
        let head = self.word(HEAD).load(Ordering::Acquire);
        let mut tail = self.word(TAIL).load(Ordering::Relaxed);
        let mut latest = None;
        while tail < head {
            let header = self.data(tail);
            let (kind, size) = (header as u32, header >> 48);
            if kind == RECORD_SAMPLE {
                latest = Some(self.data(tail + 8));
            }
            // No record has no length; if one had, all would be lost.
            tail = if size == 0 { head } else { tail + size };
        }
        self.word(TAIL).store(head, Ordering::Release);
        latest
    }

    /// Returns the 8 bytes at `offset` of the samples, which are a ring.
    fn data(&self, offset: u64) -> u64 {
        let place = self.page + offset as usize % self.page;
        self.word(place).load(Ordering::Relaxed)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= 2 * self.page, "a word of the pages");
        // SAFETY: it lies within the two pages, which live as long as `self`, and is aligned; the kernel writes whole words.
        unsafe { AtomicU64::from_ptr(self.pages.add(offset).cast()) }
    }
}

impl Drop for InstructionSampler {
    fn drop(&mut self) {
        // SAFETY: the pages were mapped by us, and nothing refers to them any more.
        unsafe { libc::munmap(self.pages.cast(), 2 * self.page) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn spin(turns: u64) -> u64 {
        (0..turns).fold(1, |sum, turn| std::hint::black_box(sum ^ turn))
    }

    #[test]
    fn the_instructions_of_a_loop_are_those_of_its_function() {
        let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        let mut sampler = match InstructionSampler::open(tid, 1_000) {
            Ok(sampler) => sampler,
            Err(error) => {
                // Where it is refused, that is what is to be told.
                assert!(
                    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported),
                    "{error}"
                );
                return;
            }
        };
        let own = spin as fn(u64) -> u64 as usize as u64;
        let mut seen = 0;
        for _ in 0..40 {
            spin(2_000_000);
            if let Some(instruction) = sampler.latest() {
                assert!(instruction.abs_diff(own) < 1 << 24, "{instruction:x} near {own:x}");
                seen += 1;
            }
        }
        assert!(seen >= 5, "{seen}");
        let first = sampler.latest();
        assert_eq!(sampler.latest().filter(|_| first.is_none()), None);
    }

    #[test]
    fn a_thread_that_never_was_has_none() {
        assert!(InstructionSampler::open(u32::MAX >> 1, 1_000).is_err());
    }
}
