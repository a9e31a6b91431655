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
use crate::guardian::{Begun, Collection, Ended, Guardian, Started};
use crate::lookup::LastFound;
use crate::sampler::{Job, SHORTEST_NS, Sampler, now_ns};
use crate::stdio::{Streams, captured};
use crate::tree::TreeAccount;
use crate::watch::{Captures, TICK_NS, Watch, kill_without_guardian};
use crate::{Launch, Outcome, RunError};

/// The time that descendants have to end by themselves after the program has: helpers of a language's runtime do
/// so some milliseconds late.
const LINGER_NS: u64 = 200_000_000;

/// Is told of a run while it goes on.
pub trait Observer {
    /// The program was started with this process id; a light runner says so up to 50 ms late.
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
        let path = self.found.find(launch)?.to_owned();
        let mut streams = Streams::open(launch)?;
        let is_late = self.is_light && launch.memory_limit.is_none();
        let begun = if is_late {
            self.begin(guardian, &path, launch, &mut streams)
        } else {
            let started = guardian.start(&path, launch, &streams.files(&self.null));
            streams.give_away();
            started.map(Begun::Runs)
        };
        if let Err(error) = &begun {
            self.found.forget();
            self.end_unwatched(guardian, error);
        }
        let mut end = match begun? {
            Begun::Runs(started) => {
                let first_tick = if is_late { TICK_NS } else { SHORTEST_NS };
                self.wait(guardian, launch, started, &mut streams.captures, (cancel, observer, first_tick))?
            }
            Begun::Ended(ended) => {
                observer.started(raw(ended.started.pid));
                self.take_ended(guardian, launch, &ended, &mut streams.captures)?
            }
        };
        let mut findings = std::mem::take(&mut end.findings);
        let (exceeded, stopped, wait_status) = (end.exceeded, end.stopped, end.collection.status);
        let (usage, unseen) = self.usage(guardian.pid(), end);
        findings.extend(unseen);
        let status = match (exceeded, stopped) {
            (Some(memory), _) => {
                findings.push(ending::over_limit(memory, launch));
                Status::OutOfMemory
            }
            (None, Some(status)) => status,
            (None, None) => self.judge(wait_status, &mut findings),
        };
        let Captures { output, errors } = streams.captures;
        let (output, errors) = (captured(output), captured(errors));
        Ok(Outcome { status, usage, started_at, output, errors, findings })
    }

    /// Has the guardian start the program and collect it by itself, which most often is all: nothing else is done for one
    /// that ends before the first tick. What runs longer is to be waited for as usual.
    fn begin(
        &mut self,
        guardian: &mut Guardian,
        path: &Path,
        launch: &Launch,
        streams: &mut Streams,
    ) -> Result<Begun, RunError> {
        guardian.begin(path, launch, &streams.files(&self.null))?;
        streams.give_away();
        let begun = streams.captures.wait_for_end(guardian, &mut self.buffer, launch.timeout);
        if begun? { guardian.ended(path, launch) } else { guardian.hold(path, launch) }
    }

    /// Ends a program that was begun, where what befell this process or the guardian keeps it from being waited for.
    fn end_unwatched(&mut self, guardian: &mut Guardian, error: &RunError) {
        let may_run =
            matches!(error, RunError::Guardian { .. } | RunError::Output { .. } | RunError::NoSpace { .. });
        if may_run
            && guardian.kill().is_err()
            && let Some(main) = guardian.program()
            && let Ok(pidfd) = rustix::process::pidfd_open(main, PidfdFlags::empty())
        {
            kill_without_guardian(main, &pidfd, &mut self.reader);
        }
    }

    /// Waits for a program that runs, samples it, and collects it when it has ended or has been stopped.
    fn wait(
        &mut self,
        guardian: &mut Guardian,
        launch: &Launch,
        started: Started,
        captures: &mut Captures,
        (cancel, observer, first_tick): (&CancelToken, &mut dyn Observer, u64),
    ) -> Result<End, RunError> {
        let mut watch = Watch::open(guardian, launch, started)?;
        let slots = slots(launch).unwrap_or(self.slots);
        let job = Job::new(guardian.pid(), started.pid, started.at_ns, slots, launch.memory_limit);
        observer.started(raw(started.pid));
        let mut late = Late { sampler: &self.sampler, job: Some(job), observer };
        let end = watch.wait(guardian, captures, &mut self.buffer, cancel, &mut late, first_tick);
        let job = self.sampler.finish();
        // The program is a zombie now, or about to be killed: its counters are final, and can still be read.
        let last = self.reader.scheduled(raw(started.pid));
        let (account, exceeded) = match job {
            Some(job) => (job.account, job.exceeded),
            None => (TreeAccount::new(slots, started.at_ns), None),
        };
        let stopped = watch.stop.status();
        let is_stopped = stopped.is_some() || exceeded.is_some();
        let collected = end.and_then(|end_ns| {
            let collection = guardian.collect()?;
            Ok((end_ns, self.collect_rest(guardian, captures, collection, is_stopped)?))
        });
        match collected {
            Ok((at_ns, (collection, findings))) => {
                Ok(End { started, at_ns, last, account, exceeded, stopped, collection, findings })
            }
            Err(error) => {
                if guardian.kill().is_err() {
                    kill_without_guardian(started.pid, &watch.pidfd, &mut self.reader);
                }
                Err(error)
            }
        }
    }

    /// Takes the end of a program that the guardian has collected, and collects its descendants.
    fn take_ended(
        &mut self,
        guardian: &mut Guardian,
        launch: &Launch,
        ended: &Ended,
        captures: &mut Captures,
    ) -> Result<End, RunError> {
        let Ended { started, at_ns, scheduled: last, collection } = *ended;
        let collected = self.collect_rest(guardian, captures, collection, false);
        let (collection, findings) = collected.inspect_err(|_| _ = guardian.kill())?;
        let account = TreeAccount::new(slots(launch).unwrap_or(self.slots), started.at_ns);
        Ok(End { started, at_ns, last, account, exceeded: None, stopped: None, collection, findings })
    }

    /// Collects the descendants of a program that is collected; those that do not end in time are killed and reported.
    fn collect_rest(
        &mut self,
        guardian: &mut Guardian,
        captures: &mut Captures,
        mut collection: Collection,
        is_stopped: bool,
    ) -> Result<(Collection, Vec<Finding>), RunError> {
        let mut findings = Vec::new();
        let give_up_ns = now_ns() + if is_stopped { 0 } else { LINGER_NS };
        while collection.alive && now_ns() < give_up_ns {
            captures.wait(&mut self.buffer, 2_000_000)?;
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
        captures.drain(&mut self.buffer)?;
        Ok((collection, findings))
    }

    fn usage(&mut self, root: u32, end: End) -> (Usage, Option<Finding>) {
        let End { started, at_ns: end_ns, account, last, collection, .. } = end;
        let used = &collection.resources;
        let (user, system) = (used.user_us as f64 * 1e-6, used.system_us as f64 * 1e-6);
        let (peak_processes, peak_threads) = (account.peak_processes, account.peak_threads);
        let peak_rss = ending::peak_rss(
            account.peak_memory,
            Bytes(used.max_rss_kib << 10),
            Bytes(started.floor_kib << 10),
        );
        let main = last.map(|scheduled| (raw(started.pid), scheduled));
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

/// A program that has ended, with all of its descendants.
struct End {
    started: Started,
    /// `CLOCK_MONOTONIC` at the program's end, in nanoseconds.
    at_ns: u64,
    /// The last reading of its main thread.
    last: Option<Scheduled>,
    account: TreeAccount,
    /// The memory at which it was killed.
    exceeded: Option<Bytes>,
    /// Why it was stopped.
    stopped: Option<Status>,
    collection: Collection,
    findings: Vec<Finding>,
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
