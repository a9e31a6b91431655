//! Asks a process tree to end, and kills it if it does not.

use festina_machine::Source;
use festina_machine::process::{TreeReader, TreeReading};
use festina_types::{CancelToken, Seconds, Status};
use rustix::process::{Pid, PidfdFlags, Signal};

/// Why and how far a run is being stopped.
#[derive(Debug)]
pub(crate) struct Stop {
    deadline_ns: Option<u64>,
    grace_ns: u64,
    /// The status that the run will have, once it is asked to end, and when it will be killed.
    asked: Option<(Status, u64)>,
    is_killed: bool,
}

impl Stop {
    pub(crate) fn new(started_ns: u64, timeout: Option<Seconds>, grace: Seconds) -> Self {
        let nanoseconds = |time: Seconds| (time.0 * 1e9) as u64;
        Self {
            deadline_ns: timeout.map(|timeout| started_ns.saturating_add(nanoseconds(timeout))),
            grace_ns: nanoseconds(grace),
            asked: None,
            is_killed: false,
        }
    }

    /// Returns the status of a run that was asked to end.
    pub(crate) fn status(&self) -> Option<Status> {
        self.asked.map(|(status, _)| status)
    }

    /// Returns the next time at which something is to be done.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        match self.asked {
            Some((_, kill_ns)) => (!self.is_killed).then_some(kill_ns),
            None => self.deadline_ns,
        }
    }

    /// Does what is due at `now_ns` to the program `main` and to all descendants of `root`.
    pub(crate) fn advance(&mut self, now_ns: u64, cancel: &CancelToken, root: u32, main: Pid) {
        match self.asked {
            None if cancel.is_urgent() => self.ask(Status::Canceled, now_ns, root, main),
            None if self.deadline_ns.is_some_and(|deadline| now_ns >= deadline) => {
                self.ask(Status::TimedOut, now_ns, root, main);
            }
            Some((_, kill_ns)) if now_ns >= kill_ns && !self.is_killed => {
                self.is_killed = true;
                // What is in other groups is killed once the program is gone.
                let _ = rustix::process::kill_process_group(main, Signal::KILL);
                let _ = rustix::process::kill_process(main, Signal::KILL);
            }
            _ => {}
        }
    }

    fn ask(&mut self, status: Status, now_ns: u64, root: u32, main: Pid) {
        self.asked = Some((status, now_ns.saturating_add(self.grace_ns)));
        let mut reader = TreeReader::new(Source::live());
        let mut tree = TreeReading::default();
        reader.read(root, &mut tree);
        let _ = rustix::process::kill_process_group(main, Signal::TERM);
        // A stopped process cannot act on a signal before it goes on.
        let _ = rustix::process::kill_process_group(main, Signal::CONT);
        for pid in tree.processes.iter().map(|process| process.pid) {
            terminate_outside(pid, main, root, &tree, &mut reader);
        }
    }
}

/// Sends SIGTERM to `pid`, unless the group of `main` already gave it one, or it is not in the tree any more: its
/// number could be another's by now, so that it is held (a pidfd), then looked at, then signalled.
fn terminate_outside(pid: u32, main: Pid, root: u32, tree: &TreeReading, reader: &mut TreeReader) {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    let Ok(held) = rustix::process::pidfd_open(id, PidfdFlags::empty()) else { return };
    let in_tree = reader
        .parent(pid)
        .is_some_and(|parent| parent == root || tree.processes.iter().any(|process| process.pid == parent));
    if in_tree && rustix::process::getpgid(Some(id)).is_ok_and(|group| group != main) {
        let _ = rustix::process::pidfd_send_signal(&held, Signal::TERM);
    }
}
