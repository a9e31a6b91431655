//! A worker process, as the process that it works for sees it.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use festina_machine::CpuSet;
use festina_types::{CancelToken, Status, Workers};
use rustix::fs::{Mode, OFlags};
use rustix::process::PidfdFlags;

use super::ProcessesError;
use super::channel::Channel;
use super::enter::WORKER;
use crate::ending::plain_status;
use crate::guardian::{Files, Guardian};
use crate::native::Batch;
use crate::stdio::open_output;
use crate::tasks::{Shares, usable_cpus, with_thread_variables};
use crate::{Environment, Launch, Sink};

/// This very program: of the same bytes, though its file be replaced while it runs.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How worker processes are started.
#[derive(Clone, Debug)]
pub struct ProcessesLaunch {
    /// The number of workers.
    pub workers: Workers,
    /// All of their environment variables; those that tell libraries how many threads to use are added.
    pub environment: Environment,
    /// Their program; `None` is this very program. It must [`enter`](fn@super::enter).
    pub program: Option<PathBuf>,
    /// Whether each worker is bound to CPUs of its own, where there are enough.
    pub pin: bool,
    /// An urgent request on it ends what the workers do: see
    /// [`Canceled`](festina_types::BackendError::Canceled).
    pub cancel: CancelToken,
}

impl ProcessesLaunch {
    /// Returns the launch of so many workers of this very program, bound where there are enough CPUs.
    pub fn new(workers: Workers, environment: Environment) -> Self {
        Self { workers, environment, program: None, pin: true, cancel: CancelToken::new() }
    }

    /// Returns the CPUs of each worker, and how many cores a worker has.
    pub(super) fn shares(&self) -> Shares {
        Shares::new(&usable_cpus(), Some(self.workers), None, self.pin)
    }
}

/// A worker process.
pub(super) struct Member {
    guardian: Guardian,
    pub(super) channel: Channel,
    /// Readable when the process has ended.
    pub(super) pidfd: OwnedFd,
    pub(super) is_ready: bool,
    /// What it was given and has not done, in the order in which it was given it.
    pub(super) batches: VecDeque<Batch>,
}

impl Member {
    /// Starts the worker of this number.
    pub(super) fn start(
        launch: &ProcessesLaunch,
        shares: &Shares,
        number: usize,
    ) -> Result<Self, ProcessesError> {
        let exhausted = |error: rustix::io::Errno| ProcessesError::Exhausted(error.into());
        let (ours, theirs) = Channel::pair().map_err(ProcessesError::Exhausted)?;
        let socket = rustix::fs::fstat(&theirs).map_err(exhausted)?.st_ino;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(exhausted)?;
        let own_streams = [rustix::stdio::stdout(), rustix::stdio::stderr()];
        let [output, errors] = own_streams.map(|own| open_output(&Sink::Inherit, own));
        let (output, errors) =
            (output.map_err(ProcessesError::Start)?.0, errors.map_err(ProcessesError::Start)?.0);
        let cpus = shares.of_slots.get(number).cloned();
        let what = what(launch, shares, cpus, socket);
        let path = launch.program.as_deref().unwrap_or(Path::new(OWN_PROGRAM));
        let mut guardian = Guardian::new().map_err(ProcessesError::Start)?;
        let streams = [std::os::fd::AsFd::as_fd(&theirs), output.borrow(&null), errors.borrow(&null)];
        let started = guardian
            .start(path, &what, &Files { streams, directory: None })
            .map_err(ProcessesError::Start)?;
        let pidfd = rustix::process::pidfd_open(started.pid, PidfdFlags::empty()).map_err(exhausted)?;
        let channel = Channel::new(ours);
        Ok(Self { guardian, channel, pidfd, is_ready: false, batches: VecDeque::new() })
    }

    /// Ends the process and all that it started, if it has not ended; returns how it ended.
    pub(super) fn end(mut self) -> (VecDeque<Batch>, String) {
        let how = match self.guardian.kill() {
            Ok(collection) => how(plain_status(collection.status)),
            Err(_) => "killed together with its guardian".to_owned(),
        };
        (self.batches, how)
    }
}

fn what(launch: &ProcessesLaunch, shares: &Shares, cpus: Option<CpuSet>, socket: u64) -> Launch {
    let name = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("festina-worker"));
    let mut environment = launch.environment.clone();
    environment.set(WORKER, socket.to_string());
    let mut what = Launch::new(launch.program.clone().unwrap_or(name), environment);
    what.cpus = cpus;
    with_thread_variables(what, shares)
}

fn how(status: Status) -> String {
    match status {
        Status::Failed { code } => format!("exit code {code}"),
        Status::Killed { signal: libc::SIGKILL } => "killed by SIGKILL, as for want of memory".to_owned(),
        Status::Killed { signal: libc::SIGSEGV } => {
            "killed by SIGSEGV, an invalid access to memory".to_owned()
        }
        Status::Killed { signal: libc::SIGABRT } => "killed by SIGABRT, which it raised itself".to_owned(),
        Status::Killed { signal } => format!("killed by signal {signal}"),
        _ => "it left by itself".to_owned(),
    }
}
