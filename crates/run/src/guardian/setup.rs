//! From the fork to the first order: the guardian becomes a process of its own.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use rustix::fs::RawDir;
use rustix::io::FdFlags;
use rustix::process::Pid;

use super::children::{number, open_folder};
use super::exchange::Exchange;
use super::serve::serve;
use super::start::forget_handlers;

/// All that the guardian works with, made before it is forked.
pub(super) struct Tools {
    pub(super) socket: OwnedFd,
    /// A pidfd of the process that it serves.
    pub(super) parent: OwnedFd,
    pub(super) null: OwnedFd,
    pub(super) exchange: Exchange,
}

/// Forks the guardian and returns its process id; in the child it never returns.
pub(super) fn fork(tools: &Tools) -> io::Result<Pid> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut former = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sets of signals on the stack, initialised by the calls before they are read. All signals are blocked
    // over the fork, so that no handler of the host runs in the child.
    let pid = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), former.as_mut_ptr());
        libc::fork()
    };
    if pid == 0 {
        let _abort = ExitOnUnwind;
        serve(tools);
    }
    let error = io::Error::last_os_error();
    // SAFETY: `former` was initialised by the first call.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, former.as_ptr(), ptr::null_mut()) };
    Pid::from_raw(pid).filter(|pid| pid.as_raw_nonzero().get() > 0).ok_or(error)
}

/// Keeps a panic from unwinding into the copy of the host's code.
struct ExitOnUnwind;

impl Drop for ExitOnUnwind {
    fn drop(&mut self) {
        exit(70);
    }
}

pub(super) fn exit(code: c_int) -> ! {
    // SAFETY: ends the process without running the host's exit handlers.
    unsafe { libc::_exit(code) }
}

/// Sets the process up: own group, subreaper, no file of the host's.
pub(super) fn prepare(tools: &Tools) {
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let _ = rustix::thread::set_name(c"festina-guard");
    forget_handlers();
    // SAFETY: a host that ignores SIGCHLD would take the exit status from us.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    close_files_of_the_host(tools);
    let _ = rustix::stdio::dup2_stdin(&tools.null);
    let _ = rustix::stdio::dup2_stdout(&tools.null);
    let _ = rustix::stdio::dup2_stderr(&tools.null);
}

/// Closes what an `exec` would have closed. Files without close-on-exec are meant for programs (a jobserver, a
/// process substitution), and stay.
fn close_files_of_the_host(tools: &Tools) {
    let keep = [&tools.socket, &tools.parent, &tools.null].map(AsRawFd::as_raw_fd);
    let Ok(folder) = open_folder(c"/proc/self/fd") else { return };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(fd) = number(entry.file_name().to_bytes()) else { continue };
        if fd < 3 || fd == folder.as_raw_fd() || keep.contains(&fd) {
            continue;
        }
        // SAFETY: only asks for a flag of a number; no one in this process uses the file behind it.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        if flags >= 0 && FdFlags::from_bits_retain(flags.unsigned_abs()).contains(FdFlags::CLOEXEC) {
            // SAFETY: the owner of the file is the host's copy of memory, which is never run again.
            unsafe { libc::close(fd) };
        }
    }
}
