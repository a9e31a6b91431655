//! Runs one program at a time, from its start to the end of its last descendant.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use festina_machine::Source;
use festina_machine::process::{Scheduled, Transferred, TreeReader};
use festina_types::{Bytes, CancelToken, Finding, Seconds, Status, Usage};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags};

use crate::capture;
use crate::ending;
use crate::guardian::{Collection, Files, Guardian, Started};
use crate::lookup::LastFound;
use crate::sampler::{Job, SHORTEST_NS, Sampler, now_ns};
use crate::stdio::{captured, open_input, open_output};
use crate::stop::Stop;
use crate::tree::TreeAccount;
use crate::watch::{Captures, TICK_NS, Watch};
use crate::{Launch, Outcome, RunError};

/// The time that descendants have to end by themselves after the program has: helpers of a language's runtime do
/// so some milliseconds late.
const LINGER_NS: u64 = 200_000_000;

/// What a light runner leaves uncounted is below this.
const LIGHT_NS: u64 = 2_000_000;

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
    found: LastFound,
    is_light: bool,
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
            found: LastFound::default(),
            is_light: false,
            reader,
        })
    }

    /// Returns a runner for very many short programs, which counts only what costs nothing: I/O is not counted,
    /// waiting for a CPU from 2 ms on, and the process tree is sampled from 50 ms on, unless its memory is limited.
    ///
    /// # Errors
    ///
    /// Those of [`Runner::new`].
    pub fn light() -> Result<Self, RunError> {
        Ok(Self { is_light: true, ..Self::new()? })
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
            return Ok(Outcome::canceled());
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
        // What does not die of SIGKILL is not to be mixed up with the next run.
        self.guardian = Some(guardian).filter(|guardian| !guardian.is_stuck());
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
        if self.transferred.is_none() && !self.is_light {
            self.transferred = self.reader.transferred(guardian.pid());
        }
        let started_at = SystemTime::now();
        let mut watch = self.start(guardian, launch)?;
        let slots = slots(launch).unwrap_or(self.slots);
        let (main, started_ns) = (watch.started.pid, watch.started.at_ns);
        let job = Job::new(guardian.pid(), main, started_ns, slots, launch.memory_limit);
        let is_late = self.is_light && launch.memory_limit.is_none();
        observer.started(raw(main));
        let mut late = Late { sampler: &self.sampler, job: Some(job), observer };
        let first_tick = if is_late { TICK_NS } else { SHORTEST_NS };
        let end = watch.wait(guardian, &mut self.buffer, cancel, &mut late, first_tick);
        let job = self.sampler.finish();
        // The program is a zombie now, or about to be killed: its counters are final, and can still be read.
        let is_short = is_late && now_ns() < started_ns + LIGHT_NS;
        let last = if is_short { None } else { self.reader.scheduled(raw(main)) };
        let (account, exceeded) = match job {
            Some(job) => (job.account, job.exceeded),
            None => (TreeAccount::new(slots, started_ns), None),
        };
        let is_stopped = watch.stop.status().is_some() || exceeded.is_some();
        let end = end.and_then(|end_ns| {
            let (collection, findings) = self.collect_all(guardian, &mut watch, is_stopped)?;
            Ok((end_ns, collection, findings))
        });
        let (end_ns, collection, mut findings) = match end {
            Ok(end) => end,
            Err(error) => {
                if guardian.kill().is_err() {
                    watch.kill_without_guardian(&mut self.reader);
                }
                return Err(error);
            }
        };
        let (usage, unseen) = self.usage(guardian.pid(), &watch.started, end_ns, account, last, &collection);
        findings.extend(unseen);
        let status = match (exceeded, watch.stop.status()) {
            (Some(memory), _) => {
                findings.push(ending::over_limit(memory, launch));
                Status::OutOfMemory
            }
            (None, Some(status)) => status,
            (None, None) => self.judge(collection.status, &mut findings),
        };
        let Captures { output, errors } = watch.captures;
        let (output, errors) = (captured(output), captured(errors));
        Ok(Outcome { status, usage, started_at, output, errors, findings })
    }

    /// Finds the program, opens the streams, and has the guardian start it.
    fn start(&mut self, guardian: &mut Guardian, launch: &Launch) -> Result<Watch, RunError> {
        let path = self.found.find(launch)?.to_owned();
        let directory = launch.directory.as_deref().map(open_directory).transpose()?;
        let input = open_input(&launch.input)?;
        let (output, output_capture) = open_output(&launch.output, rustix::stdio::stdout())?;
        let (errors, errors_capture) = open_output(&launch.errors, rustix::stdio::stderr())?;
        let files = Files {
            streams: [input.borrow(&self.null), output.borrow(&self.null), errors.borrow(&self.null)],
            directory: directory.as_ref().map(std::os::fd::AsFd::as_fd),
        };
        let started = guardian.start(&path, launch, &files);
        if started.is_err() {
            self.found.forget();
        }
        let started = started?;
        let pidfd = match rustix::process::pidfd_open(started.pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                guardian.kill()?;
                return Err(RunError::Exhausted { source: error.into() });
            }
        };
        Ok(Watch {
            root: guardian.pid(),
            pidfd,
            started,
            stop: Stop::new(started.at_ns, launch.timeout, launch.grace),
            captures: Captures { output: output_capture, errors: errors_capture },
        })
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
                findings.extend(ending::left_running(guardian.pid(), &mut self.reader));
            }
            collection = guardian.kill()?;
            if collection.alive {
                findings.push(ending::unkillable());
            }
        }
        watch.captures.drain(&mut self.buffer)?;
        Ok((collection, findings))
    }

    fn usage(
        &mut self,
        root: u32,
        started: &Started,
        end_ns: u64,
        account: TreeAccount,
        main: Option<Scheduled>,
        collection: &Collection,
    ) -> (Usage, Option<Finding>) {
        let used = &collection.resources;
        let (user, system) = (used.user_us as f64 * 1e-6, used.system_us as f64 * 1e-6);
        let (peak_processes, peak_threads) = (account.peak_processes, account.peak_threads);
        let peak_rss = ending::peak_rss(
            account.peak_memory,
            Bytes(used.max_rss_kib << 10),
            Bytes(started.floor_kib << 10),
        );
        let main = main.map(|scheduled| (raw(started.pid), scheduled));
        let waits = account.finish(end_ns, main, (user + system) * 1e9);
        let before = self.transferred.unwrap_or_default();
        self.transferred = if self.is_light { None } else { self.reader.transferred(root) };
        let moved = |pick: fn(Transferred) -> Bytes| {
            self.transferred.map(|after| Bytes(pick(after).0.saturating_sub(pick(before).0)))
        };
        let usage = Usage {
            wall: Seconds(end_ns.saturating_sub(started.at_ns) as f64 * 1e-9),
            user: Seconds(user),
            system: Seconds(system),
            run_delay: waits.map(|waits| Seconds(waits.run_delay_ns * 1e-9)),
            blocked: waits.map(|waits| Seconds(waits.blocked_ns * 1e-9)),
            peak_rss,
            peak_processes,
            peak_threads,
            voluntary_switches: used.voluntary_switches,
            involuntary_switches: used.involuntary_switches,
            major_faults: used.major_faults,
            minor_faults: used.minor_faults,
            read: moved(|transferred| transferred.read),
            written: moved(|transferred| transferred.written),
        };
        let unseen = waits.and_then(|waits| ending::unseen(Seconds(waits.unseen_cpu_ns * 1e-9), usage.cpu()));
        (usage, unseen)
    }

    /// Returns how a program ended that was not stopped.
    fn judge(&mut self, status: i32, findings: &mut Vec<Finding>) -> Status {
        let status = ending::plain_status(status);
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
                findings.push(ending::killed_for_memory());
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

/// Starts to sample a run at its first tick: most short programs have ended by then, and no thread was woken for them.
struct Late<'a> {
    sampler: &'a Sampler,
    job: Option<Job>,
    observer: &'a mut dyn Observer,
}

impl Observer for Late<'_> {
    fn running(&mut self, elapsed: Seconds) {
        if let Some(job) = self.job.take() {
            self.sampler.start(job);
        }
        if elapsed.0 * 1e9 >= TICK_NS as f64 {
            self.observer.running(elapsed);
        }
    }
}

/// Returns a process id as a plain number.
fn raw(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
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
