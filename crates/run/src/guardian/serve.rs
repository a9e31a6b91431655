//! The guardian's own side. It runs in a forked process: no allocation, no lock, no panic.

use std::ffi::{CStr, c_int};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::{Errno, FdFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, Signal};

use super::exchange::{CpuMask, Exchange, Order, Reply, Request, Step};

/// All that the guardian works with, made before it is forked.
pub(super) struct Tools {
    pub(super) socket: OwnedFd,
    /// A pidfd of the process that it serves.
    pub(super) parent: OwnedFd,
    pub(super) null: OwnedFd,
    /// The working directory of programs that ask for no other.
    pub(super) home: OwnedFd,
    pub(super) exchange: Exchange,
}

/// How often the guardian looks for descendants that have ended while a program runs, so that programs which
/// leave many to it do not fill the process table.
const HOUSEKEEPING: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// The time between SIGTERM and SIGKILL where the process that it serves is gone, in steps of a millisecond.
const LAST_GRACE: u32 = 300;

/// The time after which killing is given up, in steps of a millisecond: a process in an uninterruptible call of
/// the kernel does not die before the call ends.
const PATIENCE: u32 = 2_000;

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

fn exit(code: c_int) -> ! {
    // SAFETY: ends the process without running the host's exit handlers.
    unsafe { libc::_exit(code) }
}

fn serve(tools: &Tools) -> ! {
    prepare(tools);
    let mut state = State { tools, main: None, reply: Reply::empty(), cpus: affinity(), nice: niceness() };
    state.obey()
}

/// Sets the process up: own group, subreaper, no file of the host's.
fn prepare(tools: &Tools) {
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let _ = rustix::thread::set_name(c"festina-guard");
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
    let keep = [&tools.socket, &tools.parent, &tools.null, &tools.home].map(AsRawFd::as_raw_fd);
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

fn open_folder(path: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn number(digits: &[u8]) -> Option<RawFd> {
    let mut value: RawFd = 0;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| RawFd::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    (!digits.is_empty()).then_some(value)
}

fn affinity() -> CpuMask {
    let mut mask: CpuMask = [0; 128];
    // SAFETY: the kernel writes at most the length that it is given.
    unsafe { libc::sched_getaffinity(0, size_of::<CpuMask>(), mask.as_mut_ptr().cast()) };
    mask
}

fn niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap_or(0)
}

fn errno() -> i32 {
    // SAFETY: the address of this thread's errno is always valid.
    unsafe { *libc::__errno_location() }
}

struct State<'a> {
    tools: &'a Tools,
    /// The program that runs, if it has not been collected.
    main: Option<Pid>,
    reply: Reply,
    /// The affinity and niceness at the start of the guardian, for programs that ask for no other.
    cpus: CpuMask,
    nice: i32,
}

impl State<'_> {
    /// Does what it is told until the process that it serves is gone.
    fn obey(&mut self) -> ! {
        loop {
            match self.next_order() {
                Some((request, files)) => {
                    match request.order {
                        Order::Start => self.start(&request, &files),
                        Order::Collect => self.collect(),
                        Order::Kill => self.kill(),
                    }
                    self.answer();
                }
                None => self.end(),
            }
        }
    }

    /// Waits for an order; `None` if there will be none.
    fn next_order(&mut self) -> Option<(Request, [Option<OwnedFd>; 4])> {
        loop {
            let mut ready = [
                PollFd::new(&self.tools.socket, PollFlags::IN),
                PollFd::new(&self.tools.parent, PollFlags::IN),
            ];
            let timeout = self.main.is_some().then_some(&HOUSEKEEPING);
            match poll(&mut ready, timeout) {
                Ok(0) => self.collect_orphans(),
                Ok(_) if !ready[1].revents().is_empty() => return None,
                Ok(_) => return self.receive(),
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    fn receive(&self) -> Option<(Request, [Option<OwnedFd>; 4])> {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.tools.socket,
            &mut [IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        if received.ok()?.bytes == 0 {
            return None;
        }
        let mut files = [None, None, None, None];
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                for (file, slot) in received.zip(&mut files) {
                    *slot = Some(file);
                }
            }
        }
        Some((self.tools.exchange.request(), files))
    }

    fn answer(&mut self) {
        self.tools.exchange.set_reply(self.reply);
        let mut none = SendAncillaryBuffer::default();
        let _ = sendmsg(&self.tools.socket, &[IoSlice::new(b".")], &mut none, SendFlags::NOSIGNAL);
    }

    fn start(&mut self, request: &Request, files: &[Option<OwnedFd>; 4]) {
        self.reply = Reply::empty();
        match self.try_start(request, files) {
            Ok(pid) => {
                self.main = Pid::from_raw(pid);
                self.reply.pid = pid;
            }
            Err((step, errno)) => (self.reply.step, self.reply.errno) = (step, errno),
        }
        let _ = rustix::stdio::dup2_stdin(&self.tools.null);
        let _ = rustix::stdio::dup2_stdout(&self.tools.null);
        let _ = rustix::stdio::dup2_stderr(&self.tools.null);
        if request.has_directory {
            let _ = rustix::process::fchdir(&self.tools.home);
        }
    }

    fn try_start(&mut self, request: &Request, files: &[Option<OwnedFd>; 4]) -> Result<c_int, (Step, i32)> {
        let [Some(input), Some(output), Some(errors), directory] = files else {
            // The kernel drops files that exceed the limit of open ones.
            return Err((Step::Streams, libc::EMFILE));
        };
        let at = |step: Step| move |error: Errno| (step, error.raw_os_error());
        if request.has_directory {
            let directory = directory.as_ref().ok_or((Step::Streams, libc::EMFILE))?;
            rustix::process::fchdir(directory).map_err(at(Step::Directory))?;
        }
        rustix::stdio::dup2_stdin(input).map_err(at(Step::Streams))?;
        rustix::stdio::dup2_stdout(output).map_err(at(Step::Streams))?;
        rustix::stdio::dup2_stderr(errors).map_err(at(Step::Streams))?;
        self.set_affinity(request)?;
        let nice = if request.has_nice { request.nice } else { self.nice };
        if niceness() != nice {
            rustix::process::setpriority_process(None, nice).map_err(at(Step::Nice))?;
        }
        self.reply.floor_kib = own_max_rss();
        self.reply.started_ns = now_ns();
        spawn(&self.tools.exchange, request).map_err(|errno| (Step::Execute, errno))
    }

    fn set_affinity(&mut self, request: &Request) -> Result<(), (Step, i32)> {
        let wanted = if request.has_cpus { &request.cpus } else { &self.cpus };
        if affinity() == *wanted {
            return Ok(());
        }
        // SAFETY: the kernel reads the mask, which is as long as is said.
        let failed = unsafe { libc::sched_setaffinity(0, size_of::<CpuMask>(), wanted.as_ptr().cast()) } != 0;
        let error = if failed { errno() } else { libc::EINVAL };
        // The kernel silently leaves out the CPUs that a cpuset forbids.
        if affinity() == *wanted {
            return Ok(());
        }
        self.reply.cpus = if failed { self.cpus } else { affinity() };
        Err((Step::Affinity, error))
    }

    fn collect(&mut self) {
        if let Some(pid) = self.main
            && let Some((_, status)) = self.wait(pid.as_raw_nonzero().get(), 0)
        {
            self.reply.status = status;
            self.main = None;
        }
        self.reply.alive = self.collect_all();
    }

    /// Collects every child that has ended; returns whether there are others.
    fn collect_all(&mut self) -> bool {
        loop {
            match self.wait(-1, libc::WNOHANG) {
                Some((0, _)) => return true,
                Some((pid, status)) => self.note_main(pid, status),
                None => return false,
            }
        }
    }

    fn note_main(&mut self, pid: c_int, status: c_int) {
        if self.main.is_some_and(|main| main.as_raw_nonzero().get() == pid) {
            self.reply.status = status;
            self.main = None;
        }
    }

    /// Collects the ended children other than the program itself, whose `/proc` entry is still to be read.
    fn collect_orphans(&mut self) {
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
            // SAFETY: all zeros is a valid value, which the kernel overwrites.
            let pid = unsafe {
                match libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), flags) {
                    0 => info.assume_init().si_pid(),
                    _ => return,
                }
            };
            if pid == 0 || self.main.is_some_and(|main| main.as_raw_nonzero().get() == pid) {
                return;
            }
            self.wait(pid, libc::WNOHANG);
        }
    }

    /// Waits for `pid`, and adds what it used; returns process id and status, or `None` if there is no child.
    fn wait(&mut self, pid: c_int, options: c_int) -> Option<(c_int, c_int)> {
        let mut status = 0;
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: all zeros is a valid value for both, which the kernel overwrites.
        let (pid, usage) = unsafe {
            let pid = libc::wait4(pid, &raw mut status, options, usage.as_mut_ptr());
            (pid, usage.assume_init())
        };
        match pid {
            0 => Some((0, 0)),
            1.. => {
                self.add(&usage);
                Some((pid, status))
            }
            _ if errno() == libc::EINTR => self.wait(pid, options),
            _ => None,
        }
    }

    fn add(&mut self, usage: &libc::rusage) {
        let sum = &mut self.reply.collected;
        let microseconds = |time: &libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
        sum.user_us += microseconds(&usage.ru_utime);
        sum.system_us += microseconds(&usage.ru_stime);
        sum.max_rss_kib = sum.max_rss_kib.max(usage.ru_maxrss as u64);
        sum.minor_faults += usage.ru_minflt as u64;
        sum.major_faults += usage.ru_majflt as u64;
        sum.voluntary_switches += usage.ru_nvcsw as u64;
        sum.involuntary_switches += usage.ru_nivcsw as u64;
    }

    /// Kills and collects until nothing is left: orphans of the killed become children of the guardian, and are
    /// met in the next round.
    fn kill(&mut self) {
        self.reply.alive = self.kill_for(PATIENCE);
    }

    fn kill_for(&mut self, rounds: u32) -> bool {
        if let Some(main) = self.main {
            // The group goes at once, so that it cannot fork faster than it is killed.
            let _ = rustix::process::kill_process_group(main, Signal::KILL);
        }
        for _ in 0..rounds {
            if !self.collect_all() {
                return false;
            }
            for_each_child(|pid| {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            });
            pause_ms();
        }
        self.collect_all()
    }

    /// The process that it serves is gone: stops all that is left, and itself.
    fn end(&mut self) -> ! {
        if self.collect_all() {
            if let Some(main) = self.main {
                let _ = rustix::process::kill_process_group(main, Signal::TERM);
            }
            for_each_child(|pid| {
                let _ = rustix::process::kill_process(pid, Signal::TERM);
            });
            let mut rounds = LAST_GRACE;
            while rounds > 0 && self.collect_all() {
                pause_ms();
                rounds -= 1;
            }
            self.kill_for(10 * PATIENCE);
        }
        exit(0)
    }
}

/// Starts the program in a group of its own, with no signal blocked, and SIGPIPE as it was before this process
/// began to ignore it.
fn spawn(exchange: &Exchange, request: &Request) -> Result<c_int, i32> {
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

fn own_max_rss() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: all zeros is a valid value, which the kernel overwrites.
    unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init().ru_maxrss as u64
    }
}

fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn pause_ms() {
    let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 }));
}

/// Calls `act` on every child of this process, by a walk over `/proc`.
fn for_each_child(mut act: impl FnMut(Pid)) {
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
