//! Local search over routes that may be too full or too late: every stop is moved, exchanged and reconnected beside the
//! stops near it, as long as that lowers the penalized cost.
//!
//! Source: T. Vidal, *Hybrid genetic search for the CVRP: open-source implementation and SWAP\* neighborhood*, Computers &
//! Operations Research 140, 2022, <https://doi.org/10.1016/j.cor.2021.105643>.

mod moves;
mod pieces;
mod swap_star;
#[cfg(test)]
mod tests;

use super::ground::{Ground, Prices};
use super::plan::Plan;
use super::stretch::Stretch;
use crate::local::random::Random;
use swap_star::Places;

/// A stop, or an end of a route.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    next: u32,
    prev: u32,
    route: u32,
    /// Stops of the route up to it, itself included.
    position: u32,
    /// What they carry.
    load: i64,
    /// The distance to the next node.
    leg: i64,
}

/// A route as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Route {
    size: u32,
    load: i64,
    /// What is wrong with it.
    penalty: i64,
    /// The number of the change that made it.
    changed: i64,
    /// The number of changes when it was last tried by [`swap_star`].
    swapped: i64,
}

/// Routes that can be changed.
///
/// Stops are the nodes `0..n`; route `r` begins at node `n + 2r` and ends at the node after that.
pub(super) struct Local<'g> {
    ground: &'g Ground<'g>,
    prices: Prices,
    nodes: Vec<Node>,
    /// The stretch of a route up to a node and from it on, the node included in both.
    before: Vec<Stretch>,
    behind: Vec<Stretch>,
    routes: Vec<Route>,
    order: Vec<u32>,
    /// The number of changes when moves of a stop were last tried.
    tested: Vec<i64>,
    changes: i64,
    buffers: [Vec<u32>; 2],
    places: Places,
}

impl<'g> Local<'g> {
    pub(super) fn new(ground: &'g Ground<'g>) -> Self {
        let nodes = ground.n + 2 * ground.vehicles;
        let timed = if ground.is_timed { nodes } else { 0 };
        Self {
            ground,
            prices: Prices { load: 0.0, warp: 0.0 },
            nodes: vec![Node::default(); nodes],
            before: vec![Stretch::default(); timed],
            behind: vec![Stretch::default(); timed],
            routes: vec![Route::default(); ground.vehicles],
            order: (0..ground.n as u32).collect(),
            tested: vec![-1; ground.n],
            changes: 0,
            buffers: [Vec::new(), Vec::new()],
            places: Places::new(ground),
        }
    }

    /// Returns the local optimum that `routes` lead to.
    pub(super) fn run(&mut self, routes: &[Vec<u32>], prices: Prices, random: &mut Random) -> Plan {
        self.begin(routes, prices);
        random.shuffle(&mut self.order);
        for pass in 0.. {
            let before = self.changes;
            for index in 0..self.order.len() {
                self.improve(self.order[index], pass > 0);
            }
            if !self.ground.is_timed {
                self.swap_routes();
            }
            // Empty routes are not looked at in the first pass.
            if pass > 0 && self.changes == before {
                break;
            }
        }
        self.plan()
    }

    fn begin(&mut self, routes: &[Vec<u32>], prices: Prices) {
        self.prices = prices;
        self.changes = 0;
        self.tested.fill(-1);
        self.places.forget();
        for route in 0..self.routes.len() {
            self.routes[route].swapped = -1;
            self.rebuild(route as u32, routes.get(route).map_or(&[], Vec::as_slice));
        }
    }

    /// Writes the routes down, in the order of their directions.
    fn plan(&self) -> Plan {
        let used = (0..self.routes.len() as u32).filter(|&route| self.routes[route as usize].size > 0);
        let mut routes: Vec<(f64, Vec<u32>)> = used
            .map(|route| {
                let stops = self.stops(route);
                (self.ground.direction(&stops), stops)
            })
            .collect();
        routes.sort_by(|a, b| a.0.total_cmp(&b.0));
        Plan::new(self.ground, routes.into_iter().map(|(_, stops)| stops).collect())
    }

    fn stops(&self, route: u32) -> Vec<u32> {
        let mut stops = Vec::with_capacity(self.routes[route as usize].size as usize);
        let mut node = self.next(self.head(route));
        while self.is_stop(node) {
            stops.push(node);
            node = self.next(node);
        }
        stops
    }

    #[inline]
    fn head(&self, route: u32) -> u32 {
        self.ground.n as u32 + 2 * route
    }

    #[inline]
    fn tail(&self, route: u32) -> u32 {
        self.head(route) + 1
    }

    #[inline]
    fn is_stop(&self, node: u32) -> bool {
        (node as usize) < self.ground.n
    }

    #[inline]
    fn next(&self, node: u32) -> u32 {
        self.nodes[node as usize].next
    }

    #[inline]
    fn prev(&self, node: u32) -> u32 {
        self.nodes[node as usize].prev
    }

    #[inline]
    fn route_of(&self, node: u32) -> u32 {
        self.nodes[node as usize].route
    }

    /// Returns what a load costs that is above the capacity.
    #[inline]
    fn overload(&self, load: i64) -> i64 {
        ((load - self.ground.capacity).max(0) as f64 * self.prices.load) as i64
    }

    /// Makes a route of `stops`.
    fn rebuild(&mut self, route: u32, stops: &[u32]) {
        let (head, tail) = (self.head(route), self.tail(route));
        let (mut load, mut last) = (0, head);
        let end = Node { next: head, prev: head, route, position: 0, load: 0, leg: 0 };
        self.nodes[head as usize] = end;
        for (position, &stop) in (1..).zip(stops) {
            load += self.ground.loads[stop as usize];
            self.link(last, stop);
            self.nodes[stop as usize] = Node { prev: last, position, load, ..end };
            last = stop;
        }
        let size = stops.len() as u32;
        self.link(last, tail);
        self.nodes[tail as usize] = Node { next: tail, prev: last, position: size + 1, load, ..end };
        let warp = if self.ground.is_timed { self.time(route) } else { 0 };
        let penalty = self.overload(load) + self.lateness(warp);
        let swapped = self.routes[route as usize].swapped;
        self.routes[route as usize] = Route { size, load, penalty, changed: self.changes, swapped };
    }

    /// Makes a node the next one.
    fn link(&mut self, node: u32, next: u32) {
        let leg = self.ground.distance(node, next);
        let node = &mut self.nodes[node as usize];
        (node.next, node.leg) = (next, leg);
    }

    /// Computes the stretches of a route and returns its time warp.
    fn time(&mut self, route: u32) -> i64 {
        let (head, tail) = (self.head(route), self.tail(route));
        let ground = self.ground;
        let mut stretch = ground.stretch(head);
        self.before[head as usize] = stretch;
        let mut node = head;
        while node != tail {
            let next = self.next(node);
            stretch = stretch.join(ground.time(node, next), ground.stretch(next));
            self.before[next as usize] = stretch;
            node = next;
        }
        let warp = stretch.warp;
        stretch = ground.stretch(tail);
        self.behind[tail as usize] = stretch;
        while node != head {
            let prev = self.prev(node);
            stretch = ground.stretch(prev).join(ground.time(prev, node), stretch);
            self.behind[prev as usize] = stretch;
            node = prev;
        }
        warp
    }

    #[inline]
    fn lateness(&self, warp: i64) -> i64 {
        (warp as f64 * self.prices.warp) as i64
    }

    /// Tries every move of a stop, if anything has changed since it was last tried.
    fn improve(&mut self, stop: u32, has_empty: bool) {
        let last = std::mem::replace(&mut self.tested[stop as usize], self.changes);
        let ground = self.ground;
        for &other in &ground.near[stop as usize] {
            let [a, b] = [stop, other].map(|node| self.routes[self.route_of(node) as usize].changed);
            if a.max(b) <= last {
                continue;
            }
            if self.try_beside(stop, other) {
                continue;
            }
            let before = self.prev(other);
            if !self.is_stop(before) {
                self.try_at_head(stop, before);
            }
        }
        if has_empty && let Some(empty) = self.routes.iter().position(|route| route.size == 0) {
            self.try_at_head(stop, self.head(empty as u32));
        }
    }
}
