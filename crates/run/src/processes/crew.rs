//! Worker processes during a map.

use std::time::{Duration, Instant};

use festina_types::{BackendError, Function};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::ProcessesError;
use super::channel::Received;
use super::member::{Member, ProcessesLaunch};
use super::message::{Message, Parts};
use crate::native::{Batch, Crew, Done, Event};
use crate::tasks::Shares;

/// How often cancellation is looked for.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A worker is ready within milliseconds, unless the machine has other troubles.
const PATIENCE: Duration = Duration::from_secs(30);

/// The workers: `None` is one that ended, or was ended, and is to be replaced before the next map.
pub(super) struct Pool {
    launch: ProcessesLaunch,
    shares: Shares,
    members: Vec<Option<Member>>,
}

impl Pool {
    /// Starts all workers, and waits until they are ready.
    pub(super) fn start(launch: ProcessesLaunch) -> Result<Self, ProcessesError> {
        let shares = launch.shares();
        let members = (0..launch.workers.get()).map(|_| None).collect();
        let mut pool = Self { launch, shares, members };
        pool.fill()?;
        let give_up = Instant::now() + PATIENCE;
        while !pool.members.iter().flatten().all(|member| member.is_ready) {
            match pool.look() {
                Some(Look::Over { worker }) => {
                    return Err(ProcessesError::Silent { how: pool.end(worker).1 });
                }
                None if Instant::now() > give_up => {
                    return Err(ProcessesError::Silent { how: "no word from them".to_owned() });
                }
                Some(_) | None => {}
            }
        }
        Ok(pool)
    }

    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    /// Starts workers in place of those that have ended.
    fn fill(&mut self) -> Result<(), ProcessesError> {
        for (number, member) in self.members.iter_mut().enumerate() {
            if member.is_none() {
                *member = Some(Member::start(&self.launch, &self.shares, number)?);
            }
        }
        Ok(())
    }

    /// Returns the workers for a map of `function`.
    pub(super) fn crew(&mut self, function: Function) -> Result<ProcessCrew<'_>, BackendError> {
        self.fill().map_err(lost)?;
        Ok(ProcessCrew { pool: self, function })
    }

    /// Ends a worker; returns what it had, and how it ended.
    fn end(&mut self, worker: usize) -> (Vec<Batch>, String) {
        match self.members[worker].take() {
            Some(member) => {
                let (batches, how) = member.end();
                (batches.into(), how)
            }
            None => (Vec::new(), String::new()),
        }
    }

    /// Waits for a short while for something to happen.
    fn look(&mut self) -> Option<Look> {
        let members =
            || self.members.iter().enumerate().filter_map(|(n, member)| Some((n, member.as_ref()?)));
        let numbers: Vec<usize> = members().map(|(number, _)| number).collect();
        let mut files: Vec<PollFd<'_>> = members()
            .flat_map(|(_, member)| {
                [PollFd::new(&member.channel, PollFlags::IN), PollFd::new(&member.pidfd, PollFlags::IN)]
            })
            .collect();
        match poll(&mut files, Some(&TICK)) {
            Ok(0) | Err(Errno::INTR) => return None,
            _ => {}
        }
        let is_ready: Vec<bool> = files.iter().map(|file| !file.revents().is_empty()).collect();
        let ready = numbers.into_iter().zip(is_ready.chunks(2)).find(|(_, ready)| ready[0] || ready[1]);
        ready.map(|(worker, _)| self.receive(worker))
    }

    /// Takes what a worker has to say.
    fn receive(&mut self, worker: usize) -> Look {
        let over = Look::Over { worker };
        let Some(member) = &mut self.members[worker] else { return over };
        // What it said before its end still counts.
        let Ok(Received::Message(content)) = member.channel.receive(false) else { return over };
        match Message::read(&content) {
            Ok(Message::Ready) => {
                member.is_ready = true;
                Look::Ready
            }
            Ok(Message::Done { first, elapsed_ns, outputs }) => {
                let first = first as usize;
                let is_asked = |batch: &Batch| batch.first == first && batch.inputs.len() == outputs.len();
                if !member.batches.front().is_some_and(is_asked) {
                    return over;
                }
                member.batches.pop_front();
                Look::Done(Done { worker, first, elapsed_ns, outputs })
            }
            _ => over,
        }
    }
}

/// What was seen.
enum Look {
    /// A worker is ready.
    Ready,
    /// A batch was done.
    Done(Done),
    /// A worker has ended, or is of no use any more.
    Over { worker: usize },
}

/// The workers during a map.
pub(super) struct ProcessCrew<'p> {
    pool: &'p mut Pool,
    function: Function,
}

impl Crew for ProcessCrew<'_> {
    fn hand_out(&mut self, worker: usize, batch: Batch) -> Result<(), BackendError> {
        let Some(member) = &mut self.pool.members[worker] else {
            return Err(BackendError::Lost { message: "a worker is missing".to_owned() });
        };
        let sent = member.channel.send(Parts::call(self.function.name, &batch).slices());
        member.batches.push_back(batch);
        match sent {
            // That a worker has ended is seen, and dealt with, like any other end.
            Err(error)
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset
                ) =>
            {
                Err(BackendError::Lost { message: format!("a task cannot be passed on: {error}") })
            }
            _ => Ok(()),
        }
    }

    fn wait(&mut self) -> Result<Event, BackendError> {
        loop {
            if self.pool.launch.cancel.is_urgent() {
                return Err(BackendError::Canceled);
            }
            match self.pool.look() {
                Some(Look::Done(done)) => return Ok(Event::Done(done)),
                Some(Look::Over { worker }) => return self.replace(worker),
                Some(Look::Ready) | None => {}
            }
        }
    }
}

impl ProcessCrew<'_> {
    fn replace(&mut self, worker: usize) -> Result<Event, BackendError> {
        let was_ready = self.pool.members[worker].as_ref().is_some_and(|member| member.is_ready);
        let (batches, how) = self.pool.end(worker);
        if !was_ready {
            return Err(lost(ProcessesError::Silent { how }));
        }
        self.pool.fill().map_err(lost)?;
        Ok(Event::Lost { worker, batches, how })
    }
}

impl Drop for ProcessCrew<'_> {
    /// Workers that are left with batches nobody waits for are replaced: their answers would be those of another map.
    fn drop(&mut self) {
        for member in &mut self.pool.members {
            if member.as_ref().is_some_and(|member| !member.batches.is_empty()) {
                *member = None;
            }
        }
    }
}

fn lost(error: ProcessesError) -> BackendError {
    let source = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    BackendError::Lost { message: format!("{error}{source}") }
}
