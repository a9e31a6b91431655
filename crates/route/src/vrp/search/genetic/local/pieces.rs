//! Changes of routes, as the pieces that new routes are made of.

use super::{Local, Route};
use crate::vrp::search::genetic::stretch::Stretch;

/// A piece of a new route; the nodes are those of the old routes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    /// From the depot to a node.
    To(u32),
    /// From a node to the depot.
    From(u32),
    /// A node.
    One(u32),
    /// From a node on to a later one of the same route.
    Run(u32, u32),
    /// From a node back to an earlier one of the same route.
    Back(u32, u32),
}

impl Local<'_> {
    /// Makes two new routes out of pieces of them, if that costs less; `moved` is the load that goes from the first to the second.
    pub(super) fn change_two(
        &mut self,
        routes: [u32; 2],
        longer: i64,
        moved: i64,
        [first, second]: [&[Piece]; 2],
    ) -> bool {
        let [a, b] = routes.map(|route| self.routes[route as usize]);
        let mut cost = longer + self.overload(a.load - moved) + self.overload(b.load + moved);
        cost -= a.penalty + b.penalty;
        if cost >= 0 {
            return false;
        }
        if self.ground.is_timed {
            cost += self.lateness(self.warp(first)) + self.lateness(self.warp(second));
            if cost >= 0 {
                return false;
            }
        }
        let [mut one, mut two] = std::mem::take(&mut self.buffers);
        self.collect(first, &mut one);
        self.collect(second, &mut two);
        self.changes += 1;
        self.rebuild(routes[0], &one);
        self.rebuild(routes[1], &two);
        self.buffers = [one, two];
        true
    }

    /// Makes a new route out of pieces of it, if that costs less.
    pub(super) fn change_one(&mut self, route: u32, longer: i64, pieces: &[Piece]) -> bool {
        let Route { load, penalty, .. } = self.routes[route as usize];
        let mut cost = longer + self.overload(load) - penalty;
        if cost >= 0 {
            return false;
        }
        if self.ground.is_timed {
            cost += self.lateness(self.warp(pieces));
            if cost >= 0 {
                return false;
            }
        }
        let mut stops = std::mem::take(&mut self.buffers[0]);
        self.collect(pieces, &mut stops);
        self.changes += 1;
        self.rebuild(route, &stops);
        self.buffers[0] = stops;
        true
    }

    /// Calls `visit` for the nodes of a piece.
    #[inline]
    fn for_each(&self, piece: Piece, mut visit: impl FnMut(u32)) {
        let (mut node, last, is_back) = match piece {
            Piece::To(node) => (self.head(self.route_of(node)), node, false),
            Piece::From(node) => (node, self.tail(self.route_of(node)), false),
            Piece::One(node) => (node, node, false),
            Piece::Run(first, last) => (first, last, false),
            Piece::Back(first, last) => (first, last, true),
        };
        loop {
            visit(node);
            if node == last {
                return;
            }
            node = if is_back { self.prev(node) } else { self.next(node) };
        }
    }

    /// Writes down the stops of pieces.
    fn collect(&self, pieces: &[Piece], stops: &mut Vec<u32>) {
        stops.clear();
        for &piece in pieces {
            self.for_each(piece, |node| {
                if self.is_stop(node) {
                    stops.push(node);
                }
            });
        }
    }

    /// Returns the time warp of a route made of pieces.
    fn warp(&self, pieces: &[Piece]) -> i64 {
        let ground = self.ground;
        let mut whole: Option<(Stretch, u32)> = None;
        let mut join = |node: u32, stretch: Stretch| {
            let joined = match whole {
                None => stretch,
                Some((before, from)) => before.join(ground.time(from, node), stretch),
            };
            whole = Some((joined, node));
        };
        for &piece in pieces {
            match piece {
                Piece::To(node) => join(node, self.before[node as usize]),
                Piece::From(node) => join(node, self.behind[node as usize]),
                Piece::One(node) => join(node, ground.stretch(node)),
                Piece::Run(..) | Piece::Back(..) => {
                    self.for_each(piece, |node| join(node, ground.stretch(node)));
                }
            }
        }
        whole.map_or(0, |(stretch, _)| stretch.warp)
    }
}
