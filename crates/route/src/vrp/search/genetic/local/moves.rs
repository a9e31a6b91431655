//! The moves: relocations, exchanges, and reconnections of a stop beside one that is near.

use super::Local;
use super::pieces::Piece::{Back, From, One, Run, To};

/// A stop `u` with what is before and behind it, a node `v` beside which it could stand, and the distances that moves share.
#[derive(Clone, Copy, Debug)]
struct Pair {
    before_u: u32,
    u: u32,
    x: u32,
    after_x: u32,
    before_v: u32,
    v: u32,
    y: u32,
    after_y: u32,
    routes: [u32; 2],
    /// The legs to `u`, from it, and from `x`.
    legs_u: [i64; 3],
    legs_v: [i64; 3],
    uv: i64,
    uy: i64,
    xv: i64,
    xy: i64,
}

impl Pair {
    fn is_same_route(&self) -> bool {
        self.routes[0] == self.routes[1]
    }
}

impl Local<'_> {
    /// Tries the moves of a stop and another; `true` if one was made.
    pub(super) fn try_beside(&mut self, u: u32, v: u32) -> bool {
        let pair = &self.pair(u, v);
        self.relocate(pair)
            || self.relocate_two(pair, false)
            || self.relocate_two(pair, true)
            || (u < v && self.exchange(pair))
            || self.exchange_two_for_one(pair)
            || (u < v && self.exchange_two(pair))
            || if pair.is_same_route() {
                self.two_opt(pair)
            } else {
                self.two_opt_back(pair) || self.two_opt_star(pair)
            }
    }

    /// Tries the moves of a stop to the beginning of a route.
    pub(super) fn try_at_head(&mut self, u: u32, head: u32) -> bool {
        let pair = &self.pair(u, head);
        self.relocate(pair)
            || self.relocate_two(pair, false)
            || self.relocate_two(pair, true)
            || (!pair.is_same_route() && (self.two_opt_back(pair) || self.two_opt_star(pair)))
    }

    #[inline]
    fn pair(&self, u: u32, v: u32) -> Pair {
        let (at_u, at_v) = (self.nodes[u as usize], self.nodes[v as usize]);
        let (x, y) = (at_u.next, at_v.next);
        let (at_x, at_y) = (self.nodes[x as usize], self.nodes[y as usize]);
        let (from_u, from_x) = (self.ground.distances(u), self.ground.distances(x));
        let (site_v, site_y) = (self.ground.site(v), self.ground.site(y));
        Pair {
            before_u: at_u.prev,
            u,
            x,
            after_x: at_x.next,
            before_v: at_v.prev,
            v,
            y,
            after_y: at_y.next,
            routes: [at_u.route, at_v.route],
            legs_u: [self.nodes[at_u.prev as usize].leg, at_u.leg, at_x.leg],
            legs_v: [self.nodes[at_v.prev as usize].leg, at_v.leg, at_y.leg],
            uv: i64::from(from_u[site_v]),
            uy: i64::from(from_u[site_y]),
            xv: i64::from(from_x[site_v]),
            xy: i64::from(from_x[site_y]),
        }
    }

    /// Returns whether a change could pay: at best it mends all that is wrong with the routes.
    #[inline]
    fn may_pay(&self, pair: &Pair, longer: i64) -> bool {
        let [a, b] = pair.routes.map(|route| self.routes[route as usize].penalty);
        longer < if pair.is_same_route() { a } else { a + b }
    }

    #[inline]
    fn distance(&self, from: u32, to: u32) -> i64 {
        self.ground.distance(from, to)
    }

    #[inline]
    fn load(&self, stop: u32) -> i64 {
        self.ground.loads[stop as usize]
    }

    #[inline]
    fn is_before(&self, first: u32, second: u32) -> bool {
        self.nodes[first as usize].position < self.nodes[second as usize].position
    }

    /// Returns what vehicles cost more if `count` stops more go from one route to the other than come back.
    #[inline]
    fn vehicles(&self, pair: &Pair, count: i64) -> i64 {
        if self.ground.fixed == 0 || pair.is_same_route() {
            return 0;
        }
        let [from, to] = pair.routes.map(|route| i64::from(self.routes[route as usize].size));
        let used = |from: i64, to: i64| i64::from(from > 0) + i64::from(to > 0);
        self.ground.fixed * (used(from - count, to + count) - used(from, to))
    }

    /// Returns the stops of a route behind a node.
    #[inline]
    fn rest(&self, route: u32, node: u32) -> i64 {
        i64::from(self.routes[route as usize].size) - i64::from(self.nodes[node as usize].position)
    }

    /// `u` goes behind `v`.
    fn relocate(&mut self, pair: &Pair) -> bool {
        let Pair { before_u, u, x, v, y, routes, .. } = *pair;
        if u == y {
            return false;
        }
        let ([to_u, from_u, _], from_v) = (pair.legs_u, pair.legs_v[1]);
        let longer =
            self.distance(before_u, x) - to_u - from_u + pair.uv + pair.uy - from_v + self.vehicles(pair, 1);
        if !self.may_pay(pair, longer) {
            return false;
        }
        if !pair.is_same_route() {
            let pieces = [&[To(before_u), From(x)][..], &[To(v), One(u), From(y)]];
            return self.change_two(routes, longer, self.load(u), pieces);
        }
        if self.is_before(u, v) {
            self.change_one(routes[0], longer, &[To(before_u), Run(x, v), One(u), From(y)])
        } else {
            self.change_one(routes[0], longer, &[To(v), One(u), Run(y, before_u), From(x)])
        }
    }

    /// `u` and `x` go behind `v`, turned round or not.
    fn relocate_two(&mut self, pair: &Pair, is_turned: bool) -> bool {
        let Pair { before_u, u, x, after_x, v, y, routes, .. } = *pair;
        if !self.is_stop(x) || u == y || x == v {
            return false;
        }
        let ([to_u, _, from_x], from_v) = (pair.legs_u, pair.legs_v[1]);
        let joints = if is_turned { pair.xv + pair.uy } else { pair.uv + pair.xy };
        let longer =
            self.distance(before_u, after_x) - to_u - from_x + joints - from_v + self.vehicles(pair, 2);
        if !self.may_pay(pair, longer) {
            return false;
        }
        let two = if is_turned { Back(x, u) } else { Run(u, x) };
        if !pair.is_same_route() {
            let pieces = [&[To(before_u), From(after_x)][..], &[To(v), two, From(y)]];
            return self.change_two(routes, longer, self.load(u) + self.load(x), pieces);
        }
        if self.is_before(u, v) {
            self.change_one(routes[0], longer, &[To(before_u), Run(after_x, v), two, From(y)])
        } else {
            self.change_one(routes[0], longer, &[To(v), two, Run(y, before_u), From(after_x)])
        }
    }

    /// `u` and `v` change places.
    fn exchange(&mut self, pair: &Pair) -> bool {
        let Pair { before_u, u, x, before_v, v, y, routes, .. } = *pair;
        if u == before_v || u == y {
            return false;
        }
        let ([to_u, from_u, _], [to_v, from_v, _]) = (pair.legs_u, pair.legs_v);
        let longer =
            self.distance(before_u, v) + pair.xv - to_u - from_u + self.distance(before_v, u) + pair.uy
                - to_v
                - from_v;
        if !self.may_pay(pair, longer) {
            return false;
        }
        if !pair.is_same_route() {
            let pieces = [&[To(before_u), One(v), From(x)][..], &[To(before_v), One(u), From(y)]];
            return self.change_two(routes, longer, self.load(u) - self.load(v), pieces);
        }
        if self.is_before(u, v) {
            self.change_one(routes[0], longer, &[To(before_u), One(v), Run(x, before_v), One(u), From(y)])
        } else {
            self.change_one(routes[0], longer, &[To(before_v), One(u), Run(y, before_u), One(v), From(x)])
        }
    }

    /// `u` and `x` change places with `v`.
    fn exchange_two_for_one(&mut self, pair: &Pair) -> bool {
        let Pair { before_u, u, x, after_x, before_v, v, y, routes, .. } = *pair;
        if !self.is_stop(x) || u == before_v || x == before_v || u == y || x == v {
            return false;
        }
        let ([to_u, _, from_x], [to_v, from_v, _]) = (pair.legs_u, pair.legs_v);
        let longer = self.distance(before_u, v) + self.distance(v, after_x) - to_u - from_x
            + self.distance(before_v, u)
            + pair.xy
            - to_v
            - from_v;
        if !self.may_pay(pair, longer) {
            return false;
        }
        if !pair.is_same_route() {
            let pieces = [&[To(before_u), One(v), From(after_x)][..], &[To(before_v), Run(u, x), From(y)]];
            return self.change_two(routes, longer, self.load(u) + self.load(x) - self.load(v), pieces);
        }
        if self.is_before(u, v) {
            let pieces = [To(before_u), One(v), Run(after_x, before_v), Run(u, x), From(y)];
            self.change_one(routes[0], longer, &pieces)
        } else {
            let pieces = [To(before_v), Run(u, x), Run(y, before_u), One(v), From(after_x)];
            self.change_one(routes[0], longer, &pieces)
        }
    }

    /// `u` and `x` change places with `v` and `y`.
    fn exchange_two(&mut self, pair: &Pair) -> bool {
        let Pair { before_u, u, x, after_x, before_v, v, y, after_y, routes, .. } = *pair;
        if !self.is_stop(x) || !self.is_stop(y) || y == before_u || u == y || x == v || v == after_x {
            return false;
        }
        let ([to_u, _, from_x], [to_v, _, from_y]) = (pair.legs_u, pair.legs_v);
        let longer = self.distance(before_u, v) + self.distance(y, after_x) - to_u - from_x
            + self.distance(before_v, u)
            + self.distance(x, after_y)
            - to_v
            - from_y;
        if !self.may_pay(pair, longer) {
            return false;
        }
        if !pair.is_same_route() {
            let moved = self.load(u) + self.load(x) - self.load(v) - self.load(y);
            let pieces =
                [&[To(before_u), Run(v, y), From(after_x)][..], &[To(before_v), Run(u, x), From(after_y)]];
            return self.change_two(routes, longer, moved, pieces);
        }
        if self.is_before(u, v) {
            let pieces = [To(before_u), Run(v, y), Run(after_x, before_v), Run(u, x), From(after_y)];
            self.change_one(routes[0], longer, &pieces)
        } else {
            let pieces = [To(before_v), Run(u, x), Run(after_y, before_u), Run(v, y), From(after_x)];
            self.change_one(routes[0], longer, &pieces)
        }
    }

    /// The way from `x` to `v` is turned round.
    fn two_opt(&mut self, pair: &Pair) -> bool {
        let Pair { u, x, v, y, routes, .. } = *pair;
        if !self.is_before(u, v) || x == v {
            return false;
        }
        let longer = pair.uv + pair.xy - pair.legs_u[1] - pair.legs_v[1];
        self.may_pay(pair, longer) && self.change_one(routes[0], longer, &[To(u), Back(v, x), From(y)])
    }

    /// The way up to `u` goes on backwards from `v`, and the way back to `x` on to `y`; for routes without times.
    fn two_opt_back(&mut self, pair: &Pair) -> bool {
        let Pair { u, x, v, y, routes, .. } = *pair;
        if self.ground.is_timed {
            return false;
        }
        let back = i64::from(self.nodes[v as usize].position);
        let longer = pair.uv + pair.xy - pair.legs_u[1] - pair.legs_v[1]
            + self.vehicles(pair, self.rest(routes[0], u) - back);
        if !self.may_pay(pair, longer) {
            return false;
        }
        let moved =
            self.routes[routes[0] as usize].load - self.nodes[u as usize].load - self.nodes[v as usize].load;
        let pieces = [&[To(u), Back(v, self.head(routes[1]))][..], &[Back(self.tail(routes[0]), x), From(y)]];
        self.change_two(routes, longer, moved, pieces)
    }

    /// The way up to `u` goes on from `y`, and the way up to `v` from `x`.
    fn two_opt_star(&mut self, pair: &Pair) -> bool {
        let Pair { u, x, v, y, routes, .. } = *pair;
        let longer = pair.uy + pair.xv - pair.legs_u[1] - pair.legs_v[1]
            + self.vehicles(pair, self.rest(routes[0], u) - self.rest(routes[1], v));
        if !self.may_pay(pair, longer) {
            return false;
        }
        let rest_u = self.routes[routes[0] as usize].load - self.nodes[u as usize].load;
        let rest_v = self.routes[routes[1] as usize].load - self.nodes[v as usize].load;
        let pieces = [&[To(u), From(y)][..], &[To(v), From(x)]];
        self.change_two(routes, longer, rest_u - rest_v, pieces)
    }
}
