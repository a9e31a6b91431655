//! Graphs: reading them, minimum spanning forests of edges and of points, and an independent checker.
//!
//! Nothing here does I/O, reads a clock or starts a thread: bytes come in, and loops run on the
//! [`SharedMemory`](festina_types::SharedMemory) that is handed over. The answer is the same on any number of workers.
//!
//! ```text
//! bytes ── Graph::read ──▶ Graph  ── minimum_spanning_forest ──▶ Forest ── check::verify_forest ──▶ ForestCheck
//!                          Points ── euclidean_spanning_tree ──▶ Forest ── check::verify_tree ────▶ ForestCheck
//! ```
//!
//! ```
//! use festina_graph::{Format, Graph, check, minimum_spanning_forest};
//! # use festina_types::{SharedMemory, Workers};
//! # struct Serial;
//! # impl SharedMemory for Serial {
//! #     fn workers(&self) -> Workers { Workers::MIN }
//! #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
//! # }
//!
//! let table = b"from,to,cost\nA,B,1\nB,C,2\nC,A,3\n";
//! let graph = Graph::read(table, Format::EdgeList, &Serial)?;
//! let forest = minimum_spanning_forest(&graph, &Serial);
//! assert_eq!((forest.weight, forest.components), (3.0, 1));
//! assert!(check::verify_forest(&graph, &forest, &Serial).is_right());
//! # Ok::<(), festina_graph::GraphError>(())
//! ```

pub mod check;
mod error;
mod forest;
mod graph;
mod parallel;
mod points;
mod read;

pub use error::GraphError;
pub use forest::{Edge, Forest, minimum_spanning_forest};
pub use graph::{Graph, Labels, MAX_EDGES, MAX_NODES};
pub use points::kd_tree::KdTree;
pub use points::{Metric, Points, euclidean_spanning_tree};
pub use read::Format;
