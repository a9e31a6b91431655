//! Starts the machine's own `mpirun`, `mpiexec` or `srun`, with the same program on every rank.

mod launcher;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use festina_types::{CancelToken, Seconds, Status, Workers};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use launcher::{Launcher, LauncherKind};

use super::control::ControlFolder;
use super::membership::{CONTROL, LIBRARY, MEMBER, RANKS};
use super::{MpiError, library};
use crate::{Environment, Input, Launch, Observer, Runner, Sink};

/// How long the first rank has to come to its end after an urgent request: tasks get half a second from SIGTERM to
/// SIGKILL.
const GRACE: Seconds = Seconds(5.0);

/// A program to start as a job of MPI.
#[derive(Clone, Debug, PartialEq)]
pub struct MpiLaunch {
    /// The program, on every rank: the caller's own. It calls [`enter`](fn@super::enter) first of all.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The number of ranks.
    pub ranks: Workers,
    /// The environment of the launcher. Launchers pass it on to ranks on the same host, and some to those on others.
    pub environment: Environment,
    /// Variables that the ranks get besides, on every host.
    pub variables: Vec<(&'static str, OsString)>,
    /// The launcher, by name or path; `None` looks for one.
    pub launcher: Option<OsString>,
    /// Arguments for the launcher, before the program: a file of hosts, say. They take precedence over festina's own.
    pub launcher_arguments: Vec<OsString>,
    /// The MPI library; `None` is the one that belongs to the launcher.
    pub library: Option<PathBuf>,
    /// What the first rank reads as standard input.
    pub input: Input,
    /// A folder that the first rank sees too, for the state of runs.
    pub state: PathBuf,
}

impl MpiLaunch {
    /// Returns the launch of `program` on so many ranks, with `.festina` as the folder for state.
    pub fn new(program: impl Into<PathBuf>, ranks: Workers, environment: Environment) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            ranks,
            environment,
            variables: Vec::new(),
            launcher: None,
            launcher_arguments: Vec::new(),
            library: None,
            input: Input::Empty,
            state: PathBuf::from(".festina"),
        }
    }
}

/// Starts a job of MPI, and returns the exit code of its first rank's body when it has ended.
///
/// The ranks write to this process's standard output and error. A first request on `cancel` is passed on to the first
/// rank, which finds it on its [token](super::Mpi::cancel); so is a second, after which the job is killed if it does
/// not end in five seconds. If this process dies, the job does too.
///
/// # Errors
///
/// [`MpiError::NoLauncher`] if there is no MPI, [`MpiError::Lost`] if the job ended and its first rank did not, and
/// others if it could not be started.
pub fn launch(launch: &MpiLaunch, cancel: &CancelToken) -> Result<u8, MpiError> {
    let mut runner = Runner::new().map_err(|source| MpiError::Launch { source })?;
    let launcher = Launcher::find(launch, &mut runner)?;
    let folder = ControlFolder::create(&launch.state)?;
    let job = job(launch, &launcher, folder.path());
    let (stop, error) = (CancelToken::new(), None);
    let mut watch = Watch { folder, cancel, stop: stop.clone(), n_passed_on: 0, urgent_at: None, error };
    let outcome = runner.run(&job, &stop, &mut watch).map_err(|source| MpiError::Launch { source })?;
    match (watch.error, watch.folder.end()) {
        _ if outcome.status != Status::Finished && is_unread() => Err(MpiError::Unread),
        // What the first rank said last did not come through a launcher that was killed.
        (_, Some(code)) if !matches!(outcome.status, Status::Killed { .. }) => Ok(code),
        (Some(error), _) => Err(error),
        (None, _) => Err(MpiError::Lost { how: how(&launcher, outcome.status) }),
    }
}

/// Returns the launch of the launcher.
fn job(launch: &MpiLaunch, launcher: &Launcher, control: &Path) -> Launch {
    let mut environment = launch.environment.clone();
    let library = launch.library.clone().or_else(|| library::beside(&launcher.path, launcher.kind.family()));
    let mut told = vec![(MEMBER, OsString::from("1")), (CONTROL, control.into())];
    told.push((RANKS, launch.ranks.to_string().into()));
    told.extend(launch.variables.iter().cloned());
    told.extend(library.map(|library| (LIBRARY, library.into())));
    let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let is_root = rustix::process::geteuid().is_root();
    let arguments = launcher.arguments(launch.ranks, &launch.launcher_arguments, &names, is_root);
    environment.extend(told);
    let program = std::iter::once(launch.program.clone().into_os_string());
    let mut job = Launch::new(&launcher.path, environment)
        .arguments(arguments.into_iter().chain(program).chain(launch.arguments.iter().cloned()))
        .input(launch.input.clone())
        .output(Sink::Inherit)
        .errors(Sink::Inherit);
    // Launchers need some time to end their ranks, on other hosts too.
    job.grace = Seconds(2.0);
    job
}

/// Returns whether whoever read this process's standard output has gone away: launchers end in various ways then.
fn is_unread() -> bool {
    let mut streams = [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&at_once)).is_ok() && streams[0].revents().contains(PollFlags::ERR)
}

fn how(launcher: &Launcher, status: Status) -> String {
    let name = launcher.path.file_name().unwrap_or_default().to_string_lossy();
    match status {
        Status::Finished => format!("{name} ended without a word of the first rank"),
        Status::Failed { code } => format!("{name} ended with exit code {code}"),
        Status::Killed { signal } => format!("{name} was killed by signal {signal}"),
        Status::TimedOut | Status::Canceled => {
            format!("{name} did not end when it was asked to, and was killed")
        }
        Status::OutOfMemory => format!("{name} was killed for memory"),
    }
}

/// Passes requests on while the job runs.
struct Watch<'a> {
    folder: ControlFolder,
    cancel: &'a CancelToken,
    /// Kills the job.
    stop: CancelToken,
    n_passed_on: u8,
    urgent_at: Option<Seconds>,
    error: Option<MpiError>,
}

impl Observer for Watch<'_> {
    fn running(&mut self, elapsed: Seconds) {
        let wanted = u8::from(self.cancel.is_requested()) + u8::from(self.cancel.is_urgent());
        while self.n_passed_on < wanted && self.error.is_none() {
            self.n_passed_on += 1;
            self.error = self.folder.request().err();
        }
        if self.cancel.is_urgent() {
            let since = *self.urgent_at.get_or_insert(elapsed);
            if elapsed.0 > since.0 + GRACE.0 || self.error.is_some() {
                self.stop.request();
                self.stop.request();
            }
        }
    }
}
