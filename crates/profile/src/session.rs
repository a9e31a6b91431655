//! A program, from its start to its recording.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use festina_machine::Source;
use festina_machine::target::{ProcessMemory, TargetProcess};
use festina_run::{Environment, Passthrough};
use festina_types::CancelToken;

use crate::record::{Observer, Options, RATES, Recorder};
use crate::{ProfileError, Recording};

/// A program to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The program: a name on the `PATH` of the environment, or a path.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// All of its environment variables.
    pub environment: Environment,
}

/// How long a program goes on after the recording was ended by a second request, before it is asked to end.
const GRACE: Duration = Duration::from_millis(500);

/// Starts `target` with our own streams, records it until it ends, and returns the recording.
///
/// A first request on `cancel` is the user's Ctrl-C, which the terminal has given the program too: the recording goes on
/// until the program ends by it. A second request ends the recording, and the program.
///
/// # Errors
///
/// If the program cannot be started, or the file `path` cannot be written.
pub fn profile_command(
    target: &Target,
    options: &Options,
    path: Option<&Path>,
    cancel: &CancelToken,
    observer: &mut dyn Observer,
) -> Result<Recording, ProfileError> {
    check(options)?;
    let Target { program, arguments, environment } = target;
    let words = std::iter::once(program).chain(arguments);
    let command = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let child = Passthrough::start(program, arguments, environment)?;
    let mut recorder = Recorder::new(&Source::live(), child.pid(), command, options, path)?;
    let mut has_ended = |pause| cancel.is_urgent() || child.wait(pause);
    recorder.run(&mut has_ended, &CancelToken::new(), observer);
    let status = end(child, cancel);
    recorder.finish(status)
}

/// Waits for the end of a program whose recording has ended: as long as it takes, or, where the user asked twice, not long.
fn end(child: Passthrough, cancel: &CancelToken) -> Option<festina_types::Status> {
    const TERMINATE: i32 = 15;
    const KILL: i32 = 9;
    while !child.wait(Duration::from_millis(50)) {
        if cancel.is_urgent() {
            child.signal(TERMINATE);
            if !child.wait(GRACE) {
                child.signal(KILL);
            }
        }
    }
    child.collect().ok()
}

/// Records the process `pid`, which runs, until it ends, the time is over, or it is canceled; the process goes on.
///
/// # Errors
///
/// If there is no such process, it may not be looked into, or the file `path` cannot be written.
pub fn profile_process(
    pid: u32,
    options: &Options,
    path: Option<&Path>,
    cancel: &CancelToken,
    observer: &mut dyn Observer,
) -> Result<Recording, ProfileError> {
    check(options)?;
    let source = Source::live();
    let process = TargetProcess::open(&source, pid).ok_or(ProfileError::NoProcess { pid })?;
    let mut mappings = process.mappings().into_iter();
    let may_look =
        mappings.next().is_some_and(|mapping| ProcessMemory::new(pid).read(mapping.start, &mut [0]).is_ok());
    if !may_look {
        return Err(ProfileError::NotPermitted { pid });
    }
    let arguments = process.arguments();
    let command = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut recorder = Recorder::new(&source, pid, command, options, path)?;
    let mut has_ended = |pause| {
        std::thread::sleep(pause);
        process.program().is_none()
    };
    recorder.run(&mut has_ended, cancel, observer);
    let recording = recorder.finish(None)?;
    if recording.threads.is_empty() { Err(ProfileError::Nothing) } else { Ok(recording) }
}

fn check(options: &Options) -> Result<(), ProfileError> {
    let rate_hz = options.rate_hz;
    if RATES.contains(&rate_hz) { Ok(()) } else { Err(ProfileError::Rate { rate_hz }) }
}
