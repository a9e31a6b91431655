//! A solution that can be changed, and changed back.
//!
//! Routes are linked lists between the sentinels of their **slots**, so that a stop comes in or goes out in constant time;
//! times and loads along a route are kept at its nodes. Every change of a link is logged, and [`State::rollback`] takes the
//! changes back, the last first: what a change costs does not depend on how long the routes are.

mod clocks;
mod loads;
mod log;
mod spans;

use super::model::{Model, NONE};
use super::simulate::Simulator;
pub(crate) use clocks::Clock;
use clocks::Timing;
use log::{Log, Step};
pub(crate) use spans::{Span, Spans, cost};

/// A node's neighbours in its route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) next: u32,
    pub(crate) prev: u32,
    /// The slot of its route, or [`NONE`].
    pub(crate) route: u32,
    /// The distance to the next node.
    pub(crate) leg: i32,
}

/// A route as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) kind: u32,
    /// The number of its stops.
    pub(crate) size: u32,
    pub(crate) distance: i64,
    pub(crate) cost: i64,
}

/// A solution in the making.
pub(crate) struct State<'m> {
    pub(crate) model: &'m Model,
    pub(crate) links: Vec<Link>,
    pub(crate) clocks: Vec<Clock>,
    timings: Vec<Timing>,
    /// The stretches around each node; empty where no duration costs or is limited.
    pub(crate) spans: Vec<Spans>,
    /// The site of every node.
    pub(crate) sites: Vec<u32>,
    pub(crate) slots: Vec<Slot>,
    /// What each route carries in all, `dimensions` amounts each, where loads only rise or only fall.
    totals: Vec<i64>,
    /// For each node and dimension, where loads do both: the load on the leg that leaves it, the highest on the legs up to
    /// that one, and the highest from it on.
    pub(crate) loads: Vec<[i64; 3]>,
    /// The slots that hold a route; a route's place among them.
    pub(crate) open: Vec<u32>,
    place: Vec<u32>,
    /// Slots that hold none.
    vacant: Vec<u32>,
    /// Vehicles of each kind that have no route.
    pub(crate) free: Vec<usize>,
    pub(crate) absent: Vec<u32>,
    /// The costs of the routes and of the absent stops.
    pub(crate) cost: i64,
    pub(crate) simulator: Simulator,
    tokens: Vec<u32>,
    /// Nodes of a slot: its two ends and its reloads.
    width: usize,
    log: Log,
}

impl<'m> State<'m> {
    /// Returns the solution in which every stop is absent.
    pub(crate) fn new(model: &'m Model) -> Self {
        let nodes = model.n;
        let link = Link { next: NONE, prev: NONE, route: NONE, leg: 0 };
        let absent: Vec<u32> = (0..nodes as u32).collect();
        let cost = model.visits.iter().map(|visit| visit.absence).sum();
        Self {
            model,
            links: vec![link; nodes],
            clocks: vec![Clock::default(); if model.is_timed { nodes } else { 0 }],
            timings: model.visits.iter().map(Timing::of).collect(),
            spans: vec![
                Spans::default();
                if model.kinds.iter().any(|kind| kind.pays_time) { nodes } else { 0 }
            ],
            sites: (0..nodes as u32).collect(),
            slots: Vec::new(),
            totals: Vec::new(),
            loads: vec![[0; 3]; if model.is_mixed { nodes * model.dimensions } else { 0 }],
            open: Vec::new(),
            place: Vec::new(),
            vacant: Vec::new(),
            free: model.kinds.iter().map(|kind| kind.count).collect(),
            absent,
            cost,
            simulator: Simulator::default(),
            tokens: Vec::new(),
            width: 2 + model.most_reloads(),
            log: Log::default(),
        }
    }

    /// Returns whether the duration of any route costs or is limited, in a way that stretches tell.
    #[inline]
    fn pays_time(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Returns the first sentinel of a route.
    #[inline]
    pub(crate) fn head(&self, route: u32) -> u32 {
        (self.model.n + route as usize * self.width) as u32
    }

    /// Returns the last sentinel of a route.
    #[inline]
    pub(crate) fn tail(&self, route: u32) -> u32 {
        self.head(route) + 1
    }

    /// Returns whether a node is a stop.
    #[inline]
    pub(crate) fn is_stop(&self, node: u32) -> bool {
        (node as usize) < self.model.n
    }

    /// Returns the tokens of a route, see [`Simulator`].
    pub(crate) fn tokens_of(&self, route: u32) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(self.slots[route as usize].size as usize);
        self.for_each(route, |node| tokens.push(self.sites[node as usize]));
        tokens
    }

    /// Calls `visit` for every node between the sentinels.
    #[inline]
    pub(crate) fn for_each(&self, route: u32, mut visit: impl FnMut(u32)) {
        let tail = self.tail(route);
        let mut node = self.links[self.head(route) as usize].next;
        while node != tail {
            visit(node);
            node = self.links[node as usize].next;
        }
    }

    /// Takes every node out of a route and gives its vehicle back; its cost is not counted any more.
    fn close(&mut self, route: u32) {
        self.cost -= std::mem::take(&mut self.slots[route as usize].cost);
        let (head, tail) = (self.head(route), self.tail(route));
        while self.links[head as usize].next != tail {
            self.detach(self.links[head as usize].next);
        }
        self.vacate(route);
        self.log.steps.push(Step::Closed { route, kind: self.slots[route as usize].kind });
    }

    /// Gives the vehicle of a route without nodes back.
    fn vacate(&mut self, route: u32) {
        let place = std::mem::replace(&mut self.place[route as usize], NONE) as usize;
        self.open.swap_remove(place);
        if let Some(&moved) = self.open.get(place) {
            self.place[moved as usize] = place as u32;
        }
        self.free[self.slots[route as usize].kind as usize] += 1;
        self.slots[route as usize].size = 0;
        self.vacant.push(route);
    }

    /// Opens a route for a vehicle of `kind`, without a stop yet.
    pub(crate) fn open_route(&mut self, kind: u32) -> u32 {
        let route = self.vacant.last().copied().unwrap_or_else(|| self.new_slot());
        self.occupy(route, kind);
        self.log.steps.push(Step::Opened { route });
        route
    }

    fn new_slot(&mut self) -> u32 {
        let route = self.slots.len() as u32;
        let link = Link { next: NONE, prev: NONE, route: NONE, leg: 0 };
        self.links.resize(self.links.len() + self.width, link);
        self.sites.resize(self.sites.len() + self.width, NONE);
        if self.model.is_timed {
            self.clocks.resize(self.links.len(), Clock::default());
        }
        if self.pays_time() {
            self.spans.resize(self.links.len(), Spans::default());
        }
        if self.model.is_mixed {
            self.loads.resize(self.links.len() * self.model.dimensions, [0; 3]);
        }
        self.slots.push(Slot { kind: 0, size: 0, distance: 0, cost: 0 });
        self.totals.resize(self.totals.len() + self.model.dimensions, 0);
        self.place.push(NONE);
        self.vacant.push(route);
        self.log.touched.push(false);
        route
    }

    /// Makes a vacant slot hold a route without nodes for a vehicle of `kind`.
    fn occupy(&mut self, route: u32, kind: u32) {
        debug_assert!(self.free[kind as usize] > 0, "a vehicle is there for every route");
        let at = self.vacant.iter().rposition(|&vacant| vacant == route).expect("the slot is vacant");
        self.vacant.swap_remove(at);
        self.free[kind as usize] -= 1;
        self.place[route as usize] = self.open.len() as u32;
        self.open.push(route);
        let rules = &self.model.kinds[kind as usize];
        let (head, tail) = (self.head(route) as usize, self.tail(route) as usize);
        self.sites[head] = rules.start;
        self.sites[tail] = rules.end;
        let leg = self.model.matrices[rules.profile].travel(rules.start, rules.end) as i32;
        self.links[head] = Link { next: tail as u32, prev: NONE, route, leg };
        self.links[tail] = Link { next: NONE, prev: head as u32, route, leg: 0 };
        for reload in head + 2..head + self.width {
            self.links[reload].route = NONE;
        }
        self.slots[route as usize] = Slot { kind, size: 0, distance: i64::from(leg), cost: 0 };
        let dimensions = self.model.dimensions;
        self.totals[route as usize * dimensions..][..dimensions].fill(0);
    }

    /// Puts nodes for `tokens` into a route without nodes.
    fn fill(&mut self, route: u32, tokens: &[u32]) {
        let mut after = self.head(route);
        for &token in tokens {
            let node = if self.is_stop(token) { token } else { self.free_reload(route, token) };
            self.attach(node, after);
            after = node;
        }
    }

    /// Returns a reload node of the route that is not in use, and sends it to `site`.
    pub(crate) fn free_reload(&mut self, route: u32, site: u32) -> u32 {
        let head = self.head(route) as usize;
        let node = (head + 2..head + self.width).find(|&node| self.links[node].route == NONE);
        let node = node.expect("a route has no more reloads than its kind allows");
        let was = std::mem::replace(&mut self.sites[node], site);
        self.log.steps.push(Step::Sent { node: node as u32, site: was });
        node as u32
    }

    /// Adds a route for a vehicle of `kind` over `tokens`; `false`, and no route, if it breaks a rule.
    pub(crate) fn add_route(&mut self, kind: u32, tokens: &[u32]) -> bool {
        if self.free[kind as usize] == 0 {
            return false;
        }
        let rules = &self.model.kinds[kind as usize];
        let Some(outcome) = self.simulator.outcome(self.model, rules, tokens) else { return false };
        let route = self.open_route(kind);
        self.fill(route, tokens);
        self.slots[route as usize].cost = outcome.cost;
        self.cost += outcome.cost;
        let is_right = self.refresh(route);
        debug_assert!(is_right, "a simulated route keeps every rule");
        let here = &self.links;
        self.absent.retain(|&stop| here[stop as usize].route == NONE);
        let arrived = tokens.iter().filter(|&&token| (token as usize) < self.model.n);
        self.cost -= arrived.map(|&stop| self.model.visits[stop as usize].absence).sum::<i64>();
        true
    }

    /// Gives a route to a vehicle of another kind that is free, or leaves it as it is and returns `false` if that breaks a rule.
    pub(crate) fn change_kind(&mut self, route: u32, kind: u32) -> bool {
        let tokens = self.tokens_of(route);
        let rules = &self.model.kinds[kind as usize];
        if self.free[kind as usize] == 0 || self.simulator.outcome(self.model, rules, &tokens).is_none() {
            return false;
        }
        self.touch(route);
        self.close(route);
        self.occupy(route, kind);
        self.log.steps.push(Step::Opened { route });
        self.fill(route, &tokens);
        let is_right = self.refresh(route);
        debug_assert!(is_right, "a simulated route keeps every rule");
        true
    }

    /// Returns what a route would cost with a vehicle of another kind, if one is free and may and can drive it.
    pub(crate) fn cost_with(&mut self, route: u32, kind: u32) -> Option<i64> {
        let rules = &self.model.kinds[kind as usize];
        let slot = self.slots[route as usize];
        let is_bound = |kind: u32| !self.model.kinds[kind as usize].locked.is_empty();
        if slot.kind == kind || self.free[kind as usize] == 0 || is_bound(kind) || is_bound(slot.kind) {
            return None;
        }
        let tokens = self.tokens_of(route);
        let n = self.model.n as u32;
        let may = tokens.iter().all(|&token| token >= n || self.model.may_serve(kind as usize, token));
        if !may {
            return None;
        }
        self.simulator.outcome(self.model, rules, &tokens).map(|outcome| outcome.cost)
    }

    /// Puts a node after another; costs, times and loads along the route are brought up to date by [`State::refresh`].
    #[inline]
    pub(crate) fn attach(&mut self, node: u32, after: u32) {
        let Link { next: before, route, leg, .. } = self.links[after as usize];
        let slot = &mut self.slots[route as usize];
        let matrix = &self.model.matrices[self.model.kinds[slot.kind as usize].profile];
        let site = self.sites[node as usize];
        // Both are in rows of the node itself, which were read when its place was looked for.
        let arrive = matrix.into(site)[self.sites[after as usize] as usize];
        let leave = matrix.out_of(site)[self.sites[before as usize] as usize];
        self.log.steps.push(Step::In { node, was: self.links[node as usize], leg });
        self.links[after as usize].next = node;
        self.links[after as usize].leg = arrive;
        self.links[before as usize].prev = node;
        self.links[node as usize] = Link { next: before, prev: after, route, leg: leave };
        slot.distance += i64::from(arrive) + i64::from(leave) - i64::from(leg);
        if (node as usize) < self.model.n {
            slot.size += 1;
            self.count_load(node, route, 1);
        }
    }

    /// Takes a node out of its route.
    #[inline]
    pub(crate) fn detach(&mut self, node: u32) {
        let Link { next, prev, route, leg } = self.links[node as usize];
        let slot = &mut self.slots[route as usize];
        let matrix = &self.model.matrices[self.model.kinds[slot.kind as usize].profile];
        let (from, to) = (self.sites[prev as usize], self.sites[next as usize]);
        let direct = matrix.distance[from as usize * matrix.side + to as usize];
        let arrive = self.links[prev as usize].leg;
        self.log.steps.push(Step::Out { node, leg: arrive, route });
        slot.distance += i64::from(direct) - i64::from(leg) - i64::from(arrive);
        self.links[prev as usize].next = next;
        self.links[prev as usize].leg = direct;
        self.links[next as usize].prev = prev;
        self.links[node as usize].route = NONE;
        if (node as usize) < self.model.n {
            slot.size -= 1;
            self.count_load(node, route, -1);
        }
    }

    fn count_load(&mut self, stop: u32, route: u32, sign: i64) {
        let dimensions = self.model.dimensions;
        let totals = &mut self.totals[route as usize * dimensions..][..dimensions];
        let amounts = self.model.delivery(stop).iter().zip(self.model.pickup(stop));
        for (total, (delivery, pickup)) in totals.iter_mut().zip(amounts) {
            *total += sign * (delivery + pickup);
        }
    }

    /// Returns whether a stop's load fits into a route whose loads only rise or only fall.
    #[inline]
    pub(crate) fn has_room(&self, route: u32, stop: u32) -> bool {
        let dimensions = self.model.dimensions;
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let at = stop as usize * dimensions;
        (0..dimensions).all(|d| {
            let amount = self.model.delivery[at + d] + self.model.pickup[at + d];
            self.totals[route as usize * dimensions + d] + amount <= kind.capacity[d]
        })
    }

    /// Brings a changed route up to date; an empty one is closed. `false` if it breaks a rule.
    pub(crate) fn refresh(&mut self, route: u32) -> bool {
        if self.slots[route as usize].size == 0 {
            self.close(route);
            return true;
        }
        let is_in_time = !self.model.is_timed || self.refresh_clocks(route);
        is_in_time && self.refresh_rest(route, NONE)
    }

    /// Brings a route up to date into which one node has come; `false` if it breaks a rule.
    pub(crate) fn refresh_around(&mut self, route: u32, node: u32) -> bool {
        let is_in_time = !self.model.is_timed || self.spread_clocks(node);
        is_in_time && self.refresh_rest(route, node)
    }

    /// Brings stretches, loads and costs up to date; `false` if the route breaks a rule.
    fn refresh_rest(&mut self, route: u32, added: u32) -> bool {
        if self.pays_time() {
            self.refresh_spans(route, added);
        }
        if self.model.is_mixed {
            self.refresh_loads(route);
        }
        self.refresh_cost(route)
    }

    fn refresh_cost(&mut self, route: u32) -> bool {
        let slot = self.slots[route as usize];
        let model = self.model;
        let kind = &model.kinds[slot.kind as usize];
        let found = if kind.is_complex { self.simulated_cost(route) } else { self.joined_cost(route) };
        let Some(cost) = found else { return false };
        self.slots[route as usize].cost = cost;
        self.cost += cost - slot.cost;
        true
    }

    /// Returns what a route costs if it keeps its limits, by driving it.
    fn simulated_cost(&mut self, route: u32) -> Option<i64> {
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.clear();
        self.for_each(route, |node| tokens.push(self.sites[node as usize]));
        let outcome = self.simulator.outcome(self.model, kind, &tokens);
        self.tokens = tokens;
        Some(outcome?.cost)
    }

    /// Returns what a route costs if it keeps its limits, by its distance and its duration.
    fn joined_cost(&self, route: u32) -> Option<i64> {
        let slot = &self.slots[route as usize];
        let kind = &self.model.kinds[slot.kind as usize];
        let duration = if kind.pays_time { self.duration(route) } else { 0 };
        let keeps_limits = slot.distance <= kind.max_distance && duration <= kind.max_duration;
        keeps_limits.then(|| cost(self.model, kind, slot.distance, duration))
    }

    /// Writes the routes down: the kind and the tokens of each.
    pub(crate) fn routes(&self) -> Vec<(u32, Vec<u32>)> {
        let mut routes: Vec<u32> = self.open.clone();
        routes.sort_unstable();
        routes.into_iter().map(|route| (self.slots[route as usize].kind, self.tokens_of(route))).collect()
    }
}
