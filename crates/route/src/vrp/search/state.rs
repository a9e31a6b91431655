//! A solution that can be changed, and changed back.
//!
//! Routes are linked lists between the sentinels of their **slots**, so that a stop comes in or goes out in constant time;
//! times and loads along a route are kept at its nodes. Before a route is changed for the first time it is written to the
//! journal, from which [`State::rollback`] restores it.

use super::model::{Model, NONE, Role};
use super::simulate::Simulator;
use crate::vrp::problem::MAX_VALUE;

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

/// When a node can be left at the earliest, and must be reached at the latest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) depart: i64,
    pub(crate) latest: i64,
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

/// A route as it was.
#[derive(Debug)]
struct Entry {
    route: u32,
    slot: Slot,
    /// Where its tokens begin in the journal.
    start: usize,
}

/// A solution in the making.
pub(crate) struct State<'m> {
    pub(crate) model: &'m Model,
    pub(crate) links: Vec<Link>,
    pub(crate) clocks: Vec<Clock>,
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
    entries: Vec<Entry>,
    journal: Vec<u32>,
    touched: Vec<bool>,
    absent_before: Vec<u32>,
    cost_before: i64,
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
            entries: Vec::new(),
            journal: Vec::new(),
            touched: Vec::new(),
            absent_before: Vec::new(),
            cost_before: cost,
        }
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

    /// Begins a change that can be rolled back.
    pub(crate) fn begin(&mut self) {
        for entry in &self.entries {
            self.touched[entry.route as usize] = false;
        }
        self.entries.clear();
        self.journal.clear();
        self.absent_before.clone_from(&self.absent);
        self.cost_before = self.cost;
    }

    /// Writes a route to the journal before its first change.
    #[inline]
    pub(crate) fn touch(&mut self, route: u32) {
        if std::mem::replace(&mut self.touched[route as usize], true) {
            return;
        }
        self.entries.push(Entry { route, slot: self.slots[route as usize], start: self.journal.len() });
        let tail = self.tail(route);
        let mut node = self.links[self.head(route) as usize].next;
        while node != tail {
            // Reloads are written as their sites: any free node serves for them.
            self.journal.push(if self.is_stop(node) { node } else { self.sites[node as usize] });
            node = self.links[node as usize].next;
        }
    }

    /// Returns what was absent at [`State::begin`].
    pub(crate) fn absent_before(&self) -> &[u32] {
        &self.absent_before
    }

    /// Returns the routes that were touched since [`State::begin`].
    pub(crate) fn touched_routes(&self) -> Vec<u32> {
        self.entries.iter().map(|entry| entry.route).collect()
    }

    /// Takes back everything since [`State::begin`].
    pub(crate) fn rollback(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        let journal = std::mem::take(&mut self.journal);
        for entry in &entries {
            self.clear(entry.route);
        }
        for (index, entry) in entries.iter().enumerate() {
            let end = entries.get(index + 1).map_or(journal.len(), |next| next.start);
            let tokens = &journal[entry.start..end];
            if !tokens.is_empty() {
                self.fill(entry.route, entry.slot.kind, tokens);
                self.slots[entry.route as usize] = entry.slot;
            }
            self.touched[entry.route as usize] = false;
        }
        std::mem::swap(&mut self.absent, &mut self.absent_before);
        self.cost = self.cost_before;
        self.entries = entries;
        self.entries.clear();
        self.journal = journal;
        self.journal.clear();
    }

    /// Takes every node out of a route and gives its vehicle back; the costs are not counted.
    fn clear(&mut self, route: u32) {
        if self.place[route as usize] == NONE {
            return;
        }
        let tail = self.tail(route);
        let mut node = self.links[self.head(route) as usize].next;
        while node != tail {
            let link = &mut self.links[node as usize];
            node = link.next;
            link.route = NONE;
        }
        self.close(route);
    }

    fn close(&mut self, route: u32) {
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
        let route = self.vacant.pop().unwrap_or_else(|| self.new_slot());
        self.occupy(route, kind);
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
        if self.model.is_mixed {
            self.loads.resize(self.links.len() * self.model.dimensions, [0; 3]);
        }
        self.slots.push(Slot { kind: 0, size: 0, distance: 0, cost: 0 });
        self.totals.resize(self.totals.len() + self.model.dimensions, 0);
        self.place.push(NONE);
        self.touched.push(false);
        route
    }

    fn occupy(&mut self, route: u32, kind: u32) {
        debug_assert!(self.free[kind as usize] > 0, "a vehicle is there for every route");
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

    /// Makes a slot hold `tokens`; the slot is vacant.
    fn fill(&mut self, route: u32, kind: u32, tokens: &[u32]) {
        let at = self.vacant.iter().rposition(|&vacant| vacant == route).expect("a cleared slot is vacant");
        self.vacant.swap_remove(at);
        self.occupy(route, kind);
        let mut after = self.head(route);
        for &token in tokens {
            let node = if self.is_stop(token) { token } else { self.free_reload(route, token) };
            self.attach(node, after);
            after = node;
        }
        self.refresh_along(route);
    }

    /// Returns a reload node of the route that is not in use, and sends it to `site`.
    pub(crate) fn free_reload(&mut self, route: u32, site: u32) -> u32 {
        let head = self.head(route) as usize;
        let node = (head + 2..head + self.width).find(|&node| self.links[node].route == NONE);
        let node = node.expect("a route has no more reloads than its kind allows");
        self.sites[node] = site;
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
        let mut after = self.head(route);
        for &token in tokens {
            let node = if self.is_stop(token) { token } else { self.free_reload(route, token) };
            self.attach(node, after);
            after = node;
        }
        self.slots[route as usize].cost = outcome.cost;
        self.cost += outcome.cost;
        self.refresh_along(route);
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
        self.cost -= self.slots[route as usize].cost;
        self.clear(route);
        self.fill(route, kind, &tokens);
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
        let arrive = matrix.distance[self.sites[after as usize] as usize * matrix.side + site as usize];
        let leave = matrix.distance[site as usize * matrix.side + self.sites[before as usize] as usize];
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
        slot.distance += i64::from(direct) - i64::from(leg) - i64::from(self.links[prev as usize].leg);
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
        let slot = self.slots[route as usize];
        self.cost -= slot.cost;
        self.slots[route as usize].cost = 0;
        if slot.size == 0 {
            self.clear(route);
            return true;
        }
        let kind = &self.model.kinds[slot.kind as usize];
        let cost = if kind.is_complex {
            let mut tokens = std::mem::take(&mut self.tokens);
            tokens.clear();
            self.for_each(route, |node| tokens.push(self.sites[node as usize]));
            let outcome = self.simulator.outcome(self.model, kind, &tokens);
            self.tokens = tokens;
            match outcome {
                Some(outcome) => outcome.cost,
                None => return false,
            }
        } else {
            if slot.distance > kind.max_distance {
                return false;
            }
            kind.fixed_cost + kind.distance_cost * slot.distance
        };
        self.slots[route as usize].cost = cost;
        self.cost += cost;
        self.refresh_along(route)
    }

    /// Brings the times and loads along a route up to date; `false` if it breaks a rule that they show.
    fn refresh_along(&mut self, route: u32) -> bool {
        let is_in_time = !self.model.is_timed || self.refresh_clocks(route);
        if self.model.is_mixed {
            self.refresh_loads(route);
        }
        is_in_time
    }

    fn refresh_clocks(&mut self, route: u32) -> bool {
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let matrix = &self.model.matrices[kind.profile];
        let (head, tail) = (self.head(route) as usize, self.tail(route) as usize);
        let mut depart = kind.shift.open;
        let mut is_in_time = true;
        self.clocks[head].depart = depart;
        let mut node = head;
        while node != tail {
            let next = self.links[node].next as usize;
            let arrive = depart + matrix.travel_time(self.sites[node], self.sites[next]);
            if next < self.model.n {
                let visit = &self.model.visits[next];
                let begin = visit.begin(arrive).unwrap_or_else(|| {
                    is_in_time = false;
                    MAX_VALUE
                });
                depart = begin + visit.service;
            } else {
                depart = if next == tail { arrive } else { arrive + kind.reload_time };
            }
            self.clocks[next].depart = depart;
            node = next;
        }
        is_in_time &= depart <= kind.shift.close;
        let mut latest = kind.shift.close;
        self.clocks[tail].latest = latest;
        let mut node = tail;
        while node != head {
            let prev = self.links[node].prev as usize;
            let leave = latest - matrix.travel_time(self.sites[prev], self.sites[node]);
            latest = if prev < self.model.n {
                let visit = &self.model.visits[prev];
                visit.latest(leave - visit.service).unwrap_or(-MAX_VALUE)
            } else if prev == head {
                leave
            } else {
                leave - kind.reload_time
            };
            self.clocks[prev].latest = latest;
            node = prev;
        }
        is_in_time
    }

    /// Loads within a route; where it reloads they are left to the simulator.
    fn refresh_loads(&mut self, route: u32) {
        let model = self.model;
        let (head, tail) = (self.head(route) as usize, self.tail(route) as usize);
        for d in 0..model.dimensions {
            let mut load = 0;
            self.for_each(route, |node| {
                if (node as usize) < model.n {
                    load += model.delivery[node as usize * model.dimensions + d];
                }
            });
            let (mut node, mut highest) = (head, load);
            loop {
                self.loads[node * model.dimensions + d] = [load, highest, load];
                node = self.links[node].next as usize;
                if node == tail {
                    break;
                }
                if node < model.n {
                    let at = node * model.dimensions + d;
                    let shipped = match model.visits[node].role {
                        Role::Visit => 0,
                        Role::Collect => model.shipment[at],
                        Role::Bring => -model.shipment[at],
                    };
                    load += model.pickup[at] - model.delivery[at] + shipped;
                }
                highest = highest.max(load);
            }
            let mut highest = i64::MIN;
            let mut node = self.links[tail].prev as usize;
            loop {
                let entry = &mut self.loads[node * model.dimensions + d];
                highest = highest.max(entry[0]);
                entry[2] = highest;
                if node == head {
                    break;
                }
                node = self.links[node].prev as usize;
            }
        }
    }

    /// Writes the routes down: the kind and the tokens of each.
    pub(crate) fn routes(&self) -> Vec<(u32, Vec<u32>)> {
        let mut routes: Vec<u32> = self.open.clone();
        routes.sort_unstable();
        routes.into_iter().map(|route| (self.slots[route as usize].kind, self.tokens_of(route))).collect()
    }
}
