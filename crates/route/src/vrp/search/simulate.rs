//! A route minute by minute: what it costs, and whether it can be driven.
//!
//! A route is a list of **tokens**: a stop, or a site (at least `n`) at which it reloads. Of all timetables the one that ends first
//! is taken, and of these the one that leaves last: since who leaves earlier arrives no later, the first is found by
//! one pass over the tokens, with a label for each number of breaks taken so far, and the second by one pass back.

use super::model::{Kind, Model, Role};
use super::state::cost;
use crate::vrp::problem::{MAX_BREAKS, Window};

/// What a route comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) distance: i64,
    /// From leaving the start to reaching the end.
    pub(crate) duration: i64,
    pub(crate) cost: i64,
    pub(crate) depart: i64,
}

/// What stands in a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Token(u32),
    Break(usize),
    /// The end.
    End,
}

/// One line of a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) arrive: i64,
    pub(crate) begin: i64,
    pub(crate) leave: i64,
}

const LABELS: usize = MAX_BREAKS + 1;
const NEVER: i64 = i64::MAX / 4;

/// How the label of a number of breaks came about, before a leg and after it.
type Trace = [[bool; LABELS]; 2];

/// Simulates routes, with room that is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulator {
    chain: Vec<Link>,
    traces: Vec<Trace>,
    releases: Vec<i64>,
    load: Vec<i64>,
}

/// A step of the chain that a route becomes once its breaks have their places.
#[derive(Clone, Copy, Debug)]
struct Link {
    act: Act,
    travel: i64,
    service: i64,
    /// When it may begin; the windows of a stop are looked up instead.
    window: Window,
}

impl Simulator {
    /// Returns what the route of `kind` over `tokens` comes to, or `None` if it breaks a rule.
    pub(crate) fn outcome(&mut self, model: &Model, kind: &Kind, tokens: &[u32]) -> Option<Outcome> {
        let matrix = &model.matrices[kind.profile];
        let mut at = kind.start;
        let mut distance = 0;
        for &token in tokens {
            distance += matrix.travel(at, token);
            at = token;
        }
        distance += matrix.travel(at, kind.end);
        let stops = tokens.iter().filter(|&&token| (token as usize) < model.n).count();
        let reloads = tokens.len() - stops;
        if distance > kind.max_distance || stops > kind.max_stops || reloads > kind.reloads {
            return None;
        }
        if !self.fits(model, kind, tokens) {
            return None;
        }
        let (depart, end) = self.times(model, kind, tokens)?;
        let duration = end - depart;
        if duration > kind.max_duration {
            return None;
        }
        let cost = cost(model, kind, distance, duration);
        Some(Outcome { distance, duration, cost, depart })
    }

    /// Returns the timetable of a route that can be driven.
    pub(crate) fn timetable(
        &mut self,
        model: &Model,
        kind: &Kind,
        tokens: &[u32],
    ) -> Option<(i64, Vec<Step>)> {
        let (depart, _) = self.times(model, kind, tokens)?;
        let mut time = depart;
        let mut steps = Vec::with_capacity(self.chain.len());
        for link in &self.chain {
            let arrive = time + link.travel;
            let begin = link.begin(model, arrive)?;
            time = begin + link.service;
            steps.push(Step { act: link.act, arrive, begin, leave: time });
        }
        Some((depart, steps))
    }

    /// Returns whether the load fits at every moment, and backhauls come last.
    fn fits(&mut self, model: &Model, kind: &Kind, tokens: &[u32]) -> bool {
        let n = model.n as u32;
        let mut shipped = vec![0; if model.has_pairs { model.dimensions } else { 0 }];
        for trip in tokens.split(|&token| token >= n) {
            if model.has_backhauls && !are_backhauls_last(model, trip) {
                return false;
            }
            self.load.clear();
            self.load.resize(model.dimensions, 0);
            for &stop in trip {
                add(&mut self.load, model.delivery(stop), 1);
            }
            add(&mut self.load, &shipped, 1);
            if exceeds(&self.load, &kind.capacity) {
                return false;
            }
            for &stop in trip {
                add(&mut self.load, model.delivery(stop), -1);
                add(&mut self.load, model.pickup(stop), 1);
                let sign = match model.visits[stop as usize].role {
                    Role::Visit => 0,
                    Role::Collect => 1,
                    Role::Bring => -1,
                };
                if sign != 0 {
                    add(&mut self.load, model.shipment(stop), sign);
                    add(&mut shipped, model.shipment(stop), sign);
                }
                if exceeds(&self.load, &kind.capacity) {
                    return false;
                }
            }
        }
        true
    }

    /// Returns when the vehicle leaves and when it is back, and leaves the chain for who wants to know more.
    fn times(&mut self, model: &Model, kind: &Kind, tokens: &[u32]) -> Option<(i64, i64)> {
        self.note_releases(model, tokens);
        let first = kind.shift.open.max(self.releases[0]);
        let end = if kind.breaks.is_empty() {
            self.chain_plainly(model, kind, tokens);
            self.forward(model, first)?
        } else {
            self.chain_with_breaks(model, kind, tokens, first)?
        };
        if end > kind.shift.close {
            return None;
        }
        Some((self.backward(model, end)?.max(first), end))
    }

    /// Notes for every trip when its goods are ready.
    fn note_releases(&mut self, model: &Model, tokens: &[u32]) {
        self.releases.clear();
        let n = model.n as u32;
        let ready =
            |trip: &[u32]| trip.iter().map(|&stop| model.visits[stop as usize].release).max().unwrap_or(0);
        self.releases.extend(tokens.split(|&token| token >= n).map(ready));
    }

    fn link(&self, model: &Model, kind: &Kind, from: u32, token: u32, trip: &mut usize) -> Link {
        let travel = model.matrices[kind.profile].travel_time(from, token);
        let act = Act::Token(token);
        if (token as usize) < model.n {
            let visit = &model.visits[token as usize];
            return Link { act, travel, service: visit.service, window: visit.windows[0] };
        }
        *trip += 1;
        let window = Window { open: self.releases[*trip], close: NEVER };
        Link { act, travel, service: kind.reload_time, window }
    }

    fn last_link(model: &Model, kind: &Kind, from: u32) -> Link {
        let travel = model.matrices[kind.profile].travel_time(from, kind.end);
        Link { act: Act::End, travel, service: 0, window: Window { open: 0, close: NEVER } }
    }

    fn chain_plainly(&mut self, model: &Model, kind: &Kind, tokens: &[u32]) {
        self.chain.clear();
        let (mut from, mut trip) = (kind.start, 0);
        for &token in tokens {
            let link = self.link(model, kind, from, token, &mut trip);
            self.chain.push(link);
            from = token;
        }
        self.chain.push(Self::last_link(model, kind, from));
    }

    /// Returns when the chain ends if it is left at `first`.
    fn forward(&self, model: &Model, first: i64) -> Option<i64> {
        self.chain
            .iter()
            .try_fold(first, |time, link| Some(link.begin(model, time + link.travel)? + link.service))
    }

    /// Returns the latest departure with which the chain still ends at `end`.
    fn backward(&self, model: &Model, end: i64) -> Option<i64> {
        self.chain
            .iter()
            .rev()
            .try_fold(end, |time, link| Some(link.latest(model, time - link.service)? - link.travel))
    }

    /// Places the breaks so that the route ends as early as possible, and makes the chain of it.
    fn chain_with_breaks(&mut self, model: &Model, kind: &Kind, tokens: &[u32], first: i64) -> Option<i64> {
        let count = kind.breaks.len();
        let mut labels = [NEVER; LABELS];
        for (taken, label) in labels.iter_mut().enumerate().take(count + 1) {
            // A break is not due if the vehicle leaves after the latest moment at which it could begin.
            let skipped = kind.breaks[..taken].iter().map(|pause| pause.window.close + 1).max();
            *label = first.max(skipped.unwrap_or(0));
        }
        self.traces.clear();
        self.chain_plainly(model, kind, tokens);
        for link in &self.chain {
            let mut trace = [[false; LABELS]; 2];
            relax(kind, &mut labels, &mut trace[0]);
            for label in labels.iter_mut().take(count + 1).filter(|label| **label < NEVER) {
                *label += link.travel;
            }
            relax(kind, &mut labels, &mut trace[1]);
            for label in labels.iter_mut().take(count + 1).filter(|label| **label < NEVER) {
                *label = link.begin(model, *label).map_or(NEVER, |begin| begin + link.service);
            }
            self.traces.push(trace);
        }
        let is_done =
            |taken: usize| kind.breaks[taken..].iter().all(|pause| labels[taken] <= pause.window.close);
        let taken = (0..=count)
            .filter(|&taken| labels[taken] < NEVER && is_done(taken))
            .min_by_key(|&taken| labels[taken])?;
        self.insert_breaks(kind, taken);
        Some(labels[taken])
    }

    /// Puts into the chain the breaks that the label of `taken` breaks at the end went through.
    fn insert_breaks(&mut self, kind: &Kind, mut taken: usize) {
        let mut chain = Vec::with_capacity(self.chain.len() + taken);
        let pause = |index: usize, travel: i64| {
            let pause = kind.breaks[index];
            Link { act: Act::Break(index), travel, service: pause.duration, window: pause.window }
        };
        for (link, trace) in self.chain.iter().zip(&self.traces).rev() {
            let after = count_back(&trace[1], &mut taken);
            // Breaks after the leg: the first of them comes after the travel.
            chain.push(Link { travel: if after > 0 { 0 } else { link.travel }, ..*link });
            for index in (taken..taken + after).rev() {
                chain.push(pause(index, if index == taken { link.travel } else { 0 }));
            }
            let before = count_back(&trace[0], &mut taken);
            for index in (taken..taken + before).rev() {
                chain.push(pause(index, 0));
            }
        }
        chain.reverse();
        self.chain = chain;
    }
}

impl Link {
    fn begin(&self, model: &Model, time: i64) -> Option<i64> {
        match self.act {
            Act::Token(stop) if (stop as usize) < model.n => model.visits[stop as usize].begin(time),
            _ => {
                let begin = time.max(self.window.open);
                (begin <= self.window.close).then_some(begin)
            }
        }
    }

    fn latest(&self, model: &Model, limit: i64) -> Option<i64> {
        match self.act {
            Act::Token(stop) if (stop as usize) < model.n => model.visits[stop as usize].latest(limit),
            _ => (self.window.open <= limit).then(|| limit.min(self.window.close)),
        }
    }
}

/// Returns whether a trip serves a stop that is no backhaul, if it serves any, and no such stop after a backhaul.
fn are_backhauls_last(model: &Model, trip: &[u32]) -> bool {
    let is_backhaul = |&stop: &u32| model.visits[stop as usize].is_backhaul;
    trip.is_sorted_by_key(is_backhaul) && !trip.first().is_some_and(is_backhaul)
}

/// Takes breaks here, wherever that leaves a label earlier.
fn relax(kind: &Kind, labels: &mut [i64; LABELS], trace: &mut [bool; LABELS]) {
    for (index, pause) in kind.breaks.iter().enumerate() {
        let begin = labels[index].max(pause.window.open);
        if labels[index] < NEVER && begin <= pause.window.close && begin + pause.duration < labels[index + 1]
        {
            labels[index + 1] = begin + pause.duration;
            trace[index + 1] = true;
        }
    }
}

/// Returns how many breaks the label of `taken` took here, and takes them off.
fn count_back(trace: &[bool; LABELS], taken: &mut usize) -> usize {
    let before = *taken;
    while *taken > 0 && trace[*taken] {
        *taken -= 1;
    }
    before - *taken
}

fn add(load: &mut [i64], amounts: &[i64], sign: i64) {
    for (load, amount) in load.iter_mut().zip(amounts) {
        *load += sign * amount;
    }
}

fn exceeds(load: &[i64], capacity: &[i64]) -> bool {
    load.iter().zip(capacity).any(|(load, capacity)| load > capacity)
}
