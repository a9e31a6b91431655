//! Places for both ends of a shipment in one route.

use super::{REACH, Recreate, Spot, is_locked_gap};
use crate::local::random::Random;
use crate::vrp::search::model::{Kind, Matrix, NONE};
use crate::vrp::search::state::{Span, State};

/// The way from one place for the first end on: where the second end could go.
struct Way {
    /// The node before the second end.
    at: u32,
    /// Where it is.
    site: u32,
    /// When it is left, now that the first end is on the way.
    depart: i64,
    /// How much longer the way up to it has become.
    longer: i64,
    /// The stretch up to it, where its duration costs or is limited.
    span: Span,
}

impl Recreate<'_> {
    /// Looks for the cheapest places of both ends of a shipment: in the routes near one of them, and in all only if it
    /// fits into none of these.
    pub(super) fn best_for_pair(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
        for end in [stop, state.model.visits[stop as usize].partner] {
            let near = self.near.of(end);
            for &other in &near[..near.len().min(REACH)] {
                let route = state.links[other as usize].route;
                if route != NONE {
                    self.try_pair_in(state, stop, route, best, random);
                }
            }
        }
        if best.cost == i64::MAX {
            for index in 0..state.open.len() {
                self.try_pair_in(state, stop, state.open[index], best, random);
            }
        }
    }

    /// Looks at every place for the first end in a route that was not looked at before.
    fn try_pair_in(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        route: u32,
        best: &mut Spot,
        random: &mut Random,
    ) {
        let asked = (self.asked, true);
        if std::mem::replace(&mut self.room[route as usize], asked) == asked {
            return;
        }
        let model = state.model;
        let slot = state.slots[route as usize];
        let partner = model.visits[stop as usize].partner;
        let may = |stop: u32| model.may_serve(slot.kind as usize, stop);
        let most = model.kinds[slot.kind as usize].max_stops;
        if !may(stop) || !may(partner) || slot.size as usize + 2 > most {
            return;
        }
        let tail = state.tail(route);
        let mut after = state.head(route);
        while after != tail {
            if !is_locked_gap(state, state.links[after as usize].next) {
                self.try_pair_from(state, stop, after, best, random);
            }
            after = state.links[after as usize].next;
        }
    }

    /// Looks at every place for the second end, the first end standing after `after`.
    fn try_pair_from(
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
        let from = state.sites[after as usize];
        let depart = state.depart_of(after) + matrix.travel_time(from, stop);
        let Some(depart) = state.leave(stop, depart) else { return };
        if !kind.is_complex && !fits_beside(state, stop, after, &kind.capacity) {
            return;
        }
        let to_first = matrix.travel(from, stop);
        let mut span = Span::default();
        if kind.pays_time {
            let arrive = matrix.travel_time(from, stop);
            span = state.spans[after as usize].before.join(arrive, state.span_of(kind, stop));
        }
        let mut way = Way { at: after, site: stop, depart, longer: to_first, span };
        loop {
            self.try_second(state, stop, after, &way, best, random);
            // Onward: the first end stays on board over the next node.
            let next = state.links[way.at as usize].next;
            if next == state.tail(link.route) {
                return;
            }
            let next_site = state.sites[next as usize];
            if way.at == after {
                way.longer = to_first + matrix.travel(stop, next_site) - i64::from(link.leg);
            }
            let Some(depart) = depart_after(state, kind, matrix, &way, next) else { return };
            if !kind.is_complex && !fits_beside(state, stop, next, &kind.capacity) {
                return;
            }
            if kind.pays_time {
                let travel = matrix.travel_time(way.site, next_site);
                way.span = way.span.join(travel, state.span_of(kind, next));
            }
            way = Way { at: next, site: next_site, depart, ..way };
        }
    }

    /// Looks at one place for the second end.
    fn try_second(
        &mut self,
        state: &mut State<'_>,
        stop: u32,
        after: u32,
        way: &Way,
        best: &mut Spot,
        random: &mut Random,
    ) {
        let model = state.model;
        let partner = model.visits[stop as usize].partner;
        let link = state.links[way.at as usize];
        let slot = state.slots[link.route as usize];
        let kind = &model.kinds[slot.kind as usize];
        let matrix = &model.matrices[kind.profile];
        let next_site = state.sites[link.next as usize];
        let total = way.longer + matrix.travel(way.site, partner) + matrix.travel(partner, next_site)
            - i64::from(link.leg);
        let cost = kind.distance_cost * total;
        let is_locked = way.at != after && is_locked_gap(state, link.next);
        if cost >= best.cost || is_locked || slot.distance + total > kind.max_distance {
            return;
        }
        let arrival = way.depart + matrix.travel_time(way.site, partner);
        let Some(left) = state.leave(partner, arrival) else { return };
        let onward = left + matrix.travel_time(partner, next_site);
        if (model.is_timed && onward > state.clocks[link.next as usize].latest) || self.blinks(random) {
            return;
        }
        let partner_after = if way.at == after { stop } else { way.at };
        let spot = Spot { partner_after, ..Spot::at(cost, after) };
        let cost = if kind.is_complex {
            self.simulate_pair(state, link.route, [stop, partner], spot)
        } else if kind.pays_time {
            let arrived = way.span.join(arrival - way.depart, state.span_of(kind, partner));
            let behind = state.spans[link.next as usize].behind;
            state.cost_if(link.route, total, arrived.join(onward - left, behind))
        } else {
            Some(cost)
        };
        if let Some(cost) = cost {
            best.improve(Spot { cost, ..spot });
        }
    }
}

/// Returns when `next`, the next node of the way, is left, or `None` if it is too late for it or for what follows.
fn depart_after(state: &State<'_>, kind: &Kind, matrix: &Matrix, way: &Way, next: u32) -> Option<i64> {
    let arrival = way.depart + matrix.travel_time(way.site, state.sites[next as usize]);
    if state.model.is_timed && arrival > state.clocks[next as usize].latest {
        return None;
    }
    if state.is_stop(next) { state.leave(next, arrival) } else { Some(arrival + kind.reload_time) }
}

/// Returns whether a shipment fits on board on the leg that leaves a node.
fn fits_beside(state: &State<'_>, stop: u32, node: u32, capacity: &[i64]) -> bool {
    let dimensions = state.model.dimensions;
    (0..dimensions).all(|d| {
        let [load, ..] = state.loads[node as usize * dimensions + d];
        load + state.model.shipment[stop as usize * dimensions + d] <= capacity[d]
    })
}
