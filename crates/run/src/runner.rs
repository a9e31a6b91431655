//! Runs one program at a time, from its start to the end of its last descendant.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use festina_machine::Source;
use festina_machine::process::{Scheduled, Transferred, TreeReader, TreeReading};
use festina_types::{Bytes, CancelToken, Finding, Seconds, Severity, Status, Usage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::PidfdFlags;

use crate::capture::{self, Capture};
use crate::guardian::{Collection, Files, Guardian, Started};
use crate::lookup::find_program;
use crate::sampler::{Job, Sampler, now_ns};
use crate::stdio::{captured, open_input, open_output};
use crate::stop::Stop;
use crate::tree::TreeAccount;
use crate::{Launch, Outcome, RunError};

/// How often cancellation is looked for while a program runs.
const TICK_NS: u64 = 50_000_000;

/// The time that descendants have to end by themselves after the program has: helpers of a language's runtime do
/// so some milliseconds late.
const LINGER_NS: u64 = 100_000_000;

/// Is told of a run while it goes on.
pub trait Observer {
    /// The program was started with this process id.
    fn started(&mut self, _pid: u32) {}

    /// The program has been running for so long; called some twenty times a second.
    fn running(&mut self, _elapsed: Seconds) {}
}

/// Observes nothing.
impl Observer for () {}

/// Runs one program at a time.
///
/// Making one costs a fork and a thread, below a millisecond: keep it for many runs, and one a thread for runs at
/// the same time. The fork shares the memory of this process as it is at that moment, so make it before large
/// data is loaded. Dropping it leaves nothing behind.
pub struct Runner {
    guardian: Option<Guardian>,
    sampler: Sampler,
    reader: TreeReader,
    null: OwnedFd,
    buffer: Vec<u8>,
    /// The guardian's own I/O before the run, into which the kernel sums that of all it collects.
    transferred: Option<Transferred>,
    /// The number of slots of programs that say nothing about it.
    slots: u32,
    /// How many processes the kernel had killed for memory, and when that was read.
    memory_kills: (Option<u64>, u64),
}

/// Runs one program, with a runner of its own.
///
/// # Errors
///
/// Those of [`Runner::new`] and [`Runner::run`].
pub fn run(launch: &Launch, cancel: &CancelToken, observer: &mut dyn Observer) -> Result<Outcome, RunError> {
    Runner::new()?.run(launch, cancel, observer)
}

impl Runner {
    /// Returns a runner. Programs inherit the working directory, the CPUs and the niceness of the calling thread
    /// unless their launch says otherwise.
    ///
    /// # Errors
    ///
    /// [`RunError::Guardian`] if the guardian process cannot be forked (Linux before 5.3 has no pidfds), and
    /// [`RunError::Exhausted`] if no thread can be started.
    pub fn new() -> Result<Self, RunError> {
        let exhausted = |source| RunError::Exhausted { source };
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        let mut reader = TreeReader::new(Source::live());
        Ok(Self {
            guardian: Some(Guardian::new()?),
            sampler: Sampler::new().map_err(exhausted)?,
            null: null.map_err(|error| exhausted(error.into()))?,
            buffer: capture::buffer(),
            transferred: None,
            slots: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            memory_kills: (reader.memory_kills(), now_ns()),
            reader,
        })
    }

    /// Runs the program of `launch` to its end, and sees to it that none of its descendants outlives it.
    ///
    /// An urgent request on `cancel` stops it, as its time limit does: SIGTERM to the whole tree, SIGKILL after
    /// the launch's grace. A first request lets it finish, but starts nothing more: the outcome is then
    /// [`Status::Canceled`], with nothing used.
    ///
    /// # Errors
    ///
    /// All but [`RunError::Guardian`] mean that the program was not started; only [`RunError::NoSpace`] and
    /// [`RunError::Output`] can also befall a program that runs, which is then killed.
    pub fn run(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        check_limits(launch)?;
        if cancel.is_requested() {
            return Ok(canceled());
        }
        let result = self.run_once(launch, cancel, observer);
        match result {
            // Niceness only rises without privileges: what a former run raised, a new guardian has not.
            Err(RunError::Nice { nice }) if nice >= own_niceness() => {
                self.guardian = None;
                self.run_once(launch, cancel, observer)
            }
            // A guardian that was killed is replaced for the next run.
            Err(RunError::Guardian { .. }) => {
                self.guardian = None;
                result
            }
            _ => result,
        }
    }

    fn run_once(
        &mut self,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        let mut guardian = match self.guardian.take() {
            Some(guardian) => guardian,
            None => {
                self.transferred = None;
                Guardian::new()?
            }
        };
        let outcome = self.run_under(&mut guardian, launch, cancel, observer);
        self.guardian = Some(guardian);
        outcome
    }

    fn run_under(
        &mut self,
        guardian: &mut Guardian,
        launch: &Launch,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, RunError> {
        self.look_for_memory_kills();
        if self.transferred.is_none() {
            self.transferred = self.reader.transferred(guardian.pid());
        }
        let path = find_program(&launch.program, &launch.environment, launch.directory.as_deref())?;
        let mut captures = Captures { output: None, errors: None };
        let started_at = SystemTime::now();
        let started = self.start(guardian, &path, launch, &mut captures)?;
        let pid = started.pid.as_raw_nonzero().get().unsigned_abs();
        let slots = slots(launch).unwrap_or(self.slots);
        self.sampler.start(Job::new(guardian.pid(), started.pid, started.at_ns, slots, launch.memory_limit));
        observer.started(pid);
        let mut watch = Watch {
            root: guardian.pid(),
            started,
            stop: Stop::new(started.at_ns, launch.timeout, launch.grace),
            captures,
        };
        let end = watch.wait(&mut self.buffer, cancel, observer);
        let job = self.sampler.finish();
        // The program is a zombie now, or about to be killed: its counters are final, and can still be read.
        let main = self.reader.scheduled(pid);
        let (account, exceeded) = match job {
            Some(job) => (job.account, job.exceeded),
            None => (TreeAccount::new(slots, started.at_ns), None),
        };
        let end_ns = match end {
            Ok(end_ns) => end_ns,
            Err(error) => {
                guardian.kill()?;
                return Err(error);
            }
        };
        let is_stopped = watch.stop.status().is_some() || exceeded.is_some();
        let (collection, mut findings) = self.collect_all(guardian, &mut watch, is_stopped)?;
        let usage = self.usage(guardian.pid(), &watch.started, end_ns, account, main, &collection);
        let status = match (exceeded, watch.stop.status()) {
            (Some(memory), _) => {
                findings.push(over_limit(memory, launch));
                Status::OutOfMemory
            }
            (None, Some(status)) => status,
            (None, None) => self.judge(collection.status, &mut findings),
        };
        let Captures { output, errors } = watch.captures;
        let (output, errors) = (captured(output), captured(errors));
        Ok(Outcome { status, usage, started_at, output, errors, findings })
    }

    /// Opens the streams and has the guardian start the program.
    fn start(
        &mut self,
        guardian: &mut Guardian,
        path: &Path,
        launch: &Launch,
        captures: &mut Captures,
    ) -> Result<Started, RunError> {
        let directory = launch.directory.as_deref().map(open_directory).transpose()?;
        let input = open_input(&launch.input)?;
        let (output, capture) = open_output(&launch.output, rustix::stdio::stdout())?;
        captures.output = capture;
        let (errors, capture) = open_output(&launch.errors, rustix::stdio::stderr())?;
        captures.errors = capture;
        let files = Files {
            streams: [input.borrow(&self.null), output.borrow(&self.null), errors.borrow(&self.null)],
            directory: directory.as_ref().map(std::os::fd::AsFd::as_fd),
        };
        guardian.start(path, launch, &files)
    }

    /// Collects the program and its descendants; those that do not end in time are killed and reported.
    fn collect_all(
        &mut self,
        guardian: &mut Guardian,
        watch: &mut Watch,
        is_stopped: bool,
    ) -> Result<(Collection, Vec<Finding>), RunError> {
        let mut findings = Vec::new();
        let mut collection = guardian.collect()?;
        let give_up_ns = now_ns() + if is_stopped { 0 } else { LINGER_NS };
        while collection.alive && now_ns() < give_up_ns {
            watch.captures.wait(&mut self.buffer, 2_000_000)?;
            collection = guardian.collect()?;
        }
        if collection.alive {
            if !is_stopped {
                findings.extend(self.left_running(guardian.pid()));
            }
            collection = guardian.kill()?;
            if collection.alive {
                findings.push(unkillable());
            }
        }
        watch.captures.drain(&mut self.buffer)?;
        Ok((collection, findings))
    }

    /// Returns what is to be said of descendants that are still alive.
    fn left_running(&mut self, root: u32) -> Option<Finding> {
        let mut tree = TreeReading::default();
        self.reader.read(root, &mut tree);
        let alive: Vec<u32> =
            tree.processes.iter().filter(|process| process.is_alive()).map(|process| process.pid).collect();
        let name = self.reader.name(*alive.first()?)?;
        let others = match alive.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let message = format!("the program ended and left '{name}'{others} running: killed");
        let hint = "let the program wait for its children; what they did is counted up to its end only";
        Some(Finding::new(Severity::Warning, "left-running", message).with_hint(hint))
    }

    fn usage(
        &mut self,
        root: u32,
        started: &Started,
        end_ns: u64,
        account: TreeAccount,
        main: Option<Scheduled>,
        collection: &Collection,
    ) -> Usage {
        let used = &collection.resources;
        let (user, system) = (used.user_us as f64 * 1e-6, used.system_us as f64 * 1e-6);
        let (peak_processes, peak_threads) = (account.peak_processes, account.peak_threads);
        let peak_rss =
            peak_rss(account.peak_memory, Bytes(used.max_rss_kib << 10), Bytes(started.floor_kib << 10));
        let main = main.map(|scheduled| (started.pid.as_raw_nonzero().get().unsigned_abs(), scheduled));
        let waits = account.finish(end_ns, main, (user + system) * 1e9);
        let before = self.transferred.unwrap_or_default();
        self.transferred = self.reader.transferred(root);
        let moved = |pick: fn(Transferred) -> Bytes| {
            self.transferred.map(|after| Bytes(pick(after).0.saturating_sub(pick(before).0)))
        };
        Usage {
            wall: Seconds(end_ns.saturating_sub(started.at_ns) as f64 * 1e-9),
            user: Seconds(user),
            system: Seconds(system),
            run_delay: waits.map(|(delay, _)| Seconds(delay * 1e-9)),
            blocked: waits.map(|(_, blocked)| Seconds(blocked * 1e-9)),
            peak_rss,
            peak_processes,
            peak_threads,
            voluntary_switches: used.voluntary_switches,
            involuntary_switches: used.involuntary_switches,
            major_faults: used.major_faults,
            minor_faults: used.minor_faults,
            read: moved(|transferred| transferred.read),
            written: moved(|transferred| transferred.written),
        }
    }

    /// Returns how a program ended that was not stopped.
    fn judge(&mut self, status: i32, findings: &mut Vec<Finding>) -> Status {
        let status = plain_status(status);
        // A shell says 128 + 9 for a child that was killed.
        let looks_killed =
            matches!(status, Status::Killed { signal: libc::SIGKILL } | Status::Failed { code: 137 });
        if !looks_killed {
            return status;
        }
        let before = self.memory_kills.0;
        self.memory_kills = (self.reader.memory_kills(), now_ns());
        match (before, self.memory_kills.0) {
            (Some(before), Some(after)) if after > before => {
                let message = "the kernel killed a process for memory while the program ran";
                let hint = "festina cores tells the memory that the machine and its control groups leave";
                findings.push(Finding::new(Severity::Error, "killed-for-memory", message).with_hint(hint));
                Status::OutOfMemory
            }
            _ => status,
        }
    }

    /// Keeps the count of the kernel's kills for memory fresh, without reading it before each of many short runs.
    fn look_for_memory_kills(&mut self) {
        let now = now_ns();
        if now > self.memory_kills.1 + 1_000_000_000 {
            self.memory_kills = (self.reader.memory_kills(), now);
        }
    }
}

/// Returns the peak of the memory of a tree: the largest sample, or what the kernel says of the largest process
/// where it says more than what a process has from the guardian's fork, or where there was no sample.
fn peak_rss(sampled: Bytes, largest: Bytes, floor: Bytes) -> Bytes {
    if largest > floor || sampled.0 == 0 { sampled.max(largest) } else { sampled }
}

/// What is read of a program's streams.
struct Captures {
    output: Option<Capture>,
    errors: Option<Capture>,
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

    /// Reads what comes within some time.
    fn wait(&mut self, buffer: &mut [u8], nanoseconds: i64) -> Result<(), RunError> {
        let mut ready: Vec<_> = self.open().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        let _ = poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: nanoseconds }));
        self.read(buffer).map(|_| ())
    }

    /// Reads what is there.
    fn drain(&mut self, buffer: &mut [u8]) -> Result<(), RunError> {
        while self.read(buffer)? {}
        Ok(())
    }
}

/// A program that is waited for.
struct Watch {
    root: u32,
    started: Started,
    stop: Stop,
    captures: Captures,
}

impl Watch {
    /// Waits until the program ends, reading its streams and keeping its time limit; returns when it ended.
    fn wait(
        &mut self,
        buffer: &mut [u8],
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) -> Result<u64, RunError> {
        let pidfd = rustix::process::pidfd_open(self.started.pid, PidfdFlags::empty())
            .map_err(|error| RunError::Exhausted { source: error.into() })?;
        let mut next_tick = self.started.at_ns + TICK_NS;
        loop {
            let now = now_ns();
            let wake = self.stop.next_ns().unwrap_or(u64::MAX).min(next_tick).saturating_sub(now);
            let pause =
                Timespec { tv_sec: (wake / 1_000_000_000) as i64, tv_nsec: (wake % 1_000_000_000) as i64 };
            let mut ready = Vec::with_capacity(3);
            ready.push(PollFd::new(&pidfd, PollFlags::IN));
            ready.extend(self.captures.open().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            let n_ready = poll(&mut ready, Some(&pause)).unwrap_or(0);
            let now = now_ns();
            if n_ready > 0 && !ready[0].revents().is_empty() {
                return Ok(now);
            }
            if n_ready > 0 {
                self.captures.read(buffer)?;
            }
            self.stop.advance(now, cancel, self.root, self.started.pid);
            if now >= next_tick {
                observer.running(Seconds((now - self.started.at_ns) as f64 * 1e-9));
                next_tick = now + TICK_NS;
            }
        }
    }
}

fn check_limits(launch: &Launch) -> Result<(), RunError> {
    for limit in launch.timeout.iter().chain([&launch.grace]) {
        if limit.0.is_nan() || limit.0 < 0.0 {
            return Err(RunError::TimeLimit { seconds: limit.0 });
        }
    }
    if let Some(nice) = launch.nice.filter(|nice| !(-20..=19).contains(nice)) {
        return Err(RunError::NiceRange { nice });
    }
    Ok(())
}

fn open_directory(path: &Path) -> Result<OwnedFd, RunError> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| RunError::Directory { path: path.to_owned(), source: error.into() })
}

/// Returns the number of slots against which idle time is reckoned, where the launch says.
fn slots(launch: &Launch) -> Option<u32> {
    match (launch.workers, &launch.cpus) {
        (Some(workers), _) => Some(workers.get()),
        (None, cpus) => cpus.as_ref().map(|cpus| cpus.len() as u32),
    }
}

fn own_niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap_or(0)
}

/// Reads a wait status.
fn plain_status(status: i32) -> Status {
    if libc::WIFSIGNALED(status) {
        return Status::Killed { signal: libc::WTERMSIG(status) };
    }
    match libc::WEXITSTATUS(status) {
        0 => Status::Finished,
        code => Status::Failed { code },
    }
}

fn canceled() -> Outcome {
    Outcome {
        status: Status::Canceled,
        usage: Usage::default(),
        started_at: SystemTime::now(),
        output: captured(None),
        errors: captured(None),
        findings: Vec::new(),
    }
}

fn over_limit(memory: Bytes, launch: &Launch) -> Finding {
    let limit = launch.memory_limit.unwrap_or_default();
    let message =
        format!("the program's processes had {memory} in memory, above the limit of {limit}: killed");
    Finding::new(Severity::Error, "memory-limit", message)
}

fn unkillable() -> Finding {
    let message = "a process of the program did not die of SIGKILL within two seconds";
    let hint =
        "it hangs in a call of the kernel, a dead network file system for one: see ps -o pid,stat,wchan,cmd";
    Finding::new(Severity::Error, "not-killable", message).with_hint(hint)
}
