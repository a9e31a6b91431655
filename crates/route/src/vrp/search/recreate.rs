//! Putting stops back in, each where it costs least, with blinks.
//!
//! Positions beside near stops are looked at, and every kind of vehicle that is free; only a stop that fits nowhere there
//! is tried everywhere. Now and then a position is passed over, so that the same ruin does not always end the same way.
//! Source: as for [`super::ruin`].

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
    /// For each route, the stop for which `has_room` was asked last, and the answer.
    room: Vec<(u32, bool)>,
    asked: u32,
    tokens: Vec<u32>,
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
        }
    }

    /// Puts back what is absent, as far as it fits and pays.
    pub(crate) fn run(&mut self, state: &mut State<'_>, random: &mut Random) {
        let mut waiting = std::mem::take(&mut state.absent);
        self.sort(state.model, &mut waiting, random);
        let mut left = Vec::new();
        // A route for optional stops pays only once there are some: now and then the first is let in at a loss.
        let favour = if random.below(2) == 0 { 1.0 } else { 1.0 + 2.0 * random.unit() };
        for &stop in &waiting {
            let visit = &state.model.visits[stop as usize];
            if visit.role == Role::Bring {
                continue;
            }
            let spot = self.best(state, stop, random);
            let absence = visit.absence + partner_absence(state.model, stop);
            let worth = if visit.is_required { absence } else { (favour * absence as f64) as i64 };
            if spot.cost >= worth || !self.put(state, stop, spot) {
                left.push(stop);
                if visit.partner != NONE {
                    left.push(visit.partner);
                }
            }
        }
        state.absent = left;
        if state.model.kinds.len() > 1 {
            for route in state.touched_routes() {
                cheapest_kind(state, route);
            }
        }
    }

    /// Gives some of the ruined routes to vehicles of other kinds, whatever they cost: where there is more room, more finds
    /// its way in, and in the end every route gets the kind that is cheapest for it.
    pub(crate) fn shuffle_kinds(&self, state: &mut State<'_>, random: &mut Random) {
        if state.model.kinds.len() == 1 {
            return;
        }
        for route in state.touched_routes() {
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
            self.best_for_pair(state, stop, &mut best);
            return best;
        }
        match self.even_cost {
            Some(price) => self.try_near_evenly(state, stop, price, &mut best, random),
            None => self.try_near(state, stop, &mut best, random),
        }
        if best.cost == i64::MAX {
            self.try_everywhere(state, stop, &mut best, random);
        }
        best
    }

    fn try_near(&mut self, state: &mut State<'_>, stop: u32, best: &mut Spot, random: &mut Random) {
        let near = self.near.of(stop);
        for &other in &near[..near.len().min(REACH)] {
            let link = state.links[other as usize];
            if link.route != NONE && self.has_room(state, link.route, stop) {
                self.try_gap(state, stop, other, best, random);
                self.try_gap(state, stop, link.prev, best, random);
            }
        }
    }

    /// The same where a step of distance costs all vehicles the same: most gaps are then found to be too dear by three
    /// loads and a comparison.
    fn try_near_evenly(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        price: i64,
        best: &mut Spot,
        random: &mut Random,
    ) {
        let near = self.near.of(stop);
        let matrix = &state.model.matrices[0];
        let (out, into) = (matrix.out_of(stop), matrix.into(stop));
        for &other in &near[..near.len().min(REACH)] {
            let link = state.links[other as usize];
            if link.route == NONE {
                continue;
            }
            let here = state.sites[link.next as usize] as usize;
            let longer = into[other as usize] + out[here] - link.leg;
            let before = state.links[link.prev as usize].leg;
            let there = state.sites[link.prev as usize] as usize;
            let longer_before = into[there] + out[other as usize] - before;
            let is_cheaper = price * i64::from(longer) < best.cost;
            let is_cheaper_before = price * i64::from(longer_before) < best.cost;
            if (is_cheaper || is_cheaper_before) && self.has_room(state, link.route, stop) {
                if is_cheaper {
                    self.try_gap(state, stop, other, best, random);
                }
                if is_cheaper_before {
                    self.try_gap(state, stop, link.prev, best, random);
                }
            }
        }
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

    /// Returns whether a route may and can take a stop, as far as that does not depend on the position.
    #[inline]
    fn has_room(&mut self, state: &State<'_>, route: u32, stop: u32) -> bool {
        let (asked, answer) = self.room[route as usize];
        if asked == self.asked {
            return answer;
        }
        let slot = &state.slots[route as usize];
        let kind = &state.model.kinds[slot.kind as usize];
        let answer = state.model.may_serve(slot.kind as usize, stop)
            && (slot.size as usize) < kind.max_stops
            && (state.model.is_mixed || kind.reloads > 0 || state.has_room(route, stop));
        self.room[route as usize] = (self.asked, answer);
        answer
    }

    /// Looks at the gap after a node.
    #[inline]
    fn try_gap(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        after: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
        let model = state.model;
        let link = state.links[after as usize];
        let kind = &model.kinds[state.slots[link.route as usize].kind as usize];
        let matrix = &model.matrices[kind.profile];
        let (from, to) = (state.sites[after as usize], state.sites[link.next as usize]);
        let arrive = matrix.into(stop)[from as usize];
        let leave = matrix.out_of(stop)[to as usize];
        let longer = i64::from(arrive) + i64::from(leave) - i64::from(link.leg);
        let cost = kind.distance_cost * longer;
        if cost >= best.cost {
            return;
        }
        self.until_blink -= 1;
        if self.until_blink == 0 {
            self.until_blink = 1 + random.below(2 * BLINK);
            return;
        }
        if is_locked_gap(state, link.next) {
            return;
        }
        if kind.is_complex {
            self.try_simulated(state, stop, after, best);
            return;
        }
        if state.slots[link.route as usize].distance + longer > kind.max_distance {
            return;
        }
        if model.is_timed {
            let visit = &model.visits[stop as usize];
            let reached =
                state.clocks[after as usize].depart + i64::from(matrix.time_into(stop)[from as usize]);
            let Some(begin) = visit.begin(reached) else { return };
            let onward = begin + visit.service + i64::from(matrix.time_out_of(stop)[to as usize]);
            if onward > state.clocks[link.next as usize].latest {
                return;
            }
        }
        if model.is_mixed && !fits_between(state, stop, after, &kind.capacity) {
            return;
        }
        *best = Spot { cost, after, ..NOWHERE };
    }

    /// Looks at the gap after a node of a route that must be simulated, also with a reload beside the stop.
    fn try_simulated(&mut self, state: &mut State<'_>, stop: u32, after: u32, best: &mut Spot) {
        let route = state.links[after as usize].route;
        let slot = state.slots[route as usize];
        let model = state.model;
        let kind = &model.kinds[slot.kind as usize];
        if model.is_timed && !is_in_time(state, stop, after) {
            return;
        }
        let mut attempt = |tokens: &mut Vec<u32>, reload: Option<(u32, bool)>| {
            tokens.clear();
            let add = |tokens: &mut Vec<u32>| match reload {
                None => tokens.push(stop),
                Some((site, true)) => tokens.extend([site, stop]),
                Some((site, false)) => tokens.extend([stop, site]),
            };
            if !state.is_stop(after) && after == state.head(route) {
                add(tokens);
            }
            let tail = state.tail(route);
            let mut node = state.links[state.head(route) as usize].next;
            while node != tail {
                tokens.push(state.sites[node as usize]);
                if node == after {
                    add(tokens);
                }
                node = state.links[node as usize].next;
            }
            let Some(outcome) = state.simulator.outcome(model, kind, tokens) else { return false };
            let cost = outcome.cost - slot.cost;
            if cost < best.cost {
                *best = Spot { cost, after, reload, ..NOWHERE };
            }
            true
        };
        let mut tokens = std::mem::take(&mut self.tokens);
        if !attempt(&mut tokens, None) && kind.reloads > 0 && slot.size > 0 {
            let used = tokens.iter().filter(|&&token| token as usize >= model.n).count();
            if used < kind.reloads {
                for &site in &kind.reload_sites {
                    attempt(&mut tokens, Some((site, true)));
                    attempt(&mut tokens, Some((site, false)));
                }
            }
        }
        self.tokens = tokens;
    }

    fn try_everywhere(&mut self, state: &mut State<'_>, stop: u32, best: &mut Spot, random: &mut Random) {
        for index in 0..state.open.len() {
            let route = state.open[index];
            if !self.has_room(state, route, stop) {
                continue;
            }
            let tail = state.tail(route);
            let mut node = state.head(route);
            while node != tail {
                self.try_gap(state, stop, node, best, random);
                node = state.links[node as usize].next;
            }
        }
    }

    /// Looks for the cheapest places of both ends of a shipment, in every route that may serve them.
    fn best_for_pair(&mut self, state: &mut State<'_>, stop: u32, best: &mut Spot) {
        let partner = state.model.visits[stop as usize].partner;
        for index in 0..state.open.len() {
            let route = state.open[index];
            let slot = state.slots[route as usize];
            let kind = &state.model.kinds[slot.kind as usize];
            let may = state.model.may_serve(slot.kind as usize, stop)
                && state.model.may_serve(slot.kind as usize, partner);
            if !may || slot.size as usize + 2 > kind.max_stops {
                continue;
            }
            let tail = state.tail(route);
            let mut after = state.head(route);
            while after != tail {
                if !is_locked_gap(state, state.links[after as usize].next) {
                    self.try_pair_from(state, stop, after, best);
                }
                after = state.links[after as usize].next;
            }
        }
    }

    /// Looks at every place for the second end, the first end standing after `after`.
    fn try_pair_from(&mut self, state: &mut State<'_>, stop: u32, after: u32, best: &mut Spot) {
        let model = state.model;
        let partner = model.visits[stop as usize].partner;
        let link = state.links[after as usize];
        let slot = state.slots[link.route as usize];
        let kind = &model.kinds[slot.kind as usize];
        let matrix = &model.matrices[kind.profile];
        let (first, second) = (&model.visits[stop as usize], &model.visits[partner as usize]);
        let from = state.sites[after as usize];
        let Some(begin) = first.begin(state.depart_of(after) + matrix.travel_time(from, stop)) else {
            return;
        };
        let mut depart = begin + first.service;
        let to_first = matrix.travel(from, stop);
        // `at` is the node before the second end; `site` where it is; `depart` when it is left now that the first end is on
        // the way; `longer` how much longer the way up to it has become.
        let (mut at, mut site, mut longer) = (after, stop, to_first);
        if !fits_beside(state, stop, after, &kind.capacity) && !kind.is_complex {
            return;
        }
        loop {
            let next = state.links[at as usize].next;
            let next_site = state.sites[next as usize];
            let total = longer + matrix.travel(site, partner) + matrix.travel(partner, next_site)
                - i64::from(state.links[at as usize].leg);
            let cost = kind.distance_cost * total;
            if cost < best.cost
                && !(at != after && is_locked_gap(state, next))
                && slot.distance + total <= kind.max_distance
            {
                let arrival = depart + matrix.travel_time(site, partner);
                if let Some(begin) = second.begin(arrival) {
                    let onward = begin + second.service + matrix.travel_time(partner, next_site);
                    if !model.is_timed || onward <= state.clocks[next as usize].latest {
                        let partner_after = if at == after { stop } else { at };
                        let spot = Spot { cost, after, partner_after, ..NOWHERE };
                        self.offer_pair(state, stop, spot, best);
                    }
                }
            }
            // Onward: the first end stays on board over the next node.
            if next == state.tail(link.route) {
                return;
            }
            if at == after {
                longer = to_first + matrix.travel(stop, next_site) - i64::from(link.leg);
            }
            let arrival = depart + matrix.travel_time(site, next_site);
            if model.is_timed && arrival > state.clocks[next as usize].latest {
                return;
            }
            depart = if state.is_stop(next) {
                let visit = &model.visits[next as usize];
                match visit.begin(arrival) {
                    Some(begin) => begin + visit.service,
                    None => return,
                }
            } else {
                arrival + kind.reload_time
            };
            if !kind.is_complex && !fits_beside(state, stop, next, &kind.capacity) {
                return;
            }
            (at, site) = (next, next_site);
        }
    }

    /// Takes a spot for a pair if it is right where only a simulation can tell.
    fn offer_pair(&mut self, state: &mut State<'_>, stop: u32, mut spot: Spot, best: &mut Spot) {
        let model = state.model;
        let route = state.links[spot.after as usize].route;
        let slot = state.slots[route as usize];
        let kind = &model.kinds[slot.kind as usize];
        if kind.is_complex {
            let partner = model.visits[stop as usize].partner;
            let mut tokens = std::mem::take(&mut self.tokens);
            tokens.clear();
            let mut node = state.head(route);
            let tail = state.tail(route);
            loop {
                if state.is_stop(node) || node != state.head(route) {
                    tokens.push(state.sites[node as usize]);
                }
                if node == spot.after {
                    tokens.push(stop);
                    if spot.partner_after == stop {
                        tokens.push(partner);
                    }
                }
                if node == spot.partner_after {
                    tokens.push(partner);
                }
                node = state.links[node as usize].next;
                if node == tail {
                    break;
                }
            }
            let outcome = state.simulator.outcome(model, kind, &tokens);
            self.tokens = tokens;
            let Some(outcome) = outcome else { return };
            spot.cost = outcome.cost - slot.cost;
        }
        if spot.cost < best.cost {
            *best = spot;
        }
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
        let is_right = state.refresh(route);
        debug_assert!(is_right, "a spot was checked before it is taken");
        state.cost -= state.model.visits[stop as usize].absence + partner_absence(state.model, stop);
        true
    }
}

impl State<'_> {
    /// Returns when a node can be left; 0 where no times are kept.
    fn depart_of(&self, node: u32) -> i64 {
        self.clocks.get(node as usize).map_or(0, |clock| clock.depart)
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

/// Returns whether a stop can be reached after `after` and left in time for what follows, breaks and releases aside.
fn is_in_time(state: &State<'_>, stop: u32, after: u32) -> bool {
    let link = state.links[after as usize];
    let kind = &state.model.kinds[state.slots[link.route as usize].kind as usize];
    let matrix = &state.model.matrices[kind.profile];
    let visit = &state.model.visits[stop as usize];
    let reached = state.clocks[after as usize].depart + matrix.travel_time(state.sites[after as usize], stop);
    visit.begin(reached).is_some_and(|begin| {
        let onward = begin + visit.service + matrix.travel_time(stop, state.sites[link.next as usize]);
        onward <= state.clocks[link.next as usize].latest
    })
}

/// Returns whether a visit's load fits between a node and the next, where loads rise and fall.
fn fits_between(state: &State<'_>, stop: u32, after: u32, capacity: &[i64]) -> bool {
    let dimensions = state.model.dimensions;
    (0..dimensions).all(|d| {
        let [_, before, behind] = state.loads[after as usize * dimensions + d];
        before + state.model.delivery[stop as usize * dimensions + d] <= capacity[d]
            && behind + state.model.pickup[stop as usize * dimensions + d] <= capacity[d]
    })
}

/// Returns whether a shipment fits on board on the leg that leaves a node.
fn fits_beside(state: &State<'_>, stop: u32, node: u32, capacity: &[i64]) -> bool {
    let dimensions = state.model.dimensions;
    (0..dimensions).all(|d| {
        let [load, ..] = state.loads[node as usize * dimensions + d];
        load + state.model.shipment[stop as usize * dimensions + d] <= capacity[d]
    })
}
