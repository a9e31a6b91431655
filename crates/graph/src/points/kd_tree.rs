//! A k-d tree over points in space, for nearest neighbours.
//!
//! Source: J. L. Bentley, *K-d trees for semidynamic point sets*, Symposium on Computational Geometry 1990.

use std::ops::Range;

/// Points in a leaf, at most.
const LEAF: usize = 8;

/// A balanced tree whose nodes carry their bounding boxes; node `i` has the children `2i + 1` and `2i + 2`.
///
/// ```
/// let points = [[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [1.0, 1.0, 0.0]];
/// let tree = festina_graph::KdTree::new(&points);
/// let mut found = Vec::new();
/// tree.nearest([0.0, 0.0, 0.0], 1, |i| i != 0, &mut found);
/// assert_eq!(found, [(2.0, 2)]);
/// ```
#[derive(Clone, Debug)]
pub struct KdTree<'a> {
    points: &'a [[f64; 3]],
    order: Vec<u32>,
    /// The points in the order of the leaves.
    placed: Vec<[f64; 3]>,
    nodes: Vec<Node>,
}

/// A node: a box and the points in it.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    low: [f64; 3],
    high: [f64; 3],
    start: u32,
    end: u32,
}

impl Node {
    /// Returns the square of the distance from `point` to the box.
    pub fn square_to(&self, point: [f64; 3]) -> f64 {
        (0..3)
            .map(|axis| (self.low[axis] - point[axis]).max(point[axis] - self.high[axis]).max(0.0).powi(2))
            .sum()
    }
}

impl<'a> KdTree<'a> {
    /// Returns the tree of `points`.
    pub fn new(points: &'a [[f64; 3]]) -> Self {
        let mut tree =
            Self { points, order: (0..points.len() as u32).collect(), placed: Vec::new(), nodes: Vec::new() };
        let mut leaves = 1_usize;
        while leaves * LEAF < points.len() {
            leaves *= 2;
        }
        tree.nodes = vec![Node { low: [0.0; 3], high: [0.0; 3], start: 0, end: 0 }; 2 * leaves - 1];
        tree.build(0, 0, points.len());
        tree.placed = tree.order.iter().map(|&i| points[i as usize]).collect();
        tree
    }

    fn build(&mut self, index: usize, start: usize, end: usize) {
        let points = self.points;
        let mut node = Node { low: [f64::MAX; 3], high: [f64::MIN; 3], start: start as u32, end: end as u32 };
        for &i in &self.order[start..end] {
            for (axis, &value) in points[i as usize].iter().enumerate() {
                node.low[axis] = node.low[axis].min(value);
                node.high[axis] = node.high[axis].max(value);
            }
        }
        self.nodes[index] = node;
        if 2 * index + 2 >= self.nodes.len() {
            return;
        }
        let width = |axis: usize| node.high[axis] - node.low[axis];
        let axis = (1..3).fold(0, |best, axis| if width(axis) > width(best) { axis } else { best });
        let middle = (end - start) / 2;
        if end - start > 1 {
            let key = |i: u32| points[i as usize][axis];
            self.order[start..end].select_nth_unstable_by(middle, |&a, &b| key(a).total_cmp(&key(b)));
        }
        self.build(2 * index + 1, start, start + middle);
        self.build(2 * index + 2, start + middle, end);
    }

    /// Returns the nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the points under node `index`.
    pub fn under(&self, index: usize) -> &[u32] {
        let node = &self.nodes[index];
        &self.order[node.start as usize..node.end as usize]
    }

    /// Returns the points in the order of the leaves, in which a node's points stand together.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns the coordinates of the points in the order of the leaves.
    pub fn placed(&self) -> &[[f64; 3]] {
        &self.placed
    }

    /// Returns where the points under node `index` stand in the order of the leaves.
    pub fn range(&self, index: usize) -> Range<usize> {
        let node = &self.nodes[index];
        node.start as usize..node.end as usize
    }

    /// Returns the square of the distance from `point` to the one that stands at `place` in the order of the leaves.
    #[inline]
    pub fn square(&self, place: usize, point: [f64; 3]) -> f64 {
        let other = self.placed[place];
        (0..3).map(|axis| (point[axis] - other[axis]).powi(2)).sum()
    }

    /// Returns the children of a node, unless it is a leaf, each behind the square of the distance from `point` to its box,
    /// the nearer one first.
    #[inline]
    pub fn nearer_first(&self, index: usize, point: [f64; 3]) -> Option<[(f64, usize); 2]> {
        let mut pair = self.children(index)?.map(|child| (self.nodes[child].square_to(point), child));
        if pair[1].0 < pair[0].0 {
            pair.swap(0, 1);
        }
        Some(pair)
    }

    /// Returns the two children of a node, unless it is a leaf.
    pub fn children(&self, index: usize) -> Option<[usize; 2]> {
        (2 * index + 2 < self.nodes.len()).then_some([2 * index + 1, 2 * index + 2])
    }

    /// Writes to `found` the `k` points nearest to `point` for which `wanted` holds, as (square of the distance, index),
    /// nearest first.
    pub fn nearest(
        &self,
        point: [f64; 3],
        k: usize,
        wanted: impl Fn(u32) -> bool,
        found: &mut Vec<(f64, u32)>,
    ) {
        self.nearest_within(point, k, |_| true, wanted, found);
    }

    /// As [`KdTree::nearest`], where no point is wanted in a box of whose lowest and highest corner `may_hold` says no: those boxes
    /// are passed over, which is fast even where hardly any point is wanted.
    pub fn nearest_within(
        &self,
        point: [f64; 3],
        k: usize,
        may_hold: impl Fn([[f64; 3]; 2]) -> bool,
        wanted: impl Fn(u32) -> bool,
        found: &mut Vec<(f64, u32)>,
    ) {
        found.clear();
        if k == 0 || self.points.is_empty() {
            return;
        }
        let mut stack = [(0.0, 0); 64];
        let mut depth = 1;
        stack[0] = (self.nodes[0].square_to(point), 0);
        while depth > 0 {
            depth -= 1;
            let (square, index) = stack[depth];
            let Node { low, high, .. } = self.nodes[index];
            if (found.len() == k && square >= found[k - 1].0) || !may_hold([low, high]) {
                continue;
            }
            let Some(children) = self.nearer_first(index, point) else {
                self.scan(index, point, k, &wanted, found);
                continue;
            };
            for child in children.into_iter().rev() {
                stack[depth] = child;
                depth += 1;
            }
        }
    }

    fn scan(
        &self,
        leaf: usize,
        point: [f64; 3],
        k: usize,
        wanted: &impl Fn(u32) -> bool,
        found: &mut Vec<(f64, u32)>,
    ) {
        for place in self.range(leaf) {
            let (i, square) = (self.order[place], self.square(place, point));
            if (found.len() == k && square >= found[k - 1].0) || !wanted(i) {
                continue;
            }
            if found.len() == k {
                found.pop();
            }
            let at = found.partition_point(|&(near, _)| near <= square);
            found.insert(at, (square, i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_nearest_are_those_of_a_full_scan(
            points in proptest::collection::vec(proptest::array::uniform3(0.0_f64..9.0), 1..60), k in 1_usize..9
        ) {
            let tree = KdTree::new(&points);
            let mut found = Vec::new();
            for (i, &point) in points.iter().enumerate() {
                tree.nearest(point, k, |j| j as usize != i, &mut found);
                let square = |j: usize| (0..3).map(|axis| (point[axis] - points[j][axis]).powi(2)).sum::<f64>();
                let mut all: Vec<f64> = (0..points.len()).filter(|&j| j != i).map(square).collect();
                all.sort_by(f64::total_cmp);
                all.truncate(k);
                proptest::prop_assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), all);
            }
        }
    }
}
