//! The minimum spanning forest of a graph.

mod disjoint_sets;
mod kruskal;
mod order;

use festina_types::SharedMemory;
use serde::{Deserialize, Serialize};

pub(crate) use disjoint_sets::DisjointSets;

use crate::graph::Graph;

/// An edge of a forest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Its two nodes, counted from 0, the smaller one first.
    pub ends: [u32; 2],
    /// What it weighs.
    pub weight: f64,
}

/// A spanning forest: a tree for each component of a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    /// Its edges, the lightest first.
    pub edges: Vec<Edge>,
    /// The sum of the weights: exact and rounded once where they are integers below 2⁵³, else by compensated summation.
    pub weight: f64,
    /// The number of trees; a node without edges is one.
    pub components: usize,
}

impl Forest {
    /// Returns the forest over `n_nodes` nodes of `edges`, which close no cycle.
    pub fn new(n_nodes: usize, edges: Vec<Edge>) -> Self {
        let weight = total(edges.iter().map(|edge| edge.weight));
        Self { weight, components: n_nodes - edges.len().min(n_nodes), edges }
    }
}

/// Returns the minimum spanning forest of `graph`: of the edges of one weight, those that come first in the graph.
///
/// Filter-Kruskal: the lightest edges, some three for a node, are found by a threshold that a sample gives, sorted and
/// joined; the heavier ones whose ends have met by then are dropped unsorted, and the rest go through it again. About
/// O(m + n log² n) on graphs with random weights, O(m log m) at worst; 12 bytes an edge of the light part besides the graph.
///
/// Source: V. Osipov, P. Sanders and J. Singler, *The filter-Kruskal minimum spanning tree algorithm*, ALENEX 2009,
/// <https://doi.org/10.1137/1.9781611972894.5>.
///
/// ```
/// use festina_graph::{Graph, minimum_spanning_forest};
/// # use festina_types::{SharedMemory, Workers};
/// # struct Serial;
/// # impl SharedMemory for Serial {
/// #     fn workers(&self) -> Workers { Workers::MIN }
/// #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
/// # }
///
/// // A square with one diagonal, and a node by itself.
/// let ends = vec![[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]];
/// let graph = Graph::new(5, ends, vec![4.0, 1.0, 3.0, 2.0, 5.0])?;
/// let forest = minimum_spanning_forest(&graph, &Serial);
/// assert_eq!(forest.edges.iter().map(|edge| edge.ends).collect::<Vec<_>>(), [[1, 2], [0, 3], [2, 3]]);
/// assert_eq!((forest.weight, forest.components), (6.0, 2));
/// # Ok::<(), festina_graph::GraphError>(())
/// ```
pub fn minimum_spanning_forest(graph: &Graph, memory: &dyn SharedMemory) -> Forest {
    let edge = |chosen: u32| {
        let [a, b] = graph.ends()[chosen as usize];
        Edge { ends: [a.min(b), a.max(b)], weight: graph.weights()[chosen as usize] }
    };
    let edges = kruskal::forest(graph, memory).into_iter().map(edge).collect();
    Forest::new(graph.n_nodes(), edges)
}

/// Returns the sum of `values`.
///
/// Source: A. Neumaier, *Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen*, ZAMM 54, 1974.
pub(crate) fn total(values: impl Iterator<Item = f64> + Clone) -> f64 {
    const LARGEST: f64 = (1_u64 << 53) as f64;
    if values.clone().all(|value| value.fract() == 0.0 && value.abs() <= LARGEST) {
        return values.map(|value| value as i128).sum::<i128>() as f64;
    }
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_lose_nothing_that_a_float_can_hold() {
        assert_eq!(total([1e16, 1.0, -1e16].into_iter()), 1.0);
        assert_eq!(total([0.5, 1e100, 1.0, -1e100].into_iter()), 1.5);
        assert_eq!(total(std::iter::repeat_n(0.1, 10)), 1.0);
        assert_eq!(total(std::iter::empty()), 0.0);
    }
}
