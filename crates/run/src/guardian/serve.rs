//! The guardian's own side. It runs in a forked process: no allocation, no lock, no panic.

use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, Signal};

use super::children::{for_each_child, scheduled};
use super::exchange::{ANSWER, CpuMask, EVENT, Order, Reply, Request, Step};
use super::setup::{Tools, exit, prepare};
use super::start::{affinity, errno, niceness, now_ns, own_max_rss, spawn};

/// How often the guardian looks for descendants that have ended while a program runs, so that programs which
/// leave many to it do not fill the process table.
const HOUSEKEEPING: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Of a begun program that ended sooner the scheduler is not asked.
const BRIEF_NS: u64 = 2_000_000;

/// The time between SIGTERM and SIGKILL where the process that it serves is gone, in steps of a millisecond.
const LAST_GRACE: u32 = 300;

/// The time after which killing is given up, in steps of a millisecond: a process in an uninterruptible call of
/// the kernel does not die before the call ends.
const PATIENCE: u32 = 2_000;

/// Serves until the process that it serves is gone.
pub(super) fn serve(tools: &Tools) -> ! {
    prepare(tools);
    let (cpus, nice) = (affinity(), niceness());
    let mut state = State { tools, main: None, watched: None, reply: Reply::empty(), cpus, nice };
    state.obey()
}

struct State<'a> {
    tools: &'a Tools,
    /// The program that runs, if it has not been collected.
    main: Option<Pid>,
    /// A pidfd of the program, if it is to be collected as soon as it ends.
    watched: Option<OwnedFd>,
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
                Some((order, files)) => {
                    match order {
                        Order::Start => self.start(&files, false),
                        Order::Begin => {
                            self.start(&files, true);
                            if self.main.is_none() {
                                self.say(EVENT);
                            }
                            continue;
                        }
                        Order::Hold => self.watched = None,
                        Order::Collect => self.collect(),
                        Order::Kill => self.kill(),
                    }
                    self.say(ANSWER);
                }
                None => self.end(),
            }
        }
    }

    /// Waits for an order; `None` if there will be none.
    fn next_order(&mut self) -> Option<(Order, [Option<OwnedFd>; 4])> {
        loop {
            let watched = self.watched.as_ref();
            let mut ready = [&self.tools.socket, &self.tools.parent, watched.unwrap_or(&self.tools.parent)]
                .map(|file| PollFd::new(file, PollFlags::IN));
            let timeout = self.main.is_some().then_some(&HOUSEKEEPING);
            let n_ready = poll(&mut ready[..2 + usize::from(watched.is_some())], timeout);
            let [has_order, is_alone, has_ended] = ready.map(|file| !file.revents().is_empty());
            match n_ready {
                Ok(0) => self.collect_orphans(),
                Ok(_) if is_alone => return None,
                Ok(_) if has_ended => self.tell_end(),
                Ok(_) if has_order => return self.receive(),
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    fn receive(&self) -> Option<(Order, [Option<OwnedFd>; 4])> {
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
        Some((Order::from_byte(byte[0])?, files))
    }

    fn say(&mut self, byte: u8) {
        self.tools.exchange.set_reply(self.reply);
        let mut none = SendAncillaryBuffer::default();
        let _ = sendmsg(&self.tools.socket, &[IoSlice::new(&[byte])], &mut none, SendFlags::NOSIGNAL);
    }

    /// Collects the program, which was begun and has ended, and says so.
    fn tell_end(&mut self) {
        let now = now_ns();
        if let Some(main) = self.main.filter(|_| now >= self.reply.started_ns + BRIEF_NS) {
            // It is a zombie now: its counters are final, and can still be read.
            let scheduled = scheduled(main);
            (self.reply.has_scheduled, self.reply.scheduled) =
                (scheduled.is_some(), scheduled.unwrap_or_default());
        }
        self.collect();
        self.reply.ended_ns = now;
        self.say(EVENT);
    }

    fn start(&mut self, files: &[Option<OwnedFd>; 4], is_watched: bool) {
        self.reply = Reply::empty();
        match self.try_start(&self.tools.exchange.request(), files, is_watched) {
            Ok((pid, watched)) => {
                (self.main, self.watched) = (Pid::from_raw(pid), watched);
                self.reply.pid = pid;
            }
            Err((step, errno)) => (self.reply.step, self.reply.errno) = (step, errno),
        }
    }

    fn try_start(
        &mut self,
        request: &Request,
        files: &[Option<OwnedFd>; 4],
        is_watched: bool,
    ) -> Result<(c_int, Option<OwnedFd>), (Step, i32)> {
        let [Some(input), Some(output), Some(errors), directory] = files else {
            // The kernel drops files that exceed the limit of open ones.
            return Err((Step::Streams, libc::EMFILE));
        };
        if request.has_directory && directory.is_none() {
            return Err((Step::Streams, libc::EMFILE));
        }
        self.set_affinity(request)?;
        let nice = if request.has_nice { request.nice } else { self.nice };
        if niceness() != nice {
            rustix::process::setpriority_process(None, nice)
                .map_err(|error| (Step::Nice, error.raw_os_error()))?;
        }
        self.reply.started_ns = now_ns();
        let streams = [input, output, errors].map(AsFd::as_fd);
        let directory = directory.as_ref().map(AsFd::as_fd);
        let started = spawn(&self.tools.exchange, request, streams, directory, is_watched)?;
        self.reply.floor_kib = own_max_rss();
        Ok(started)
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
            self.note_main(pid.as_raw_nonzero().get(), status);
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
            (self.main, self.watched) = (None, None);
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

fn pause_ms() {
    let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 }));
}
