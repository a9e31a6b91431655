//! The calls by which the guardian starts a program.
//!
//! As `posix_spawn` does, the new process shares the guardian's memory until it executes the program, and the guardian waits for
//! that: nothing is copied. What `posix_spawn` does beyond, asking for the action of every signal in each new process, is not
//! needed here: the guardian has no handlers, see [`forget_handlers`].

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use super::exchange::{CpuMask, Exchange, Request, Step};

/// What the new process calls before it executes the program takes less than a page.
const STACK: usize = 32 << 10;

/// The largest number of a signal on Linux.
const SIGNALS: c_int = 64;

/// What the new process works with; it lives in the guardian's memory.
struct Birth<'a> {
    exchange: &'a Exchange,
    path: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    streams: [c_int; 3],
    /// −1 if it stays where the guardian is.
    directory: c_int,
    /// Where and why it failed.
    failure: Option<(Step, i32)>,
}

/// Starts the program with these files in a group of its own, with no signal blocked, and SIGPIPE as it was before
/// this process began to ignore it; returns its process id, and a pidfd if it `is_watched`.
pub(super) fn spawn(
    exchange: &Exchange,
    request: &Request,
    streams: [BorrowedFd<'_>; 3],
    directory: Option<BorrowedFd<'_>>,
    is_watched: bool,
) -> Result<(c_int, Option<OwnedFd>), (Step, i32)> {
    let mut birth = Birth {
        exchange,
        path: exchange.at(request.path),
        arguments: exchange.at(request.arguments),
        environment: exchange.at(request.environment),
        streams: streams.map(|stream| stream.as_raw_fd()),
        directory: directory.map_or(-1, |directory| directory.as_raw_fd()),
        failure: None,
    };
    let mut stack = MaybeUninit::<[u128; STACK / size_of::<u128>()]>::uninit();
    let watched = if is_watched { libc::CLONE_PIDFD } else { 0 };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | watched;
    let mut pidfd: c_int = -1;
    // SAFETY: this process is suspended until the new one has executed the program or ended, so that the stack and `birth`
    // outlive its use of them; the end of an array of u128 is aligned as a stack must be.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(1).cast::<c_void>();
        libc::clone(be_born, top, flags, (&raw mut birth).cast(), &raw mut pidfd)
    };
    let failed = errno();
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
    // SAFETY: the new process, which wrote it through the pointer, no longer runs in this memory.
    match unsafe { ptr::read_volatile(&raw const birth.failure) } {
        _ if pid < 0 => Err((Step::Execute, failed)),
        None => Ok((pid, pidfd)),
        Some(failure) => {
            // SAFETY: collects the process, which has ended; its status is not asked for.
            unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
            Err(failure)
        }
    }
}

/// The new process, from its first instruction to the program's.
extern "C" fn be_born(birth: *mut c_void) -> c_int {
    let birth = birth.cast::<Birth<'_>>();
    // SAFETY: `birth` is the guardian's, which waits, so that nobody else uses it; the strings and arrays that it leads to are
    // terminated as the runner laid them out; only async-signal-safe calls are made.
    unsafe {
        let step = (*birth).execute();
        ptr::write_volatile(&raw mut (*birth).failure, Some((step, errno())));
        libc::_exit(127)
    }
}

impl Birth<'_> {
    /// Returns only if a step failed: which one.
    ///
    /// # Safety
    ///
    /// To be called in a process of its own, with pointers that lead to what `execve` takes.
    unsafe fn execute(&self) -> Step {
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the set is initialised before it is used; the rest is the caller's promise.
        unsafe {
            if self.directory >= 0 && libc::fchdir(self.directory) != 0 {
                return Step::Directory;
            }
            for (number, stream) in (0..).zip(self.streams) {
                if libc::dup2(stream, number) < 0 {
                    return Step::Streams;
                }
            }
            libc::setpgid(0, 0);
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
            // The guardian may be killed before it goes on.
            self.exchange.set_program(libc::getpid());
            libc::execve(self.path, self.arguments, self.environment);
        }
        Step::Execute
    }
}

/// Gives every signal that the host handles its default action; those that are ignored stay ignored. No handler of the
/// host's can then run in a process that shares the guardian's memory.
pub(super) fn forget_handlers() {
    for signal in 1..=SIGNALS {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all zeros is a valid value, which the kernel overwrites; signals that cannot be asked about are refused.
        unsafe {
            let is_known = libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0;
            if is_known && action.assume_init().sa_sigaction != libc::SIG_IGN {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

pub(super) fn own_max_rss() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: all zeros is a valid value, which the kernel overwrites.
    unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init().ru_maxrss as u64
    }
}

pub(super) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub(super) fn affinity() -> CpuMask {
    let mut mask: CpuMask = [0; 128];
    // SAFETY: the kernel writes at most the length that it is given.
    unsafe { libc::sched_getaffinity(0, size_of::<CpuMask>(), mask.as_mut_ptr().cast()) };
    mask
}

pub(super) fn niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap_or(0)
}

pub(super) fn errno() -> i32 {
    // SAFETY: the address of this thread's errno is always valid.
    unsafe { *libc::__errno_location() }
}
