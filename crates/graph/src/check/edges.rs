//! The cycle property of every edge of a graph.

use std::sync::atomic::{AtomicBool, Ordering};

use festina_types::SharedMemory;

use super::{ForestCheck, Growth, name_some, sorted_edges};
use crate::forest::{Edge, Forest};
use crate::graph::Graph;
use crate::parallel::map_parts;

/// Checks that `forest` is a minimum spanning forest of `graph`: that it consists of edges of the graph, closes no cycle,
/// joins what can be joined, and that no edge left out is lighter than one on the path between its ends.
///
/// O(m log n) time at worst, O(m) where parts grow unevenly, as they do in large random graphs.
///
/// ```
/// use festina_graph::{Edge, Forest, Graph, check};
/// # use festina_types::{SharedMemory, Workers};
/// # struct Serial;
/// # impl SharedMemory for Serial {
/// #     fn workers(&self) -> Workers { Workers::MIN }
/// #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
/// # }
///
/// let triangle = Graph::new(3, vec![[0, 1], [1, 2], [2, 0]], vec![1.0, 2.0, 3.0])?;
/// let edge = |a, b, weight| Edge { ends: [a, b], weight };
/// let path = Forest::new(3, vec![edge(0, 1, 1.0), edge(0, 2, 3.0)]);
/// let check = check::verify_forest(&triangle, &path, &Serial);
/// assert_eq!(check.problems, ["the edge 1–2 of weight 2 would be lighter than one on the path between its ends"]);
/// # Ok::<(), festina_graph::GraphError>(())
/// ```
pub fn verify_forest(graph: &Graph, forest: &Forest, memory: &dyn SharedMemory) -> ForestCheck {
    let mut problems = Vec::new();
    let Some(sorted) = sorted_edges(graph.n_nodes(), forest, &mut problems) else {
        return ForestCheck { problems };
    };
    let name = |node: u32| graph.labels().name(node);
    let tell =
        |edge: &Edge| format!("{}–{} of weight {}", name(edge.ends[0]), name(edge.ends[1]), edge.weight);
    let growth = match Growth::new(graph.n_nodes(), &sorted) {
        Ok(growth) => growth,
        Err(closing) => {
            name_some(&mut problems, &closing, |edge| format!("the edge {} closes a cycle", tell(edge)));
            return ForestCheck { problems };
        }
    };
    let rooted = Rooted::new(graph.n_nodes(), &sorted);
    let found: Vec<AtomicBool> = (0..graph.n_nodes()).map(|_| AtomicBool::new(false)).collect();
    let parts = map_parts(memory, graph.n_edges(), |part| {
        let edges = graph.ends()[part.clone()].iter().zip(&graph.weights()[part]);
        let edges = edges.map(|(&ends, &weight)| Edge { ends, weight });
        let mut lighter = Vec::new();
        for edge in edges {
            if let Some(child) = rooted.child(edge) {
                found[child as usize].store(true, Ordering::Relaxed);
            }
            let [a, b] = edge.ends.map(|node| growth.part_within(node, edge.weight));
            if a != b {
                lighter.push(edge);
            }
        }
        lighter
    });
    let found: Vec<bool> = found.into_iter().map(AtomicBool::into_inner).collect();
    let strangers: Vec<Edge> =
        rooted.edges().filter(|(child, _)| !found[*child]).map(|(_, edge)| edge).collect();
    name_some(&mut problems, &strangers, |edge| format!("the graph has no edge {}", tell(edge)));
    let lighter = parts.concat();
    name_some(&mut problems, &lighter, |edge| {
        let [a, b] = edge.ends.map(|node| growth.part_within(node, f64::MAX));
        match a == b {
            true => {
                format!("the edge {} would be lighter than one on the path between its ends", tell(edge))
            }
            false => format!("the edge {} would join two trees", tell(edge)),
        }
    });
    ForestCheck { problems }
}

/// A forest hung up at a root a tree, in which an edge is found by its child in constant time.
struct Rooted {
    /// The node above each, or itself.
    parent: Vec<u32>,
    /// What the edge to it weighs.
    weight: Vec<f64>,
}

impl Rooted {
    fn new(n_nodes: usize, edges: &[Edge]) -> Self {
        // The neighbours of node i are neighbours[first[i]..first[i + 1]].
        let mut first = vec![0_usize; n_nodes + 2];
        for node in edges.iter().flat_map(|edge| edge.ends) {
            first[node as usize + 2] += 1;
        }
        for node in 2..first.len() {
            first[node] += first[node - 1];
        }
        let mut neighbours = vec![(0, 0.0); 2 * edges.len()];
        for edge in edges {
            let [a, b] = edge.ends;
            for (node, other) in [(a, b), (b, a)] {
                let at = &mut first[node as usize + 1];
                neighbours[*at] = (other, edge.weight);
                *at += 1;
            }
        }
        let mut rooted = Self { parent: vec![u32::MAX; n_nodes], weight: vec![0.0; n_nodes] };
        let mut stack = Vec::new();
        for root in 0..n_nodes as u32 {
            if rooted.parent[root as usize] != u32::MAX {
                continue;
            }
            rooted.parent[root as usize] = root;
            stack.push(root);
            while let Some(node) = stack.pop() {
                for &(child, weight) in &neighbours[first[node as usize]..first[node as usize + 1]] {
                    if rooted.parent[child as usize] == u32::MAX {
                        rooted.parent[child as usize] = node;
                        rooted.weight[child as usize] = weight;
                        stack.push(child);
                    }
                }
            }
        }
        rooted
    }

    /// Returns the lower end of `edge`, if it is in the forest.
    #[inline]
    fn child(&self, edge: Edge) -> Option<u32> {
        let [a, b] = edge.ends;
        let is_up = |child: u32, parent: u32| {
            self.parent[child as usize] == parent
                && child != parent
                && self.weight[child as usize] == edge.weight
        };
        [(a, b), (b, a)].into_iter().find(|&(child, parent)| is_up(child, parent)).map(|(child, _)| child)
    }

    /// Returns the forest's edges, each with its lower end.
    fn edges(&self) -> impl Iterator<Item = (usize, Edge)> {
        let above = self.parent.iter().zip(&self.weight).enumerate();
        above
            .filter(|(child, (parent, _))| **parent as usize != *child)
            .map(|(child, (&parent, &weight))| (child, Edge { ends: [parent, child as u32], weight }))
    }
}
