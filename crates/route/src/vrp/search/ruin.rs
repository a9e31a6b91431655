//! Taking stops out: strings of them, from routes that pass near each other.
//!
//! Source: J. Christiaens and G. Vanden Berghe, *Slack induction by string removals for vehicle routing problems*,
//! Transportation Science 54, 2020, <https://doi.org/10.1287/trsc.2019.0914>.

use super::model::NONE;
use super::near::Near;
use super::state::State;
use crate::local::random::Random;

/// How many stops are taken out on average.
const AVERAGE: f64 = 10.0;

/// The longest string.
const LONGEST: f64 = 10.0;

/// How often a string leaves some stops in its middle alone.
const SPLIT: f64 = 0.5;

/// How often one more is left alone.
const PRESERVE: f64 = 0.01;

/// Takes strings of stops out of routes near a random stop, and returns that stop; `None` if a route breaks a rule without
/// them, which can only be where the way through a stop is shorter than the direct one.
pub(crate) fn strings(state: &mut State<'_>, near: &Near, random: &mut Random) -> Option<u32> {
    let stops = state.model.n;
    let seed = random.below(stops) as u32;
    if state.open.is_empty() {
        return Some(seed);
    }
    let served = stops - state.absent.len();
    let average = served as f64 / state.open.len() as f64;
    let longest = LONGEST.min(average).max(1.0);
    let most = 4.0 * AVERAGE / (1.0 + longest) - 1.0;
    let count = (random.unit() * most + 1.0) as usize;
    for &stop in std::iter::once(&seed).chain(near.of(seed)) {
        let route = state.links[stop as usize].route;
        if route == NONE || state.is_touched(route) || state.model.visits[stop as usize].is_locked {
            continue;
        }
        let size = f64::from(state.slots[route as usize].size);
        let length = (random.unit() * size.min(longest) + 1.0) as usize;
        state.touch(route);
        remove_string(state, stop, length, random);
        remove_stranded(state, route);
        if state.touched() >= count {
            break;
        }
    }
    (0..state.touched()).all(|index| state.refresh(state.touched_route(index))).then_some(seed)
}

/// Takes out `length` stops in a row around `stop`, or with some left alone in their middle.
fn remove_string(state: &mut State<'_>, stop: u32, length: usize, random: &mut Random) {
    let route = state.links[stop as usize].route;
    let size = state.slots[route as usize].size as usize;
    let mut alone = 0;
    if length > 1 && length < size && random.unit() < SPLIT {
        alone = 1;
        while length + alone < size && random.unit() < PRESERVE {
            alone += 1;
        }
    }
    let span = length + alone;
    let mut first = stop;
    for _ in 0..random.below(span) {
        let prev = state.links[first as usize].prev;
        if !is_free(state, prev) {
            break;
        }
        first = prev;
    }
    // A string that would reach over the end of the route begins earlier.
    let mut ahead = 1;
    let mut last = first;
    while ahead < span && is_free(state, state.links[last as usize].next) {
        last = state.links[last as usize].next;
        ahead += 1;
    }
    while ahead < span && is_free(state, state.links[first as usize].prev) {
        first = state.links[first as usize].prev;
        ahead += 1;
    }
    let skip = if alone > 0 && ahead > alone { random.below(ahead - alone) + 1 } else { usize::MAX };
    let mut node = first;
    for index in 0..ahead {
        // Where partners went out too, the string would reach over its end.
        if !is_free(state, node) {
            break;
        }
        let next = state.links[node as usize].next;
        if !(skip..skip.saturating_add(alone)).contains(&index) {
            take_out(state, node);
        }
        node = next;
    }
}

/// Takes out the backhauls with which a trip would begin.
fn remove_stranded(state: &mut State<'_>, route: u32) {
    if !state.model.has_backhauls {
        return;
    }
    let mut node = state.head(route);
    while node != NONE {
        let next = state.links[node as usize].next;
        let is_stranded = !state.is_stop(node)
            && next != NONE
            && state.is_stop(next)
            && state.model.visits[next as usize].is_backhaul
            && is_free(state, next);
        if is_stranded {
            take_out(state, next);
        } else {
            node = next;
        }
    }
}

fn is_free(state: &State<'_>, node: u32) -> bool {
    state.is_stop(node) && !state.model.visits[node as usize].is_locked
}

/// Makes a stop absent, with its partner.
fn take_out(state: &mut State<'_>, stop: u32) {
    let partner = state.model.visits[stop as usize].partner;
    for stop in [stop, partner] {
        if stop != NONE && state.links[stop as usize].route != NONE {
            state.detach(stop);
            state.absent.push(stop);
            state.cost += state.model.visits[stop as usize].absence;
        }
    }
}
