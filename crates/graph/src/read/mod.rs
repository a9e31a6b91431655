//! From bytes to a [`Graph`]: edge lists, Matrix Market, DIMACS, METIS.
//!
//! Nothing here touches a file: the caller reads the bytes. Lines are parsed on all workers; every error names the line and
//! the column.

mod dimacs;
mod edge_list;
mod fields;
mod lines;
mod matrix_market;
mod metis;

use std::str::FromStr;

use festina_types::SharedMemory;

use crate::error::GraphError;
use crate::graph::Graph;

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line an edge: two nodes, by name or number, and a weight (1 where there is none), separated by comma, semicolon, tab
    /// or blanks. With or without a header that names the columns (`from,to,weight`); `#` begins a comment.
    EdgeList,
    /// Matrix Market: a sparse symmetric matrix, or a general one as its entries stand; `real`, `integer` or `pattern`
    /// (weight 1). An entry of 0 is an edge of weight 0.
    MatrixMarket,
    /// DIMACS: `p KIND nodes edges`, then `a from to weight` or `e from to`.
    Dimacs,
    /// METIS: a line a node, with its neighbours and, where the header says so, their weights.
    Metis,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::EdgeList, Self::MatrixMarket, Self::Dimacs, Self::Metis];

    /// Returns the format's name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdgeList => "edges",
            Self::MatrixMarket => "matrix-market",
            Self::Dimacs => "dimacs",
            Self::Metis => "metis",
        }
    }

    /// Returns the format that a file called `name` with the content `bytes` has: what cannot be anything else is taken for
    /// an edge list.
    ///
    /// ```
    /// use festina_graph::Format;
    /// assert_eq!(Format::detect("a.mtx", b"%%MatrixMarket matrix coordinate"), Format::MatrixMarket);
    /// assert_eq!(Format::detect("roads", b"c the roads of X\np sp 3 2\n"), Format::Dimacs);
    /// assert_eq!(Format::detect("mesh.graph", b"3 2\n2\n1 3\n2\n"), Format::Metis);
    /// assert_eq!(Format::detect("edges.csv", b"a,b,1\n"), Format::EdgeList);
    /// ```
    pub fn detect(name: &str, bytes: &[u8]) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let starts =
            |text: &[u8]| bytes.len() >= text.len() && bytes[..text.len()].eq_ignore_ascii_case(text);
        match ending.as_str() {
            _ if starts(b"%%MatrixMarket") => Self::MatrixMarket,
            "mtx" => Self::MatrixMarket,
            "graph" | "metis" => Self::Metis,
            "gr" | "col" | "dimacs" => Self::Dimacs,
            _ if dimacs::is_begun_by(bytes) => Self::Dimacs,
            _ => Self::EdgeList,
        }
    }
}

impl FromStr for Format {
    type Err = GraphError;

    /// Reads `edges`, `matrix-market`, `dimacs`, `metis`.
    fn from_str(text: &str) -> Result<Self, GraphError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            GraphError::graph(format!("'{text}' is not a format of graphs"))
                .with_hint(format!("one of {}", names.join(", ")))
        })
    }
}

impl Graph {
    /// Reads a graph written in `format`.
    ///
    /// ```
    /// use festina_graph::{Format, Graph};
    /// # use festina_types::{SharedMemory, Workers};
    /// # struct Serial;
    /// # impl SharedMemory for Serial {
    /// #     fn workers(&self) -> Workers { Workers::MIN }
    /// #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
    /// # }
    ///
    /// let graph = Graph::read(b"Ulm,Bonn,417\nBonn,Kiel,497.5\n", Format::EdgeList, &Serial)?;
    /// assert_eq!((graph.n_nodes(), graph.weights()), (3, &[417.0, 497.5][..]));
    /// assert_eq!(graph.labels().name(2), "Kiel");
    /// let error = Graph::read(b"Ulm,Bonn,417\nBonn,Kiel,far\n", Format::EdgeList, &Serial).unwrap_err();
    /// assert_eq!(error.to_string(), "line 2, column 11: 'far' is not a number");
    /// # Ok::<(), festina_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`GraphError::Text`] with the place where reading failed, or [`GraphError::Graph`] for what is too large.
    pub fn read(bytes: &[u8], format: Format, memory: &dyn SharedMemory) -> Result<Self, GraphError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match format {
            Format::EdgeList => edge_list::read(bytes, memory),
            Format::MatrixMarket => matrix_market::read(bytes, memory),
            Format::Dimacs => dimacs::read(bytes, memory),
            Format::Metis => metis::read(bytes),
        }
    }
}
