//! Cutting a tour into paths that are improved at the same time, each by itself.
//!
//! A piece keeps both its ends: they become partners in the piece's own model, so that whatever order comes back joins its
//! neighbours as before. Every round cuts elsewhere.
//!
//! Source: D. S. Johnson and L. A. `McGeoch`, *The traveling salesman problem: a case study in local optimization*,
//! 1997, section 6 (tour-based partitioning).

use super::tasks::{Common, Improve};
use crate::model::{Model, NONE};
use crate::space::candidates::Candidates;

/// A stretch of a tour as a problem of its own.
pub(super) struct Piece {
    /// The model's nodes, in rising order; the piece numbers them in this order.
    nodes: Vec<u32>,
    /// The path, in the piece's numbers.
    path: Vec<u32>,
    partner: Vec<u32>,
    /// The places of the tour that the piece covers, from the first on.
    first: usize,
}

impl Piece {
    /// Returns the `length` nodes of the tour `order` from place `first` on as a piece; nodes at its ends that have
    /// partners are left out.
    pub(super) fn new(model: &Model, order: &[u32], first: usize, length: usize) -> Self {
        let n = order.len();
        let stretch: Vec<u32> = (first..first + length).map(|place| order[place % n]).collect();
        let free = |node: &&u32| model.partner(**node) == NONE;
        let skip = stretch.iter().position(|node| free(&node)).unwrap_or(0);
        let end = stretch.iter().rposition(|node| free(&node)).map_or(length, |last| last + 1);
        let stretch = &stretch[skip..end];
        let mut nodes = stretch.to_vec();
        nodes.sort_unstable();
        let number = |node: u32| nodes.binary_search(&node).map_or(NONE, |at| at as u32);
        let path: Vec<u32> = stretch.iter().map(|&node| number(node)).collect();
        let mut partner: Vec<u32> = nodes.iter().map(|&node| number(model.partner(node))).collect();
        let (head, tail) = (path[0], path[path.len() - 1]);
        partner[head as usize] = tail;
        partner[tail as usize] = head;
        Self { nodes, path, partner, first: (first + skip) % n }
    }

    /// Returns the task that improves the piece.
    pub(super) fn task(&self, model: &Model, candidates: &Candidates, job: Improve) -> Vec<u8> {
        let mut own = model.subset(&self.nodes);
        own.partner.clone_from(&self.partner);
        let candidates = candidates.within(&self.nodes, &self.path);
        Common::new(&own, &candidates).improve(&Improve { order: self.path.clone(), ..job })
    }

    /// Writes the improved path into the tour.
    pub(super) fn put_back(&self, order: &mut [u32], improved: &[u32]) {
        let n = order.len();
        let m = improved.len();
        let (head, tail) = (self.path[0], self.path[m - 1]);
        let start = improved.iter().position(|&node| node == head).expect("a piece keeps its nodes");
        let forward = improved[(start + m - 1) % m] == tail;
        for step in 0..m {
            let at = if forward { (start + step) % m } else { (start + m - step) % m };
            order[(self.first + step) % n] = self.nodes[improved[at] as usize];
        }
    }
}
