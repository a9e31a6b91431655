//! An independent checker: it shares no arithmetic and no search with the solvers.
//!
//! A spanning forest is minimum if and only if every edge that is left out weighs at least as much as each edge of the forest's
//! path between its ends (the cycle property), which is the same as that no edge leads more cheaply out of any part that
//! the forest builds (the cut property). For graphs the first is checked on every edge; for points, whose edges are too many,
//! the second on every part. The forest is its own certificate: nothing that the solver says about it is believed.
//!
//! Source: R. E. Tarjan, *Data structures and network algorithms*, SIAM 1983, chapter 6.

mod edges;
mod parts;

pub use edges::verify_forest;
pub use parts::verify_tree;

use crate::forest::{Edge, Forest};

/// How many problems of one kind are named one by one.
const NAMED: usize = 5;

/// What was found about a forest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForestCheck {
    /// What is wrong, as fragments for people; empty if the forest is what it claims to be.
    pub problems: Vec<String>,
}

impl ForestCheck {
    /// Returns whether nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }
}

/// The parts that a forest builds, lightest edge first: each node knows at what weight its part was taken into another
/// one, and by which node that one is known. The larger part takes the smaller, so that no chain is longer than log₂ n.
struct Growth {
    taken_by: Vec<u32>,
    at: Vec<f64>,
}

impl Growth {
    /// Returns the growth of a forest whose edges are sorted by weight, or the edges that close a cycle.
    fn new(n_nodes: usize, sorted: &[Edge]) -> Result<Self, Vec<Edge>> {
        let mut growth = Self { taken_by: (0..n_nodes as u32).collect(), at: vec![f64::INFINITY; n_nodes] };
        let mut size = vec![1_u32; n_nodes];
        let mut closing = Vec::new();
        for edge in sorted {
            let [a, b] = edge.ends.map(|node| growth.part_within(node, f64::MAX));
            if a == b {
                closing.push(*edge);
                continue;
            }
            let (large, small) = if size[a as usize] < size[b as usize] { (b, a) } else { (a, b) };
            growth.taken_by[small as usize] = large;
            growth.at[small as usize] = edge.weight;
            size[large as usize] += size[small as usize];
        }
        if closing.is_empty() { Ok(growth) } else { Err(closing) }
    }

    /// Returns the node by which the part of `node` is known once all edges up to `weight` were taken.
    #[inline]
    fn part_within(&self, mut node: u32, weight: f64) -> u32 {
        while self.at[node as usize] <= weight {
            node = self.taken_by[node as usize];
        }
        node
    }
}

/// Checks what a forest says about itself, and returns its edges sorted by weight, if they can be a forest's.
fn sorted_edges(n_nodes: usize, forest: &Forest, problems: &mut Vec<String>) -> Option<Vec<Edge>> {
    let n = n_nodes as u32;
    let is_edge = |edge: &&Edge| {
        edge.ends.iter().all(|&node| node < n) && edge.ends[0] != edge.ends[1] && edge.weight.is_finite()
    };
    if let Some(edge) = forest.edges.iter().find(|edge| !is_edge(edge)) {
        problems.push(format!("{edge:?} is no edge"));
        return None;
    }
    let components = n_nodes.checked_sub(forest.edges.len());
    if components != Some(forest.components) {
        let count = forest.edges.len();
        problems.push(format!("{count} edges over {n_nodes} nodes do not make {} trees", forest.components));
        return None;
    }
    let mut sorted = forest.edges.clone();
    sorted.sort_by(|a, b| a.weight.total_cmp(&b.weight));
    // The large weights of both signs last: they lose least.
    let mut weights: Vec<f64> = sorted.iter().map(|edge| edge.weight).collect();
    weights.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (sum, size) = weights.iter().fold((0.0, 0.0), |(sum, size), w| (sum + w, size + w.abs()));
    if (sum - forest.weight).abs() > 1e-9 * size {
        problems.push(format!("the edges weigh {sum}, not {}", forest.weight));
    }
    Some(sorted)
}

/// Adds the first of `found`, each told by `tell`, and how many more there are.
fn name_some<T>(problems: &mut Vec<String>, found: &[T], tell: impl Fn(&T) -> String) {
    problems.extend(found.iter().take(NAMED).map(tell));
    if found.len() > NAMED {
        problems.push(format!("and {} more like these", found.len() - NAMED));
    }
}
