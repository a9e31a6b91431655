//! The few other nodes that each node may be joined to by a search.
//!
//! The nearest alone fail on clustered cities, where all of them lie in one cluster; so the list takes the nearest two of each
//! quadrant first, then the nearest of all (D. S. Johnson and L. A. `McGeoch`, *Experimental analysis of heuristics for
//! the STSP*, 2002, section 2.1).

use std::ops::Range;

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
        let placed = model.placed();
        let part = Self::part(model, k, quadrants, 0..placed);
        Self::whole(model, k, [part])
    }

    /// Returns the candidates of the nodes `range`, none of which is the dummy; [`Candidates::whole`] puts such parts together.
    pub(crate) fn part(model: &Model, k: usize, quadrants: bool, range: Range<usize>) -> Self {
        let k = k.min(model.n() - 1);
        let mut part = Self { k, nodes: Vec::new(), distances: Vec::new() };
        part.nodes.reserve(k * range.len());
        part.distances.reserve(k * range.len());
        let dummy = model.dummy.then(|| model.n() as u32 - 1);
        let mut add = |node: u32, list: &mut Vec<u32>| {
            list.extend(dummy);
            part.push(model, node, list);
        };
        match model.embedding() {
            Some((_, points)) => near(&points, k, quadrants, range, &mut add),
            None => dense(model, k, range, &mut add),
        }
        part
    }

    /// Returns the candidates of all nodes; `parts` are those of the placed nodes, in the order of the nodes.
    pub(crate) fn whole(model: &Model, k: usize, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().expect("there is a part");
        for part in parts {
            whole.nodes.extend(part.nodes);
            whole.distances.extend(part.distances);
        }
        if model.dummy {
            let step = (model.placed() / k.min(model.n() - 1)).max(1);
            let list: Vec<u32> = (0..model.placed() as u32).step_by(step).take(whole.k).collect();
            whole.push(model, model.n() as u32 - 1, &list);
        }
        whole
    }

    /// Adds the candidates of `node`: those of `list` that are nearest, `k` of them; the last is repeated where they are fewer.
    fn push(&mut self, model: &Model, node: u32, list: &[u32]) {
        let others = list.iter().filter(|&&v| model.partner(node) != v);
        let mut keyed: Vec<(i64, u32)> = others.map(|&v| (model.between(node, v), v)).collect();
        keyed.sort_unstable();
        keyed.truncate(self.k);
        // A node has a candidate, if only its partner, because every list holds two entries or the problem two nodes.
        let fill = keyed.last().copied().unwrap_or_else(|| (i64::MAX, model.partner(node)));
        keyed.resize(self.k, fill);
        self.nodes.extend(keyed.iter().map(|&(_, v)| if v == NONE { node } else { v }));
        self.distances.extend(keyed.iter().map(|&(d, _)| u32::try_from(d).unwrap_or(u32::MAX)));
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

/// Calls `add` with a list of nodes near to each of the points `range`.
fn near(
    points: &[[f64; 3]],
    k: usize,
    quadrants: bool,
    range: Range<usize>,
    add: &mut dyn FnMut(u32, &mut Vec<u32>),
) {
    let tree = KdTree::new(points);
    let quadrants = quadrants && points.iter().all(|p| p[2] == 0.0);
    let wide = if quadrants { k + k / 2 } else { k + 2 };
    let mut found = Vec::new();
    let mut extra = Vec::new();
    let mut chosen: Vec<u32> = Vec::with_capacity(k + 8);
    for node in range {
        let point = points[node];
        tree.nearest(point, wide, |other| other as usize != node, &mut found);
        chosen.clear();
        if !quadrants {
            chosen.extend(found.iter().map(|&(_, other)| other));
            add(node as u32, &mut chosen);
            continue;
        }
        let quadrant = |other: u32| {
            let at = points[other as usize];
            usize::from(at[0] > point[0]) * 2 + usize::from(at[1] > point[1])
        };
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
                let reaches = |[low, high]: [[f64; 3]; 2], axis: usize| {
                    let is_above = index >> (1 - axis) & 1 == 1;
                    if is_above { high[axis] > point[axis] } else { low[axis] <= point[axis] }
                };
                let may_hold = |corners| reaches(corners, 0) && reaches(corners, 1);
                tree.nearest_within(point, 1, may_hold, wanted, &mut extra);
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
        add(node as u32, &mut chosen);
    }
}

/// Calls `add` with the `k` nearest of each of the nodes `range` of a model without places.
fn dense(model: &Model, k: usize, range: Range<usize>, add: &mut dyn FnMut(u32, &mut Vec<u32>)) {
    let mut keyed: Vec<(i64, u32)> = Vec::new();
    let mut list = Vec::with_capacity(k);
    let placed = model.placed() as u32;
    for node in range.start as u32..range.end as u32 {
        keyed.clear();
        let others = (0..placed).filter(|&other| other != node && model.partner(node) != other);
        keyed.extend(others.map(|other| (model.between(node, other), other)));
        if keyed.len() > k {
            keyed.select_nth_unstable(k);
            keyed.truncate(k);
        }
        list.clear();
        list.extend(keyed.iter().map(|&(_, other)| other));
        add(node, &mut list);
    }
}
