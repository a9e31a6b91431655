//! The calls by which the guardian starts a program.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

use super::exchange::{CpuMask, Exchange, Request};

/// Starts the program in a group of its own, with no signal blocked, and SIGPIPE as it was before this process
/// began to ignore it.
pub(super) fn spawn(exchange: &Exchange, request: &Request) -> Result<c_int, i32> {
    let mut attributes = MaybeUninit::<libc::posix_spawnattr_t>::uninit();
    let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
    let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
    let mut pid = 0;
    // SAFETY: attributes and sets are initialised before they are used; the offsets lead to NUL-terminated strings
    // and null-terminated arrays that the runner laid out, mapped here at the same address.
    let errno = unsafe {
        libc::posix_spawnattr_init(attributes.as_mut_ptr());
        libc::posix_spawnattr_setflags(attributes.as_mut_ptr(), flags as libc::c_short);
        libc::posix_spawnattr_setpgroup(attributes.as_mut_ptr(), 0);
        libc::sigemptyset(signals.as_mut_ptr());
        libc::posix_spawnattr_setsigmask(attributes.as_mut_ptr(), signals.as_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
        libc::posix_spawnattr_setsigdefault(attributes.as_mut_ptr(), signals.as_ptr());
        libc::posix_spawn(
            &raw mut pid,
            exchange.at(request.path),
            ptr::null(),
            attributes.as_ptr(),
            exchange.at(request.arguments),
            exchange.at(request.environment),
        )
    };
    if errno == 0 { Ok(pid) } else { Err(errno) }
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
