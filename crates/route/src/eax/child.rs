//! Children of two tours.

use super::counts::{EdgeCounts, links};
use super::cycles::ab_cycles;
use crate::local::array_tour::ArrayTour;
use crate::local::random::Random;
use crate::model::Distance;
use crate::space::candidates::Candidates;

/// A node and its two neighbours in a child.
type Change = (u32, [u32; 2]);

/// How many candidates of a node are tried for joining subtours.
const JOINS: usize = 8;

/// Nodes in a block, of which one child takes its parent's place: a population over many nodes then becomes one tour in as few
/// generations as one over so many. On 10⁴ uniform cities as good a tour came of it in half the time.
const BLOCK: usize = 300;

/// Fewer nodes than this are one block.
const UNDIVIDED: usize = 3000;

/// Children tried for a block of many, and where there is but one.
const KIDS: [usize; 2] = [10, 30];

/// A tour that is shorter than its parent.
#[derive(Clone, Debug)]
pub(crate) struct Offspring {
    /// The nodes in the order of its tour.
    pub(crate) order: Vec<u32>,
    /// How much shorter than the parent it is.
    pub(crate) gain: i64,
}

/// What a child has other than its parent.
struct Child {
    gain: i64,
    changes: Vec<Change>,
}

/// Makes children; keeps its memory from one pair to the next.
pub(crate) struct Breeder<'a, D: Distance> {
    distance: &'a D,
    candidates: &'a Candidates,
    partner: &'a [u32],
    /// The number of blocks of nodes.
    blocks: usize,
    /// The neighbours of the nodes that differ from the parent, valid where the stamp is the present one.
    changed: Vec<[u32; 2]>,
    stamp: Vec<u32>,
    present: u32,
    touched: Vec<u32>,
    /// The nodes that a child which is taken changes.
    is_taken: Vec<bool>,
    pieces: Pieces,
}

/// The pieces into which a child's parent is cut.
#[derive(Default)]
struct Pieces {
    /// The places behind which the parent is cut, in rising order.
    cuts: Vec<usize>,
    /// The subtour of each piece.
    subtour: Vec<usize>,
    /// The number of nodes of each subtour; 0 once it is part of another.
    size: Vec<usize>,
}

impl Pieces {
    /// Returns the piece that holds `place`; the first piece goes around the end.
    fn at(&self, place: usize) -> usize {
        let piece = self.cuts.partition_point(|&cut| cut < place);
        if piece == self.cuts.len() { 0 } else { piece }
    }

    /// Returns the first and the last place of `piece`, of a parent of `n` nodes.
    fn ends(&self, piece: usize, n: usize) -> (usize, usize) {
        let before = if piece == 0 { self.cuts[self.cuts.len() - 1] } else { self.cuts[piece - 1] };
        (if before + 1 == n { 0 } else { before + 1 }, self.cuts[piece])
    }
}

/// An exchange that joins two subtours.
struct Join {
    gain: i64,
    /// (u, u') and (v, v') become (u, v) and (u', v').
    nodes: [u32; 4],
    subtour: usize,
}

impl<'a, D: Distance> Breeder<'a, D> {
    /// Returns a breeder of tours over `n` nodes.
    pub(crate) fn new(distance: &'a D, candidates: &'a Candidates, partner: &'a [u32], n: usize) -> Self {
        Self {
            distance,
            candidates,
            partner,
            blocks: blocks(n),
            changed: vec![[0; 2]; n],
            stamp: vec![0; n],
            present: 0,
            touched: Vec::new(),
            is_taken: vec![false; n],
            pieces: Pieces::default(),
        }
    }

    /// Returns `a` with edges of `b` where they make it shorter, if they do anywhere, in a population of `size` tours whose edges
    /// are in `counts`.
    ///
    /// In every block of nodes that follow each other by number, and so lie together, the best of a few children is taken; their
    /// changes are made together.
    pub(crate) fn breed(
        &mut self,
        a: &[u32],
        b: &[u32],
        counts: &EdgeCounts,
        size: usize,
        random: &mut Random,
    ) -> Option<Offspring> {
        let mut links_a = links(a);
        let mut cycles = ab_cycles(&links_a, &links(b), random);
        random.shuffle(&mut cycles);
        let parent = ArrayTour::new(a.to_vec());
        self.is_taken.fill(false);
        let mut children = Vec::new();
        let kids = KIDS[usize::from(self.blocks == 1)];
        for block in by_block(cycles, a.len(), self.blocks) {
            if let Some(child) = self.best_child(&parent, &block[..kids.min(block.len())], counts, size) {
                child.changes.iter().for_each(|&(node, _)| self.is_taken[node as usize] = true);
                children.push(child);
            }
        }
        let gain = adopt(&mut links_a, &children);
        (gain > 0).then(|| Offspring { order: order(&links_a), gain })
    }

    /// Returns the best of the children by `cycles`, if any is shorter than `parent` and changes no node that is taken.
    fn best_child(
        &mut self,
        parent: &ArrayTour,
        cycles: &[Vec<u32>],
        counts: &EdgeCounts,
        size: usize,
    ) -> Option<Child> {
        let mut best: Option<(f64, Child)> = None;
        for cycle in cycles {
            let Some(gain) = self.child(parent, cycle).filter(|&gain| gain > 0) else { continue };
            if self.touched.iter().any(|&node| self.is_taken[node as usize]) {
                continue;
            }
            let value = gain as f64 / self.lost_diversity(parent, counts, size).max(1e-9);
            if best.as_ref().is_none_or(|(most, _)| value > *most) {
                let changes = self.touched.iter().map(|&node| (node, self.changed[node as usize])).collect();
                best = Some((value, Child { gain, changes }));
            }
        }
        best.map(|(_, child)| child)
    }

    /// Returns the two neighbours of `node` in the child.
    #[inline]
    fn around(&self, parent: &ArrayTour, node: u32) -> [u32; 2] {
        if self.stamp[node as usize] == self.present {
            self.changed[node as usize]
        } else {
            [parent.prev(node), parent.next(node)]
        }
    }

    /// Replaces the neighbour `old` of `node` by `new` in the child.
    fn relink(&mut self, parent: &ArrayTour, node: u32, old: u32, new: u32) {
        let mut around = self.around(parent, node);
        around[usize::from(around[0] != old)] = new;
        if self.stamp[node as usize] != self.present {
            self.stamp[node as usize] = self.present;
            self.touched.push(node);
        }
        self.changed[node as usize] = around;
    }

    /// Makes the child of `parent` by `cycle`; returns how much shorter it is, or `None` if it could not be made one
    /// tour.
    fn child(&mut self, parent: &ArrayTour, cycle: &[u32]) -> Option<i64> {
        self.present += 1;
        self.touched.clear();
        let mut gain = 0;
        let k = cycle.len();
        for i in (0..k).step_by(2) {
            let [before, u, v, after] = [cycle[(i + k - 1) % k], cycle[i], cycle[i + 1], cycle[(i + 2) % k]];
            gain += self.distance.between(u, v) - self.distance.between(v, after);
            self.relink(parent, u, v, before);
            self.relink(parent, v, u, after);
        }
        self.cut(parent, cycle);
        self.find_subtours(parent);
        while self.pieces.size.iter().filter(|&&size| size > 0).count() > 1 {
            gain += self.join_smallest(parent)?;
        }
        Some(gain)
    }

    /// Cuts the parent at the edges of A in `cycle`.
    fn cut(&mut self, parent: &ArrayTour, cycle: &[u32]) {
        let n = parent.n();
        self.pieces.cuts.clear();
        for pair in cycle.chunks_exact(2) {
            let (p, q) = (parent.place(pair[0]), parent.place(pair[1]));
            self.pieces.cuts.push(if (p + 1) % n == q { p } else { q });
        }
        self.pieces.cuts.sort_unstable();
    }

    /// Labels the pieces by the subtours that they are in.
    fn find_subtours(&mut self, parent: &ArrayTour) {
        let n = parent.n();
        let count = self.pieces.cuts.len();
        self.pieces.subtour.clear();
        self.pieces.subtour.resize(count, usize::MAX);
        self.pieces.size.clear();
        for start in 0..count {
            if self.pieces.subtour[start] != usize::MAX {
                continue;
            }
            let label = self.pieces.size.len();
            let (first, _) = self.pieces.ends(start, n);
            let mut size = 0;
            let mut piece = start;
            // Enters each piece at one end, and leaves it at the other by the edge that is new there.
            let mut entry = parent.order()[first];
            let mut from = u32::MAX;
            while self.pieces.subtour[piece] == usize::MAX {
                self.pieces.subtour[piece] = label;
                let (low, high) = self.pieces.ends(piece, n);
                size += if low <= high { high - low + 1 } else { high + n - low + 1 };
                let (low, high) = (parent.order()[low], parent.order()[high]);
                let exit = if entry == low { high } else { low };
                let around = self.changed[exit as usize];
                let next = if low == high {
                    around[usize::from(around[0] == from)]
                } else {
                    let inside = if exit == high { parent.prev(exit) } else { parent.next(exit) };
                    around[usize::from(around[0] == inside)]
                };
                from = exit;
                entry = next;
                piece = self.pieces.at(parent.place(next));
            }
            self.pieces.size.push(size);
        }
    }

    /// Joins the smallest subtour to another where that costs least; returns the gain, mostly negative.
    fn join_smallest(&mut self, parent: &ArrayTour) -> Option<i64> {
        let n = parent.n();
        let sizes = self.pieces.size.iter().enumerate().filter(|&(_, &size)| size > 0);
        let (smallest, _) = sizes.min_by_key(|&(_, &size)| size).expect("there are two subtours");
        let mut best: Option<Join> = None;
        for piece in 0..self.pieces.cuts.len() {
            if self.pieces.subtour[piece] != smallest {
                continue;
            }
            let (first, last) = self.pieces.ends(piece, n);
            let mut place = first;
            loop {
                self.join_at(parent, parent.order()[place], smallest, &mut best);
                if place == last {
                    break;
                }
                place = if place + 1 == n { 0 } else { place + 1 };
            }
        }
        let Join { gain, nodes: [u, u2, v, v2], subtour } = best?;
        self.relink(parent, u, u2, v);
        self.relink(parent, v, v2, u);
        self.relink(parent, u2, u, v2);
        self.relink(parent, v2, v, u2);
        for label in &mut self.pieces.subtour {
            if *label == smallest {
                *label = subtour;
            }
        }
        self.pieces.size[subtour] += self.pieces.size[smallest];
        self.pieces.size[smallest] = 0;
        Some(gain)
    }

    /// Looks for a better join that takes out an edge at `u`.
    fn join_at(&self, parent: &ArrayTour, u: u32, subtour: usize, best: &mut Option<Join>) {
        let is_fixed = |a: u32, b: u32| !self.partner.is_empty() && self.partner[a as usize] == b;
        let around = self.around(parent, u);
        let out =
            around.map(|other| if is_fixed(u, other) { i64::MIN } else { self.distance.between(u, other) });
        let longest = out[0].max(out[1]);
        for (v, cached) in self.candidates.with_distances(u).take(JOINS) {
            let near = if cached == u32::MAX { self.distance.between(u, v) } else { i64::from(cached) };
            let other = self.pieces.subtour[self.pieces.at(parent.place(v))];
            if other == subtour {
                continue;
            }
            for v2 in self.around(parent, v) {
                if is_fixed(v, v2) {
                    continue;
                }
                let both = self.distance.between(v, v2) - near;
                // By the triangle inequality the fourth edge costs what it may; it is looked at last.
                if longest == i64::MIN || best.as_ref().is_some_and(|join| longest + both <= join.gain) {
                    continue;
                }
                for (u2, own) in around.into_iter().zip(out) {
                    if own == i64::MIN {
                        continue;
                    }
                    let gain = own + both - self.distance.between(u2, v2);
                    if best.as_ref().is_none_or(|join| gain > join.gain) {
                        *best = Some(Join { gain, nodes: [u, u2, v, v2], subtour: other });
                    }
                }
            }
        }
    }

    /// Returns how much of the entropy of the population's edges is lost where the child takes the parent's place.
    fn lost_diversity(&self, parent: &ArrayTour, counts: &EdgeCounts, size: usize) -> f64 {
        let entropy = |count: u32| {
            let share = f64::from(count) / size as f64;
            if count == 0 { 0.0 } else { -share * share.ln() }
        };
        let mut lost = 0.0;
        for &node in &self.touched {
            let (old, new) = ([parent.prev(node), parent.next(node)], self.changed[node as usize]);
            for &other in old.iter().filter(|&&other| node < other && !new.contains(&other)) {
                let count = counts.of_edge(node, other);
                lost += entropy(count) - entropy(count.saturating_sub(1));
            }
            for &other in new.iter().filter(|&&other| node < other && !old.contains(&other)) {
                let count = counts.of_edge(node, other);
                lost += entropy(count) - entropy(count + 1);
            }
        }
        lost
    }
}

/// Returns the number of blocks of `n` nodes.
fn blocks(n: usize) -> usize {
    if n < UNDIVIDED { 1 } else { n / BLOCK }
}

/// Returns the cycles that begin in each of `count` blocks of the `n` nodes.
fn by_block(cycles: Vec<Vec<u32>>, n: usize, count: usize) -> Vec<Vec<Vec<u32>>> {
    let mut blocks = vec![Vec::new(); count];
    for cycle in cycles {
        let block = cycle[0] as usize * count / n;
        blocks[block].push(cycle);
    }
    blocks
}

/// Makes the changes of `children`, which have no node in common; returns how much shorter the tour `links` is by them.
///
/// Each by itself makes a tour, and two of them together nearly always; where they don't, some are left out.
fn adopt(links: &mut [[u32; 2]], children: &[Child]) -> i64 {
    let changes = || children.iter().flat_map(|child| &child.changes);
    let before: Vec<Change> = changes().map(|&(node, _)| (node, links[node as usize])).collect();
    changes().for_each(|&(node, around)| links[node as usize] = around);
    if order(links).len() == links.len() {
        return children.iter().map(|child| child.gain).sum();
    }
    before.iter().for_each(|&(node, around)| links[node as usize] = around);
    match children {
        [] | [_] => 0,
        _ => {
            let (some, others) = children.split_at(children.len() / 2);
            adopt(links, some) + adopt(links, others)
        }
    }
}

/// Returns the nodes of the tour through the first node.
fn order(links: &[[u32; 2]]) -> Vec<u32> {
    let mut order = Vec::with_capacity(links.len());
    let (mut before, mut node) = (links[0][0], 0);
    loop {
        order.push(node);
        let [x, y] = links[node as usize];
        let next = if x == before { y } else { x };
        (before, node) = (node, next);
        if node == 0 {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Plane;
    use crate::model::{Metric, Model};

    proptest::proptest! {
        #[test]
        fn a_child_is_a_tour_and_as_much_shorter_as_it_says(n in 8_usize..80, blocks in 1_usize..9, seed in 0_u64..500) {
            let mut random = Random::new(seed, 1);
            let points: Vec<[f64; 2]> = (0..n).map(|_| [0; 2].map(|_| random.unit() * 1000.0)).collect();
            let model = Model { metric: Metric::Plane(points.clone()), dummy: false, partner: vec![] };
            let candidates = Candidates::new(&model, 8, true);
            let plane = Plane(&points);
            let mut breeder = Breeder { blocks, ..Breeder::new(&plane, &candidates, &[], n) };
            let mut shuffled = || {
                let mut order: Vec<u32> = (0..n as u32).collect();
                random.shuffle(&mut order);
                order
            };
            let (a, b) = (shuffled(), shuffled());
            let counts = EdgeCounts::of([&a[..], &b[..]].into_iter());
            if let Some(child) = breeder.breed(&a, &b, &counts, 2, &mut random) {
                let mut sorted = child.order.clone();
                sorted.sort_unstable();
                proptest::prop_assert_eq!(sorted, (0..n as u32).collect::<Vec<_>>());
                proptest::prop_assert_eq!(model.length(&a) - model.length(&child.order), child.gain);
            }
        }
    }
}
