//! Subgradient ascent: multipliers under which the lightest 1-tree looks most like a tour.
//!
//! With `vᵢ` the degree of node i in the lightest 1-tree minus 2, the multipliers move along `0.7 v + 0.3 v'` (v' of the
//! step before) by a share of what is missing to a known tour, `t = λ (U − L) / ‖v‖²`, where λ falls from step to step.
//! The trees are those of the candidates and a known tour: fast, and no valid bound; [`super::complete`] makes it
//! one.
//!
//! Sources: M. Held, P. Wolfe and H. P. Crowder, *Validation of subgradient optimization*, Mathematical Programming 6,
//! 1974; T. Volgenant and R. Jonker, *A branch and bound algorithm for the symmetric traveling salesman problem based on
//! the 1-tree relaxation*, EJOR 9, 1982.

use crate::model::Model;
use crate::space::candidates::Candidates;

/// An edge that must be used weighs less than any other by this much.
const MUST: f64 = -1e15;

/// An edge of the graph in which trees are sought.
#[derive(Clone, Copy, Debug)]
struct Edge {
    a: u32,
    b: u32,
    cost: f64,
    fixed: bool,
}

/// The ascent's place: what a later ascent goes on from.
#[derive(Clone, Debug)]
pub(crate) struct Ascent {
    /// The best multipliers, added to both ends of an edge.
    pub(crate) multipliers: Vec<f64>,
    /// The value of the 1-tree under them, on the candidates' graph.
    pub(crate) value: f64,
}

/// Runs `steps` steps from `start` towards the length `upper` of a known `tour`, with λ from `from` to `to`.
pub(crate) fn ascend(
    model: &Model,
    candidates: &Candidates,
    tour: &[u32],
    upper: i64,
    start: Vec<f64>,
    steps: usize,
    (from, to): (f64, f64),
) -> Ascent {
    let n = model.n();
    let edges = edges(model, candidates, tour);
    let mut graph = Graph::new(n, edges);
    let mut multipliers = start;
    let mut best = Ascent { multipliers: multipliers.clone(), value: f64::MIN };
    let mut before: Vec<f64> = vec![0.0; n];
    let decay = (to / from).powf(1.0 / steps.max(1) as f64);
    let mut lambda = from;
    for _ in 0..steps {
        let value = graph.one_tree(&multipliers);
        if value > best.value {
            best.value = value;
            best.multipliers.clone_from(&multipliers);
        }
        let square: f64 = graph.degree.iter().map(|&d| f64::from(d - 2).powi(2)).sum();
        if square == 0.0 {
            break;
        }
        let missing = (upper as f64 - value).max(upper.abs() as f64 * 1e-4);
        let step = lambda * missing / square;
        for ((multiplier, &degree), old) in multipliers.iter_mut().zip(&graph.degree).zip(&mut before) {
            let now = f64::from(degree - 2);
            *multiplier += step * (0.7 * now + 0.3 * *old);
            *old = now;
        }
        lambda *= decay;
    }
    best
}

/// Returns the edges of the candidates and of the tour, each once.
fn edges(model: &Model, candidates: &Candidates, tour: &[u32]) -> Vec<Edge> {
    let n = model.n() as u32;
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for a in 0..n {
        pairs.extend(candidates.of(a).iter().map(|&b| (a.min(b), a.max(b))));
    }
    let following = tour.iter().cycle().skip(1);
    pairs.extend(tour.iter().zip(following).map(|(&a, &b)| (a.min(b), a.max(b))));
    pairs.sort_unstable();
    pairs.dedup();
    let edge = |(a, b)| Edge { a, b, cost: model.edge(a, b) as f64, fixed: model.is_fixed(a, b) };
    pairs.into_iter().filter(|&(a, b)| a != b).map(edge).collect()
}

/// A sparse graph, and the lightest 1-tree that was last found in it.
struct Graph {
    edges: Vec<Edge>,
    /// (weight, edge) in the order of the last sort, which is near the next.
    keyed: Vec<(f64, u32)>,
    root: Vec<u32>,
    degree: Vec<i32>,
    /// The two lightest weights at each node, and the edge of the second.
    second: Vec<(f64, f64, u32)>,
}

impl Graph {
    fn new(n: usize, edges: Vec<Edge>) -> Self {
        let keyed = (0..edges.len() as u32).map(|edge| (0.0, edge)).collect();
        let second = vec![(f64::MAX, f64::MAX, 0); n];
        Self { edges, keyed, root: vec![0; n], degree: vec![0; n], second }
    }

    /// Finds the lightest 1-tree under `multipliers` by Kruskal's method; returns its value.
    ///
    /// The node that is left out of the tree is the leaf whose second edge is heaviest: no other gives more.
    fn one_tree(&mut self, multipliers: &[f64]) -> f64 {
        for (weight, edge) in &mut self.keyed {
            let Edge { a, b, cost, fixed } = self.edges[*edge as usize];
            let real = cost + multipliers[a as usize] + multipliers[b as usize];
            *weight = if fixed { real + MUST } else { real };
        }
        self.keyed.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
        self.degree.fill(0);
        self.second.fill((f64::MAX, f64::MAX, 0));
        for (node, root) in self.root.iter_mut().enumerate() {
            *root = node as u32;
        }
        let mut value = 0.0;
        for &(weight, index) in &self.keyed {
            let edge = self.edges[index as usize];
            for node in [edge.a, edge.b] {
                let entry = &mut self.second[node as usize];
                if entry.0 == f64::MAX {
                    entry.0 = weight;
                } else if entry.1 == f64::MAX {
                    (entry.1, entry.2) = (weight, index);
                }
            }
            let (a, b) = (find(&mut self.root, edge.a), find(&mut self.root, edge.b));
            if a != b {
                self.root[a as usize] = b;
                self.degree[edge.a as usize] += 1;
                self.degree[edge.b as usize] += 1;
                value += if edge.fixed { weight - MUST } else { weight };
            }
        }
        let leaves = (0..self.degree.len()).filter(|&v| self.degree[v] == 1);
        let special = leaves.max_by(|&v, &w| self.second[v].1.total_cmp(&self.second[w].1));
        if let Some(special) = special.filter(|&special| self.second[special].1 < f64::MAX) {
            let (_, weight, index) = self.second[special];
            let edge = self.edges[index as usize];
            self.degree[edge.a as usize] += 1;
            self.degree[edge.b as usize] += 1;
            value += if edge.fixed { weight - MUST } else { weight };
        }
        value - 2.0 * multipliers.iter().sum::<f64>()
    }
}

/// Returns the root of `node`'s set, halving the paths.
pub(crate) fn find(root: &mut [u32], mut node: u32) -> u32 {
    while root[node as usize] != node {
        root[node as usize] = root[root[node as usize] as usize];
        node = root[node as usize];
    }
    node
}
