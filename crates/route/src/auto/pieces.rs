//! Cutting a tour into paths that are improved at the same time, each by itself.
//!
//! A piece keeps both its ends: they become partners in the piece's own model, so that whatever order comes back joins its
//! neighbours as before. Every round cuts elsewhere.
//!
//! Source: D. S. Johnson and L. A. `McGeoch`, *The traveling salesman problem: a case study in local optimization*,
//! 1997, section 6 (tour-based partitioning).

use std::ops::Range;

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

/// Which piece each node of a model is in, and its number there.
struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    fn within(&self, piece: u32, node: u32) -> Option<u32> {
        self.0.get(node as usize).filter(|(own, _)| *own == piece).map(|&(_, number)| number)
    }
}

/// A tour in pieces.
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    numbers: Numbers,
}

impl Pieces {
    /// Cuts the tour `order` at `cuts`, places that rise by one turn from the first to the last; nodes at the ends of a piece
    /// that have partners are left out.
    pub(super) fn new(model: &Model, order: &[u32], cuts: &[usize]) -> Self {
        let n = order.len();
        let is_free = |place: &usize| model.partner(order[place % n]) == NONE;
        let stretches: Vec<Range<usize>> = cuts
            .windows(2)
            .map(|pair| {
                let first = (pair[0]..pair[1]).find(is_free).unwrap_or(pair[0]);
                let last = (first..pair[1]).rfind(is_free).unwrap_or(pair[1] - 1);
                first..last + 1
            })
            .collect();
        let mut numbers = vec![(NONE, NONE); n];
        for (piece, stretch) in (0..).zip(&stretches) {
            for place in stretch.clone() {
                numbers[order[place % n] as usize].0 = piece;
            }
        }
        let mut nodes: Vec<Vec<u32>> =
            stretches.iter().map(|stretch| Vec::with_capacity(stretch.len())).collect();
        for (node, (piece, number)) in (0..).zip(&mut numbers) {
            if let Some(nodes) = nodes.get_mut(*piece as usize) {
                *number = nodes.len() as u32;
                nodes.push(node);
            }
        }
        let numbers = Numbers(numbers);
        let pieces = (0..).zip(stretches).zip(nodes);
        let piece = |((piece, stretch), nodes)| Piece::new(model, order, &numbers, piece, stretch, nodes);
        Self { all: pieces.map(piece).collect(), numbers }
    }

    /// Returns the tasks that improve the pieces, each by one of `jobs`.
    pub(super) fn tasks(&self, model: &Model, candidates: &Candidates, jobs: Vec<Improve>) -> Vec<Vec<u8>> {
        let pieces = (0..).zip(&self.all).zip(jobs);
        let task = |((number, piece), job): ((u32, &Piece), Improve)| {
            let within = |node| self.numbers.within(number, node);
            piece.task(model, &candidates.within(&piece.nodes, &piece.path, within), job)
        };
        pieces.map(task).collect()
    }
}

impl Piece {
    /// Returns the nodes `nodes`, which stand at the places `stretch` of the tour `order`, as piece number `piece`.
    fn new(
        model: &Model,
        order: &[u32],
        numbers: &Numbers,
        piece: u32,
        stretch: Range<usize>,
        nodes: Vec<u32>,
    ) -> Self {
        let n = order.len();
        let number = |node: u32| numbers.within(piece, node).unwrap_or(NONE);
        let path: Vec<u32> = stretch.clone().map(|place| number(order[place % n])).collect();
        let mut partner: Vec<u32> = nodes.iter().map(|&node| number(model.partner(node))).collect();
        let (head, tail) = (path[0], path[path.len() - 1]);
        partner[head as usize] = tail;
        partner[tail as usize] = head;
        Self { nodes, path, partner, first: stretch.start % n }
    }

    /// Returns the task that improves the piece.
    fn task(&self, model: &Model, candidates: &Candidates, job: Improve) -> Vec<u8> {
        let mut own = model.subset(&self.nodes);
        own.partner.clone_from(&self.partner);
        Common::new(&own, candidates).improve(&Improve { order: self.path.clone(), ..job })
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
