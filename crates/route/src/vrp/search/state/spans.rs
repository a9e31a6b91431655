//! How long stretches of a route take, joined in constant time.
//!
//! A stretch takes `duration` if it begins within `open..=close`; who comes earlier waits, who comes later is too late somewhere.
//!
//! Source: T. Vidal, T. G. Crainic, M. Gendreau and C. Prins, *A hybrid genetic algorithm with adaptive diversity
//! management for a large class of vehicle routing problems with time-windows*, Computers & Operations Research 40, 2013,
//! section 4.3; without its time warps, since no route here is late.

use super::{NONE, State};
use crate::vrp::search::model::{Kind, Model};

/// A stretch of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// How long it takes, waiting included.
    pub(crate) duration: i64,
    /// The earliest beginning without more waiting.
    open: i64,
    /// The latest beginning that is in time.
    close: i64,
}

impl Span {
    /// Returns the stretch that this and the next one make, `travel` apart.
    #[inline]
    pub(crate) fn join(self, travel: i64, next: Self) -> Self {
        let until = self.duration + travel;
        let wait = (next.open - until - self.close).max(0);
        Self {
            duration: until + next.duration + wait,
            open: (next.open - until).max(self.open) - wait,
            close: (next.close - until).min(self.close),
        }
    }
}

/// The stretch up to a node and the one from it on, the node included in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) before: Span,
    pub(crate) behind: Span,
}

impl State<'_> {
    /// Returns the stretch that is one node of a route of `kind`.
    #[inline]
    pub(crate) fn span_of(&self, kind: &Kind, node: u32) -> Span {
        if self.is_stop(node) {
            let timing = &self.timings[node as usize];
            return Span { duration: timing.service, open: timing.open, close: timing.close };
        }
        Span { duration: 0, open: kind.shift.open, close: kind.shift.close }
    }

    /// Returns how long a route takes.
    #[inline]
    pub(crate) fn duration(&self, route: u32) -> i64 {
        self.spans[self.head(route) as usize].behind.duration
    }

    /// Returns how much more a route costs that becomes so much `longer` and is then this `whole`, if it keeps its limits.
    #[inline]
    pub(crate) fn cost_if(&self, route: u32, longer: i64, whole: Span) -> Option<i64> {
        let slot = &self.slots[route as usize];
        let kind = &self.model.kinds[slot.kind as usize];
        let distance = slot.distance + longer;
        (whole.duration <= kind.max_duration)
            .then(|| cost(self.model, kind, distance, whole.duration) - slot.cost)
    }

    /// Computes the stretches of a route again after `added` has come in, or all of them if that is [`NONE`].
    pub(super) fn refresh_spans(&mut self, route: u32, added: u32) {
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let matrix = &self.model.matrices[kind.profile];
        let (head, tail) = (self.head(route), self.tail(route));
        let mut node = if added == NONE { head } else { self.links[added as usize].prev };
        if node == head {
            self.spans[head as usize].before = self.span_of(kind, head);
        }
        while node != tail {
            let next = self.links[node as usize].next;
            let before = self.spans[node as usize].before;
            self.spans[next as usize].before =
                before.join(self.leg_time(matrix, node), self.span_of(kind, next));
            node = next;
        }
        let mut node = if added == NONE { tail } else { self.links[added as usize].next };
        if node == tail {
            self.spans[tail as usize].behind = self.span_of(kind, tail);
        }
        while node != head {
            let prev = self.links[node as usize].prev;
            let behind = self.spans[node as usize].behind;
            self.spans[prev as usize].behind =
                self.span_of(kind, prev).join(self.leg_time(matrix, prev), behind);
            node = prev;
        }
    }
}

/// Returns what a route of `kind` costs that goes so far and takes so long.
#[inline]
pub(crate) fn cost(model: &Model, kind: &Kind, distance: i64, duration: i64) -> i64 {
    let mut cost = kind.fixed_cost + kind.distance_cost * distance + kind.time_cost * duration;
    if model.balance > 0.0 {
        cost += (model.balance * duration as f64 * duration as f64 / model.even_time as f64) as i64;
    }
    cost
}
