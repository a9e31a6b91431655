//! Places for one stop: the gaps between nodes that follow each other.

use super::{BLINK, REACH, Recreate, Spot, is_locked_gap};
use crate::local::random::Random;
use crate::vrp::search::model::{Kind, NONE};
use crate::vrp::search::state::State;

/// A gap that a stop could go into, and what that would cost.
#[derive(Clone, Copy)]
pub(super) struct Gap {
    pub(super) route: u32,
    pub(super) after: u32,
    pub(super) next: u32,
    /// How much longer the route becomes.
    pub(super) longer: i64,
    pub(super) cost: i64,
}

impl Recreate<'_> {
    /// Looks at the gaps beside the stops near `stop`.
    pub(super) fn try_near(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
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
    pub(super) fn try_near_evenly(
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
            let route = link.route;
            if route == NONE {
                continue;
            }
            let here = state.sites[link.next as usize] as usize;
            let longer = i64::from(into[other as usize] + out[here] - link.leg);
            let there = state.sites[link.prev as usize] as usize;
            let leg_before = state.links[link.prev as usize].leg;
            let longer_before = i64::from(into[there] + out[other as usize] - leg_before);
            let (cost, cost_before) = (price * longer, price * longer_before);
            if cost.min(cost_before) >= best.cost || !self.has_room(state, route, stop) {
                continue;
            }
            if cost < best.cost {
                let gap = Gap { route, after: other, next: link.next, longer, cost };
                self.take_if_it_fits(state, stop, gap, best, random);
            }
            if cost_before < best.cost {
                let gap =
                    Gap { route, after: link.prev, next: other, longer: longer_before, cost: cost_before };
                self.take_if_it_fits(state, stop, gap, best, random);
            }
        }
    }

    /// Looks at the first and the last gap of all routes: beside a leg that is long, no stop of the route need be near.
    pub(super) fn try_ends(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
        for index in 0..state.open.len() {
            let route = state.open[index];
            if self.has_room(state, route, stop) {
                let last = state.links[state.tail(route) as usize].prev;
                self.try_gap(state, stop, state.head(route), best, random);
                self.try_gap(state, stop, last, best, random);
            }
        }
    }

    /// The same where a step of distance costs all vehicles the same.
    pub(super) fn try_ends_evenly(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        price: i64,
        best: &mut Spot,
        random: &mut Random,
    ) {
        let matrix = &state.model.matrices[0];
        let (out, into) = (matrix.out_of(stop), matrix.into(stop));
        for index in 0..state.open.len() {
            let route = state.open[index];
            let (head, tail) = (state.head(route), state.tail(route));
            let (begin, end) = (state.links[head as usize], state.links[tail as usize]);
            let [start, first, last, finish] =
                [head, begin.next, end.prev, tail].map(|node| state.sites[node as usize] as usize);
            let longer_first = i64::from(into[start] + out[first] - begin.leg);
            // The last leg is looked up where the vehicle ends: that row serves all routes.
            let last_leg = matrix.into(finish as u32)[last];
            let longer_last = i64::from(into[last] + out[finish] - last_leg);
            if price * longer_first.min(longer_last) >= best.cost || !self.has_room(state, route, stop) {
                continue;
            }
            for (after, next, longer) in [(head, begin.next, longer_first), (end.prev, tail, longer_last)] {
                let gap = Gap { route, after, next, longer, cost: price * longer };
                if gap.cost < best.cost {
                    self.take_if_it_fits(state, stop, gap, best, random);
                }
            }
        }
    }

    /// Looks at all gaps.
    pub(super) fn try_everywhere(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
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
        let link = state.links[after as usize];
        let kind = &state.model.kinds[state.slots[link.route as usize].kind as usize];
        let matrix = &state.model.matrices[kind.profile];
        let (from, to) = (state.sites[after as usize], state.sites[link.next as usize]);
        let arrive = matrix.into(stop)[from as usize];
        let leave = matrix.out_of(stop)[to as usize];
        let longer = i64::from(arrive) + i64::from(leave) - i64::from(link.leg);
        let cost = kind.distance_cost * longer;
        if cost < best.cost {
            let gap = Gap { route: link.route, after, next: link.next, longer, cost };
            self.take_if_it_fits(state, stop, gap, best, random);
        }
    }

    /// Makes a gap that is cheaper the best, if a stop fits into it and it is not passed over.
    #[inline]
    fn take_if_it_fits(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        gap: Gap,
        best: &mut Spot,
        random: &mut Random,
    ) {
        if self.blinks(random) || is_locked_gap(state, gap.next) {
            return;
        }
        let model = state.model;
        let slot = &state.slots[gap.route as usize];
        let kind = &model.kinds[slot.kind as usize];
        if slot.distance + gap.longer > kind.max_distance
            || !is_in_time(state, stop, gap)
            || (model.has_backhauls && !are_backhauls_last(state, stop, gap))
        {
            return;
        }
        if kind.is_complex {
            self.try_simulated(state, stop, gap, best);
        } else if !model.is_mixed || fits_between(state, stop, gap.after, &kind.capacity) {
            let cost = if kind.pays_time { cost_by_time(state, kind, stop, gap) } else { Some(gap.cost) };
            if let Some(cost) = cost {
                best.improve(Spot::at(cost, gap.after));
            }
        }
    }

    /// Returns whether a position is passed over.
    #[inline]
    pub(super) fn blinks(&mut self, random: &mut Random) -> bool {
        self.until_blink -= 1;
        let blinks = self.until_blink == 0;
        if blinks {
            self.until_blink = 1 + random.below(2 * BLINK);
        }
        blinks
    }
}

/// Returns whether a stop can be reached in a gap and left in time for what follows, breaks and releases aside.
#[inline]
fn is_in_time(state: &State<'_>, stop: u32, gap: Gap) -> bool {
    if !state.model.is_timed {
        return true;
    }
    let kind = &state.model.kinds[state.slots[gap.route as usize].kind as usize];
    let matrix = &state.model.matrices[kind.profile];
    let (from, to) = (state.sites[gap.after as usize], state.sites[gap.next as usize]);
    let reached = state.clocks[gap.after as usize].depart + i64::from(matrix.time_into(stop)[from as usize]);
    state.leave(stop, reached).is_some_and(|left| {
        left + i64::from(matrix.time_out_of(stop)[to as usize]) <= state.clocks[gap.next as usize].latest
    })
}

/// Returns what a stop costs in a gap of a route whose duration costs or is limited, if it keeps its limit.
fn cost_by_time(state: &State<'_>, kind: &Kind, stop: u32, gap: Gap) -> Option<i64> {
    let matrix = &state.model.matrices[kind.profile];
    let (from, to) = (state.sites[gap.after as usize], state.sites[gap.next as usize]);
    let arrive = i64::from(matrix.time_into(stop)[from as usize]);
    let leave = i64::from(matrix.time_out_of(stop)[to as usize]);
    let (before, behind) = (state.spans[gap.after as usize].before, state.spans[gap.next as usize].behind);
    let whole = before.join(arrive, state.span_of(kind, stop)).join(leave, behind);
    state.cost_if(gap.route, gap.longer, whole)
}

/// Returns whether backhauls stay behind the other stops of a trip, and behind at least one, with `stop` in a gap.
fn are_backhauls_last(state: &State<'_>, stop: u32, gap: Gap) -> bool {
    let is_backhaul = |node: u32| state.model.visits[node as usize].is_backhaul;
    if is_backhaul(stop) {
        state.is_stop(gap.after) && (!state.is_stop(gap.next) || is_backhaul(gap.next))
    } else {
        !state.is_stop(gap.after) || !is_backhaul(gap.after)
    }
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
