//! The pool: where commands wait for workers, and their outcomes for whoever asked.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use festina_types::{Bytes, CancelToken, Seconds, Workers};

use super::ChunkError;
use super::folder::{Folder, Stop};
use super::keeper::{Keeper, State};
use super::left::Left;
use super::overseer::oversee;
use super::pace;
use super::record::{Record, fingerprint};
use crate::mpi::frame::{Frame, Job, Setting};
use crate::mpi::membership::without_launcher;
use crate::tasks::{AheadRunner, CommandBackend, CommandRunner, RunFolder, RunRequest, Shares, TaskError};
use crate::{Environment, Launch, Observer, Outcome, RunError};

/// How often a request to stop is looked for while a command runs.
const TICK: Duration = Duration::from_millis(50);

/// How long workers have to leave at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// An engine that starts workers: a scheduler of a cluster.
pub trait Supply: Send {
    /// Returns what people call the engine.
    fn name(&self) -> &'static str;

    /// Starts workers for the pool in `folder`; returns what the engine calls their job. Called again when all have left
    /// and there is more to do.
    ///
    /// # Errors
    ///
    /// What the engine said, for people.
    fn start(&mut self, folder: &Path) -> Result<String, String>;

    /// Returns the names of those workers of `jobs` that wait or run; `None` if the engine does not answer now.
    fn alive(&mut self, jobs: &[String]) -> Option<Vec<String>>;

    /// Ends jobs, of this pool or of an earlier one.
    fn stop(&mut self, jobs: &[String]);

    /// Returns what workers or the engine wrote in `folder`, for people who wonder why none came.
    fn said(&self, folder: &Path) -> Option<String> {
        let _ = folder;
        None
    }
}

/// How often things happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolOptions {
    /// How many tasks run at the same time, at all workers together.
    pub slots: Workers,
    /// The cores of a task.
    pub cores_per_task: Workers,
    /// How often the pool says that it is there.
    pub beat: Seconds,
    /// The time without a word of a worker after which it counts as lost.
    pub patience: Seconds,
    /// How often the engine is asked for its jobs.
    pub ask: Seconds,
}

impl PoolOptions {
    /// Returns a pool for `slots` tasks of one core each, with everything else as by default.
    pub fn new(slots: Workers) -> Self {
        let (beat, patience, ask) = (Seconds(1.0), Seconds(30.0), Seconds(3.0));
        Self { slots, cores_per_task: Workers::MIN, beat, patience, ask }
    }
}

/// Workers that claim chunks of tasks from the folder of a run: a backend for commands.
pub struct Pool {
    options: PoolOptions,
    cancel: CancelToken,
    supply: Mutex<Option<Box<dyn Supply>>>,
    open: Mutex<Option<Open>>,
}

/// A pool that has its folder.
struct Open {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads of a pool share.
pub(super) struct Shared {
    pub(super) folder: Folder,
    pub(super) options: PoolOptions,
    pub(super) cancel: CancelToken,
    pub(super) state: Mutex<State>,
    /// Something was put into the state.
    pub(super) changed: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    /// Ends the run with an error.
    pub(super) fn fail(&self, message: String) {
        self.lock().fail(message);
        self.changed.notify_all();
    }

    /// Asks the workers to stop, unless they were asked that urgently already.
    pub(super) fn request_stop(&self, stop: Stop) {
        let mut state = self.lock();
        if state.stop >= Some(stop) {
            return;
        }
        state.stop = Some(stop);
        if let Err(error) = self.folder.write_stop(stop) {
            state.fail(format!("{}: {error}", self.folder.path().display()));
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl Pool {
    /// Returns a pool whose workers `supply` starts, as soon as a run wants them. A request on `cancel` ends the wait for the
    /// first of them.
    pub fn new(options: PoolOptions, supply: Box<dyn Supply>, cancel: CancelToken) -> Self {
        Self { options, cancel, supply: Mutex::new(Some(supply)), open: Mutex::new(None) }
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        let open = self.open.lock().expect("no thread panics while it holds the pool");
        open.as_ref().map(|open| open.shared.clone())
    }

    fn start(&self, run: &Path, is_left_kept: impl Fn(&Frame) -> bool) -> Result<(), ChunkError> {
        let supply = self.supply.lock().expect("no thread panics while it holds the engine").take();
        let Some(mut supply) = supply else {
            return Err(ChunkError::Folder {
                path: run.to_owned(),
                source: io::Error::other("a pool is good for one run"),
            });
        };
        let left = Left::take(run, &mut *supply, is_left_kept);
        let folder = Folder::create(run).map_err(ChunkError::at(run))?;
        let shared = Arc::new(Shared {
            folder,
            options: self.options,
            cancel: self.cancel.clone(),
            state: Mutex::new(State::new(left)),
            changed: Condvar::new(),
        });
        let (to_keep, to_oversee) = (shared.clone(), shared.clone());
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let keeper =
            thread("festina-pool").spawn(move || Keeper::new(&to_keep).keep()).map_err(ChunkError::Thread)?;
        let overseer = thread("festina-engine")
            .spawn(move || oversee(&to_oversee, &mut *supply))
            .map_err(ChunkError::Thread)?;
        *self.open.lock().expect("no thread panics while it holds the pool") =
            Some(Open { shared, threads: vec![keeper, overseer] });
        Ok(())
    }

    /// Sends the workers away, ends their jobs, and removes the folder.
    pub fn close(&self) {
        let open = self.open.lock().expect("no thread panics while it holds the pool").take();
        let Some(Open { shared, threads }) = open else { return };
        // Without the folder workers leave too: errors here cost time only.
        shared.request_stop(Stop::Polite);
        if !shared.lock().is_idle() {
            shared.request_stop(Stop::Urgent);
        }
        let give_up = Instant::now() + FAREWELL;
        let mut state = shared.lock();
        while state.has_workers() && Instant::now() < give_up {
            state = shared
                .changed
                .wait_timeout(state, TICK)
                .expect("no thread panics while it holds the state")
                .0;
        }
        state.is_closed = true;
        drop(state);
        shared.changed.notify_all();
        for thread in threads {
            thread.join().expect("the threads of a pool do not panic");
        }
        let _ = shared.folder.remove();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl CommandBackend for Pool {
    fn shares(&self, request: &RunRequest) -> Shares {
        let PoolOptions { slots, cores_per_task, .. } = self.options;
        Shares {
            slots: slots.get(),
            cores_per_task: cores_per_task.get(),
            of_slots: Vec::new(),
            pin: request.pin,
        }
    }

    /// Each worker looks after the memory of its own host.
    fn memory(&self) -> Bytes {
        Bytes(u64::MAX / 2)
    }

    fn prepare(&self, folder: &RunFolder, request: &RunRequest) -> Result<(), TaskError> {
        let retries = request.retry_failed;
        // A failure of an earlier session is not the outcome of what is to run again.
        let is_kept = move |frame: &Frame| {
            !retries
                || matches!(frame, Frame::Ended(outcome) if outcome.status == festina_types::Status::Finished)
        };
        Ok(self.start(folder.path(), is_kept)?)
    }

    /// Waits for the first worker: it may wait for its turn in the engine's queue.
    fn runner(&self, _: u32, shares: &Shares) -> Result<Box<dyn CommandRunner + '_>, TaskError> {
        let shared = self.shared().expect("a run prepares its backend before it asks for slots");
        let mut state = shared.lock();
        while !state.has_workers() && state.failure.is_none() && !shared.cancel.is_requested() {
            state = shared
                .changed
                .wait_timeout(state, TICK)
                .expect("no thread panics while it holds the state")
                .0;
        }
        if let Some(message) = &state.failure {
            return Err(broken(message.clone()).into());
        }
        drop(state);
        let cores_per_task = shares.pin.then_some(shares.cores_per_task);
        Ok(Box::new(PoolRunner {
            shared,
            cores_per_task,
            begun: VecDeque::new(),
            host: "a worker".to_owned(),
        }))
    }
}

fn broken(message: String) -> RunError {
    RunError::Worker { worker: "the engine".to_owned(), message }
}

/// What came of a task.
pub(super) struct Answer {
    pub(super) frame: Frame,
    pub(super) host: Option<Arc<str>>,
}

/// A slot of the pool: it hands commands over, and waits for their outcomes in order.
struct PoolRunner {
    shared: Arc<Shared>,
    cores_per_task: Option<u32>,
    begun: VecDeque<Receiver<Answer>>,
    host: String,
}

impl CommandRunner for PoolRunner {
    fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let told = self.hand_over(launch);
        self.wait_for(&told, cancel, observer)
    }

    fn host(&self) -> Option<&str> {
        Some(&self.host)
    }

    fn ahead(&mut self) -> Option<&mut dyn AheadRunner> {
        Some(self)
    }
}

impl AheadRunner for PoolRunner {
    fn begin(&mut self, launch: &Launch) {
        let told = self.hand_over(launch);
        self.begun.push_back(told);
    }

    fn wait(&mut self, cancel: &CancelToken) -> Result<Outcome, RunError> {
        let first = self.begun.pop_front().expect("as many commands are waited for as were begun");
        self.wait_for(&first, cancel, &mut ())
    }

    fn limit(&self, recent_s: Option<f64>) -> usize {
        pace::ahead(recent_s)
    }
}

impl PoolRunner {
    fn hand_over(&self, launch: &Launch) -> Receiver<Answer> {
        let (tell, told) = mpsc::channel();
        let bare = Launch { environment: Environment::new(), directory: None, ..launch.clone() };
        let job = Frame::Run(Box::new(Job(bare)));
        let mut state = self.shared.lock();
        if let Err(error) = self.settle(&mut state, launch) {
            state.fail(format!("{}: {error}", self.shared.folder.path().display()));
        }
        let known = state.left.outcome(&fingerprint(&job));
        match known {
            Some(frame) => _ = tell.send(Answer { frame, host: None }),
            None => state.add(job, tell),
        }
        told
    }

    /// Writes down what all tasks have in common, before the first.
    fn settle(&self, state: &mut State, launch: &Launch) -> io::Result<()> {
        if std::mem::replace(&mut state.is_settled, true) {
            return Ok(());
        }
        let directory = launch.directory.clone().map_or_else(std::env::current_dir, std::path::absolute)?;
        let environment = without_launcher(&launch.environment);
        let cores_per_task = self.cores_per_task;
        let setting = Setting { environment, directory: Some(directory), cores_per_task, local: (0, 1) };
        self.shared.folder.write_setting(&Record::Setting(Frame::Setting(Box::new(setting))))
    }

    fn wait_for(
        &mut self,
        told: &Receiver<Answer>,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let started = Instant::now();
        loop {
            if cancel.is_urgent() {
                self.shared.request_stop(Stop::Urgent);
            } else if cancel.is_requested() {
                self.shared.request_stop(Stop::Polite);
            }
            match told.recv_timeout(TICK) {
                Ok(answer) => return self.take(answer),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    observer.running(Seconds(started.elapsed().as_secs_f64()));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let failure = self.shared.lock().failure.clone();
                    return Err(broken(failure.unwrap_or_else(|| "the pool is closed".to_owned())));
                }
            }
        }
    }

    fn take(&mut self, Answer { frame, host }: Answer) -> Result<Outcome, RunError> {
        if let Some(host) = host {
            self.host = host.to_string();
        }
        match frame {
            Frame::Ended(outcome) => Ok(*outcome),
            Frame::Refused(failure) => Err(failure.into_error(&self.host)),
            _ => Ok(Outcome::canceled()),
        }
    }
}

/// Outcomes of tasks, by what identifies them.
pub(super) type Outcomes = HashMap<super::record::Fingerprint, VecDeque<Frame>>;

pub(super) type Tell = Sender<Answer>;
