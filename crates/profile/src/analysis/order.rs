//! The order of functions in a table: places to mend first, the ways to them behind them.
//!
//! Functions stand by what it would gain to mend them. A function of whose share less than a twentieth is its own, such as a
//! `main` that calls three others, is a way to what it calls: there is nothing to mend in it. It stands behind the functions
//! that make up nine tenths of its share, the heaviest counted first.

use super::Spot;
use crate::recording::{Kind, Recording};

/// What little is: a function with a smaller own part is a way to others.
const LITTLE: f64 = 0.05;
/// What little is of a file that does not tell its functions' names: many functions are one there.
const LITTLE_OF_UNSEEN: f64 = 0.5;
/// Ways to ways are followed so far.
const MOST_STEPS: u32 = 32;
/// A way stands behind callees that make up this part of its share.
const COVERED: f64 = 0.9;

/// What decides the place of a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) share: f64,
    pub(super) own: f64,
    /// What mending gains; infinite where nothing would be left.
    pub(super) gain: f64,
    /// Whether it is a file rather than a function.
    pub(super) is_unseen: bool,
}

impl Cost {
    pub(super) fn of(spot: &Spot) -> Self {
        let gain = spot.gain_spread.map_or(f64::INFINITY, |gain| gain.value);
        Self {
            share: spot.share.value,
            own: spot.self_share.value,
            gain,
            is_unseen: spot.kind == Kind::Unseen,
        }
    }

    pub(super) fn is_little_its_own(&self) -> bool {
        let little = if self.is_unseen { LITTLE_OF_UNSEEN } else { LITTLE };
        self.own <= little * self.share
    }
}

/// Returns, for each function, those that it calls, each once.
pub(super) fn callees(recording: &Recording) -> Vec<Vec<usize>> {
    let mut callees = vec![Vec::new(); recording.functions.len()];
    let function = |index: u32| recording.frames[index as usize].function as usize;
    for stack in recording.stacks.iter().skip(1).filter(|stack| stack.parent != 0) {
        let (callee, caller) =
            (function(stack.frame), function(recording.stacks[stack.parent as usize].frame));
        if callee != caller && !callees[caller].contains(&callee) {
            callees[caller].push(callee);
        }
    }
    callees
}

/// Returns `spots` in their order.
pub(super) fn sorted(spots: Vec<Spot>, costs: &[Cost], callees: &[Vec<usize>]) -> Vec<Spot> {
    let mut spots: Vec<Option<Spot>> = spots.into_iter().map(Some).collect();
    order(costs, callees).into_iter().filter_map(|index| spots[index].take()).collect()
}

/// Where a function stands: behind those with a larger value, then behind those with fewer steps.
type Place = (f64, f64, u32);

/// Returns the indices of functions in their order.
fn order(costs: &[Cost], callees: &[Vec<usize>]) -> Vec<usize> {
    let own: Vec<Place> = costs.iter().map(|cost| (cost.gain + cost.share, cost.own, 0)).collect();
    let mut places = own.clone();
    // Callees of ways may be ways themselves: as often as needed, but a cycle of ways ends too.
    for _ in 0..MOST_STEPS {
        let mut is_settled = true;
        for index in (0..costs.len()).filter(|index| costs[*index].is_little_its_own()) {
            // Two ways that call each other lead to what else they call.
            let leads =
                |callee: &usize| !(costs[*callee].is_little_its_own() && callees[*callee].contains(&index));
            let callees: Vec<usize> = callees[index].iter().copied().filter(leads).collect();
            let behind = last_of(costs, callees, &places, costs[index].share);
            let place = match behind {
                Some((value, part, steps)) if value <= own[index].0 => (value, part, steps + 1),
                _ => own[index],
            };
            if place != places[index] {
                places[index] = place;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| {
        let ((value_a, own_a, steps_a), (value_b, own_b, steps_b)) = (places[*a], places[*b]);
        value_b.total_cmp(&value_a).then(own_b.total_cmp(&own_a)).then(steps_a.cmp(&steps_b))
    });
    order
}

/// Returns the last place of those of `callees` that make up most of `share`.
fn last_of(costs: &[Cost], mut callees: Vec<usize>, places: &[Place], share: f64) -> Option<Place> {
    callees.sort_by(|a, b| costs[*b].share.total_cmp(&costs[*a].share));
    let mut covered = 0.0;
    let needed = callees.into_iter().take_while(|callee| {
        let is_needed = covered < COVERED * share;
        covered += costs[*callee].share;
        is_needed
    });
    needed
        .map(|callee| places[callee])
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(b.2.cmp(&a.2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(share: f64, own: f64) -> Cost {
        let gain = if share < 0.99 { 1.0 / (1.0 - share) } else { f64::INFINITY };
        Cost { share, own, gain, is_unseen: false }
    }

    #[test]
    fn ways_stand_behind_all_that_they_lead_to() {
        // 0 <module> → 1 main → 2 reads, 3 computes, 4 a little; 3 → 5 the inner loop, of which half is its caller's own.
        let costs = [
            cost(1.0, 0.0),
            cost(0.99, 0.01),
            cost(0.3, 0.3),
            cost(0.6, 0.3),
            cost(0.05, 0.05),
            cost(0.3, 0.3),
        ];
        let callees = [vec![1], vec![2, 3, 4], vec![], vec![5], vec![], vec![]];
        assert_eq!(order(&costs, &callees), [3, 2, 5, 1, 0, 4]);
    }

    #[test]
    fn a_function_with_a_part_of_its_own_leads() {
        let costs = [cost(0.9, 0.2), cost(0.7, 0.7)];
        assert_eq!(order(&costs, &[vec![1], vec![]]), [0, 1]);
    }

    #[test]
    fn functions_that_call_each_other_are_ordered_too() {
        let costs = [cost(0.9, 0.01), cost(0.9, 0.01), cost(0.8, 0.8)];
        assert_eq!(order(&costs, &[vec![1, 2], vec![0, 2], vec![]])[0], 2);
    }
}
