//! Borůvka's rounds over a k-d tree; see [`super::euclidean_spanning_tree`].

use std::sync::atomic::{AtomicU64, Ordering};

use festina_types::SharedMemory;

use super::kd_tree::KdTree;
use crate::forest::DisjointSets;
use crate::parallel::for_each_part;

/// A square of a distance, and the two points.
pub(super) type Squared = (f64, [u32; 2]);

/// No point, or no component.
const NONE: u32 = u32::MAX;

/// What a point knows about the points outside its component; points stand in the order of the tree.
#[derive(Clone, Copy)]
struct Near {
    /// The square of the distance to `other`; no point outside is nearer, whether or not there is another one.
    square: f64,
    /// The nearest point, or [`NONE`]; it may have joined the component since.
    other: u32,
}

/// Returns the edges of the minimum spanning tree.
pub(super) fn tree(points: &[[f64; 3]], memory: &dyn SharedMemory) -> Vec<Squared> {
    let n = points.len();
    let tree = KdTree::new(points);
    let mut sets = DisjointSets::new(n);
    let mut near = vec![Near { square: 0.0, other: NONE }; n];
    let mut edges = Vec::with_capacity(n.saturating_sub(1));
    while edges.len() + 1 < n {
        let component = sets.labels();
        let round =
            Round { tree: &tree, component, whole: whole(&tree, component), nearest: unknown(component) };
        // First what is known, so that little is left to search for.
        for_each_part(memory, &mut near, |first, part| round.take_known(first, part));
        for_each_part(memory, &mut near, |first, part| round.search(first, part));
        for (square, [a, b]) in round.shortest(&near).into_iter().flatten() {
            if sets.join(a, b) {
                let (a, b) = (tree.order()[a as usize], tree.order()[b as usize]);
                edges.push((square, [a.min(b), a.max(b)]));
            }
        }
    }
    edges
}

fn unknown(component: &[u32]) -> Vec<AtomicU64> {
    component.iter().map(|_| AtomicU64::new(f64::INFINITY.to_bits())).collect()
}

/// Returns for each node of the tree the component of all its points, or [`NONE`].
fn whole(tree: &KdTree<'_>, component: &[u32]) -> Vec<u32> {
    let mut whole = vec![NONE; tree.nodes().len()];
    for index in (0..whole.len()).rev() {
        whole[index] = match tree.children(index) {
            Some([left, right]) if whole[left] == whole[right] => whole[left],
            Some(_) => NONE,
            None => {
                let mut under = component[tree.range(index)].iter();
                under.next().copied().filter(|first| under.all(|other| other == first)).unwrap_or(NONE)
            }
        };
    }
    whole
}

/// One round: every component finds its nearest point outside.
struct Round<'a> {
    tree: &'a KdTree<'a>,
    /// The component of each point.
    component: &'a [u32],
    whole: Vec<u32>,
    /// For each component, the bits of the smallest square found so far: those of non-negative floats are in their order.
    nearest: Vec<AtomicU64>,
}

impl Round<'_> {
    fn nearest(&self, component: u32) -> f64 {
        f64::from_bits(self.nearest[component as usize].load(Ordering::Relaxed))
    }

    fn offer(&self, component: u32, square: f64) {
        self.nearest[component as usize].fetch_min(square.to_bits(), Ordering::Relaxed);
    }

    fn is_outside(&self, near: Near, own: u32) -> bool {
        near.other != NONE && self.component[near.other as usize] != own
    }

    /// Offers each component what its points know already.
    fn take_known(&self, first: usize, part: &mut [Near]) {
        for (near, &own) in part.iter().zip(&self.component[first..]) {
            if self.is_outside(*near, own) {
                self.offer(own, near.square);
            }
        }
    }

    /// Finds the nearest point outside for those that could be their component's nearest.
    fn search(&self, first: usize, part: &mut [Near]) {
        for (i, near) in part.iter_mut().enumerate() {
            let own = self.component[first + i];
            let reach = self.nearest(own);
            if self.is_outside(*near, own) || near.square > reach {
                continue;
            }
            *near = self.nearest_outside(first + i, own, reach);
            if near.other != NONE {
                self.offer(own, near.square);
            }
        }
    }

    /// Returns the point nearest to `point` outside the component `own`, if it is no further than `reach` (squared).
    fn nearest_outside(&self, point: usize, own: u32, reach: f64) -> Near {
        let at = self.tree.placed()[point];
        let mut near = Near { square: reach, other: NONE };
        let mut stack = [(0.0, 0); 64];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let (square, index) = stack[depth];
            let is_too_far = if near.other == NONE { square > near.square } else { square >= near.square };
            if is_too_far || self.whole[index] == own {
                continue;
            }
            if let Some(children) = self.tree.nearer_first(index, at) {
                for child in children.into_iter().rev() {
                    stack[depth] = child;
                    depth += 1;
                }
                continue;
            }
            for other in self.tree.range(index) {
                let square = self.tree.square(other, at);
                let is_nearer = square < near.square || (near.other == NONE && square == near.square);
                if is_nearer && self.component[other] != own {
                    near = Near { square, other: other as u32 };
                }
            }
        }
        near
    }

    /// Returns the shortest edge that leads out of each component; of several of one length, the one between the first
    /// points, so that the answer does not depend on which worker came first.
    fn shortest(&self, near: &[Near]) -> Vec<Option<Squared>> {
        let mut shortest: Vec<Option<Squared>> = vec![None; near.len()];
        for (point, (near, &own)) in near.iter().zip(self.component).enumerate() {
            if self.is_outside(*near, own) && near.square == self.nearest(own) {
                let point = point as u32;
                let edge = (near.square, [point.min(near.other), point.max(near.other)]);
                let best = &mut shortest[own as usize];
                if best.is_none_or(|best| edge.1 < best.1) {
                    *best = Some(edge);
                }
            }
        }
        shortest
    }
}
