//! The few other nodes that each node may be joined to by a search.
//!
//! The nearest alone fail on clustered cities, where all of them lie in one cluster; so the list takes the nearest two of each
//! quadrant first, then the nearest of all (D. S. Johnson and L. A. `McGeoch`, *Experimental analysis of heuristics for
//! the STSP*, 2002, section 2.1).

use festina_graph::KdTree;

use crate::model::{Distance, Model, NONE};

/// `k` candidates for each node, nearest first, with their distances.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    k: usize,
    nodes: Vec<u32>,
    /// The distances; `u32::MAX` where one does not fit.
    distances: Vec<u32>,
}

impl Candidates {
    /// Returns up to `k` candidates for each node of `model`, of which up to two lie in each quadrant if `quadrants`.
    pub(crate) fn new(model: &Model, k: usize, quadrants: bool) -> Self {
        let n = model.n();
        let k = k.min(n - 1);
        let lists: Vec<Vec<u32>> = match model.embedding() {
            Some((_, points)) => near(&points, k, quadrants),
            None => dense(model, k),
        };
        Self::from_lists(model, k, lists)
    }

    /// Returns the candidates of given lists; each is cut, or filled up with its last entry, to `k`.
    fn from_lists(model: &Model, k: usize, mut lists: Vec<Vec<u32>>) -> Self {
        let dummy = model.dummy.then(|| model.n() as u32 - 1);
        if let Some(dummy) = dummy {
            let step = (model.placed() / k).max(1);
            lists.iter_mut().for_each(|list| list.push(dummy));
            lists.truncate(model.placed());
            lists.push((0..model.placed() as u32).step_by(step).take(k).collect());
        }
        let mut nodes = Vec::with_capacity(k * lists.len());
        let mut distances = Vec::with_capacity(k * lists.len());
        let mut keyed: Vec<(i64, u32)> = Vec::new();
        for (node, list) in lists.iter().enumerate() {
            let node = node as u32;
            keyed.clear();
            keyed.extend(
                list.iter().filter(|&&v| model.partner(node) != v).map(|&v| (model.between(node, v), v)),
            );
            keyed.sort_unstable();
            keyed.truncate(k);
            // A node has a candidate, if only its partner, because every list holds two entries or the problem two nodes.
            let fill = keyed.last().copied().unwrap_or_else(|| (i64::MAX, model.partner(node)));
            keyed.resize(k, fill);
            nodes.extend(keyed.iter().map(|&(_, v)| if v == NONE { node } else { v }));
            distances.extend(keyed.iter().map(|&(d, _)| u32::try_from(d).unwrap_or(u32::MAX)));
        }
        Self { k, nodes, distances }
    }

    /// Returns the candidates of `node`, nearest first; at the end of a list one may repeat.
    #[inline(always)]
    pub(crate) fn of(&self, node: u32) -> &[u32] {
        let start = node as usize * self.k;
        &self.nodes[start..start + self.k]
    }

    /// Returns the candidates of `node` with their distances; `u32::MAX` stands for one that does not fit.
    #[inline(always)]
    pub(crate) fn with_distances(&self, node: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let start = node as usize * self.k;
        let range = start..start + self.k;
        self.nodes[range.clone()].iter().copied().zip(self.distances[range].iter().copied())
    }

    /// Returns the candidates among `nodes`, renumbered by `number`, which gives none for a node that is not among them; a node that
    /// has no candidate gets the one that follows it in the closed tour `path` of the new numbers.
    pub(crate) fn within(&self, nodes: &[u32], path: &[u32], number: impl Fn(u32) -> Option<u32>) -> Self {
        let m = nodes.len();
        let mut place = vec![0; m];
        for (at, &node) in path.iter().enumerate() {
            place[node as usize] = at;
        }
        let places = self.k * m;
        let mut own =
            Self { k: self.k, nodes: Vec::with_capacity(places), distances: Vec::with_capacity(places) };
        for (new, &old) in nodes.iter().enumerate() {
            let start = own.nodes.len();
            for (other, distance) in self.with_distances(old) {
                if let Some(number) = number(other) {
                    own.nodes.push(number);
                    own.distances.push(distance);
                }
            }
            if own.nodes.len() == start {
                own.nodes.push(path[(place[new] + 1) % m]);
                own.distances.push(u32::MAX);
            }
            let last = own.nodes.len() - 1;
            own.nodes.resize(start + self.k, own.nodes[last]);
            own.distances.resize(start + self.k, own.distances[last]);
        }
        own
    }

    /// Returns the parts, for sending.
    pub(crate) fn parts(&self) -> (usize, &[u32], &[u32]) {
        (self.k, &self.nodes, &self.distances)
    }

    /// Returns the candidates made of [`Candidates::parts`].
    pub(crate) fn from_parts(k: usize, nodes: Vec<u32>, distances: Vec<u32>) -> Self {
        Self { k, nodes, distances }
    }
}

/// Returns the candidates of points.
fn near(points: &[[f64; 3]], k: usize, quadrants: bool) -> Vec<Vec<u32>> {
    let tree = KdTree::new(points);
    let quadrants = quadrants && points.iter().all(|p| p[2] == 0.0);
    let wide = if quadrants { k + k / 2 } else { k + 2 };
    let mut found = Vec::new();
    let mut extra = Vec::new();
    let list = |(node, &point): (usize, &[f64; 3])| {
        tree.nearest(point, wide, |other| other as usize != node, &mut found);
        if !quadrants {
            return found.iter().map(|&(_, other)| other).collect();
        }
        let quadrant = |other: u32| {
            let at = points[other as usize];
            usize::from(at[0] > point[0]) * 2 + usize::from(at[1] > point[1])
        };
        let mut chosen: Vec<u32> = Vec::with_capacity(k + 8);
        let mut count = [0; 4];
        for &(_, other) in &found {
            if count[quadrant(other)] < 2 {
                count[quadrant(other)] += 1;
                chosen.push(other);
            }
        }
        for (index, &have) in count.iter().enumerate() {
            if have == 0 {
                let wanted = |other: u32| other as usize != node && quadrant(other) == index;
                tree.nearest(point, 1, wanted, &mut extra);
                chosen.extend(extra.iter().map(|&(_, other)| other));
            }
        }
        for &(_, other) in &found {
            if chosen.len() >= k {
                break;
            }
            if !chosen.contains(&other) {
                chosen.push(other);
            }
        }
        chosen
    };
    points.iter().enumerate().map(list).collect()
}

/// Returns the candidates of a model without places: the `k` nearest by its distances.
fn dense(model: &Model, k: usize) -> Vec<Vec<u32>> {
    let mut keyed: Vec<(i64, u32)> = Vec::new();
    let placed = model.placed() as u32;
    let mut list = |node: u32| {
        keyed.clear();
        let others = (0..placed).filter(|&other| other != node && model.partner(node) != other);
        keyed.extend(others.map(|other| (model.between(node, other), other)));
        if keyed.len() > k {
            keyed.select_nth_unstable(k);
            keyed.truncate(k);
        }
        keyed.iter().map(|&(_, other)| other).collect()
    };
    (0..placed).map(&mut list).collect()
}
