//! Times along a route: when each node can be left at the earliest, and must be reached at the latest.

use super::State;
use crate::vrp::problem::MAX_VALUE;
use crate::vrp::search::model::{Matrix, Visit};

/// When a node can be left at the earliest, and must be reached at the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) depart: i64,
    pub(crate) latest: i64,
}

/// The times of a stop in one place, where the search looks most often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) open: i64,
    pub(super) close: i64,
    pub(super) service: i64,
    /// Whether there is one window; several are looked up in the model.
    is_single: bool,
}

impl Timing {
    pub(super) fn of(visit: &Visit) -> Self {
        let window = visit.windows[0];
        let is_single = visit.windows.len() == 1;
        Self { open: window.open, close: window.close, service: visit.service, is_single }
    }
}

impl State<'_> {
    /// Returns when a node can be left; 0 where no times are kept.
    pub(crate) fn depart_of(&self, node: u32) -> i64 {
        self.clocks.get(node as usize).map_or(0, |clock| clock.depart)
    }

    /// Returns when a stop is left if it is reached at `time`, or `None` if its windows are over.
    #[inline]
    pub(crate) fn leave(&self, stop: u32, time: i64) -> Option<i64> {
        let timing = &self.timings[stop as usize];
        if timing.is_single {
            let begin = time.max(timing.open);
            return (begin <= timing.close).then_some(begin + timing.service);
        }
        Some(self.model.visits[stop as usize].begin(time)? + timing.service)
    }

    /// Returns the latest time at which a stop can be reached and left by `limit`.
    #[inline]
    fn latest(&self, stop: u32, limit: i64) -> i64 {
        let timing = &self.timings[stop as usize];
        let limit = limit - timing.service;
        let latest = if timing.is_single {
            (timing.open <= limit).then(|| limit.min(timing.close))
        } else {
            self.model.visits[stop as usize].latest(limit)
        };
        latest.unwrap_or(-MAX_VALUE)
    }

    /// Returns the time from a node to the next of its route.
    #[inline]
    pub(super) fn leg_time(&self, matrix: &Matrix, node: u32) -> i64 {
        let link = &self.links[node as usize];
        if matrix.time.is_none() {
            return i64::from(link.leg);
        }
        matrix.travel_time(self.sites[node as usize], self.sites[link.next as usize])
    }

    /// Returns when `next` can be left if the node before it is left at `depart`; much too late if it is then over.
    #[inline]
    fn depart_after(&self, matrix: &Matrix, node: u32, depart: i64, tail: u32, reload_time: i64) -> i64 {
        let next = self.links[node as usize].next;
        let arrive = depart + self.leg_time(matrix, node);
        if self.is_stop(next) {
            self.leave(next, arrive).unwrap_or(MAX_VALUE)
        } else if next == tail {
            arrive
        } else {
            arrive + reload_time
        }
    }

    /// Returns when a node must be reached so that the next one, reached by `latest`, is in time.
    #[inline]
    fn latest_before(&self, matrix: &Matrix, node: u32, latest: i64, head: u32, reload_time: i64) -> i64 {
        let leave = latest - self.leg_time(matrix, node);
        if self.is_stop(node) {
            self.latest(node, leave)
        } else if node == head {
            leave
        } else {
            leave - reload_time
        }
    }

    /// Computes the times of a whole route; `false` if it cannot be driven in time.
    pub(super) fn refresh_clocks(&mut self, route: u32) -> bool {
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let matrix = &self.model.matrices[kind.profile];
        let (head, tail) = (self.head(route), self.tail(route));
        let mut depart = kind.shift.open;
        let mut is_in_time = true;
        self.clocks[head as usize].depart = depart;
        let mut node = head;
        while node != tail {
            depart = self.depart_after(matrix, node, depart, tail, kind.reload_time);
            is_in_time &= depart < MAX_VALUE;
            node = self.links[node as usize].next;
            self.clocks[node as usize].depart = depart;
        }
        is_in_time &= depart <= kind.shift.close;
        let mut latest = kind.shift.close;
        self.clocks[tail as usize].latest = latest;
        while node != head {
            node = self.links[node as usize].prev;
            latest = self.latest_before(matrix, node, latest, head, kind.reload_time);
            self.clocks[node as usize].latest = latest;
        }
        is_in_time
    }

    /// Computes the times of a route again after `added` has come in, as far as they change: later ones after it, earlier
    /// ones before it; `false` if the route cannot be driven in time.
    pub(super) fn spread_clocks(&mut self, added: u32) -> bool {
        let route = self.links[added as usize].route;
        let kind = &self.model.kinds[self.slots[route as usize].kind as usize];
        let matrix = &self.model.matrices[kind.profile];
        let (head, tail) = (self.head(route), self.tail(route));
        let mut node = self.links[added as usize].prev;
        let mut depart = self.clocks[node as usize].depart;
        while node != tail {
            depart = self.depart_after(matrix, node, depart, tail, kind.reload_time);
            if depart >= MAX_VALUE {
                return false;
            }
            node = self.links[node as usize].next;
            let clock = &mut self.clocks[node as usize];
            if std::mem::replace(&mut clock.depart, depart) == depart && node != added {
                break;
            }
        }
        let is_in_time = node != tail || depart <= kind.shift.close;
        let mut node = added;
        let mut latest = self.clocks[self.links[added as usize].next as usize].latest;
        loop {
            latest = self.latest_before(matrix, node, latest, head, kind.reload_time);
            let clock = &mut self.clocks[node as usize];
            if (std::mem::replace(&mut clock.latest, latest) == latest && node != added) || node == head {
                return is_in_time;
            }
            node = self.links[node as usize].prev;
        }
    }
}
