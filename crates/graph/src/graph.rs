//! An undirected graph as a list of weighted edges.

use crate::error::GraphError;

/// The most nodes of a graph: numbers of nodes take 32 bits.
pub const MAX_NODES: usize = u32::MAX as usize - 1;

/// The most edges of a graph: numbers of edges take 32 bits.
pub const MAX_EDGES: usize = u32::MAX as usize - 1;

/// An undirected graph: edge `i` joins the nodes `ends()[i]` and weighs `weights()[i]`.
///
/// Loops and parallel edges are kept. Weights are finite. Ends and weights lie apart, eight bytes each an edge, since most
/// steps of an algorithm read only one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    n_nodes: usize,
    ends: Vec<[u32; 2]>,
    weights: Vec<f64>,
    labels: Labels,
}

/// The names of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Nodes are counted from this number on.
    From(u64),
    /// Nodes have these numbers.
    Numbers(Vec<u64>),
    /// Nodes have these names.
    Names(Vec<String>),
}

impl Graph {
    /// Returns the graph of `n_nodes` nodes, counted from 0, with the edges `ends` that weigh `weights`.
    ///
    /// ```
    /// let square = vec![[0, 1], [1, 2], [2, 3], [3, 0]];
    /// let graph = festina_graph::Graph::new(4, square, vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!((graph.n_nodes(), graph.n_edges()), (4, 4));
    /// # Ok::<(), festina_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`GraphError::Graph`] for more than [`MAX_NODES`] nodes or [`MAX_EDGES`] edges, an end that is no node, a weight
    /// that is not finite, or another number of weights than of edges.
    pub fn new(n_nodes: usize, ends: Vec<[u32; 2]>, weights: Vec<f64>) -> Result<Self, GraphError> {
        if n_nodes > MAX_NODES || ends.len() > MAX_EDGES {
            let message = format!("{n_nodes} nodes and {} edges are too many", ends.len());
            return Err(GraphError::graph(message).with_hint(format!("at most {MAX_NODES} of each")));
        }
        if weights.len() != ends.len() {
            return Err(GraphError::graph(format!("{} weights for {} edges", weights.len(), ends.len())));
        }
        let is_stranger = |ends: &&[u32; 2]| ends.iter().any(|&node| node as usize >= n_nodes);
        if let Some([a, b]) = ends.iter().find(is_stranger) {
            return Err(GraphError::graph(format!("an edge joins {a} and {b}, of {n_nodes} nodes")));
        }
        if let Some(weight) = weights.iter().find(|weight| !weight.is_finite()) {
            return Err(GraphError::graph(format!("an edge weighs {weight}")));
        }
        Ok(Self { n_nodes, ends, weights, labels: Labels::From(0) })
    }

    /// Returns the graph with names for its nodes; a list must have one for each.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// Returns the number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Returns the number of edges.
    pub fn n_edges(&self) -> usize {
        self.ends.len()
    }

    /// Returns the two nodes of each edge.
    pub fn ends(&self) -> &[[u32; 2]] {
        &self.ends
    }

    /// Returns the weight of each edge.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns the names of the nodes.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl Labels {
    /// Returns the name of `node`, counted from 0.
    pub fn name(&self, node: u32) -> String {
        match self {
            Self::From(first) => (first + u64::from(node)).to_string(),
            Self::Numbers(numbers) => numbers[node as usize].to_string(),
            Self::Names(names) => names[node as usize].clone(),
        }
    }
}
