//! Where a thread's machine code is, and who called it, by `perf_event_open`: asked to, the kernel notes instruction,
//! registers and the top of the stack of a thread that is on a CPU, without stopping it.
//!
//! Between [`StackSampler::start`] and [`StackSampler::stop`] a timer of the kernel's looks at the thread every twenty microseconds
//! of its time on CPUs; otherwise it costs the thread nothing. So the caller says when a thread is looked at, and what else it
//! reads of the thread then is of the same moment. The timer works in virtual machines without counters. It needs
//! `kernel.perf_event_paranoid` 2 or less, or the capability `CAP_PERFMON`; the usual filters of containers refuse it.

#![allow(unsafe_code, reason = "no safe wrapper of perf_event_open and its ring of samples exists")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// The start of `struct perf_event_attr` (`PERF_ATTR_SIZE_VER3`), which all kernels since 3.7 take.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config_1: u64,
    config_2: u64,
    branch_sample_type: u64,
    user_registers: u64,
    user_stack: u32,
    clock: i32,
}

const SOFTWARE: u32 = 1;
const TASK_CLOCK: u64 = 1;
/// Long enough that a thread that is put on a CPU is back in its own code; the kernel takes 10 µs at the least.
const PERIOD_NS: u64 = 20_000;
const SAMPLE_IP: u64 = 1;
const SAMPLE_CALLERS: u64 = 1 << 5;
const SAMPLE_REGISTERS: u64 = 1 << 12;
const SAMPLE_STACK: u64 = 1 << 13;
const DISABLED: u64 = 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
/// Of who called whom, the program's part is left out: it is told by registers and stack.
const EXCLUDE_CALLERS_OF_USER: u64 = 1 << 22;
/// Among the addresses of callers, those from here on are marks between parts (`PERF_CONTEXT_MAX`).
const FIRST_MARK: u64 = -4095_i64 as u64;
const CLOSE_ON_EXEC: u64 = 1 << 3;
/// `PERF_EVENT_IOC_ENABLE`, `PERF_EVENT_IOC_DISABLE`, and `PERF_EVENT_IOC_REFRESH`, which enables for as many samples as its
/// argument says.
const ENABLE: libc::Ioctl = 0x2400;
const DISABLE: libc::Ioctl = 0x2401;
const REFRESH: libc::Ioctl = 0x2402;

/// The registers by which stacks are unwound, as bits and in the order in which they are written: frame pointer, stack pointer,
/// instruction. Elsewhere than on x86-64, samples are of the instruction alone.
#[cfg(target_arch = "x86_64")]
const REGISTERS: u64 = 1 << 6 | 1 << 7 | 1 << 8;
#[cfg(not(target_arch = "x86_64"))]
const REGISTERS: u64 = 0;
/// How much of a stack is noted; the rest is read from the process's memory.
const STACK_BYTES: u32 = if REGISTERS == 0 { 0 } else { 8 << 10 };
/// The ring holds some samples; those for which there is no room are left out.
const RING_BYTES: usize = 32 << 10;

/// The type of a record that is a sample, and which part of its header tells whether the thread was in the kernel.
const RECORD_SAMPLE: u32 = 9;
const MODE_MASK: u64 = 7;
const MODE_KERNEL: u64 = 1;
/// The registers are those of 64-bit code.
const ABI_64: u64 = 2;
/// Where in the first page the kernel says how far it has written, and we how far we have read.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// Registers of a thread that runs 64-bit code, by which its stack is unwound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// The address of the instruction in the program, also while the thread is in the kernel.
    pub instruction: u64,
    /// The stack pointer.
    pub stack_pointer: u64,
    /// The register that points to the frame where the compiler keeps such a pointer.
    pub frame_pointer: u64,
}

/// A thread at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackSample {
    /// The address of the instruction.
    pub instruction: u64,
    /// Whether that is one of the kernel's.
    pub is_in_kernel: bool,
    /// The kernel's functions that the thread is in, by an address in each, the innermost first, where they are asked for.
    pub kernel: Vec<u64>,
    /// The registers of the program; `None` for 32-bit code.
    pub registers: Option<Registers>,
    /// The stack from the stack pointer on, as much of it as was noted.
    pub stack: Vec<u8>,
}

/// Notes where one thread is, when asked to.
#[derive(Debug)]
pub struct StackSampler {
    event: OwnedFd,
    /// The first page, and behind it the ring.
    pages: *mut u8,
    page: usize,
    sees_kernel: bool,
    /// Whether the kernel's functions are noted.
    has_callers: bool,
    /// Whether the one sample that was asked for is still to come.
    is_armed: bool,
}

// The pages are this value's alone on our side; the kernel writes to them only between `start` and `stop`.
unsafe impl Send for StackSampler {}

impl StackSampler {
    /// Prepares to note where the thread `tid` is; also in which of the kernel's functions, if those are asked for by `with_kernel`
    /// and may be seen.
    ///
    /// # Errors
    ///
    /// The kernel's: `PermissionDenied` where it is not allowed.
    pub fn open(tid: u32, with_kernel: bool) -> io::Result<Self> {
        let (callers, of_user) = if with_kernel { (SAMPLE_CALLERS, EXCLUDE_CALLERS_OF_USER) } else { (0, 0) };
        let (event, sees_kernel) = match open_event(tid, of_user, callers) {
            Ok(event) => (event, true),
            Err(_) => (open_event(tid, EXCLUDE_KERNEL, 0)?, false),
        };
        let has_callers = sees_kernel && with_kernel;
        let page = rustix::param::page_size();
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let pages = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                page + RING_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if pages == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { event, pages: pages.cast(), page, sees_kernel, has_callers, is_armed: false })
    }

    /// Returns whether a thread that is in the kernel is noted too.
    pub fn sees_kernel(&self) -> bool {
        self.sees_kernel
    }

    /// Begins to note; a thread that is on a CPU is noted some twenty microseconds later, once.
    pub fn start(&mut self) {
        // One that was not on a CPU the last time has its sample to come.
        if self.is_armed {
            self.control(ENABLE, 0);
        } else {
            self.control(REFRESH, 1);
        }
        self.is_armed = true;
    }

    /// Returns whether the thread has been noted since [`StackSampler::start`].
    pub fn has_sample(&self) -> bool {
        self.word(HEAD).load(Ordering::Acquire) != self.word(TAIL).load(Ordering::Relaxed)
    }

    /// Ends noting, fills `sample` with what was noted, and returns whether anything was.
    ///
    /// Should there be several notes, it is the first that is not in the kernel.
    pub fn stop(&mut self, sample: &mut StackSample) -> bool {
        self.control(DISABLE, 0);
        let head = self.word(HEAD).load(Ordering::Acquire);
        let mut tail = self.word(TAIL).load(Ordering::Relaxed);
        let mut is_found = false;
        while tail < head && (!is_found || sample.is_in_kernel) {
            let header = self.data(tail);
            let (kind, size) = (header as u32, header >> 48);
            // No record is shorter than its header; if one were, all would be lost.
            if size < 16 {
                break;
            }
            let is_in_kernel = header >> 32 & MODE_MASK == MODE_KERNEL;
            if kind == RECORD_SAMPLE && !(is_found && is_in_kernel) {
                self.read(tail + 8, tail + size, sample);
                sample.is_in_kernel = is_in_kernel;
                is_found = true;
            }
            tail += size;
        }
        self.word(TAIL).store(head, Ordering::Release);
        self.is_armed &= !is_found;
        is_found
    }

    /// Reads the sample from `at`; its record ends at `end`.
    fn read(&self, at: u64, end: u64, sample: &mut StackSample) {
        sample.instruction = self.data(at);
        sample.registers = None;
        sample.stack.clear();
        sample.kernel.clear();
        let mut abi = at + 8;
        if self.has_callers {
            let count = self.data(abi).min((end - abi) / 8 - 1);
            let callers = (1..=count).map(|index| self.data(abi + 8 * index));
            sample.kernel.extend(callers.filter(|address| *address < FIRST_MARK));
            abi += 8 * (1 + count);
        }
        if REGISTERS == 0 || abi >= end || self.data(abi) != ABI_64 {
            return;
        }
        let registers = [1, 2, 3].map(|index| self.data(abi + 8 * index));
        let [frame_pointer, stack_pointer, instruction] = registers;
        sample.registers = Some(Registers { instruction, stack_pointer, frame_pointer });
        let size = abi + 32;
        let length = self.data(size);
        if length == 0 || size + 8 + length + 8 > end {
            return;
        }
        // How much of it could be copied stands behind it.
        let copied = self.data(size + 8 + length).min(length);
        sample.stack.reserve(copied as usize);
        for offset in (0..copied).step_by(8) {
            sample.stack.extend_from_slice(&self.data(size + 8 + offset).to_ne_bytes());
        }
    }

    fn control(&self, request: libc::Ioctl, argument: libc::c_int) {
        // SAFETY: these requests take no pointer.
        unsafe { libc::ioctl(self.event.as_raw_fd(), request, argument) };
    }

    /// Returns the 8 bytes at `offset` of the samples, which are a ring.
    fn data(&self, offset: u64) -> u64 {
        let place = self.page + offset as usize % RING_BYTES;
        self.word(place).load(Ordering::Relaxed)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.page + RING_BYTES, "a word of the pages");
        // SAFETY: it lies within the pages, which live as long as `self`, and is aligned; the kernel writes whole words.
        unsafe { AtomicU64::from_ptr(self.pages.add(offset).cast()) }
    }
}

impl Drop for StackSampler {
    fn drop(&mut self) {
        // SAFETY: the pages were mapped by us, and nothing refers to them any more.
        unsafe { libc::munmap(self.pages.cast(), self.page + RING_BYTES) };
    }
}

/// Opens the event of the thread `tid`, which is not noted yet: without what is `excluded`, with `more` in each sample.
fn open_event(tid: u32, excluded: u64, more: u64) -> io::Result<OwnedFd> {
    let with_stack = if REGISTERS == 0 { 0 } else { SAMPLE_REGISTERS | SAMPLE_STACK };
    let attributes = Attributes {
        kind: SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: TASK_CLOCK,
        period: PERIOD_NS,
        sample_type: SAMPLE_IP | more | with_stack,
        flags: DISABLED | EXCLUDE_HYPERVISOR | excluded,
        user_registers: REGISTERS,
        user_stack: STACK_BYTES,
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
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::*;

    #[inline(never)]
    fn spin(is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            std::hint::black_box(());
        }
    }

    #[test]
    fn a_thread_that_computes_is_noted_with_its_stack_when_asked() {
        let is_over = AtomicBool::new(false);
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let local = 0_u64;
                let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
                send.send((tid, &raw const local as u64)).unwrap();
                spin(&is_over);
            });
            let (tid, local) = receive.recv().unwrap();
            let found = StackSampler::open(tid, true).map(|mut sampler| look(&mut sampler, local));
            is_over.store(true, Ordering::Relaxed);
            match found {
                Ok(seen) => assert!(seen >= 5, "{seen}"),
                // Where it is refused, that is what is to be told.
                Err(error) => assert!(
                    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported),
                    "{error}"
                ),
            }
        });
    }

    /// Returns how often the thread with a variable at the address `local` was seen in 50 looks.
    fn look(sampler: &mut StackSampler, local: u64) -> u32 {
        let own = spin as fn(&AtomicBool) as usize as u64;
        let mut seen = 0;
        let mut sample = StackSample::default();
        for _ in 0..50 {
            sampler.start();
            let begin = Instant::now();
            while !sampler.has_sample() && begin.elapsed() < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            if !sampler.stop(&mut sample) {
                continue;
            }
            // Who is in the kernel is in functions of it, if they may be seen.
            assert_eq!(!sample.kernel.is_empty(), sample.is_in_kernel && sampler.has_callers, "{sample:x?}");
            if sample.is_in_kernel {
                continue;
            }
            seen += 1;
            assert!(sample.instruction.abs_diff(own) < 1 << 24, "{:x} near {own:x}", sample.instruction);
            let Some(registers) = sample.registers else { continue };
            assert_eq!(registers.instruction, sample.instruction);
            let top = registers.stack_pointer;
            assert!(top < local && local - top < sample.stack.len() as u64, "{top:x} below {local:x}");
        }
        // Nothing is noted unless asked.
        std::thread::sleep(Duration::from_millis(5));
        assert!(!sampler.has_sample());
        seen
    }

    #[test]
    fn a_thread_that_never_was_has_none() {
        assert!(StackSampler::open(u32::MAX >> 1, false).is_err());
    }
}
