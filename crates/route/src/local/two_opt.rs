//! 2-opt: exchange two edges for two others while that shortens the tour.
//!
//! With candidates and a queue of nodes whose surroundings changed; about 5 % over the Held–Karp bound on random uniform
//! cities (G. A. Croes, *A method for solving traveling-salesman problems*, Operations Research 6, 1958; J. L.
//! Bentley, *Fast algorithms for geometric traveling salesman problems*, ORSA Journal on Computing 4, 1992).

use super::array_tour::ArrayTour;
use super::settle::settle;
use crate::model::{Distance, Model};
use crate::space::candidates::Candidates;

/// Returns a tour that no exchange of two edges among the candidates shortens.
pub(crate) fn improve(model: &Model, candidates: &Candidates, order: Vec<u32>) -> Vec<u32> {
    settle(order, |tour, node| step(model, candidates, tour, node))
}

/// Carries out one exchange that takes out an edge at `a` and gains; returns the four nodes.
pub(super) fn step(model: &Model, candidates: &Candidates, tour: &mut ArrayTour, a: u32) -> Option<[u32; 4]> {
    for forward in [true, false] {
        let follow = |node: u32| if forward { tour.next(node) } else { tour.prev(node) };
        let b = follow(a);
        if model.is_fixed(a, b) {
            continue;
        }
        let out = model.between(a, b);
        for &c in candidates.of(a) {
            let new = model.between(a, c);
            if new >= out {
                break;
            }
            let d = follow(c);
            if c == b || d == a || model.is_fixed(c, d) {
                continue;
            }
            if new + model.between(b, d) < out + model.between(c, d) {
                // (a, b), (c, d) become (a, c), (b, d).
                tour.flip(b, a, c, d);
                return Some([a, b, c, d]);
            }
        }
    }
    None
}
