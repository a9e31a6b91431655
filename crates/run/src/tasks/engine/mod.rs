//! The engine: one thread a slot, one that reads inputs, one that looks after the rest.

mod ahead;
mod queue;
mod reader;
mod sink;
mod slot;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use festina_machine::{Probe, Source};
use festina_types::{Bytes, CancelToken, Conditions, Exit, Finding, Seconds, Severity};

use self::queue::Queue;
use self::reader::{Feed, Reader};
use self::sink::Sink;
use self::slot::Slot;
use super::cpus::{self, Shares, THREAD_VARIABLES};
use super::emit::{Emitter, Streams};
use super::journal::{JOURNAL_VERSION, Journal, Line, Reading, Session};
use super::key::{Hasher, Keys};
use super::{
    CommandBackend, LocalCores, RunFolder, RunRequest, SlotTime, Summary, TaskError, TaskObserver, Template,
    table,
};
use crate::Launch;
use crate::lookup::check_program;

/// How often a stop is looked for.
const TICK: Duration = Duration::from_millis(20);

/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);

/// How often the journal is brought to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// Tasks that wait in memory, for each slot.
const QUEUE_PER_SLOT: usize = 128;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Where its outcomes are.
    pub folder: RunFolder,
    /// Tasks that ended in this session with exit code 0.
    pub finished: u64,
    /// Tasks that ended in this session otherwise.
    pub failed: u64,
    /// Tasks whose outcome was recorded before, and how many of them are failures.
    pub recorded: u64,
    /// How many of the recorded outcomes are failures.
    pub recorded_failures: u64,
    /// Attempts that were followed by another.
    pub retries: u64,
    /// Whether tasks were left out: the run was canceled, or halted.
    pub is_cut_short: bool,
    /// Whether the user asked to stop.
    pub is_canceled: bool,
    /// Whether whoever read the outputs went away.
    pub is_unread: bool,
    /// What was noticed.
    pub findings: Vec<Finding>,
    /// Where the time went.
    pub summary: Summary,
}

impl RunResult {
    /// Returns the exit code of a festina that ends with this result.
    pub fn exit(&self) -> Exit {
        if self.is_canceled {
            Exit::Interrupted
        } else if self.failed + self.recorded_failures > 0 || self.is_cut_short {
            Exit::No
        } else {
            Exit::Done
        }
    }
}

/// What the threads of a run share.
struct Engine<'a> {
    backend: &'a dyn CommandBackend,
    request: &'a RunRequest,
    template: Template,
    shares: Shares,
    launch: Launch,
    spool: PathBuf,
    capture_limit: Bytes,
    queue: Arc<Queue>,
    sink: Mutex<Sink<'a>>,
    /// What the user asks for, and what the runners are told.
    cancel: &'a CancelToken,
    kill: CancelToken,
    total: Arc<AtomicU64>,
    has_halted: AtomicBool,
    started: Instant,
}

impl<'a> Engine<'a> {
    fn sink(&self) -> MutexGuard<'_, Sink<'a>> {
        self.sink.lock().expect("no thread panics while it holds the sink")
    }

    /// Stops the run if so many failures and successes are enough, or nobody reads on.
    fn judge(&self, failed: u64, finished: u64, is_unread: bool) {
        if is_unread || self.request.halt.is_reached(failed, finished) {
            self.has_halted.store(true, Ordering::Relaxed);
            self.queue.stop();
            if is_unread || self.request.halt.is_now() {
                self.kill.request();
                self.kill.request();
            }
        }
    }

    fn total(&self) -> Option<u64> {
        Some(self.total.load(Ordering::Relaxed)).filter(|&total| total != u64::MAX)
    }
}

/// Runs all tasks of `request`, and returns when the last has ended.
///
/// A first request on `cancel` lets tasks that run end, and starts no more; a second stops them. What has ended is
/// in the journal either way, and [`Resume`](super::Resume) goes on from there.
///
/// # Errors
///
/// [`TaskError`] if the request is wrong, before anything runs; and if inputs turn out malformed, the disk is full or
/// a process of festina's own is lost, in which case what has ended until then is in the journal.
pub fn run(
    request: &RunRequest,
    streams: Streams<'_>,
    observer: &mut dyn TaskObserver,
    cancel: &CancelToken,
) -> Result<RunResult, TaskError> {
    run_on(&LocalCores, request, streams, observer, cancel)
}

/// Runs all tasks of `request` on `backend`, as [`run`] does on the cores of this machine.
///
/// # Errors
///
/// Those of [`run`].
pub fn run_on(
    backend: &dyn CommandBackend,
    request: &RunRequest,
    streams: Streams<'_>,
    observer: &mut dyn TaskObserver,
    cancel: &CancelToken,
) -> Result<RunResult, TaskError> {
    let started = Instant::now();
    request.check()?;
    let identity = identity(request);
    let found = RunFolder::find(&request.state, &request.resume, &identity)?;
    let shares = backend.shares(request);
    let feed = feed(request, &shares, found.as_ref())?;
    let columns = feed.columns();
    let template = template(request, &columns)?;
    let launch = launch(request);
    if let Some(program) = template.program() {
        check_program(&program, &launch.environment, launch.directory.as_deref())?;
    }
    if let Some(table) = &request.table {
        table.check(&columns, request.collect)?;
    }
    let cpus = cpus::usable();
    let mut probe = Probe::open(&Source::live());
    probe.start(&cpus);
    let session = session(request, &shares, &identity, &feed);
    let (folder, journal, recorded, findings) = open(request, found, &session)?;
    observer.started(&folder);
    backend.prepare(&folder, request)?;
    let memory = match request.memory_per_task {
        Some(_) => request.memory.unwrap_or_else(|| backend.memory()),
        None => Bytes(0),
    };
    // Blocks of a stream are held in memory: few wait.
    let per_slot = if matches!(feed, Feed::Blocks(_)) { 2 } else { QUEUE_PER_SLOT };
    let queue = Queue::new(per_slot * shares.slots as usize, memory);
    let streams = Streams { output: &mut *streams.output, errors: &mut *streams.errors };
    let emitter = Emitter::new(streams, request.keep_order, folder.spool());
    let mut sink = Sink::new(journal, emitter, observer, (shares.slots, shares.cores_per_task), started);
    sink.findings = findings;
    let engine = Engine {
        backend,
        request,
        launch: with_thread_variables(launch, &shares),
        spool: folder.spool(),
        capture_limit: Bytes(((256 << 20) / u64::from(shares.slots)).clamp(1 << 20, 32 << 20)),
        queue: Arc::new(queue),
        sink: Mutex::new(sink),
        cancel,
        kill: CancelToken::new(),
        total: Arc::new(AtomicU64::new(feed.length().unwrap_or(u64::MAX))),
        has_halted: AtomicBool::new(false),
        started,
        shares,
        template,
    };
    let keys = Keys::new(
        command_hash(request, &identity),
        request.seed,
        engine.template.uses_seed(),
        engine.template.uses_number(),
    );
    let reader = Reader {
        feed,
        keys,
        recorded,
        retry_failed: request.retry_failed,
        memory: request.memory_per_task,
        queue: engine.queue.clone(),
    };
    read_ahead(reader, &engine)?;
    let time = work(&engine).inspect_err(|_| {
        let _ = std::fs::remove_dir_all(folder.spool());
    })?;
    let own_cpu = Seconds(engine.sink().cpu_s);
    finish(engine, folder, &session, time, &probe.finish(own_cpu))
}

/// Opens the inputs, or the text that is to be split: as the run that is resumed did.
fn feed(request: &RunRequest, shares: &Shares, found: Option<&RunFolder>) -> Result<Feed, TaskError> {
    let Some(pipe) = &request.pipe else { return Ok(Feed::Rows(request.inputs.open()?)) };
    let recorded = found.and_then(|folder| Reading::first_session(&folder.journal())?.block);
    Ok(Feed::Blocks(pipe.blocks(shares.slots, recorded)?))
}

fn template(request: &RunRequest, columns: &[String]) -> Result<Template, TaskError> {
    match (request.shell, &request.pipe) {
        (true, pipe) => Template::shell(&request.command, columns, pipe.is_none()),
        (false, None) => Template::command(&request.command, columns),
        (false, Some(_)) => Template::filter(&request.command, columns),
    }
}

fn launch(request: &RunRequest) -> Launch {
    let mut environment = request.environment.clone();
    environment.extend(request.variables.iter().cloned());
    let mut launch = Launch::new("", environment);
    launch.directory.clone_from(&request.directory);
    launch.timeout = request.timeout;
    launch.nice = request.nice;
    launch
}

/// Tells programs how many threads are theirs, where the user does not.
pub(crate) fn with_thread_variables(mut launch: Launch, shares: &Shares) -> Launch {
    for name in THREAD_VARIABLES {
        if launch.environment.get(name).is_none() {
            launch.environment.set(name, shares.cores_per_task.to_string());
        }
    }
    launch
}

/// Returns what a run has in common with the runs that it can resume.
fn identity(request: &RunRequest) -> String {
    let mut hasher = Hasher::new("run").number(request.shell.into());
    for word in &request.command {
        hasher = hasher.text(word.as_bytes());
    }
    if let Some(pipe) = &request.pipe {
        hasher = hasher.text(&pipe.record_end).number(pipe.block.unwrap_or_default().0);
    }
    hasher.finish().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns what all tasks have in common that their outcomes depend on.
fn command_hash(request: &RunRequest, identity: &str) -> [u8; 16] {
    let mut hasher = Hasher::new("command").text(identity.as_bytes());
    for (name, value) in &request.variables {
        hasher = hasher.text(name.as_bytes()).text(value.as_bytes());
    }
    hasher.finish()
}

fn session(request: &RunRequest, shares: &Shares, identity: &str, feed: &Feed) -> Session {
    Session {
        version: JOURNAL_VERSION,
        command: request.command.clone(),
        identity: identity.to_owned(),
        columns: feed.columns(),
        slots: shares.slots,
        cores_per_task: shares.cores_per_task,
        block: feed.block(),
        seed: request.seed,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        started_at_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
    }
}

/// Opens the folder of the run and its journal, and reads what is recorded there already.
fn open(
    request: &RunRequest,
    found: Option<RunFolder>,
    session: &Session,
) -> Result<(RunFolder, Journal, Reading, Vec<Finding>), TaskError> {
    let (folder, is_new) = match found {
        Some(folder) => (folder, false),
        None => (RunFolder::create(&request.state, request.name.as_deref())?, true),
    };
    let path = folder.journal();
    let mut journal = Journal::open(&path)?;
    let recorded = if is_new { Reading::default() } else { Reading::read(&path)? };
    journal.append(&Line::Session(session.clone())).inspect_err(|_| {
        // Of a run that cannot even begin nothing is left.
        if is_new {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    })?;
    let spool = folder.spool();
    // A session that was killed leaves outputs there that nobody will pass on.
    let _ = std::fs::remove_dir_all(&spool);
    std::fs::create_dir_all(&spool).map_err(|source| TaskError::writing(&spool, source))?;
    let findings = damage(&recorded, &path).into_iter().collect();
    Ok((folder, journal, recorded, findings))
}

fn damage(recorded: &Reading, path: &Path) -> Option<Finding> {
    let first = recorded.damaged.first()?;
    let count = recorded.damaged.len();
    if count == 1 && first.is_torn {
        let message = format!("the last line of {} was cut short: its task runs again", path.display());
        return Some(Finding::new(Severity::Note, "journal-torn", message));
    }
    let message = format!(
        "{count} lines of {} cannot be read, the first is line {} at byte {}: their tasks run again",
        path.display(),
        first.line,
        first.offset
    );
    Some(Finding::new(Severity::Warning, "journal-damaged", message))
}

/// Reads inputs on a thread of their own. It is not waited for: a read of standard input may never end.
fn read_ahead(reader: Reader, engine: &Engine<'_>) -> Result<(), TaskError> {
    let total = engine.total.clone();
    let read = move || total.store(reader.read(), Ordering::Relaxed);
    std::thread::Builder::new().name("festina-inputs".to_owned()).spawn(read).map_err(TaskError::Thread)?;
    Ok(())
}

/// Runs all slots to their ends; returns the sum of their times.
fn work(engine: &Engine<'_>) -> Result<(SlotTime, Instant), TaskError> {
    let bell = Bell::default();
    std::thread::scope(|scope| {
        let mut slots = Vec::new();
        for index in 0..engine.shares.slots {
            let work = move || {
                let result = Slot::new(engine, index).and_then(Slot::work);
                result.inspect_err(|_| engine.queue.stop())
            };
            let name = format!("festina-slot-{}", index + 1);
            match std::thread::Builder::new().name(name).spawn_scoped(scope, work) {
                Ok(slot) => slots.push(slot),
                Err(error) => {
                    engine.queue.fail(TaskError::Thread(error));
                    break;
                }
            }
        }
        let keeper = std::thread::Builder::new().spawn_scoped(scope, || look_after(engine, &bell));
        if let Err(error) = keeper {
            engine.queue.fail(TaskError::Thread(error));
        }
        let mut times = Vec::new();
        for slot in slots {
            match slot.join().expect("a slot does not panic") {
                Ok(time) => times.push(time),
                Err(error) => engine.queue.fail(error),
            }
        }
        bell.ring();
        if let Some(error) = engine.queue.take_error() {
            // What has ended is safe before the error is told.
            let _ = sync(engine);
            engine.sink().emitter.finish()?;
            return Err(error);
        }
        let end = times.iter().map(|(_, end)| *end).max().unwrap_or(engine.started);
        let mut sum = SlotTime::default();
        for (mut time, own_end) in times {
            time.idle_tail_s += (end - own_end).as_secs_f64();
            sum.add(&time);
        }
        Ok((sum, end))
    })
}

/// Wakes whoever looks after the run when it is over.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.has_rung.lock().expect("no thread panics while it rings") = true;
        self.rings.notify_all();
    }

    /// Waits for the end of the run; returns whether it has come.
    fn wait(&self, time: Duration) -> bool {
        let has_rung = self.has_rung.lock().expect("no thread panics while it rings");
        *self.rings.wait_timeout_while(has_rung, time, |has_rung| !*has_rung).expect("as above").0
    }
}

/// Passes the user's requests on, tells progress, and brings the journal to the disk.
fn look_after(engine: &Engine<'_>, bell: &Bell) {
    let (mut told, mut synced) = (Instant::now(), Instant::now());
    let mut n_passed_on = 0;
    while !bell.wait(TICK) {
        let wanted = u8::from(engine.cancel.is_requested()) + u8::from(engine.cancel.is_urgent());
        if wanted > n_passed_on {
            engine.queue.stop();
            engine.kill.request();
            n_passed_on += 1;
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            engine.sink().tell_progress(engine.total());
        }
        if synced.elapsed() >= SYNC {
            synced = Instant::now();
            if let Err(error) = sync(engine) {
                engine.queue.fail(error);
            }
        }
    }
}

fn sync(engine: &Engine<'_>) -> Result<(), TaskError> {
    let dirty = engine.sink().journal.take_dirty()?;
    let Some(file) = dirty else { return Ok(()) };
    file.sync_data().map_err(|source| TaskError::writing(Path::new("the journal"), source))
}

fn finish(
    engine: Engine<'_>,
    folder: RunFolder,
    session: &Session,
    (mut time, end): (SlotTime, Instant),
    conditions: &Conditions,
) -> Result<RunResult, TaskError> {
    sync(&engine)?;
    let (total, is_cut_short) = (engine.total(), engine.queue.is_cut_short());
    let Engine { request, sink, cancel, started, shares, .. } = engine;
    let mut sink = sink.into_inner().expect("no thread panics while it holds the sink");
    sink.emitter.finish()?;
    sink.tell_progress(total);
    sink.count_findings();
    if let Some(table) = &request.table {
        write_table(&sink, table, request, session)?;
    }
    let _ = std::fs::remove_dir_all(folder.spool());
    let unknown = Conditions::default();
    time.charge(sink.waited_s, if sink.is_remote { &unknown } else { conditions });
    sink.durations.sort_unstable_by_key(|(number, _)| *number);
    let summary = Summary {
        slots: shares.slots,
        wall_s: (end - started).as_secs_f64(),
        time,
        run_delay_s: sink.run_delay_s,
        cpu_s: sink.cpu_s,
        steal_s: conditions.steal.map(|steal| steal.0),
        other_cpu_s: conditions.other_cpu.map(|other| other.0),
        durations_s: sink.durations.iter().map(|(_, duration)| *duration).collect(),
        longest: sink.longest,
    };
    Ok(RunResult {
        folder,
        finished: sink.counts.finished,
        failed: sink.counts.failed,
        recorded: sink.counts.recorded,
        recorded_failures: sink.n_recorded_failures,
        retries: sink.n_retries,
        is_cut_short,
        is_canceled: cancel.is_requested(),
        is_unread: sink.emitter.is_broken,
        findings: sink.findings,
        summary,
    })
}

fn write_table(
    sink: &Sink<'_>,
    table: &super::Table,
    request: &RunRequest,
    session: &Session,
) -> Result<(), TaskError> {
    let records = || {
        // Offset 0 is the first session's: tasks that were not run have none.
        let places = (1_u64..).zip(&sink.places).filter(|(_, offset)| **offset != 0);
        let read = |(number, offset): (u64, &u64)| Ok((number, sink.journal.record_at(*offset)?));
        places.map(read)
    };
    table::write(table, &session.columns, request.collect, &session.host, records)
}
