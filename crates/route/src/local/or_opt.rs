//! Or-opt: 2-opt, and the move of up to three cities that follow each other to another place, either way round.
//!
//! Source: I. Or, *Traveling salesman-type combinatorial problems and their relation to the logistics of regional blood
//! banking*, Northwestern University 1976.

use super::array_tour::ArrayTour;
use super::settle::settle;
use super::two_opt;
use crate::model::{Distance, Model};
use crate::space::candidates::Candidates;

/// The most cities that are moved at once.
const LONGEST: usize = 3;

/// Returns a tour that neither 2-opt nor a move of up to three cities to a candidate shortens.
pub(crate) fn improve(model: &Model, candidates: &Candidates, order: Vec<u32>) -> Vec<u32> {
    settle(order, |tour, node| {
        let flipped = two_opt::step(model, candidates, tour, node).map(|ends| ends.to_vec());
        flipped.or_else(|| insert(model, candidates, tour, node))
    })
}

/// Moves a segment that begins at `head` next to a candidate of `head` if that gains; returns the nodes at the ends.
fn insert(model: &Model, candidates: &Candidates, tour: &mut ArrayTour, head: u32) -> Option<Vec<u32>> {
    for forward in [true, false] {
        let ahead = |tour: &ArrayTour, node: u32| if forward { tour.next(node) } else { tour.prev(node) };
        let behind = |tour: &ArrayTour, node: u32| if forward { tour.prev(node) } else { tour.next(node) };
        let before = behind(tour, head);
        let mut tail = head;
        let mut segment = Vec::with_capacity(LONGEST);
        for _ in 0..LONGEST.min(tour.n() - 3) {
            segment.push(tail);
            let after = ahead(tour, tail);
            let can_go = !model.is_fixed(before, head) && !model.is_fixed(tail, after);
            let freed = model.edge(before, head) + model.edge(tail, after) - model.edge(before, after);
            for &c in candidates.of(head).iter().filter(|_| can_go) {
                let near = model.between(head, c);
                if near >= freed {
                    break;
                }
                if segment.contains(&c) {
                    continue;
                }
                for d in [ahead(tour, c), behind(tour, c)] {
                    let is_elsewhere = !segment.contains(&d) && !model.is_fixed(c, d);
                    if is_elsewhere && near + model.between(tail, d) - model.between(c, d) < freed {
                        place(tour, forward, [before, head, tail, after], c, d);
                        return Some(vec![before, head, tail, after, c, d]);
                    }
                }
            }
            tail = after;
        }
    }
    None
}

/// Puts the segment from `head` to `tail` between `c` and `d`, with `head` beside `c`, by flips.
fn place(tour: &mut ArrayTour, forward: bool, [before, head, tail, after]: [u32; 4], c: u32, d: u32) {
    let ahead = |tour: &ArrayTour, node: u32| if forward { tour.next(node) } else { tour.prev(node) };
    if ahead(tour, c) == d {
        // before [head..tail] after..c d  becomes  before after..c [head..tail] d.
        tour.flip(before, head, d, c);
        // Now: before c..after tail..head d.
        tour.flip(before, c, tail, after);
        // Now: before after..c tail..head d, with the tail beside c.
        tour.flip(c, tail, d, head);
    } else {
        // before [head..tail] after..d c  becomes  before after..d [tail..head] c.
        tour.flip(before, head, c, d);
        // Now: before d..after tail..head c.
        tour.flip(before, d, tail, after);
    }
}
