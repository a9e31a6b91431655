//! Putting stops back in, each where it costs least, with blinks.
//!
//! Positions beside near stops and at the ends of routes are looked at, and every kind of vehicle that is free; only a stop
//! that fits nowhere there is tried everywhere. Now and then a position is passed over, so that the same ruin does not always end the same way.
//! Source: as for [`super::ruin`].

mod gaps;
mod pairs;
mod simulated;

use super::model::{Model, NONE, Role};
use super::near::Near;
use super::state::State;
use crate::local::random::Random;
use crate::vrp::problem::MAX_VALUE;

/// One position in so many is passed over.
const BLINK: usize = 100;

/// So many near stops are looked at.
const REACH: usize = 40;

/// How often a ruined route goes to a vehicle of another kind.
const KIND_CHANGE: f64 = 0.15;

/// How often a new route goes to any kind, not to the one that is cheapest for its first stop.
const ANY_KIND: f64 = 0.2;

/// Where a stop can go.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// What it costs.
    cost: i64,
    /// The node before it; for a route to be opened [`NONE`].
    after: u32,
    /// The kind of a vehicle for a new route.
    kind: u32,
    /// The node before its partner, which may be the stop itself.
    partner_after: u32,
    /// The site of a reload before or after it.
    reload: Option<(u32, bool)>,
}

const NOWHERE: Spot = Spot { cost: i64::MAX, after: NONE, kind: NONE, partner_after: NONE, reload: None };

impl Spot {
    /// Returns the gap after a node.
    fn at(cost: i64, after: u32) -> Self {
        Self { cost, after, ..NOWHERE }
    }

    /// Becomes `other` if that is cheaper.
    fn improve(&mut self, other: Self) {
        if other.cost < self.cost {
            *self = other;
        }
    }
}

/// Puts stops back into routes.
pub(crate) struct Recreate<'m> {
    near: &'m Near,
    /// What a route of a kind for one stop alone costs, or [`MAX_VALUE`].
    alone: Vec<i64>,
    /// How far each stop is from where vehicles start.
    far: Vec<i64>,
    /// The cost of a step of distance, where it is the same for all, as are the distances.
    even_cost: Option<i64>,
    size: Vec<i64>,
    until_blink: usize,
    /// For each route, the search for which `has_room` was asked last, and the answer.
    room: Vec<(u32, bool)>,
    /// The number of the search for a spot.
    asked: u32,
    tokens: Vec<u32>,
    waiting: Vec<u32>,
    /// For each stop, the last call by which it was near the ruin.
    called: Vec<u32>,
    calls: u32,
}

/// What a recreation starts from, and where it may end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    /// The stop around which routes were ruined: of the optional stops that were absent before, only those near it are tried.
    /// Without it all are.
    pub(crate) around: Option<u32>,
    /// Costs at which it is given up.
    pub(crate) ceiling: f64,
}

impl<'m> Recreate<'m> {
    pub(crate) fn new(model: &'m Model, near: &'m Near) -> Self {
        let mut simulator = super::simulate::Simulator::default();
        let mut alone = Vec::with_capacity(model.n * model.kinds.len());
        for stop in 0..model.n as u32 {
            for (index, kind) in model.kinds.iter().enumerate() {
                let visit = &model.visits[stop as usize];
                let tokens = [stop, visit.partner];
                let tokens = if visit.role == Role::Visit { &tokens[..1] } else { &tokens[..] };
                let can = model.may_serve(index, stop) && visit.role != Role::Bring && kind.locked.is_empty();
                let can = can && (visit.role == Role::Visit || model.may_serve(index, visit.partner));
                let outcome = if can { simulator.outcome(model, kind, tokens) } else { None };
                alone.push(outcome.map_or(MAX_VALUE, |outcome| outcome.cost));
            }
        }
        let matrix = &model.matrices[0];
        let start = model.kinds.first().map_or(0, |kind| kind.start);
        let far = (0..model.n as u32).map(|stop| matrix.travel(start, stop)).collect();
        let amount = |stop: u32| {
            let all = model.delivery(stop).iter().chain(model.pickup(stop)).chain(model.shipment(stop));
            all.copied().max().unwrap_or(0)
        };
        let size = (0..model.n as u32).map(amount).collect();
        let price = model.kinds.first().map_or(1, |kind| kind.distance_cost);
        let is_even = model.kinds.iter().all(|kind| kind.distance_cost == price && kind.profile == 0);
        Self {
            near,
            alone,
            far,
            even_cost: is_even.then_some(price),
            size,
            until_blink: BLINK,
            room: Vec::new(),
            asked: 0,
            tokens: Vec::new(),
            waiting: Vec::new(),
            called: vec![0; model.n],
            calls: 0,
        }
    }

    /// Puts back what is absent, as far as it fits and pays; `false` if it gave up.
    ///
    /// It gives up when the costs reach the ceiling while stops are waiting: these can only add to them.
    pub(crate) fn run(&mut self, state: &mut State<'_>, task: Task, random: &mut Random) -> bool {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.call(state, task.around, &mut waiting);
        self.sort(state.model, &mut waiting, random);
        let is_done = self.place(state, &waiting, task.ceiling, random);
        self.waiting = waiting;
        if is_done && state.model.kinds.len() > 1 {
            for index in 0..state.touched() {
                cheapest_kind(state, state.touched_route(index));
            }
        }
        is_done
    }

    /// Moves the absent stops that are to be placed to `waiting`.
    fn call(&mut self, state: &mut State<'_>, around: Option<u32>, waiting: &mut Vec<u32>) {
        waiting.clear();
        let model = state.model;
        let known = state.absent_before().len();
        let has_idle = state.absent[..known].iter().any(|&stop| !model.visits[stop as usize].is_required);
        let Some(around) = around.filter(|_| has_idle) else {
            waiting.append(&mut state.absent);
            return;
        };
        self.calls += 1;
        for &stop in std::iter::once(&around).chain(self.near.of(around)) {
            self.called[stop as usize] = self.calls;
        }
        let is_called = |stop: u32| stop != NONE && self.called[stop as usize] == self.calls;
        let mut index = 0;
        state.absent.retain(|&stop| {
            index += 1;
            let visit = &model.visits[stop as usize];
            let comes = index > known || visit.is_required || is_called(stop) || is_called(visit.partner);
            if comes {
                waiting.push(stop);
            }
            !comes
        });
    }

    fn place(&mut self, state: &mut State<'_>, waiting: &[u32], ceiling: f64, random: &mut Random) -> bool {
        let model = state.model;
        let mut outstanding: i64 = waiting.iter().map(|&stop| model.visits[stop as usize].absence).sum();
        // A route for optional stops pays only once there are some: now and then the first is let in at a loss.
        let favour = if random.below(2) == 0 { 1.0 } else { 1.0 + 2.0 * random.unit() };
        for &stop in waiting {
            let visit = &model.visits[stop as usize];
            if visit.role == Role::Bring {
                continue;
            }
            let spot = self.best(state, stop, random);
            let absence = visit.absence + partner_absence(model, stop);
            let worth = if visit.is_required { absence } else { (favour * absence as f64) as i64 };
            if spot.cost >= worth || !self.put(state, stop, spot) {
                state.absent.push(stop);
                if visit.partner != NONE {
                    state.absent.push(visit.partner);
                }
            }
            outstanding -= absence;
            if (state.cost - outstanding) as f64 >= ceiling {
                return false;
            }
        }
        true
    }

    /// Gives some of the ruined routes to vehicles of other kinds, whatever they cost: where there is more room, more finds
    /// its way in, and in the end every route gets the kind that is cheapest for it.
    pub(crate) fn shuffle_kinds(&self, state: &mut State<'_>, random: &mut Random) {
        if state.model.kinds.len() == 1 {
            return;
        }
        for index in 0..state.touched() {
            let route = state.touched_route(index);
            if state.slots[route as usize].size > 0 && random.unit() < KIND_CHANGE {
                let kind = random.below(state.model.kinds.len()) as u32;
                if state.cost_with(route, kind).is_some() {
                    state.change_kind(route, kind);
                }
            }
        }
    }

    fn sort(&self, model: &Model, waiting: &mut [u32], random: &mut Random) {
        random.shuffle(waiting);
        let window = |stop: u32| {
            let windows = &model.visits[stop as usize].windows;
            (windows[0].open, windows[windows.len() - 1].close)
        };
        match random.below(if model.is_timed { 17 } else { 11 }) {
            0..=3 => {}
            4..=7 => waiting.sort_by_key(|&stop| -self.size[stop as usize]),
            8..=9 => waiting.sort_by_key(|&stop| -self.far[stop as usize]),
            10 => waiting.sort_by_key(|&stop| self.far[stop as usize]),
            11..=12 => waiting.sort_by_key(|&stop| window(stop).1 - window(stop).0),
            13..=14 => waiting.sort_by_key(|&stop| window(stop).0),
            _ => waiting.sort_by_key(|&stop| -window(stop).1),
        }
    }

    /// Returns the cheapest spot for an absent stop.
    fn best(&mut self, state: &mut State<'_>, stop: u32, random: &mut Random) -> Spot {
        let mut best = self.new_route(state, stop, random);
        self.asked = self.asked.wrapping_add(1);
        self.room.resize(state.slots.len(), (NONE, false));
        if state.model.visits[stop as usize].role == Role::Collect {
            self.best_for_pair(state, stop, &mut best, random);
            return best;
        }
        match self.even_cost {
            Some(price) => {
                self.try_near_evenly(state, stop, price, &mut best, random);
                self.try_ends_evenly(state, stop, price, &mut best, random);
            }
            None => {
                self.try_near(state, stop, &mut best, random);
                self.try_ends(state, stop, &mut best, random);
            }
        }
        if best.cost == i64::MAX {
            self.try_everywhere(state, stop, &mut best, random);
        }
        best
    }

    fn new_route(&self, state: &State<'_>, stop: u32, random: &mut Random) -> Spot {
        let mut best = NOWHERE;
        let kinds = state.model.kinds.len();
        let only = if kinds > 1 && random.unit() < ANY_KIND { Some(random.below(kinds)) } else { None };
        for kind in (0..kinds).filter(|&kind| only.is_none_or(|only| only == kind)) {
            let cost = self.alone[stop as usize * kinds + kind];
            if state.free[kind] > 0 && cost < best.cost && cost < MAX_VALUE {
                best = Spot { cost, kind: kind as u32, ..NOWHERE };
            }
        }
        best
    }

    /// Puts a stop where it was found to fit; `false` if it does not after all.
    fn put(&mut self, state: &mut State<'_>, stop: u32, spot: Spot) -> bool {
        if spot.cost == i64::MAX {
            return false;
        }
        let after = if spot.after == NONE {
            let route = state.open_route(spot.kind);
            state.touch(route);
            state.head(route)
        } else {
            spot.after
        };
        let route = state.links[after as usize].route;
        state.touch(route);
        let partner = state.model.visits[stop as usize].partner;
        let reload = spot.reload.map(|(site, is_before)| (state.free_reload(route, site), is_before));
        let mut last = after;
        if let Some((node, true)) = reload {
            state.attach(node, last);
            last = node;
        }
        state.attach(stop, last);
        if let Some((node, false)) = reload {
            state.attach(node, stop);
        }
        if partner != NONE {
            let place =
                if spot.after == NONE || spot.partner_after == NONE { stop } else { spot.partner_after };
            state.attach(partner, place);
        }
        let is_alone = reload.is_none() && partner == NONE && spot.after != NONE;
        let is_right = if is_alone { state.refresh_around(route, stop) } else { state.refresh(route) };
        debug_assert!(is_right, "a spot was checked before it is taken");
        state.cost -= state.model.visits[stop as usize].absence + partner_absence(state.model, stop);
        true
    }
}

/// Gives a route to the free vehicle that drives it at the lowest cost, if that is not its own.
fn cheapest_kind(state: &mut State<'_>, route: u32) {
    let slot = state.slots[route as usize];
    if slot.size == 0 {
        return;
    }
    let kinds = state.model.kinds.len() as u32;
    let best = (0..kinds).filter_map(|kind| Some((state.cost_with(route, kind)?, kind))).min();
    if let Some((cost, kind)) = best
        && cost < slot.cost
    {
        state.change_kind(route, kind);
    }
}

fn partner_absence(model: &Model, stop: u32) -> i64 {
    match model.visits[stop as usize].partner {
        NONE => 0,
        partner => model.visits[partner as usize].absence,
    }
}

/// Returns whether nothing may come before `next`.
fn is_locked_gap(state: &State<'_>, next: u32) -> bool {
    state.is_stop(next) && state.model.visits[next as usize].is_prefix
}
