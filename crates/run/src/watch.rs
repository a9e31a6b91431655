//! Waits for a program that runs, and reads what it writes.

use std::os::fd::OwnedFd;

use festina_machine::process::{TreeReader, TreeReading};
use festina_types::{CancelToken, Seconds};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::capture::Capture;
use crate::guardian::{Guardian, Started};
use crate::sampler::now_ns;
use crate::stop::Stop;
use crate::{Launch, Observer, RunError};

/// How often cancellation is looked for while a program runs.
pub(crate) const TICK_NS: u64 = 50_000_000;

/// What is read of a program's streams.
pub(crate) struct Captures {
    pub(crate) output: Option<Capture>,
    pub(crate) errors: Option<Capture>,
}

impl Captures {
    fn open(&self) -> impl Iterator<Item = &OwnedFd> {
        [&self.output, &self.errors].into_iter().flatten().filter_map(Capture::pipe)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<bool, RunError> {
        let mut has_more = false;
        for capture in [&mut self.output, &mut self.errors].into_iter().flatten() {
            has_more |= capture.read(buffer)?;
        }
        Ok(has_more)
    }

    /// Reads what a program writes that was just begun, up to its first tick or its time limit; returns whether there is
    /// something to hear of the guardian: that the program has ended, most often.
    pub(crate) fn wait_for_end(
        &mut self,
        guardian: &Guardian,
        buffer: &mut [u8],
        timeout: Option<Seconds>,
    ) -> Result<bool, RunError> {
        let until = now_ns() + timeout.map_or(TICK_NS, |timeout| TICK_NS.min((timeout.0 * 1e9) as u64));
        loop {
            let left = until.saturating_sub(now_ns());
            if left == 0 {
                return Ok(false);
            }
            let lifeline = guardian.lifeline();
            let mut ready = Vec::with_capacity(3);
            ready.push(PollFd::new(&lifeline, PollFlags::IN));
            ready.extend(self.open().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            let n_ready = poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: left as i64 })).unwrap_or(0);
            if n_ready > 0 && !ready[0].revents().is_empty() {
                return Ok(true);
            }
            if n_ready > 0 {
                self.read(buffer)?;
            }
        }
    }

    /// Reads what comes within some time.
    pub(crate) fn wait(&mut self, buffer: &mut [u8], nanoseconds: i64) -> Result<(), RunError> {
        let mut ready: Vec<_> = self.open().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        let _ = poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: nanoseconds }));
        self.read(buffer).map(|_| ())
    }

    /// Reads what is there.
    pub(crate) fn drain(&mut self, buffer: &mut [u8]) -> Result<(), RunError> {
        while self.read(buffer)? {}
        Ok(())
    }
}

/// A program that is waited for.
pub(crate) struct Watch {
    pub(crate) root: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) started: Started,
    pub(crate) stop: Stop,
}

impl Watch {
    /// Returns the watch of a program that was started, and is not collected.
    pub(crate) fn open(guardian: &mut Guardian, launch: &Launch, started: Started) -> Result<Self, RunError> {
        let pidfd = match rustix::process::pidfd_open(started.pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                guardian.kill()?;
                return Err(RunError::Exhausted { source: error.into() });
            }
        };
        let stop = Stop::new(started.at_ns, launch.timeout, launch.grace);
        Ok(Self { root: guardian.pid(), pidfd, started, stop })
    }

    /// Waits until the program ends, reading its streams and keeping its time limit; returns when it ended. The first tick
    /// comes when it has run for `first_tick` nanoseconds.
    pub(crate) fn wait(
        &mut self,
        guardian: &Guardian,
        captures: &mut Captures,
        buffer: &mut [u8],
        cancel: &CancelToken,
        observer: &mut dyn Observer,
        first_tick: u64,
    ) -> Result<u64, RunError> {
        let mut next_tick = self.started.at_ns + first_tick;
        loop {
            let now = now_ns();
            let wake = self.stop.next_ns().unwrap_or(u64::MAX).min(next_tick).saturating_sub(now);
            let pause =
                Timespec { tv_sec: (wake / 1_000_000_000) as i64, tv_nsec: (wake % 1_000_000_000) as i64 };
            let mut ready = Vec::with_capacity(4);
            ready.push(PollFd::new(&self.pidfd, PollFlags::IN));
            let lifeline = guardian.lifeline();
            ready.push(PollFd::new(&lifeline, PollFlags::IN));
            ready.extend(captures.open().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            let n_ready = poll(&mut ready, Some(&pause)).unwrap_or(0);
            let now = now_ns();
            if n_ready > 0 && !ready[0].revents().is_empty() {
                return Ok(now);
            }
            if n_ready > 0 && !ready[1].revents().is_empty() {
                return Err(Guardian::lost());
            }
            if n_ready > 0 {
                captures.read(buffer)?;
            }
            self.stop.advance(now, cancel, self.root, self.started.pid);
            if now >= next_tick {
                observer.running(Seconds((now - self.started.at_ns) as f64 * 1e-9));
                next_tick = now + TICK_NS;
            }
        }
    }
}

/// Kills the program `main` and what is still below it, where the guardian was killed by someone else.
pub(crate) fn kill_without_guardian(main: Pid, pidfd: &OwnedFd, reader: &mut TreeReader) {
    let mut tree = TreeReading::default();
    reader.read(main.as_raw_nonzero().get().unsigned_abs(), &mut tree);
    if rustix::process::pidfd_send_signal(pidfd, Signal::KILL).is_ok() {
        let _ = rustix::process::kill_process_group(main, Signal::KILL);
    }
    let below = tree.processes.iter().filter_map(|process| Pid::from_raw(i32::try_from(process.pid).ok()?));
    for pid in below {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&second));
}
