//! Commands over the ranks: each rank is a slot, and its commands are children of its own.
//!
//! The first rank's slot executes its commands itself. For every other slot a thread of the first rank sends commands
//! to its rank, short ones a few ahead of time, and waits for their outcomes, in order. What befalls a command befalls no rank: it runs
//! under the rank's guardian, in processes of its own.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use festina_types::{Bytes, CancelToken, Seconds, Workers};

use super::Mpi;
use super::frame::{Frame, Job, Setting, Stream};
use super::membership::without_launcher;
use super::ranks::{cores_per_rank, share, total_memory};
use super::router::Arrival;
use crate::tasks::{
    AheadRunner, CommandBackend, CommandRunner, RunRequest, Shares, TaskError, bind, usable_cpus,
};
use crate::{Captured, Environment, Launch, Observer, Outcome, RunError, Runner, Sink};

/// How often a request to stop is looked for while a command runs.
const TICK: Duration = Duration::from_millis(50);

impl CommandBackend for Mpi {
    /// A slot a rank, whatever the request says: the number of ranks was chosen when the job was launched.
    fn shares(&self, request: &RunRequest) -> Shares {
        let cores = request.cores_per_task.map_or_else(|| cores_per_rank(&self.ranks), Workers::get);
        Shares { slots: self.size().get(), cores_per_task: cores, of_slots: Vec::new(), pin: request.pin }
    }

    fn memory(&self) -> Bytes {
        total_memory(&self.ranks)
    }

    fn runner(&self, slot: u32, shares: &Shares) -> Result<Box<dyn CommandRunner + '_>, TaskError> {
        let cores_per_task = shares.pin.then_some(shares.cores_per_task);
        if slot > 0 {
            let (setting, begun) = (None, VecDeque::new());
            return Ok(Box::new(Remote { mpi: self, rank: slot, cores_per_task, setting, begun }));
        }
        let cpus = usable_cpus();
        let own = cores_per_task.and_then(|cores| share(&cpus, self.ranks[0].local, cores));
        bind(own.as_ref().unwrap_or(&cpus))?;
        Ok(Box::new(Local { runner: Runner::light()?, environment: None }))
    }
}

/// An environment as a request has it, and as programs get it.
struct Given {
    of_request: Environment,
    of_programs: Environment,
}

/// The first rank's own slot.
struct Local {
    runner: Runner,
    environment: Option<Given>,
}

impl CommandRunner for Local {
    fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let of_request = &launch.environment;
        if self.environment.as_ref().is_none_or(|given| given.of_request != *of_request) {
            let of_programs = without_launcher(of_request);
            self.environment = Some(Given { of_request: of_request.clone(), of_programs });
        }
        let environment =
            self.environment.as_ref().map(|given| given.of_programs.clone()).unwrap_or_default();
        self.runner.run(&Launch { environment, ..launch.clone() }, cancel, observer)
    }
}

/// The slot of another rank.
struct Remote<'m> {
    mpi: &'m Mpi,
    rank: u32,
    cores_per_task: Option<u32>,
    /// The environment, as the request has it, and the directory that the rank was last told.
    setting: Option<(Environment, Option<PathBuf>)>,
    /// What the rank has, and nobody waits for yet.
    begun: VecDeque<Begun>,
}

/// A command that a rank has.
struct Begun {
    id: u64,
    told: Receiver<Arrival>,
    spills: [Spill; 2],
}

impl CommandRunner for Remote<'_> {
    fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        if cancel.is_requested() {
            return Ok(Outcome::canceled());
        }
        let begun = self.hand_over(launch);
        self.wait_for(begun, cancel, observer)
    }

    fn host(&self) -> Option<&str> {
        Some(&self.mpi.ranks[self.rank as usize].host)
    }

    fn ahead(&mut self) -> Option<&mut dyn AheadRunner> {
        Some(self)
    }
}

/// What was begun when the run ended in an error is of no use.
impl Drop for Remote<'_> {
    fn drop(&mut self) {
        for begun in &self.begun {
            self.drop_command(begun.id);
            self.mpi.router.close(begun.id);
        }
    }
}

impl AheadRunner for Remote<'_> {
    fn begin(&mut self, launch: &Launch) {
        let begun = self.hand_over(launch);
        self.begun.push_back(begun);
    }

    fn wait(&mut self, cancel: &CancelToken) -> Result<Outcome, RunError> {
        let first = self.begun.pop_front().expect("as many commands are waited for as were begun");
        self.wait_for(first, cancel, &mut ())
    }
}

impl Remote<'_> {
    /// Tells the rank what this launch has in common with others, unless it knows.
    fn settle(&mut self, launch: &Launch) {
        let is_known = |(environment, directory): &(Environment, Option<PathBuf>)| {
            *environment == launch.environment && *directory == launch.directory
        };
        if self.setting.as_ref().is_some_and(is_known) {
            return;
        }
        // Where the launcher put the rank need not be where the first rank is.
        let directory = launch.directory.clone().or_else(|| std::env::current_dir().ok());
        let environment = without_launcher(&launch.environment);
        let local = self.mpi.ranks[self.rank as usize].local;
        let setting = Setting { environment, directory, cores_per_task: self.cores_per_task, local };
        self.mpi.send(self.rank, 0, &Frame::Setting(Box::new(setting)));
        self.setting = Some((launch.environment.clone(), launch.directory.clone()));
    }

    fn hand_over(&mut self, launch: &Launch) -> Begun {
        self.settle(launch);
        let id = self.mpi.router.new_id();
        let (tell, told) = mpsc::channel();
        self.mpi.router.open(id, move |arrival| _ = tell.send(arrival));
        let bare = Launch { environment: Environment::new(), directory: None, ..launch.clone() };
        self.mpi.send(self.rank, id, &Frame::Run(Box::new(Job(bare))));
        Begun { id, told, spills: [Spill::new(&launch.output), Spill::new(&launch.errors)] }
    }

    fn wait_for(
        &self,
        begun: Begun,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let id = begun.id;
        let result = self.outcome(begun, cancel, observer);
        if result.is_err() {
            self.drop_command(id);
        }
        self.mpi.router.close(id);
        result
    }

    /// Lets the rank stop a command, or not even start it.
    fn drop_command(&self, id: u64) {
        self.mpi.send(self.rank, id, &Frame::Cancel { is_urgent: true });
    }

    fn outcome(
        &self,
        Begun { id, told, mut spills }: Begun,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let started = Instant::now();
        let mut n_passed_on = 0;
        loop {
            let wanted = u8::from(cancel.is_requested()) + u8::from(cancel.is_urgent());
            if wanted > n_passed_on {
                n_passed_on = wanted;
                let request = Frame::Cancel { is_urgent: cancel.is_urgent() };
                let all = self.begun.iter().map(|begun| begun.id).chain([id]);
                all.for_each(|id| self.mpi.send(self.rank, id, &request));
            }
            let bytes = match told.recv_timeout(TICK) {
                Ok(Arrival::Message { bytes, .. }) => bytes,
                Ok(Arrival::Lost) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.broken("MPI failed".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {
                    observer.running(Seconds(started.elapsed().as_secs_f64()));
                    continue;
                }
            };
            match Frame::decode(&bytes) {
                Ok((_, Frame::Spilled { stream, bytes })) => {
                    let result = spills[usize::from(stream == Stream::Errors)].write(&bytes);
                    // Also after an error: the rank goes on to send what it has.
                    self.mpi.send(self.rank, id, &Frame::Taken);
                    result?;
                }
                Ok((_, Frame::Ended(outcome))) => {
                    let mut outcome = *outcome;
                    let [output, errors] = spills;
                    output.finish(&mut outcome.output);
                    errors.finish(&mut outcome.errors);
                    return Ok(outcome);
                }
                Ok((_, Frame::Refused(failure))) => return Err(failure.into_error(&self.name())),
                Ok(_) => return Err(self.broken("it sent something unasked".to_owned())),
                Err(error) => return Err(self.broken(format!("it sent a message: {error}"))),
            }
        }
    }

    fn name(&self) -> String {
        format!("rank {} on {}", self.rank, self.mpi.ranks[self.rank as usize].host)
    }

    fn broken(&self, message: String) -> RunError {
        RunError::Worker { worker: self.name(), message }
    }
}

/// The file on this rank for what a program wrote beyond what is kept in memory.
struct Spill {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Spill {
    fn new(sink: &Sink) -> Self {
        let path = match sink {
            Sink::Capture { spill, .. } => spill.clone(),
            _ => None,
        };
        Self { path, file: None }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let Some(path) = &self.path else { return Ok(()) };
        let fail = |source| RunError::writing(path.clone(), source);
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(create(path).map_err(fail)?),
        };
        file.write_all(bytes).map_err(fail)
    }

    /// Says where the stream is.
    fn finish(self, captured: &mut Captured) {
        if captured.spilled.is_some() {
            captured.spilled = self.path;
        }
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}
