//! SWAP*: two stops of two routes change routes, and each goes where it costs least in the other, not where the other was.
//!
//! The three cheapest places of every stop in every route are kept, so that one of them is left when the stop that goes is beside
//! the others. Source: as for [`super`], section 3.3. For routes without times.

use super::{Ground, Local, Node};

/// So many near stops tell which routes are near each other.
const REACH: usize = 8;

/// A place in a route.
#[derive(Clone, Copy, Debug)]
struct Place {
    cost: i64,
    after: u32,
}

const NOWHERE: Place = Place { cost: i64::MAX / 4, after: u32::MAX };

/// The three cheapest places of every stop in every route, and the number of changes when they were looked for.
#[derive(Debug)]
pub(super) struct Places {
    best: Vec<([Place; 3], i64)>,
    is_near: Vec<bool>,
    leaving: Vec<(u32, i64, i64)>,
}

impl Places {
    pub(super) fn new(ground: &Ground<'_>) -> Self {
        let count = if ground.is_timed { 0 } else { ground.n * ground.vehicles };
        Self {
            best: vec![([NOWHERE; 3], -1); count],
            is_near: vec![false; ground.vehicles],
            leaving: Vec::new(),
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.best.iter_mut().for_each(|(_, found)| *found = -1);
    }
}

/// Two stops that change routes, or one that goes alone, and where they go.
#[derive(Clone, Copy, Debug)]
struct Swap {
    cost: i64,
    leaves: [u32; 2],
    after: [u32; 2],
}

/// No stop, no place.
const NONE: u32 = u32::MAX;

impl Local<'_> {
    /// Tries the exchanges of all pairs of routes that are near each other and not both as they were.
    pub(super) fn swap_routes(&mut self) {
        for first in 0..self.routes.len() as u32 {
            let last = std::mem::replace(&mut self.routes[first as usize].swapped, self.changes);
            let mut is_near = std::mem::take(&mut self.places.is_near);
            self.mark_near(first, &mut is_near);
            for second in first + 1..self.routes.len() as u32 {
                let [a, b] = [first, second].map(|route| self.routes[route as usize].changed);
                if is_near[second as usize] && a.max(b) > last {
                    self.swap_pair([first, second]);
                }
            }
            self.places.is_near = is_near;
        }
    }

    /// Marks the routes with a stop near one of a route.
    fn mark_near(&self, route: u32, is_near: &mut [bool]) {
        is_near.fill(false);
        let mut node = self.next(self.head(route));
        while self.is_stop(node) {
            let near = &self.ground.near[node as usize];
            for &other in &near[..near.len().min(REACH)] {
                is_near[self.route_of(other) as usize] = true;
            }
            node = self.next(node);
        }
    }

    /// Makes the best exchange of two routes, if it pays.
    fn swap_pair(&mut self, [first, second]: [u32; 2]) {
        self.find_places(first, second);
        self.find_places(second, first);
        let mut best = Swap { cost: 0, leaves: [NONE; 2], after: [NONE; 2] };
        self.best_swap([first, second], &mut best);
        self.best_move([first, second], &mut best, 0);
        self.best_move([second, first], &mut best, 1);
        if best.cost < 0 {
            self.swap([first, second], best);
        }
    }

    /// Looks for the cheapest places of the stops of one route in another.
    fn find_places(&mut self, from: u32, to: u32) {
        let mut stop = self.next(self.head(from));
        while self.is_stop(stop) {
            let at = to as usize * self.ground.n + stop as usize;
            if self.places.best[at].1 < self.routes[to as usize].changed {
                self.places.best[at] = (self.cheapest_places(stop, to), self.changes);
            }
            stop = self.next(stop);
        }
    }

    fn cheapest_places(&self, stop: u32, route: u32) -> [Place; 3] {
        let ground = self.ground;
        let distances = ground.distances(stop);
        let mut best = [NOWHERE; 3];
        let (mut after, tail) = (self.head(route), self.tail(route));
        let mut arrive = i64::from(distances[ground.n]);
        while after != tail {
            let Node { next, leg, .. } = self.nodes[after as usize];
            let leave = i64::from(distances[ground.site(next)]);
            let cost = arrive + leave - leg;
            arrive = leave;
            if cost < best[2].cost {
                best[2] = Place { cost, after };
                if cost < best[1].cost {
                    best.swap(1, 2);
                }
                if cost < best[0].cost {
                    best.swap(0, 1);
                }
            }
            after = next;
        }
        best
    }

    /// Returns what it costs that a stop goes, which is seldom more than 0.
    fn removal(&self, stop: u32) -> i64 {
        let Node { prev, next, leg, .. } = self.nodes[stop as usize];
        self.ground.distance(prev, next) - self.nodes[prev as usize].leg - leg
    }

    /// Returns the cheapest place of a stop in a route that `leaver` leaves.
    fn place_without(&self, stop: u32, route: u32, leaver: u32) -> Place {
        let ground = self.ground;
        let (before, next) = (self.prev(leaver), self.next(leaver));
        let cost =
            ground.distance(before, stop) + ground.distance(stop, next) - ground.distance(before, next);
        let instead = Place { cost, after: before };
        let places = &self.places.best[route as usize * ground.n + stop as usize].0;
        let is_there = |place: &&Place| {
            place.after != u32::MAX && place.after != leaver && self.next(place.after) != leaver
        };
        match places.iter().find(is_there) {
            Some(&place) if place.cost < instead.cost => place,
            _ => instead,
        }
    }

    /// Looks for the best exchange of two stops.
    fn best_swap(&mut self, [first, second]: [u32; 2], best: &mut Swap) {
        let [one, two] = [first, second].map(|route| self.routes[route as usize]);
        let wrong = one.penalty + two.penalty;
        let mut leaving = std::mem::take(&mut self.places.leaving);
        self.removals(second, &mut leaving);
        let mut u = self.next(self.head(first));
        while self.is_stop(u) {
            let removal_u = self.removal(u) - wrong;
            let load_u = self.ground.loads[u as usize];
            for &(v, load_v, removal_v) in &leaving {
                let more = load_v - load_u;
                let fixed =
                    self.overload(one.load + more) + self.overload(two.load - more) + removal_u + removal_v;
                if fixed < best.cost {
                    let to_second = self.place_without(u, second, v);
                    let to_first = self.place_without(v, first, u);
                    let cost = fixed + to_second.cost + to_first.cost;
                    if cost < best.cost {
                        *best = Swap { cost, leaves: [u, v], after: [to_second.after, to_first.after] };
                    }
                }
            }
            u = self.next(u);
        }
        self.places.leaving = leaving;
    }

    /// Writes down the stops of a route, their loads and what it costs that they go.
    fn removals(&self, route: u32, leaving: &mut Vec<(u32, i64, i64)>) {
        leaving.clear();
        let mut stop = self.next(self.head(route));
        while self.is_stop(stop) {
            leaving.push((stop, self.ground.loads[stop as usize], self.removal(stop)));
            stop = self.next(stop);
        }
    }

    /// Looks for the best stop of one route that goes to another; `side` tells which of the exchange's two it is.
    fn best_move(&self, [from, to]: [u32; 2], best: &mut Swap, side: usize) {
        let [one, two] = [from, to].map(|route| self.routes[route as usize]);
        let mut stop = self.next(self.head(from));
        while self.is_stop(stop) {
            let load = self.ground.loads[stop as usize];
            let place = self.places.best[to as usize * self.ground.n + stop as usize].0[0];
            let vehicle = if one.size == 1 { self.ground.fixed } else { 0 };
            let cost =
                self.overload(one.load - load) + self.overload(two.load + load) - one.penalty - two.penalty
                    + self.removal(stop)
                    + place.cost
                    - vehicle;
            if cost < best.cost {
                *best = Swap { cost, leaves: [NONE; 2], after: [NONE; 2] };
                best.leaves[side] = stop;
                best.after[side] = place.after;
            }
            stop = self.next(stop);
        }
    }

    fn swap(&mut self, [first, second]: [u32; 2], swap: Swap) {
        let [mut one, mut two] = std::mem::take(&mut self.buffers);
        self.with_change(first, swap.leaves[0], swap.leaves[1], swap.after[1], &mut one);
        self.with_change(second, swap.leaves[1], swap.leaves[0], swap.after[0], &mut two);
        self.changes += 1;
        self.rebuild(first, &one);
        self.rebuild(second, &two);
        self.buffers = [one, two];
    }

    /// Writes down the stops of a route without `leaver` and with `comer` behind the node `after`.
    fn with_change(&self, route: u32, leaver: u32, comer: u32, after: u32, stops: &mut Vec<u32>) {
        stops.clear();
        let (mut node, tail) = (self.head(route), self.tail(route));
        while node != tail {
            if self.is_stop(node) && node != leaver {
                stops.push(node);
            }
            if node == after && comer != NONE {
                stops.push(comer);
            }
            node = self.next(node);
        }
    }
}
