//! Greedy edge: take the shortest edges that leave every node with at most two and close no cycle.
//!
//! 14–16 % over the optimum on random uniform cities, and the best start for Lin–Kernighan (D. S. Johnson and
//! L. A. `McGeoch`, *Experimental analysis of heuristics for the STSP*, 2002, section 3). Edges come from the candidates;
//! the ends of the fragments that remain are matched the same way, among themselves, until one path is left.

use festina_graph::KdTree;

use crate::local::random::Random;
use crate::model::{Distance, Model, NONE};
use crate::space::candidates::Candidates;

/// Below this many ends, all pairs of them are considered.
const FEW: usize = 64;

/// Returns a tour; with `noise` above 0, edges are taken as if up to that fraction longer, at random.
pub(crate) fn tour(model: &Model, candidates: &Candidates, noise: f64, random: &mut Random) -> Vec<u32> {
    let n = model.n();
    let mut fragments = Fragments::new(model);
    let mut edges: Vec<(i64, u32, u32)> = Vec::new();
    for a in 0..n as u32 {
        for (b, cached) in candidates.with_distances(a) {
            if a < b || !candidates.of(b).contains(&a) {
                let distance = if cached == u32::MAX { model.between(a, b) } else { i64::from(cached) };
                let weight = if noise > 0.0 {
                    (distance as f64 * 16.0 * (1.0 + noise * random.unit())) as i64
                } else {
                    distance
                };
                edges.push((weight, a, b));
            }
        }
    }
    fragments.take(&mut edges);
    let embedding = model.embedding().map(|(_, points)| points);
    let mut is_slow = false;
    while fragments.count > 1 {
        let before = fragments.count;
        let ends: Vec<u32> = (0..n as u32).filter(|&v| fragments.degree(v) < 2).collect();
        edges.clear();
        match &embedding {
            Some(points) if ends.len() > FEW => {
                fragments.near_edges(model, points, &ends, is_slow, &mut edges);
            }
            _ => fragments.all_edges(model, &ends, &mut edges),
        }
        fragments.take(&mut edges);
        is_slow = fragments.count > before / 4 * 3;
    }
    fragments.order()
}

/// Paths that grow into one.
struct Fragments {
    links: Vec<[u32; 2]>,
    /// The other end of the path, for nodes that are ends.
    other_end: Vec<u32>,
    count: usize,
}

impl Fragments {
    /// Returns one path for each node or pair of partners.
    fn new(model: &Model) -> Self {
        let n = model.n();
        let mut fragments = Self { links: vec![[NONE; 2]; n], other_end: (0..n as u32).collect(), count: n };
        for node in 0..n as u32 {
            let partner = model.partner(node);
            if partner != NONE && node < partner {
                fragments.join(node, partner);
            }
        }
        fragments
    }

    fn degree(&self, node: u32) -> usize {
        self.links[node as usize].iter().filter(|&&link| link != NONE).count()
    }

    fn can_join(&self, a: u32, b: u32) -> bool {
        a != b
            && self.links[a as usize][1] == NONE
            && self.links[b as usize][1] == NONE
            && self.other_end[a as usize] != b
    }

    fn join(&mut self, a: u32, b: u32) {
        for (from, to) in [(a, b), (b, a)] {
            let links = &mut self.links[from as usize];
            links[usize::from(links[0] != NONE)] = to;
        }
        let (end_a, end_b) = (self.other_end[a as usize], self.other_end[b as usize]);
        self.other_end[end_a as usize] = end_b;
        self.other_end[end_b as usize] = end_a;
        self.count -= 1;
    }

    /// Takes `edges`, shortest first, as far as they fit.
    fn take(&mut self, edges: &mut [(i64, u32, u32)]) {
        edges.sort_unstable();
        for &(_, a, b) in edges.iter() {
            if self.can_join(a, b) {
                self.join(a, b);
            }
        }
    }

    /// Adds the edges from each end to the nearest ends of other fragments; with `and_next`, also to the one that follows it in the
    /// tree: of many ends at one place, all have the same nearest.
    fn near_edges(
        &self,
        model: &Model,
        points: &[[f64; 3]],
        ends: &[u32],
        and_next: bool,
        edges: &mut Vec<(i64, u32, u32)>,
    ) {
        let placed: Vec<u32> = ends.iter().copied().filter(|&v| (v as usize) < points.len()).collect();
        let at: Vec<[f64; 3]> = placed.iter().map(|&v| points[v as usize]).collect();
        let tree = KdTree::new(&at);
        let mut found = Vec::new();
        for (i, &a) in placed.iter().enumerate() {
            let wanted = |j: u32| self.can_join(a, placed[j as usize]);
            tree.nearest(at[i], 5, wanted, &mut found);
            edges.extend(found.iter().map(|&(_, j)| placed[j as usize]).map(|b| (model.between(a, b), a, b)));
        }
        if and_next {
            let pairs =
                tree.order().windows(2).map(|pair| [placed[pair[0] as usize], placed[pair[1] as usize]]);
            let open = pairs.filter(|&[a, b]| self.can_join(a, b));
            edges.extend(open.map(|[a, b]| (model.between(a, b), a, b)));
        }
    }

    fn all_edges(&self, model: &Model, ends: &[u32], edges: &mut Vec<(i64, u32, u32)>) {
        for (i, &a) in ends.iter().enumerate() {
            let others = ends[i + 1..].iter().filter(|&&b| self.can_join(a, b));
            edges.extend(others.map(|&b| (model.between(a, b), a, b)));
        }
    }

    /// Returns the nodes in the order of the one path that is left.
    fn order(&self) -> Vec<u32> {
        let n = self.links.len();
        let start = (0..n as u32).find(|&v| self.degree(v) < 2).unwrap_or(0);
        let mut order = Vec::with_capacity(n);
        let (mut before, mut node) = (NONE, start);
        while node != NONE {
            order.push(node);
            let [a, b] = self.links[node as usize];
            let next = if a != before { a } else { b };
            before = node;
            node = next;
        }
        order
    }
}
