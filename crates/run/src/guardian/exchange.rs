//! What a runner and its guardian tell each other: a page of plain values, and the strings of the program to
//! start, in memory that both map. The bytes on the socket between them are orders, and that there is a reply.

use std::io;
use std::mem::size_of;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, Ordering};

/// Arguments and environment may have 6 MiB on Linux, pointers included (`man 2 execve`).
const ARENA: usize = 8 << 20;

/// Up to 8,192 CPUs, the kernel's largest number on x86-64.
pub(super) type CpuMask = [u64; 128];

/// What the guardian says on the socket: that an order was obeyed; that a program which was begun has ended, or was not
/// started.
pub(super) const ANSWER: u8 = b'.';
pub(super) const EVENT: u8 = b'!';

/// What the guardian is to do: a byte on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    /// Start the program, and say so.
    Start,
    /// Start the program, and say when it has ended and is collected, with those of its descendants that have ended too;
    /// or why it was not started.
    Begin,
    /// Do not collect what was begun, unless it is collected already.
    Hold,
    /// Collect the program, which has ended, and all of its descendants that have ended too.
    Collect,
    /// Kill and collect all that is left.
    Kill,
}

impl Order {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Start, Self::Begin, Self::Hold, Self::Collect, Self::Kill]
            .into_iter()
            .find(|order| *order as u8 == byte)
    }
}

/// What to start: all pointers are into the arena.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Request {
    /// Offsets of the path and of the two null-terminated arrays of pointers.
    pub(super) path: usize,
    pub(super) arguments: usize,
    pub(super) environment: usize,
    pub(super) has_directory: bool,
    pub(super) has_cpus: bool,
    pub(super) cpus: CpuMask,
    pub(super) has_nice: bool,
    pub(super) nice: i32,
}

/// The step at which a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Step {
    Done,
    Streams,
    Directory,
    Affinity,
    Nice,
    Execute,
}

/// Resources of all processes that the guardian collected since the last start, themselves with the
/// descendants that they had waited for.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Collected {
    pub(crate) user_us: u64,
    pub(crate) system_us: u64,
    pub(crate) max_rss_kib: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Reply {
    pub(super) step: Step,
    pub(super) errno: i32,
    pub(super) pid: i32,
    /// `CLOCK_MONOTONIC` just before the start, in nanoseconds.
    pub(super) started_ns: u64,
    /// The guardian's own largest resident memory, which the kernel passes on to `ru_maxrss` of its children.
    pub(super) floor_kib: u64,
    /// The program's wait status.
    pub(super) status: i32,
    /// Whether some process is still alive.
    pub(super) alive: bool,
    pub(super) collected: Collected,
    /// `CLOCK_MONOTONIC` when a program that was begun had ended, in nanoseconds; 0 as long as it is not collected.
    pub(super) ended_ns: u64,
    /// What the scheduler told of it at its end, if it was asked: nanoseconds on a CPU and in a run queue.
    pub(super) has_scheduled: bool,
    pub(super) scheduled: [u64; 2],
    /// The CPUs that the kernel granted.
    pub(super) cpus: CpuMask,
}

impl Reply {
    pub(super) fn empty() -> Self {
        Self {
            step: Step::Done,
            errno: 0,
            pid: 0,
            started_ns: 0,
            floor_kib: 0,
            status: 0,
            alive: false,
            collected: Collected::default(),
            ended_ns: 0,
            has_scheduled: false,
            scheduled: [0; 2],
            cpus: [0; 128],
        }
    }
}

#[repr(C)]
struct Page {
    request: Request,
    reply: Reply,
    /// The program that runs or ran last, 0 before it is there: may be read at any time.
    program: AtomicI32,
}

const ARENA_OFFSET: usize = size_of::<Page>().next_multiple_of(4096);
const LENGTH: usize = ARENA_OFFSET + ARENA;

/// The memory that both map. By the protocol only one of them touches a part of it at any time: the guardian reads a request
/// between the order to start it and what it says of that, and the runner the reply behind the guardian's last byte.
pub(super) struct Exchange {
    page: NonNull<Page>,
}

// SAFETY: the mapping is owned by this value, and lives at the same address in every thread.
unsafe impl Send for Exchange {}

impl Exchange {
    pub(super) fn new() -> io::Result<Self> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory of ours.
        let address =
            unsafe { libc::mmap(ptr::null_mut(), LENGTH, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast()).map(|page| Self { page }).ok_or_else(io::Error::last_os_error)
    }

    pub(super) fn request(&self) -> Request {
        // SAFETY: mapped, aligned to a page, and written by the runner before the guardian is told to read.
        unsafe { ptr::read_volatile(&raw const (*self.page.as_ptr()).request) }
    }

    pub(super) fn set_request(&self, request: Request) {
        // SAFETY: mapped, aligned, and ours to write at this time.
        unsafe { ptr::write_volatile(&raw mut (*self.page.as_ptr()).request, request) }
    }

    pub(super) fn reply(&self) -> Reply {
        // SAFETY: as in `request`, the other way round.
        unsafe { ptr::read_volatile(&raw const (*self.page.as_ptr()).reply) }
    }

    pub(super) fn set_reply(&self, reply: Reply) {
        // SAFETY: as in `set_request`.
        unsafe { ptr::write_volatile(&raw mut (*self.page.as_ptr()).reply, reply) }
    }

    /// Returns the process id of the program that runs or ran last.
    pub(super) fn program(&self) -> i32 {
        self.program_id().load(Ordering::Relaxed)
    }

    pub(super) fn set_program(&self, pid: i32) {
        self.program_id().store(pid, Ordering::Relaxed);
    }

    fn program_id(&self) -> &AtomicI32 {
        // SAFETY: mapped, aligned, initialised by the kernel with 0, and touched as an atomic only.
        unsafe { &(*self.page.as_ptr()).program }
    }

    /// Returns the memory for strings and arrays of pointers.
    pub(super) fn arena(&mut self) -> &mut [u8] {
        // SAFETY: mapped, initialised by the kernel with zeros, and borrowed as long as the slice lives.
        unsafe { std::slice::from_raw_parts_mut(self.at::<u8>(0).cast_mut(), ARENA) }
    }

    /// Returns the address of `offset` in the arena, the same in both processes.
    pub(super) fn at<T>(&self, offset: usize) -> *const T {
        debug_assert!(offset < ARENA);
        // SAFETY: stays within the mapping.
        unsafe { self.page.as_ptr().cast::<u8>().add(ARENA_OFFSET + offset).cast() }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives this value.
        unsafe { libc::munmap(self.page.as_ptr().cast(), LENGTH) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut exchange = Exchange::new().unwrap();
        exchange.arena()[7] = 9;
        // SAFETY: offset 7 of the arena was just written.
        assert_eq!(unsafe { exchange.at::<u8>(7).read() }, 9);
        exchange.set_reply(Reply { pid: 42, ..Reply::empty() });
        assert_eq!((exchange.reply().pid, exchange.reply().step), (42, Step::Done));
    }
}
