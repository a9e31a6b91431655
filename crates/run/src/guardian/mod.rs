//! The guardian: a small process between this one and the programs that it runs.
//!
//! It is forked when a runner is made, is the subreaper of all that is started through it
//! (`PR_SET_CHILD_SUBREAPER`), and does three things on request: start a program, collect what has ended, kill
//! what is left. Every descendant of the program is a descendant of the guardian for as long as it lives, whatever
//! it does with sessions, groups and double forks; and when this process dies, however suddenly, the guardian
//! sees it (a pidfd) and kills them all.
//!
//! After a fork in a process with threads only async-signal-safe code may run, so the child's side, in `serve`,
//! allocates nothing and takes no lock.
#![expect(unsafe_code, reason = "fork, posix_spawn, wait4 and shared memory have no safe interface")]

mod children;
mod exchange;
mod serve;
mod setup;
mod start;
mod strings;

use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use festina_machine::CpuSet;
use festina_machine::process::Scheduled;
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketFlags, SocketType,
};
use rustix::process::{Pid, PidfdFlags, WaitOptions};

pub(crate) use exchange::Collected;
use exchange::{ANSWER, CpuMask, Exchange, Order, Reply, Request, Step};

use crate::lookup::explain;
use crate::{Launch, RunError};

/// This process's end of the guardian; dropping it kills what is left, and the guardian.
pub(crate) struct Guardian {
    pid: Pid,
    socket: OwnedFd,
    exchange: Exchange,
    /// Whether something below it does not die.
    is_stuck: bool,
}

/// A program that was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub(crate) pid: Pid,
    /// `CLOCK_MONOTONIC` just before the start, in nanoseconds.
    pub(crate) at_ns: u64,
    /// What `ru_maxrss` says at least, whatever the program uses, in KiB.
    pub(crate) floor_kib: u64,
}

/// What the guardian collected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collection {
    /// The program's wait status.
    pub(crate) status: i32,
    /// Whether some descendant is still alive.
    pub(crate) alive: bool,
    pub(crate) resources: Collected,
}

/// What became of a program that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begun {
    /// It runs, and is to be collected.
    Runs(Started),
    /// It has ended.
    Ended(Ended),
}

/// A program that was begun, and has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) started: Started,
    /// `CLOCK_MONOTONIC` at its end, in nanoseconds.
    pub(crate) at_ns: u64,
    /// What the scheduler told of its main thread, unless it was brief.
    pub(crate) scheduled: Option<Scheduled>,
    pub(crate) collection: Collection,
}

/// The files that a program is given: standard input, output, error, and its working directory.
pub(crate) struct Files<'a> {
    pub(crate) streams: [BorrowedFd<'a>; 3],
    pub(crate) directory: Option<BorrowedFd<'a>>,
}

fn lost(doing: &'static str) -> impl FnOnce(rustix::io::Errno) -> RunError {
    move |error| RunError::Guardian { doing, source: error.into() }
}

impl Guardian {
    /// Forks the guardian.
    pub(crate) fn new() -> Result<Self, RunError> {
        let fail = lost("could not be started");
        Self::fork()
            .map_err(|error| fail(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)))
    }

    fn fork() -> io::Result<Self> {
        // What libraries do at a fork is not always safe for two at a time: OpenBLAS ends its threads, and waits for ever
        // where another fork did so as well. The guardian takes no lock: what it inherits of this one does not matter.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = Exchange::new()?;
        let (socket, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let parent = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let tools = setup::Tools { socket: theirs, parent, null, exchange };
        let pid = setup::fork(&tools)?;
        Ok(Self { pid, socket, exchange: tools.exchange, is_stuck: false })
    }

    /// Returns the error of a guardian that is gone.
    pub(crate) fn lost() -> RunError {
        lost("is gone")(rustix::io::Errno::PIPE)
    }

    /// Returns the guardian's process id: all programs are its descendants, and it has no others.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Returns what becomes readable when the guardian is gone.
    pub(crate) fn lifeline(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Starts the file `path` as `launch` says; returns when it runs.
    pub(crate) fn start(
        &mut self,
        path: &Path,
        launch: &Launch,
        files: &Files<'_>,
    ) -> Result<Started, RunError> {
        self.request(Order::Start, path, launch, files)?;
        let reply = self.answer()?;
        refuse(&reply, path, launch)?;
        started(&reply)
    }

    /// Begins to start the file `path` as `launch` says, and does not wait for it. Once the program has ended and is
    /// collected, or could not be started, the lifeline is readable, and [`ended`](Self::ended) is to be asked.
    pub(crate) fn begin(&mut self, path: &Path, launch: &Launch, files: &Files<'_>) -> Result<(), RunError> {
        self.request(Order::Begin, path, launch, files)
    }

    /// Returns how the program ended that was begun with these.
    pub(crate) fn ended(&mut self, path: &Path, launch: &Launch) -> Result<Begun, RunError> {
        self.receive()?;
        begun(&self.exchange.reply(), path, launch)
    }

    /// Keeps the program that was begun with these from being collected, if it runs.
    pub(crate) fn hold(&mut self, path: &Path, launch: &Launch) -> Result<Begun, RunError> {
        let reply = self.order(Order::Hold)?;
        begun(&reply, path, launch)
    }

    /// Returns the process id of the program that runs or ran last, as far as is known.
    pub(crate) fn program(&self) -> Option<Pid> {
        Pid::from_raw(self.exchange.program())
    }

    /// Collects the program, which has ended, and those of its descendants that have.
    pub(crate) fn collect(&mut self) -> Result<Collection, RunError> {
        self.order(Order::Collect).map(|reply| collection(&reply))
    }

    /// Kills and collects all that is left.
    pub(crate) fn kill(&mut self) -> Result<Collection, RunError> {
        let collection = self.order(Order::Kill).map(|reply| collection(&reply))?;
        self.is_stuck |= collection.alive;
        Ok(collection)
    }

    /// Returns whether something below it did not die when it was killed.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    fn request(
        &mut self,
        order: Order,
        path: &Path,
        launch: &Launch,
        files: &Files<'_>,
    ) -> Result<(), RunError> {
        let base = self.exchange.at::<u8>(0).addr();
        let layout = strings::lay_out(self.exchange.arena(), base, path, launch)?;
        let cpus = launch.cpus.as_ref().map(mask).transpose()?;
        self.exchange.set_request(Request {
            path: layout.path,
            arguments: layout.arguments,
            environment: layout.environment,
            has_directory: files.directory.is_some(),
            has_cpus: cpus.is_some(),
            cpus: cpus.unwrap_or([0; 128]),
            has_nice: launch.nice.is_some(),
            nice: launch.nice.unwrap_or(0),
        });
        self.exchange.set_program(0);
        let [input, output, errors] = files.streams;
        let all = [input, output, errors, files.directory.unwrap_or(input)];
        self.send(order, &all[..3 + usize::from(files.directory.is_some())])
    }

    fn order(&mut self, order: Order) -> Result<Reply, RunError> {
        self.send(order, &[])?;
        self.answer()
    }

    /// Gives an order to the guardian, with `files`.
    fn send(&self, order: Order, files: &[BorrowedFd<'_>]) -> Result<(), RunError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(files));
        }
        let byte = [order as u8];
        let bytes = [IoSlice::new(&byte)];
        retry_on_intr(|| rustix::net::sendmsg(&self.socket, &bytes, &mut control, SendFlags::NOSIGNAL))
            .map_err(lost("is gone"))?;
        Ok(())
    }

    /// Waits for the answer to an order. What became meanwhile of a program that was begun, the answer tells as well.
    fn answer(&self) -> Result<Reply, RunError> {
        while self.receive()? != ANSWER {}
        Ok(self.exchange.reply())
    }

    /// Waits for a byte of the guardian's.
    fn receive(&self) -> Result<u8, RunError> {
        let mut byte = [0];
        let mut none = RecvAncillaryBuffer::default();
        let received = retry_on_intr(|| {
            let mut slices = [IoSliceMut::new(&mut byte)];
            rustix::net::recvmsg(&self.socket, &mut slices, &mut none, RecvFlags::empty())
        })
        .map_err(lost("is gone"))?;
        if received.bytes == 0 { Err(Self::lost()) } else { Ok(byte[0]) }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(self.socket.as_fd(), rustix::net::Shutdown::Both);
        if self.is_stuck {
            // It goes on trying, and would keep us waiting.
            return;
        }
        // Fails only where the host process collects all of its children itself.
        let _ = retry_on_intr(|| rustix::process::waitpid(Some(self.pid), WaitOptions::empty()));
    }
}

fn mask(cpus: &CpuSet) -> Result<CpuMask, RunError> {
    let mut mask = [0_u64; 128];
    for cpu in cpus.iter() {
        let word = mask.get_mut(cpu as usize / 64);
        *word.ok_or_else(|| RunError::Affinity { wanted: cpus.clone(), usable: CpuSet::new() })? |=
            1 << (cpu % 64);
    }
    Ok(mask)
}

fn unmask(mask: &CpuMask) -> CpuSet {
    (0..128 * 64).filter(|cpu| mask[*cpu as usize / 64] >> (cpu % 64) & 1 == 1).collect()
}

fn started(reply: &Reply) -> Result<Started, RunError> {
    let pid = Pid::from_raw(reply.pid).ok_or_else(|| lost("gave no process id")(rustix::io::Errno::SRCH))?;
    Ok(Started { pid, at_ns: reply.started_ns, floor_kib: reply.floor_kib })
}

fn collection(reply: &Reply) -> Collection {
    Collection { status: reply.status, alive: reply.alive, resources: reply.collected }
}

/// Returns what a reply tells of a program that was begun.
fn begun(reply: &Reply, path: &Path, launch: &Launch) -> Result<Begun, RunError> {
    refuse(reply, path, launch)?;
    let started = started(reply)?;
    if reply.ended_ns == 0 {
        return Ok(Begun::Runs(started));
    }
    let [on_cpu_ns, run_delay_ns] = reply.scheduled;
    let scheduled = reply.has_scheduled.then_some(Scheduled { on_cpu_ns, run_delay_ns });
    Ok(Begun::Ended(Ended { started, at_ns: reply.ended_ns, scheduled, collection: collection(reply) }))
}

/// Returns an error if a program was not started.
fn refuse(reply: &Reply, path: &Path, launch: &Launch) -> Result<(), RunError> {
    if reply.step == Step::Done { Ok(()) } else { Err(refusal(reply, path, launch)) }
}

/// Returns why a program was not started.
fn refusal(reply: &Reply, path: &Path, launch: &Launch) -> RunError {
    let source = io::Error::from_raw_os_error(reply.errno);
    match reply.step {
        Step::Directory => RunError::Directory { path: launch.directory.clone().unwrap_or_default(), source },
        Step::Affinity => {
            let wanted = launch.cpus.clone().unwrap_or_default();
            let usable = unmask(&reply.cpus).intersection(&wanted);
            RunError::Affinity { wanted, usable }
        }
        Step::Nice => RunError::Nice { nice: launch.nice.unwrap_or(0) },
        Step::Execute if reply.errno == libc::E2BIG => {
            let (bytes, longest) = strings::lengths(launch, path);
            RunError::ArgumentsTooLong { bytes, longest }
        }
        Step::Execute => explain(path, launch.directory.as_deref(), source),
        Step::Done | Step::Streams => RunError::Exhausted { source },
    }
}
