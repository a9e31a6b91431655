//! Starts a program as if it had been typed in our place: its streams, its terminal, its working directory and its
//! process group are ours, so that input, output, job control and Ctrl-C reach it untouched.
//!
//! For a program that is watched rather than measured. Unlike a [`Runner`](crate::Runner), nothing stands between it and
//! its caller, and what it leaves behind stays, as it would without us.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};
use std::time::Duration;

use festina_types::Status;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::lookup::{explain, find_program};
use crate::{Environment, RunError};

/// A program that runs in our place.
#[derive(Debug)]
pub struct Passthrough {
    child: Child,
    pidfd: OwnedFd,
}

impl Passthrough {
    /// Starts `program`, looked up on the `PATH` of `environment`, with `arguments`.
    ///
    /// # Errors
    ///
    /// Those of finding and starting a program, such as [`RunError::CommandNotFound`].
    pub fn start(
        program: &OsString,
        arguments: &[OsString],
        environment: &Environment,
    ) -> Result<Self, RunError> {
        let path = find_program(program, environment, None)?;
        let mut command = Command::new(&path);
        command.arg0(program).args(arguments).env_clear();
        command.envs(environment.iter());
        let child = command.spawn().map_err(|source| explain(&path, None, source))?;
        let pid = Pid::from_child(&child);
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { child, pidfd }),
            Err(error) => {
                let mut child = child;
                let _ = child.kill();
                let _ = child.wait();
                Err(RunError::Exhausted { source: error.into() })
            }
        }
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits at most `pause` for its end, and returns whether it has ended. It is not collected yet, so that what the
    /// kernel still tells of it can be read.
    pub fn wait(&self, pause: Duration) -> bool {
        let pause = Timespec {
            tv_sec: i64::try_from(pause.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(pause.subsec_nanos()),
        };
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&pause)).is_ok_and(|ready| ready > 0)
    }

    /// Sends it the signal with this number, as long as it runs.
    pub fn signal(&self, number: i32) {
        if let Some(signal) = Signal::from_named_raw(number) {
            let _ = rustix::process::pidfd_send_signal(&self.pidfd, signal);
        }
    }

    /// Waits for its end, collects it, and returns how it ended.
    ///
    /// # Errors
    ///
    /// If somebody else collected it.
    pub fn collect(mut self) -> io::Result<Status> {
        let status = self.child.wait()?;
        Ok(match (status.code(), status.signal()) {
            (Some(0), _) => Status::Finished,
            (Some(code), _) => Status::Failed { code },
            (None, signal) => Status::Killed { signal: signal.unwrap_or_default() },
        })
    }
}
