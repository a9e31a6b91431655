//! What a spanning forest is sought of: a graph in any of its formats, or the points of any instance.

use std::collections::HashMap;
use std::str::FromStr;

use festina_graph::{Graph, Metric, Points};
use festina_route::{EARTH_RADIUS_M, Instance, Rule, Weights};
use festina_types::SharedMemory;

use crate::Error;

/// How the input is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MstFormat {
    /// A graph.
    Graph(festina_graph::Format),
    /// Points or a matrix, in any format of [`Instance`].
    Instance(festina_route::Format),
}

impl MstFormat {
    /// Returns the format that a file called `name` with the content `bytes` has.
    pub fn detect(name: &str, bytes: &[u8]) -> Self {
        use festina_graph::Format as Graph;
        use festina_route::Format as Instance;
        match (Graph::detect(name, bytes), Instance::detect(bytes)) {
            // A table of numbers without a header may be a matrix or edges: here it is edges.
            (Graph::EdgeList, Instance::MatrixCsv) => Self::Graph(Graph::EdgeList),
            (Graph::EdgeList, format) => Self::Instance(format),
            (format, _) => Self::Graph(format),
        }
    }
}

impl FromStr for MstFormat {
    type Err = Error;

    /// Reads the name of a format of graphs, or of instances.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(format) = text.parse() {
            return Ok(Self::Graph(format));
        }
        text.parse().map(Self::Instance).map_err(|_| {
            let graphs = festina_graph::Format::ALL.map(festina_graph::Format::name).join(", ");
            Error::input_with_hint(
                format!("'{text}' is not a format"),
                format!("graphs: {graphs}; points: csv, tsplib, geojson; matrices: matrix-csv, npy, tsplib"),
            )
        })
    }
}

/// A graph or points.
#[derive(Clone, Debug)]
pub enum MstInput {
    /// A graph.
    Graph {
        /// The name of the file.
        name: String,
        /// The graph.
        graph: Graph,
    },
    /// Points, of which every pair is an edge.
    Points {
        /// The points as they were read, with their names.
        instance: Box<Instance>,
        /// The points as they are measured.
        points: Points,
    },
}

/// Reads a graph or points from the content of a file; `name` is its name in messages.
///
/// # Errors
///
/// [`Error::Graph`] or [`Error::Route`] with the line and column; [`Error::Input`] for points that are not measured in
/// straight lines or on great circles, and for asymmetric matrices.
pub fn read_mst(
    name: &str,
    bytes: &[u8],
    format: MstFormat,
    memory: &dyn SharedMemory,
) -> Result<MstInput, Error> {
    let format = match format {
        MstFormat::Graph(format) => {
            return Ok(MstInput::Graph { name: name.to_owned(), graph: Graph::read(bytes, format, memory)? });
        }
        MstFormat::Instance(format) => format,
    };
    let instance = Instance::read(name, bytes, format)?;
    match instance.weights() {
        Weights::Matrix { .. } => Ok(MstInput::Graph { name: name.to_owned(), graph: complete(&instance)? }),
        Weights::Points { rule, points } => {
            let points = measured(&instance, *rule, points)?;
            Ok(MstInput::Points { instance: Box::new(instance), points })
        }
    }
}

/// Returns the points as a tree measures them: in straight lines, or in metres on great circles.
fn measured(instance: &Instance, rule: Rule, points: &[[f64; 3]]) -> Result<Points, Error> {
    match rule {
        Rule::Euclidean2 | Rule::Euclidean3 | Rule::Ceiling2 | Rule::Scaled2 { .. } => {
            Ok(Points::new(Metric::Euclidean, points.to_vec())?)
        }
        Rule::Geo | Rule::GreatCircle => {
            let drawn = instance.drawing().expect("points can be drawn");
            let at = drawn.into_iter().map(|[longitude, latitude]| [latitude, longitude, 0.0]).collect();
            Ok(Points::new(Metric::Sphere { radius: EARTH_RADIUS_M }, at)?)
        }
        _ => Err(Error::input_with_hint(
            "these points are measured neither in straight lines nor on great circles",
            "give the edges, or the points as CSV with x,y or lat,lon",
        )),
    }
}

/// Returns the complete graph of a symmetric matrix.
fn complete(instance: &Instance) -> Result<Graph, Error> {
    if !instance.is_symmetric() {
        return Err(Error::input_with_hint(
            "the matrix is not symmetric: a spanning tree has no directions",
            "give the weights that hold both ways",
        ));
    }
    let pairs = (0..instance.n()).flat_map(|a| (0..a).map(move |b| [b as u32, a as u32]));
    let ends: Vec<[u32; 2]> = pairs.collect();
    let weight = |&[a, b]: &[u32; 2]| instance.distance(a as usize, b as usize) as f64 * instance.unit();
    let weights = ends.iter().map(weight).collect();
    let names = (0..instance.n()).map(|city| instance.label(city)).collect();
    Ok(Graph::new(instance.n(), ends, weights)?.with_labels(festina_graph::Labels::Names(names)))
}

impl MstInput {
    /// Returns the graph of `n_nodes` nodes, counted from 0, with the edges `ends` that weigh `weights`; with `names`, its nodes
    /// are called so.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for an end that is no node, a weight that is not finite, or another number of weights than of edges;
    /// [`Error::Input`] for another number of names than of nodes.
    pub fn of_edges(
        name: &str,
        n_nodes: usize,
        ends: Vec<[u32; 2]>,
        weights: Vec<f64>,
        names: Option<Vec<String>>,
    ) -> Result<Self, Error> {
        let mut graph = Graph::new(n_nodes, ends, weights)?;
        if let Some(names) = names {
            if names.len() != n_nodes {
                return Err(Error::input(format!("{} names for {n_nodes} nodes", names.len())));
            }
            graph = graph.with_labels(festina_graph::Labels::Names(names));
        }
        Ok(Self::Graph { name: name.to_owned(), graph })
    }

    /// Returns the name of the input.
    pub fn name(&self) -> &str {
        match self {
            Self::Graph { name, .. } => name,
            Self::Points { instance, .. } => instance.name(),
        }
    }

    /// Returns the number of nodes.
    pub fn n_nodes(&self) -> usize {
        match self {
            Self::Graph { graph, .. } => graph.n_nodes(),
            Self::Points { points, .. } => points.n(),
        }
    }

    /// Returns the number of edges: of points, all pairs.
    pub fn n_edges(&self) -> u64 {
        match self {
            Self::Graph { graph, .. } => graph.n_edges() as u64,
            Self::Points { points, .. } => points.n() as u64 * (points.n() as u64 - 1) / 2,
        }
    }

    /// Returns the name of `node`, counted from 0.
    pub fn label(&self, node: u32) -> String {
        match self {
            Self::Graph { graph, .. } => graph.labels().name(node),
            Self::Points { instance, .. } => instance.label(node as usize),
        }
    }

    /// Returns the nodes by their names.
    pub(super) fn nodes_by_label(&self) -> HashMap<String, u32> {
        (0..self.n_nodes() as u32).map(|node| (self.label(node), node)).collect()
    }
}
