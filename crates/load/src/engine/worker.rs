//! A thread of the generator: its share of the arrivals, its connections, one loop.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::time::Instant;

use festina_machine::Source;
use festina_machine::process::Scheduled;
use festina_types::CancelToken;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::time::{ClockId, clock_gettime};

use super::connection::{Connection, Flight, Reading};
use super::{LoadPlan, Mode};
use crate::check::Checks;
use crate::plan::Schedule;
use crate::record::{List, Record, UNFINISHED};

/// What a thread tells, once a tick.
#[derive(Debug)]
pub(crate) struct Tick {
    /// Its number, from 0.
    pub(crate) number: usize,
    /// What happened since the last.
    pub(crate) record: Record<List>,
}

/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;
/// From here on a wait may end up to a millisecond early, and be followed by an exact one.
const COARSE: u64 = 2 * MILLISECOND;
/// How long the longest wait may be, in nanoseconds: a request to stop is seen within it.
const LONGEST_WAIT: u64 = 50_000_000;
/// How long a user of a closed loop stays away after a connection broke, in nanoseconds.
pub(super) const AWAY: u64 = 10_000_000;
/// How long requests in flight are waited for after a request to stop, in nanoseconds.
const DRAIN_AFTER_CANCEL: u64 = 1_000_000_000;
const BUFFER: usize = 64 << 10;

/// A thread's state. Times are in nanoseconds from the begin.
pub(crate) struct Worker<'a> {
    pub(super) plan: &'a LoadPlan,
    pub(super) checks: &'a Checks,
    pub(super) reading: Reading,
    begin: Instant,
    tick: u64,
    cancel: &'a CancelToken,
    news: Sender<Tick>,
    /// This thread's number, and how many there are.
    pub(super) part: (usize, usize),

    pub(super) epoll: OwnedFd,
    pub(super) connections: Vec<Option<Connection>>,
    pub(super) vacant: Vec<usize>,
    /// Connections without a request; the one that has been idle longest is used first, so that all of a server's
    /// processes get their share.
    pub(super) idle: VecDeque<usize>,
    pub(super) max_connections: usize,
    /// Users of a closed loop.
    users: usize,
    pub(super) n_opened: u32,

    /// Arrivals to come; `None` in a closed loop.
    pub(super) schedule: Option<Schedule>,
    next_arrival: Option<u64>,
    /// When users of a closed loop come back after their connection broke.
    pub(super) returning: VecDeque<u64>,
    /// Requests that wait for a connection.
    pub(super) waiting: VecDeque<Flight>,
    /// When requests time out, with the place of the connection and its count of requests: all have the same time limit,
    /// so that they stand in the order of their begin.
    pub(super) deadlines: VecDeque<(u64, usize, u32, u64)>,
    pub(super) in_flight: usize,
    n_requests: usize,
    /// When no more requests begin.
    pub(super) end: u64,
    /// When the last are given up.
    drained: u64,
    pub(super) record: Record<List>,
    n_ticks: usize,
    pub(super) buffer: Vec<u8>,
    cpu_at_tick: u64,
    delay_at_tick: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        plan: &'a LoadPlan,
        checks: &'a Checks,
        part: (usize, usize),
        (begin, tick): (Instant, u64),
        cancel: &'a CancelToken,
        news: Sender<Tick>,
    ) -> io::Result<Self> {
        let share = |all: usize| all / part.1 + usize::from(part.0 < all % part.1);
        let (schedule, max_connections) = match &plan.mode {
            Mode::Open { arrivals, profile } => {
                let schedule = Schedule::new(arrivals, profile, plan.seed, part.0, part.1);
                (Some(schedule), share(plan.connections).max(1))
            }
            Mode::Closed { concurrency, .. } if plan.http2 => {
                (None, share(*concurrency).min(share(plan.connections).max(1)))
            }
            Mode::Closed { concurrency, .. } => (None, share(*concurrency)),
        };
        let end = nanoseconds(plan.duration().0);
        let mut worker = Self {
            plan,
            checks,
            reading: Reading {
                keeps_body: checks.need_body(),
                is_head: plan.template.is_head(),
                max_body: plan.max_body.0,
            },
            begin,
            tick,
            cancel,
            news,
            part,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
            vacant: Vec::new(),
            idle: VecDeque::new(),
            max_connections,
            users: match &plan.mode {
                Mode::Open { .. } => 0,
                Mode::Closed { concurrency, .. } => share(*concurrency),
            },
            n_opened: 0,
            schedule,
            next_arrival: None,
            returning: VecDeque::new(),
            waiting: VecDeque::new(),
            deadlines: VecDeque::new(),
            in_flight: 0,
            n_requests: 0,
            end,
            drained: end.saturating_add(nanoseconds(plan.drain.0)),
            record: Record::new(),
            n_ticks: 0,
            buffer: vec![0; BUFFER],
            cpu_at_tick: 0,
            delay_at_tick: 0,
        };
        worker.advance_schedule();
        Ok(worker)
    }

    /// Sends its share of the requests, and tells what came of them.
    pub(crate) fn run(mut self) -> io::Result<()> {
        // Timers of a thread may be late by 50 µs unless it asks for better.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        self.cpu_at_tick = thread_cpu();
        self.delay_at_tick = run_delay();
        if self.schedule.is_none() {
            (0..self.users).for_each(|_| self.admit(0));
        }
        let mut events = Vec::with_capacity(256);
        loop {
            let now = self.now();
            self.admit_due(now);
            self.expire(now);
            self.dispatch()?;
            let now = self.now();
            self.heed_cancel(now);
            self.tell_ticks(now);
            if self.is_finished(now) {
                break;
            }
            self.wait(now, &mut events)?;
            for event in events.drain(..) {
                self.handle(event)?;
            }
        }
        self.give_up_rest();
        self.tell();
        Ok(())
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(Instant::now().saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX)
    }

    fn advance_schedule(&mut self) {
        self.next_arrival = self.schedule.as_mut().and_then(Iterator::next).map(nanoseconds);
    }

    /// Takes the arrivals whose time has come.
    fn admit_due(&mut self, now: u64) {
        while let Some(intended) = self.next_arrival.filter(|intended| *intended <= now) {
            self.admit(intended);
            self.advance_schedule();
        }
        while self.returning.front().is_some_and(|at| *at <= now) {
            self.returning.pop_front();
            self.admit(now);
        }
    }

    pub(super) fn admit(&mut self, intended: u64) {
        let index = self.n_requests * self.part.1 + self.part.0;
        self.n_requests += 1;
        self.waiting.push_back(Flight { index, intended, sent: 0, has_waited: false, n_resent: 0 });
    }

    /// Sends the record of each tick that has passed.
    fn tell_ticks(&mut self, now: u64) {
        while now >= (self.n_ticks as u64 + 1) * self.tick {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let cpu = thread_cpu();
        let next = self.record.next();
        let mut record = std::mem::replace(&mut self.record, next);
        record.cpu = cpu - std::mem::replace(&mut self.cpu_at_tick, cpu);
        let delay = run_delay();
        record.run_delay = delay.saturating_sub(std::mem::replace(&mut self.delay_at_tick, delay));
        record.in_system = (self.in_flight + self.waiting.len()) as u64;
        // Whoever listens may have stopped; then nobody wants to know.
        let _ = self.news.send(Tick { number: self.n_ticks, record });
        self.n_ticks += 1;
    }

    fn heed_cancel(&mut self, now: u64) {
        if self.cancel.is_requested() && now < self.end {
            self.end = now;
            self.next_arrival = None;
            self.returning.clear();
            self.drained = self.drained.min(now + DRAIN_AFTER_CANCEL);
        }
        if self.cancel.is_urgent() {
            self.drained = self.drained.min(now);
        }
    }

    fn is_finished(&self, now: u64) -> bool {
        let is_empty = self.in_flight == 0 && self.waiting.is_empty() && self.next_arrival.is_none();
        now >= self.drained || (now >= self.end && is_empty)
    }

    fn wait(&mut self, now: u64, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let until_end = if now < self.end { self.end } else { self.drained };
        let deadline = self.deadlines.front().map(|(at, ..)| *at);
        let tick = (self.n_ticks as u64 + 1) * self.tick;
        let back = self.returning.front().copied();
        let latest =
            [Some(until_end), Some(tick), self.next_arrival, back, deadline, Some(now + LONGEST_WAIT)];
        let until = latest.into_iter().flatten().min().unwrap_or(now);
        let wait = until.saturating_sub(self.now());
        // Older kernels, and so `rustix`, wait for events in whole milliseconds: what is shorter is slept before a look.
        let timeout = if wait >= COARSE {
            timespec((wait - COARSE / 2) / MILLISECOND * MILLISECOND)
        } else {
            let mut there = [PollFd::new(&self.epoll, PollFlags::IN)];
            match poll(&mut there, Some(&timespec(wait))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => timespec(0),
                Err(error) => return Err(error.into()),
            }
        };
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {
                self.record.wakes += u64::from(!events.is_empty());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts what has not been answered at the end with its age.
    fn give_up_rest(&mut self) {
        let now = self.now();
        let in_flight = self.connections.iter().flatten().flat_map(Connection::flights);
        let rest: Vec<Flight> = in_flight.chain(self.waiting.iter().copied()).collect();
        for flight in rest {
            self.record.error(UNFINISHED);
            self.record.give_up(now.saturating_sub(flight.intended));
        }
        self.in_flight = 0;
        self.waiting.clear();
    }
}

fn timespec(nanoseconds: u64) -> Timespec {
    let second = 1_000_000_000;
    Timespec { tv_sec: (nanoseconds / second) as i64, tv_nsec: (nanoseconds % second) as i64 }
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Returns how long this thread has waited for a core; 0 where the kernel does not count it.
fn run_delay() -> u64 {
    Scheduled::of_this_thread(&Source::live()).map_or(0, |scheduled| scheduled.run_delay_ns)
}

fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
