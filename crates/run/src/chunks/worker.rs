//! A worker: claims chunks of tasks, runs them in its slots, and writes down what became of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use festina_types::{CancelToken, Seconds, Status, Workers};

use super::ChunkError;
use super::backlog::{Backlog, Task};
use super::folder::{Folder, Stop, worker_name};
use super::pace::fits;
use super::record::{self, Record, fingerprint};
use crate::mpi::frame::{Failure, Frame, Setting};
use crate::tasks::{Shares, available_memory, bind, usable_cpus};
use crate::{RunError, Runner};

/// Between two looks into the folder, where the last found something; where none has for long, and a slot waits; and where all
/// slots have something to do.
const SHORTEST_LOOK: Duration = Duration::from_millis(4);
const LONGEST_IDLE_LOOK: Duration = Duration::from_millis(25);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// How often what was written is brought to where others see it.
const SYNC: Duration = Duration::from_millis(100);

/// A signal that ends a task is looked for at the worker for so long.
const REASON_COMES: Duration = Duration::from_millis(100);

/// Of the time left so much is for the worker itself to end.
const MARGIN: Seconds = Seconds(2.0);

/// What a worker is told by the engine that starts it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerOptions {
    /// The folder of the pool.
    pub folder: PathBuf,
    /// How many tasks run at the same time.
    pub slots: Workers,
    /// What the engine calls this worker's job.
    pub job: String,
    /// The time until the engine ends this worker; `None` if it doesn't.
    pub left: Option<Seconds>,
    /// How often the worker says that it is there.
    pub beat: Seconds,
    /// The time without a word of the pool after which it counts as dead.
    pub patience: Seconds,
}

impl WorkerOptions {
    /// Returns a worker of `slots` slots for the pool in `folder`, with everything else as by default.
    pub fn new(folder: impl Into<PathBuf>, slots: Workers) -> Self {
        Self {
            folder: folder.into(),
            slots,
            job: String::new(),
            left: None,
            beat: Seconds(1.0),
            patience: Seconds(60.0),
        }
    }
}

/// Works until the pool wants no more, or is gone, or the time is up.
///
/// A request on `cancel` ends it at once; what it had is run elsewhere.
///
/// # Errors
///
/// [`ChunkError`] if the folder cannot be used, or no process can be started.
pub fn work(options: &WorkerOptions, cancel: &CancelToken) -> Result<(), ChunkError> {
    let folder = Folder::open(std::path::absolute(&options.folder).map_err(ChunkError::at(&options.folder))?);
    let name = worker_name();
    let file = folder.enroll(&name).map_err(ChunkError::at(folder.path()))?;
    let log = Log::new(file).map_err(ChunkError::at(folder.path()))?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let hello = Record::Hello { slots: options.slots.get(), host, job: options.job.clone() };
    log.write(0, &hello).map_err(ChunkError::at(folder.path()))?;
    let worker = Worker {
        name,
        log,
        backlog: Mutex::new(Backlog::new(options.slots, available_memory())),
        filled: Condvar::new(),
        drained: Condvar::new(),
        deadline: options
            .left
            .map(|left| Instant::now() + Duration::from_secs_f64((left.0 - MARGIN.0).max(0.0))),
        cancel: cancel.clone(),
        kill: CancelToken::new(),
        folder,
    };
    let Some(setting) = worker.wait_for_setting(options)? else {
        return worker.say(0, &Record::Bye);
    };
    worker.run(options, &setting)
}

/// What the threads of a worker share.
struct Worker {
    folder: Folder,
    name: String,
    log: Log,
    backlog: Mutex<Backlog>,
    /// There is a task, or there will be none.
    filled: Condvar,
    /// A slot has nothing to do, or something has ended.
    drained: Condvar,
    deadline: Option<Instant>,
    /// Requested by whoever ends this worker.
    cancel: CancelToken,
    kill: CancelToken,
}

/// The file in which a worker says what there is to say.
struct Log {
    file: Mutex<File>,
    /// The same file, to be synchronised while others write to it.
    synced: File,
}

impl Log {
    fn new(file: File) -> io::Result<Self> {
        Ok(Self { synced: file.try_clone()?, file: Mutex::new(file) })
    }

    fn write(&self, id: u64, record: &Record) -> io::Result<()> {
        let mut bytes = Vec::new();
        record.write(id, &mut bytes);
        self.file.lock().expect("no thread panics while it writes").write_all(&bytes)
    }
}

/// Why a worker leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// The pool wants no more, or is gone; or the time is nearly up. Tasks that run come to their ends.
    Politely,
    /// Tasks that run are stopped, for the pool.
    AtOnce,
    /// The worker is ended from outside, or others have its tasks: they are stopped, and are to run elsewhere.
    Disowned,
}

impl Worker {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().expect("no thread panics while it holds the backlog")
    }

    fn say(&self, id: u64, record: &Record) -> Result<(), ChunkError> {
        self.log.write(id, record).map_err(ChunkError::at(self.folder.path()))
    }

    /// Waits until the pool has something to do; `None` if it never will.
    fn wait_for_setting(&self, options: &WorkerOptions) -> Result<Option<Setting>, ChunkError> {
        let at = || ChunkError::at(self.folder.path());
        let mut beaten = Instant::now();
        loop {
            if let Some(Record::Setting(Frame::Setting(setting))) = self.folder.setting().map_err(at())? {
                return Ok(Some(*setting));
            }
            let is_over =
                self.folder.stop().map_err(at())?.is_some() || self.cancel.is_requested() || self.is_late();
            if is_over || self.is_forlorn(options, &mut beaten)? {
                return Ok(None);
            }
            std::thread::sleep(SHORTEST_LOOK);
        }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Says that this worker is there, when it is time to, and returns whether the pool has not for long.
    fn is_forlorn(&self, options: &WorkerOptions, beaten: &mut Instant) -> Result<bool, ChunkError> {
        if beaten.elapsed().as_secs_f64() < options.beat.0 {
            return Ok(false);
        }
        *beaten = Instant::now();
        self.say(0, &Record::Beat)?;
        match self.folder.silence(&self.log.synced) {
            Ok(silence) => Ok(silence.as_secs_f64() > options.patience.0),
            // The folder is gone, and the pool with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(ChunkError::at(self.folder.path())(error)),
        }
    }

    fn run(&self, options: &WorkerOptions, setting: &Setting) -> Result<(), ChunkError> {
        let cores = setting.cores_per_task.and_then(Workers::new);
        let shares = Shares::new(&usable_cpus(), Some(options.slots), cores, cores.is_some());
        std::thread::scope(|scope| {
            let slots: Vec<_> = (0..options.slots.get())
                .map(|slot| {
                    let shares = &shares;
                    std::thread::Builder::new()
                        .name(format!("festina-slot-{}", slot + 1))
                        .spawn_scoped(scope, move || self.slot(slot, shares, setting))
                })
                .collect();
            let kept = self.keep(options);
            self.close();
            let mut result = kept;
            for slot in slots {
                let of_slot = slot
                    .map_err(ChunkError::Thread)
                    .and_then(|slot| slot.join().expect("a slot does not panic"));
                result = result.and(of_slot);
            }
            result
        })?;
        self.say(0, &Record::Bye)?;
        self.log.synced.sync_data().map_err(ChunkError::at(self.folder.path()))
    }

    fn close(&self) {
        self.lock().close();
        self.filled.notify_all();
    }

    /// Claims chunks, and looks after the rest, until the worker leaves.
    fn keep(&self, options: &WorkerOptions) -> Result<(), ChunkError> {
        let (mut beaten, mut synced) = (Instant::now(), Instant::now());
        let (mut look, mut looked) = (SHORTEST_LOOK, Instant::now());
        let mut reason = None;
        loop {
            // Every end of a task wakes this thread: the folder is not asked so often.
            if looked.elapsed() >= SHORTEST_LOOK {
                looked = Instant::now();
                let is_forlorn = self.is_forlorn(options, &mut beaten)?;
                reason = self.reason_to_leave()?.or(reason).or(is_forlorn.then_some(Leave::Politely));
            }
            if let Some(reason) = reason {
                self.leave(reason)?;
                if self.lock().n_running() == 0 {
                    return Ok(());
                }
            } else if self.lock().is_wanting() {
                look = if self.claim()? { SHORTEST_LOOK } else { (look * 2).min(LONGEST_IDLE_LOOK) };
            } else {
                // The end of a task wakes this thread before.
                look = (look * 2).min(LONGEST_LOOK);
            }
            if synced.elapsed() > SYNC {
                self.log.synced.sync_data().map_err(ChunkError::at(self.folder.path()))?;
                synced = Instant::now();
            }
            let backlog = self.lock();
            drop(
                self.drained
                    .wait_timeout(backlog, look)
                    .expect("no thread panics while it holds the backlog"),
            );
        }
    }

    fn reason_to_leave(&self) -> Result<Option<Leave>, ChunkError> {
        if self.cancel.is_requested() {
            return Ok(Some(Leave::Disowned));
        }
        let (chunks, is_closed, has_failed) = {
            let backlog = self.lock();
            (backlog.chunks(), backlog.is_closed(), backlog.has_failed())
        };
        if has_failed || chunks.iter().any(|chunk| !self.folder.has(*chunk, &self.name)) {
            return Ok(Some(Leave::Disowned));
        }
        Ok(match self.folder.stop().map_err(ChunkError::at(self.folder.path()))? {
            Some(Stop::Urgent) => Some(Leave::AtOnce),
            Some(Stop::Polite) => Some(Leave::Politely),
            None => (is_closed || self.is_late()).then_some(Leave::Politely),
        })
    }

    fn leave(&self, reason: Leave) -> Result<(), ChunkError> {
        if reason != Leave::Politely {
            self.lock().disown(reason == Leave::Disowned);
            self.kill.request();
            self.kill.request();
        }
        self.give_back()
    }

    /// Gives back what waits, and takes no more.
    fn give_back(&self) -> Result<(), ChunkError> {
        let waiting = {
            let mut backlog = self.lock();
            backlog.close();
            backlog.take_all()
        };
        self.filled.notify_all();
        waiting.iter().try_for_each(|task| self.say(task.id, &Record::Returned))
    }

    /// Claims a chunk, if there is one.
    fn claim(&self) -> Result<bool, ChunkError> {
        let at = || ChunkError::at(self.folder.path());
        let Some((chunk, bytes)) = self.folder.claim(&self.name).map_err(at())? else { return Ok(false) };
        let (records, _) = record::read(&bytes).map_err(|error| at()(io::Error::other(error)))?;
        self.lock().fill(chunk, records);
        self.filled.notify_all();
        Ok(true)
    }

    fn slot(&self, slot: u32, shares: &Shares, setting: &Setting) -> Result<(), ChunkError> {
        let result = self.run_slot(slot, shares, setting);
        if result.is_err() {
            self.lock().fail();
            self.drained.notify_all();
        }
        result
    }

    fn run_slot(&self, slot: u32, shares: &Shares, setting: &Setting) -> Result<(), ChunkError> {
        if let Some(own) = shares.of_slots.get(slot as usize) {
            // Not being bound costs time, not the result.
            let _ = bind(own);
        }
        let mut runner = Runner::light().map_err(ChunkError::Runner)?;
        while let Some(task) = self.next()? {
            self.run_task(&mut runner, task, setting)?;
        }
        Ok(())
    }

    /// Returns the next task, when there is one and memory for it; `None` if there will be none.
    fn next(&self) -> Result<Option<Task>, ChunkError> {
        let mut backlog = self.lock();
        loop {
            if let Some(deadline) = self.deadline
                && let Some((p95, timeout)) = backlog.bounds_of_next()
            {
                let left = deadline.saturating_duration_since(Instant::now()).as_secs_f64();
                if !fits(left, p95, timeout) {
                    drop(backlog);
                    self.give_back()?;
                    return Ok(None);
                }
            }
            if let Some(task) = backlog.take() {
                return Ok(Some(task));
            }
            if backlog.is_closed() {
                return Ok(None);
            }
            self.drained.notify_all();
            backlog = self.filled.wait(backlog).expect("no thread panics while it holds the backlog");
        }
    }

    fn run_task(&self, runner: &mut Runner, task: Task, setting: &Setting) -> Result<(), ChunkError> {
        let Task { id, chunk, job, memory } = task;
        self.say(id, &Record::Started)?;
        let (record, duration) = self.answer(runner, job, setting)?;
        self.say(id, &record)?;
        self.lock().end(chunk, memory, duration);
        // Others may wait for the memory.
        self.filled.notify_all();
        self.drained.notify_all();
        Ok(())
    }

    /// Returns whether an ending is not the task's own: whoever ends the worker may end its tasks too, a little before.
    fn is_not_its_own(&self, status: Status) -> bool {
        if matches!(status, Status::Killed { .. }) && !self.cancel.is_requested() {
            std::thread::sleep(REASON_COMES);
        }
        match status {
            Status::Finished => false,
            Status::Canceled => self.lock().is_disowned(),
            _ => self.cancel.is_requested(),
        }
    }

    fn answer(
        &self,
        runner: &mut Runner,
        job: Frame,
        setting: &Setting,
    ) -> Result<(Record, Option<f64>), ChunkError> {
        let fingerprint = fingerprint(&job);
        let Frame::Run(job) = job else {
            let message = "a chunk holds something that is no task".to_owned();
            return Ok((
                Record::Answer { fingerprint, frame: Frame::Refused(Failure::Broken { message }) },
                None,
            ));
        };
        let launch = job.under(setting);
        match runner.run(&launch, &self.kill, &mut ()) {
            Ok(outcome) if self.is_not_its_own(outcome.status) => Ok((Record::Returned, None)),
            Ok(outcome) => {
                let duration = outcome.usage.wall.0;
                Ok((Record::Answer { fingerprint, frame: Frame::Ended(Box::new(outcome)) }, Some(duration)))
            }
            // Without its guardian this worker can run nothing more; others can.
            Err(error @ RunError::Guardian { .. }) => {
                self.say(0, &Record::Beat)?;
                Err(ChunkError::Runner(error))
            }
            Err(error) => {
                Ok((Record::Answer { fingerprint, frame: Frame::Refused(Failure::from(&error)) }, None))
            }
        }
    }
}
