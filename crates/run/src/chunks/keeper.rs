//! Makes chunks of what waits, and reads what workers say of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use festina_types::{Finding, Seconds, Severity, Status};

use super::folder::Stop;
use super::left::Left;
use super::pace::Pace;
use super::pool::{Answer, Shared, Tell};
use super::record::Record;
use crate::Outcome;
use crate::mpi::frame::Frame;

/// Between two looks into the folder, where the last found something, and where none has for long.
const SHORTEST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// What waits to become a chunk waits no longer.
const GATHER: Duration = Duration::from_millis(15);

/// A task that took so many workers with it is not given to another.
const MOST_LOST: u32 = 3;

/// A task that somebody waits for.
struct Entry {
    job: Frame,
    tell: Tell,
    chunk: Option<u64>,
    /// The worker that has started it.
    started_by: Option<String>,
    n_lost: u32,
}

/// What is known of a worker.
pub(super) struct Member {
    host: Arc<str>,
    /// What the engine calls its job.
    pub(super) job: String,
    offset: u64,
    heard: Instant,
    has_left: bool,
}

/// What the threads of a pool know.
pub(super) struct State {
    entries: HashMap<u64, Entry>,
    next_id: u64,
    /// Tasks that are in no chunk, and since when there are any.
    outbox: VecDeque<u64>,
    gathering: Option<Instant>,
    /// The tasks of each chunk that have not ended.
    chunks: HashMap<u64, HashSet<u64>>,
    next_chunk: u64,
    members: HashMap<String, Member>,
    pub(super) left: Left,
    pub(super) is_settled: bool,
    pub(super) stop: Option<Stop>,
    pub(super) is_closed: bool,
    /// Why the run cannot go on.
    pub(super) failure: Option<String>,
    /// Tasks that ended.
    pub(super) n_ended: u64,
    /// Jobs that the engine has, and when it was asked.
    pub(super) alive: Option<(Vec<String>, Instant)>,
    pace: Pace,
}

impl State {
    pub(super) fn new(left: Left) -> Self {
        Self {
            entries: HashMap::new(),
            next_id: 1,
            outbox: VecDeque::new(),
            gathering: None,
            chunks: HashMap::new(),
            next_chunk: 1,
            members: HashMap::new(),
            left,
            is_settled: false,
            stop: None,
            is_closed: false,
            failure: None,
            n_ended: 0,
            alive: None,
            pace: Pace::default(),
        }
    }

    /// Adds a task.
    pub(super) fn add(&mut self, job: Frame, tell: Tell) {
        if self.failure.is_some() {
            // Whoever waits finds nobody at the other end, and asks why.
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.entries.insert(id, Entry { job, tell, chunk: None, started_by: None, n_lost: 0 });
        self.put_out(id);
    }

    fn put_out(&mut self, id: u64) {
        self.outbox.push_back(id);
        self.gathering.get_or_insert_with(Instant::now);
    }

    pub(super) fn fail(&mut self, message: String) {
        self.failure.get_or_insert(message);
        self.entries.clear();
        self.outbox.clear();
    }

    /// Returns whether nobody waits for anything.
    pub(super) fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether there are workers.
    pub(super) fn has_workers(&self) -> bool {
        self.members.values().any(|member| !member.has_left)
    }

    fn end(&mut self, id: u64, frame: Frame, host: Option<Arc<str>>) -> Option<u64> {
        let entry = self.entries.remove(&id)?;
        self.n_ended += 1;
        // Whoever asked may have gone, in an error.
        let _ = entry.tell.send(Answer { frame: with_losses(frame, entry.n_lost), host });
        self.forget(id, entry.chunk)
    }

    /// Takes a task out of its chunk; returns the chunk if it was the last of it.
    fn forget(&mut self, id: u64, chunk: Option<u64>) -> Option<u64> {
        let chunk = chunk?;
        let left = self.chunks.get_mut(&chunk)?;
        left.remove(&id);
        if !left.is_empty() {
            return None;
        }
        self.chunks.remove(&chunk);
        Some(chunk)
    }

    /// A task that a worker had is to run elsewhere, unless nothing is to run any more.
    fn take_back(&mut self, id: u64, is_lost: bool) -> Option<u64> {
        let entry = self.entries.get_mut(&id)?;
        let chunk = entry.chunk.take();
        entry.n_lost += u32::from(is_lost && entry.started_by.is_some());
        entry.started_by = None;
        let is_hopeless = entry.n_lost >= MOST_LOST;
        let done = self.forget(id, chunk);
        if is_hopeless {
            self.end(
                id,
                Frame::Ended(Box::new(Outcome {
                    status: Status::Killed { signal: libc::SIGKILL },
                    ..Outcome::canceled()
                })),
                None,
            );
        } else if self.stop.is_some() {
            self.end(id, Frame::Bye, None);
        } else {
            self.put_out(id);
        }
        done
    }
}

/// Says with the outcome of a task that it was run more than once.
fn with_losses(frame: Frame, n_lost: u32) -> Frame {
    match frame {
        Frame::Ended(mut outcome) if n_lost > 0 => {
            let message = format!("{n_lost} workers that ran it were lost");
            outcome.findings.push(Finding::new(Severity::Warning, "worker-lost", message));
            Frame::Ended(outcome)
        }
        frame => frame,
    }
}

/// The thread that looks after the folder of a pool.
pub(super) struct Keeper<'s> {
    shared: &'s Shared,
    beaten: Instant,
}

impl<'s> Keeper<'s> {
    pub(super) fn new(shared: &'s Shared) -> Self {
        Self { shared, beaten: Instant::now() }
    }

    /// Keeps the pool until it is closed.
    pub(super) fn keep(mut self) {
        let mut look = SHORTEST_LOOK;
        while !self.shared.lock().is_closed {
            match self.step() {
                Ok(true) => look = SHORTEST_LOOK,
                Ok(false) => look = (look * 2).min(LONGEST_LOOK),
                Err(error) => {
                    self.shared.fail(format!("{}: {error}", self.shared.folder.path().display()));
                    look = LONGEST_LOOK;
                }
            }
            let state = self.shared.lock();
            if state.gathering.is_some() {
                look = look.min(GATHER);
            }
            if state.stop.is_some() {
                // Workers leave soon.
                look = SHORTEST_LOOK;
            }
            drop(
                self.shared
                    .changed
                    .wait_timeout(state, look)
                    .expect("no thread panics while it holds the state"),
            );
        }
    }

    /// Does what there is to do; returns whether there was anything.
    fn step(&mut self) -> io::Result<bool> {
        if self.beaten.elapsed().as_secs_f64() >= self.shared.options.beat.0 {
            self.beaten = Instant::now();
            self.shared.folder.beat()?;
        }
        self.look_for_workers();
        let has_heard = self.listen()?;
        self.look_for_losses()?;
        let has_offered = self.offer()?;
        if has_heard {
            self.shared.changed.notify_all();
        }
        Ok(has_heard || has_offered)
    }

    fn look_for_workers(&self) {
        for name in self.shared.folder.workers() {
            let mut state = self.shared.lock();
            state.members.entry(name).or_insert_with(|| Member {
                host: Arc::from(""),
                job: String::new(),
                offset: 0,
                heard: Instant::now(),
                has_left: false,
            });
        }
    }

    /// Reads what workers say.
    fn listen(&self) -> io::Result<bool> {
        let there: Vec<(String, u64)> = {
            let state = self.shared.lock();
            let there = state.members.iter().filter(|(_, member)| !member.has_left);
            there.map(|(name, member)| (name.clone(), member.offset)).collect()
        };
        let mut has_heard = false;
        for (name, mut offset) in there {
            let records = self.shared.folder.said(&name, &mut offset)?;
            if records.is_empty() {
                continue;
            }
            has_heard = true;
            let mut done = Vec::new();
            let mut state = self.shared.lock();
            if let Some(member) = state.members.get_mut(&name) {
                (member.offset, member.heard) = (offset, Instant::now());
            }
            for (id, record) in records {
                done.extend(take(&mut state, &name, id, record));
            }
            let has_left = state.members.get(&name).is_some_and(|member| member.has_left);
            drop(state);
            done.into_iter().for_each(|chunk| self.shared.folder.discard(chunk, &name));
            if has_left {
                self.take_all_back(&name, false);
            }
        }
        Ok(has_heard)
    }

    /// Looks for workers that say nothing for long, or whose jobs have ended.
    fn look_for_losses(&self) -> io::Result<()> {
        let lost: Vec<String> = {
            let state = self.shared.lock();
            let patience = self.shared.options.patience.0;
            let is_lost = |member: &Member| {
                let is_ended = state.alive.as_ref().is_some_and(|(jobs, asked)| {
                    // What it said before it ended may be on its way.
                    *asked > member.heard
                        && member.heard.elapsed() > Duration::from_secs(2)
                        && !jobs.contains(&member.job)
                });
                let is_named = !member.job.is_empty();
                !member.has_left
                    && ((is_named && is_ended) || member.heard.elapsed().as_secs_f64() > patience)
            };
            state.members.iter().filter(|(_, member)| is_lost(member)).map(|(name, _)| name.clone()).collect()
        };
        for name in lost {
            if let Some(member) = self.shared.lock().members.get_mut(&name) {
                member.has_left = true;
            }
            self.take_all_back(&name, true);
        }
        Ok(())
    }

    /// Takes back what a worker has that is there no more.
    fn take_all_back(&self, name: &str, is_lost: bool) {
        for chunk in self.shared.folder.taken_by(name) {
            // From now on the worker, should it live, knows that the chunk is not its own.
            self.shared.folder.discard(chunk, name);
            let mut state = self.shared.lock();
            let ids: Vec<u64> = state.chunks.get(&chunk).into_iter().flatten().copied().collect();
            ids.into_iter().for_each(|id| _ = state.take_back(id, is_lost));
        }
        self.shared.changed.notify_all();
    }

    /// Makes chunks of what waits, or ends it if nothing is to run any more.
    fn offer(&self) -> io::Result<bool> {
        let mut state = self.shared.lock();
        if state.stop.is_some() {
            self.end_what_waits(&mut state);
            return Ok(false);
        }
        let n_workers = state.members.values().filter(|member| !member.has_left).count();
        let n_waiting = state.outbox.len();
        let size = state.pace.chunk(n_waiting, n_workers);
        let is_time =
            state.gathering.is_some_and(|since| since.elapsed() >= GATHER || state.pace.mean().is_none());
        if n_waiting == 0 || !(is_time || n_waiting >= 2 * size.max(8)) {
            return Ok(false);
        }
        let p95_s = state.pace.p95().unwrap_or_default();
        let mut chunks = Vec::new();
        while !state.outbox.is_empty() {
            let chunk = state.next_chunk;
            state.next_chunk += 1;
            let mut bytes = Vec::new();
            Record::Pace { p95_s }.write(0, &mut bytes);
            let n_of_chunk = size.min(state.outbox.len());
            let ids: Vec<u64> = state.outbox.drain(..n_of_chunk).collect();
            for id in &ids {
                if let Some(entry) = state.entries.get_mut(id) {
                    entry.chunk = Some(chunk);
                    Record::Job(entry.job.clone()).write(*id, &mut bytes);
                }
            }
            state.chunks.insert(chunk, ids.into_iter().collect());
            chunks.push((chunk, bytes));
        }
        state.gathering = None;
        drop(state);
        chunks.into_iter().try_for_each(|(chunk, bytes)| self.shared.folder.offer(chunk, &bytes))?;
        Ok(true)
    }

    fn end_what_waits(&self, state: &mut State) {
        state.gathering = None;
        while let Some(id) = state.outbox.pop_front() {
            state.end(id, Frame::Bye, None);
        }
        for chunk in self.shared.folder.withdraw() {
            let ids: Vec<u64> = state.chunks.get(&chunk).into_iter().flatten().copied().collect();
            ids.into_iter().for_each(|id| _ = state.end(id, Frame::Bye, None));
        }
    }
}

/// Takes what a worker says; returns the chunk that is done with it.
fn take(state: &mut State, name: &str, id: u64, record: Record) -> Option<u64> {
    let member = state.members.get_mut(name)?;
    match record {
        Record::Hello { host, job, .. } => {
            (member.host, member.job) = (Arc::from(host), job);
            None
        }
        Record::Started => {
            if let Some(entry) = state.entries.get_mut(&id) {
                entry.started_by = Some(name.to_owned());
            }
            None
        }
        Record::Answer { frame, .. } => {
            let host = member.host.clone();
            if let Frame::Ended(outcome) = &frame {
                let Seconds(wall) = outcome.usage.wall;
                state.pace.learn(wall);
            }
            state.end(id, frame, Some(host))
        }
        Record::Returned => state.take_back(id, false),
        Record::Bye => {
            member.has_left = true;
            None
        }
        Record::Beat | Record::Pace { .. } | Record::Job(_) | Record::Setting(_) => None,
    }
}
