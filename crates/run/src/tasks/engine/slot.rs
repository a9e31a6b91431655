//! One slot: a thread that runs one task after the other.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, Instant, UNIX_EPOCH};

use festina_types::{Bytes, Finding, Seconds, Severity, Status};

use super::Engine;
use super::queue::{Item, Task, Waited};
use super::sink::keep;
use crate::tasks::emit::Written;
use crate::tasks::journal::TaskEnd;
use crate::tasks::pipe::{Block, Content, feed};
use crate::tasks::{Collect, CommandRunner, Given, Record, SlotTime, TaskError, table};
use crate::{Captured, Input, Launch, Observer, Outcome, RunError, Sink as Stream};

/// The longest line that is captured.
const LONGEST_VALUE: usize = 64 << 10;

/// So much of a task's inputs is shown where something is said of it.
const LONGEST_LABEL: usize = 40;

/// The longest time between two attempts.
const LONGEST_DELAY: f64 = 60.0;

/// How often a start is tried when processes or files are short.
const PATIENCE: u32 = 8;

pub(super) struct Slot<'e, 'a> {
    pub(super) engine: &'e Engine<'a>,
    /// From 1.
    number: u32,
    pub(super) runner: Box<dyn CommandRunner + 'e>,
    pub(super) launch: Launch,
    time: SlotTime,
    /// Up to when the time is accounted for.
    mark: Instant,
    has_run: bool,
    /// Time that counts as dispatch, unless a task turns out to have run in it.
    unclaimed: Duration,
    /// About how long tasks take of late, in seconds; `None` before the first has ended.
    pub(super) recent_s: Option<f64>,
}

/// One attempt of a task.
pub(super) struct Attempt {
    end: TaskEnd,
    wall: Duration,
    outcome: Option<Outcome>,
}

impl Attempt {
    /// Returns how long it took.
    pub(super) fn wall(&self) -> Duration {
        self.wall
    }
}

impl<'e, 'a> Slot<'e, 'a> {
    /// Makes the slot, on the thread that will run it.
    pub(super) fn new(engine: &'e Engine<'a>, index: u32) -> Result<Self, TaskError> {
        Ok(Self {
            engine,
            number: index + 1,
            runner: engine.backend.runner(index, &engine.shares)?,
            launch: engine.launch.clone(),
            time: SlotTime::default(),
            mark: engine.started,
            has_run: false,
            unclaimed: Duration::ZERO,
            recent_s: None,
        })
    }

    /// Runs tasks until there are none; returns where the time went, and until when.
    pub(super) fn work(mut self) -> Result<(SlotTime, Instant), TaskError> {
        loop {
            let mut waited = Waited::default();
            let item = self.engine.queue.take(&mut waited);
            self.account_waits(&waited);
            match item {
                None => break,
                Some(Item::Recorded(tasks)) => self.engine.sink().take_recorded(&tasks)?,
                Some(Item::Task(task)) => {
                    self.has_run = true;
                    if self.runner.ahead().is_some() {
                        self.attempt_ahead(task)?;
                        continue;
                    }
                    let memory = task.memory;
                    let result = self.attempt(task);
                    if result.is_err() {
                        self.engine.queue.end(memory);
                    }
                    result?;
                }
            }
        }
        Ok((self.time, self.mark))
    }

    /// Accounts for the time since the mark: what was waited for, and the rest.
    fn account_waits(&mut self, waited: &Waited) {
        let now = Instant::now();
        let rest = (now - self.mark).saturating_sub(waited.total()).as_secs_f64();
        self.mark = now;
        self.time.inputs_s += waited.for_inputs.as_secs_f64();
        self.time.memory_s += waited.for_memory.as_secs_f64();
        self.time.back_off_s += waited.for_back_off.as_secs_f64();
        self.time.idle_tail_s += waited.for_others.as_secs_f64();
        *(if self.has_run { &mut self.time.dispatch_s } else { &mut self.time.start_up_s }) += rest;
        self.unclaimed = Duration::ZERO;
    }

    fn attempt(&mut self, mut task: Task) -> Result<(), TaskError> {
        let attempt = self.run(&mut task)?;
        self.settle(task, attempt)
    }

    /// Accounts for an attempt, and ends its task or makes it wait for another.
    pub(super) fn settle(&mut self, task: Task, attempt: Attempt) -> Result<(), TaskError> {
        let is_canceled = attempt.end == TaskEnd::Ran(Status::Canceled);
        let is_retried = !attempt.end.is_finished()
            && !is_canceled
            && !matches!(attempt.end, TaskEnd::NotStarted(_))
            && task.failures < self.engine.request.retries
            && !self.engine.cancel.is_requested();
        let now = Instant::now();
        let elapsed = now - self.mark;
        // What was taken ahead may have run while the one before it was waited for.
        let wall = attempt.wall.min(elapsed + self.unclaimed);
        self.unclaimed = elapsed + self.unclaimed - wall;
        *(if is_retried { &mut self.time.retries_s } else { &mut self.time.work_s }) += wall.as_secs_f64();
        self.time.dispatch_s += elapsed.as_secs_f64() - wall.as_secs_f64();
        self.mark = now;
        if is_canceled {
            self.engine.queue.end(task.memory);
            return Ok(());
        }
        if is_retried { self.retry(task, attempt) } else { self.finish(task, attempt) }
    }

    fn retry(&mut self, mut task: Task, attempt: Attempt) -> Result<(), TaskError> {
        let memory = task.memory;
        if attempt.end == TaskEnd::Ran(Status::OutOfMemory) {
            let grown = |memory: Bytes| Bytes((memory.0 as f64 * self.engine.request.memory_growth) as u64);
            task.memory = memory.map(grown);
        }
        let doubled = self.engine.request.retry_delay.0 * 2_f64.powi(task.failures.min(30) as i32);
        let delay = Seconds(doubled.clamp(0.0, LONGEST_DELAY));
        task.failures += 1;
        task.lost += attempt.wall;
        if let Some(outcome) = &attempt.outcome {
            remove_spilled([&outcome.output, &outcome.errors]);
        }
        let mut sink = self.engine.sink();
        sink.n_retries += 1;
        sink.observer.retried(task.number, &attempt.end, delay);
        drop(sink);
        self.engine.queue.retry(memory, task, Duration::from_secs_f64(delay.0));
        Ok(())
    }

    fn finish(&mut self, task: Task, attempt: Attempt) -> Result<(), TaskError> {
        let (usage, started_at, mut written, findings) = match attempt.outcome {
            Some(outcome) => {
                let written = Written { output: outcome.output, errors: outcome.errors };
                (outcome.usage, outcome.started_at, written, outcome.findings)
            }
            None => (Default::default(), std::time::SystemTime::now(), Written::default(), Vec::new()),
        };
        let mut findings: Vec<Finding> = findings;
        findings.extend(failure(&attempt.end));
        let value = self.value(&written.output, &mut findings);
        let about = if findings.is_empty() { String::new() } else { about(&task) };
        if let Some(folder) = self.folder_of(&task) {
            keep(&written, &folder)?;
            written = Written::default();
        }
        let us = |time: Seconds| (time.0 * 1e6).round().max(0.0) as u64;
        let record = Record {
            key: task.key,
            number: task.number,
            inputs: task.row.into_values(),
            end: attempt.end,
            attempts: task.failures + 1,
            started_at_us: started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64,
            wall_us: us(Seconds(attempt.wall.as_secs_f64())),
            user_us: us(usage.user),
            system_us: us(usage.system),
            run_delay_us: us(usage.run_delay.unwrap_or_default()),
            lost_us: task.lost.as_micros() as u64,
            peak_rss_bytes: usage.peak_rss.0,
            slot: self.number,
            host: self.runner.host().map(str::to_owned),
            value,
        };
        let mut sink = self.engine.sink();
        for finding in findings {
            sink.find(&about, finding);
        }
        sink.take(record, written)?;
        let (failed, finished, is_broken) =
            (sink.counts.failed, sink.counts.finished, sink.emitter.is_broken);
        drop(sink);
        self.engine.queue.end(task.memory);
        self.engine.judge(failed, finished, is_broken);
        Ok(())
    }

    /// Makes one attempt. What befalls only this task is its end; errors are those that end the run.
    pub(super) fn run(&mut self, task: &mut Task) -> Result<Attempt, TaskError> {
        if let Some(attempt) = self.prepare(task)? {
            return Ok(attempt);
        }
        let result = match &mut task.block {
            None => self.start(),
            Some(block) => self.start_with(block),
        };
        judge(result)
    }

    /// Fills in the launch of a task; returns the end of one that cannot be started.
    pub(super) fn prepare(&mut self, task: &Task) -> Result<Option<Attempt>, TaskError> {
        let given = Given { number: task.number, seed: task.seed, slot: Some(self.number as usize) };
        let mut words = match self.engine.template.render(&task.row, given) {
            Ok(words) => words.into_iter(),
            Err(error) => return Ok(Some(not_started(error.to_string()))),
        };
        self.launch.program = words.next().unwrap_or_default();
        self.launch.arguments = words.collect();
        self.launch.memory_limit = task.memory;
        let folder = match self.folder_of(task) {
            Some(folder) => {
                std::fs::create_dir_all(&folder).map_err(|source| TaskError::writing(&folder, source))?;
                Some(folder)
            }
            None => None,
        };
        let path = |name: &str| match &folder {
            Some(folder) => folder.join(name),
            None => self.engine.spool.join(format!("{}.{name}", task.number)),
        };
        let capture =
            |name: &str| Stream::Capture { limit: self.engine.capture_limit, spill: Some(path(name)) };
        (self.launch.output, self.launch.errors) = (capture("stdout"), capture("stderr"));
        Ok(None)
    }

    /// Runs the launch; a machine that is short of processes or files for a moment is waited for.
    fn start(&mut self) -> Result<Outcome, RunError> {
        let mut pause = Duration::from_millis(10);
        for _ in 1..PATIENCE {
            match self.runner.run(&self.launch, &self.engine.kill, &mut ()) {
                Err(RunError::Exhausted { .. }) if !self.engine.kill.is_requested() => {
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                result => return result,
            }
        }
        self.runner.run(&self.launch, &self.engine.kill, &mut ())
    }

    /// Runs the launch with a block as its standard input.
    fn start_with(&mut self, block: &Block) -> Result<Outcome, RunError> {
        if self.runner.host().is_some() {
            self.launch.input = in_memory(block)?;
            return self.start();
        }
        match &block.content {
            Content::Range { file, offset, length } => self.start_fed(file, *offset, *length),
            Content::Memory(file) => {
                // Opened by its path, it is read from its start, and by this program alone.
                let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
                self.launch.input = Input::File(PathBuf::from(path));
                self.start()
            }
        }
    }

    /// Runs the launch with a part of a file as its standard input, which another thread passes on.
    fn start_fed(&mut self, file: &File, offset: u64, length: u64) -> Result<Outcome, RunError> {
        let exhausted = |source: io::Error| RunError::Exhausted { source };
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| exhausted(error.into()))?;
        // Opened by its path, the pipe has its reader in the runner's hands; our own end is closed at the start.
        self.launch.input = Input::File(PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd())));
        let (outcome, fed) = std::thread::scope(|scope| {
            let feeder =
                std::thread::Builder::new().spawn_scoped(scope, move || feed(file, offset, length, writer));
            let mut observer = CloseAtStart(Some(reader));
            let outcome = self.runner.run(&self.launch, &self.engine.kill, &mut observer);
            drop(observer);
            let fed = feeder.map(|feeder| feeder.join().expect("feeding a pipe does not panic"));
            (outcome, fed)
        });
        let outcome = outcome?;
        match fed.map_err(exhausted)? {
            Ok(()) => Ok(outcome),
            Err(source) => Err(RunError::Input { path: PathBuf::from("its block"), source }),
        }
    }

    /// Returns the folder for the outputs of a task: its name is made of the inputs and the key, so that it stays the
    /// same when other inputs come or go.
    fn folder_of(&self, task: &Task) -> Option<PathBuf> {
        let outputs = self.engine.request.outputs.as_ref()?;
        let text = task.row.to_string();
        let plain = |c: char| if c.is_alphanumeric() || "._=+-".contains(c) { c } else { '_' };
        let slug: String = text.trim_start_matches('.').chars().take(60).map(plain).collect();
        Some(outputs.join(format!("{slug}-{}", &task.key.to_string()[..8])))
    }

    /// Returns what is captured of a task's output.
    fn value(&self, output: &Captured, findings: &mut Vec<Finding>) -> Option<OsString> {
        let collect = self.engine.request.collect;
        if collect == Collect::Nothing {
            return None;
        }
        let tail;
        let bytes = match &output.spilled {
            None => output.bytes.as_slice(),
            Some(path) => {
                tail = read_tail(path).unwrap_or_default();
                tail.as_slice()
            }
        };
        let line = last_line(bytes)?;
        if line.len() > LONGEST_VALUE {
            let message = format!("its last line has {} bytes: not captured", line.len());
            findings.push(Finding::new(Severity::Warning, "value-too-long", message));
            return None;
        }
        if collect == Collect::Json && !table::is_json(line) {
            let message = "its last line is not JSON: kept as text".to_owned();
            findings.push(Finding::new(Severity::Warning, "value-not-json", message));
        }
        Some(OsString::from_vec(line.to_vec()))
    }
}

/// Returns what is to be said of a task that did not finish, where nothing else tells it.
fn failure(end: &TaskEnd) -> Option<Finding> {
    let message = match end {
        TaskEnd::NotStarted(reason) => {
            return Some(Finding::new(Severity::Error, "not-started", reason.clone()));
        }
        TaskEnd::Ran(Status::Failed { code }) => format!("failed with exit code {code}"),
        TaskEnd::Ran(Status::Killed { signal }) => format!("was killed by signal {signal}"),
        TaskEnd::Ran(Status::TimedOut) => "was stopped at its time limit".to_owned(),
        TaskEnd::Ran(Status::Finished | Status::OutOfMemory | Status::Canceled) => return None,
    };
    Some(Finding::new(Severity::Warning, end.name(), message))
}

/// Returns a task's number and its inputs, or the beginning of them, for people.
fn about(task: &Task) -> String {
    let inputs = task.row.to_string();
    let clipped: String = inputs.chars().take(LONGEST_LABEL).flat_map(char::escape_debug).collect();
    match (inputs.is_empty(), inputs.chars().nth(LONGEST_LABEL)) {
        (true, _) => format!("task {}", task.number),
        (false, None) => format!("task {} ({clipped})", task.number),
        (false, Some(_)) => format!("task {} ({clipped} …)", task.number),
    }
}

/// Reads a block, for a program on another host.
pub(super) fn in_memory(block: &Block) -> Result<Input, RunError> {
    let unreadable = |source| RunError::Input { path: PathBuf::from("its block"), source };
    block.content.read().map(Input::Bytes).map_err(unreadable)
}

/// Tells what befalls only a task from what ends the run.
pub(super) fn judge(result: Result<Outcome, RunError>) -> Result<Attempt, TaskError> {
    match result {
        Ok(outcome) => Ok(Attempt {
            end: TaskEnd::Ran(outcome.status),
            wall: Duration::from_secs_f64(outcome.usage.wall.0.max(0.0)),
            outcome: Some(outcome),
        }),
        Err(
            error @ (RunError::NoSpace { .. }
            | RunError::Output { .. }
            | RunError::Guardian { .. }
            | RunError::Worker { .. }
            | RunError::Nice { .. }),
        ) => Err(error.into()),
        Err(error) => Ok(not_started(error.to_string())),
    }
}

fn not_started(reason: String) -> Attempt {
    Attempt { end: TaskEnd::NotStarted(reason), wall: Duration::ZERO, outcome: None }
}

/// Closes a file when the program has started.
struct CloseAtStart(Option<OwnedFd>);

impl Observer for CloseAtStart {
    fn started(&mut self, _pid: u32) {
        self.0 = None;
    }
}

fn remove_spilled(streams: [&Captured; 2]) {
    for path in streams.into_iter().filter_map(|captured| captured.spilled.as_ref()) {
        let _ = std::fs::remove_file(path);
    }
}

fn read_tail(path: &PathBuf) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(2 * LONGEST_VALUE as u64)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

/// Returns the last line that is not empty, without its end.
fn last_line(text: &[u8]) -> Option<&[u8]> {
    text.rsplit(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::last_line;

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        assert_eq!(last_line(b"a\nb \r\n\n"), Some(b"b".as_slice()));
        assert_eq!(last_line(b"a\n b"), Some(b" b".as_slice()));
        assert_eq!(last_line(b"\n\n"), None);
    }
}
