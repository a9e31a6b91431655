//! `festina solve mst`: minimum spanning forests of graphs, and trees of points.

mod drawing;
mod input;

use std::fmt::Write;
use std::time::Instant;

use festina_graph::{Edge, Forest, Graph, check, euclidean_spanning_tree, minimum_spanning_forest};
use festina_report::{Block, Cell, Column, Report, Table, Unit};
use festina_types::{Finding, Seconds, Severity, SharedMemory, Workers};
use serde::Serialize;

pub use input::{MstFormat, MstInput, read_mst};

use crate::{Error, Versioned, versioned};

/// Up to so many edges are shown on a screen.
const SHOWN: usize = 20;

/// A minimum spanning forest, and what an independent checker says of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MstResult {
    /// The name of the input.
    pub name: String,
    /// The number of nodes.
    pub nodes: usize,
    /// The number of edges of the graph; all pairs where it is of points.
    pub edges: u64,
    /// The number of trees.
    pub components: usize,
    /// What all edges of the forest weigh together.
    pub weight: f64,
    /// The forest's edges, the lightest first: the names of both nodes, and the weight.
    pub tree: Vec<(String, String, f64)>,
    /// The number of workers.
    pub workers: Workers,
    /// The time that the forest took, once the input was read, in seconds.
    pub elapsed_s: f64,
    /// The time that the check took, in seconds.
    pub check_s: f64,
    /// Whether the checker, which shares no code with the solver, finds the forest minimum and spanning.
    pub is_verified: bool,
    #[serde(skip)]
    forest: Forest,
}

/// Finds the minimum spanning forest of `input`, and checks it.
///
/// # Panics
///
/// Panics if the forest is not what it claims to be: a bug of ours, never shown as an answer.
pub fn solve_mst(input: &MstInput, memory: &dyn SharedMemory) -> MstResult {
    let begin = Instant::now();
    let forest = match input {
        MstInput::Graph { graph, .. } => minimum_spanning_forest(graph, memory),
        MstInput::Points { points, .. } => euclidean_spanning_tree(points, memory),
    };
    let elapsed_s = begin.elapsed().as_secs_f64();
    let problems = problems(input, &forest, memory);
    assert!(problems.is_empty(), "the forest is not what its solver claims: {problems:?}");
    let name = |edge: &Edge| (input.label(edge.ends[0]), input.label(edge.ends[1]), edge.weight);
    MstResult {
        name: input.name().to_owned(),
        nodes: input.n_nodes(),
        edges: input.n_edges(),
        components: forest.components,
        weight: forest.weight,
        tree: forest.edges.iter().map(name).collect(),
        workers: memory.workers(),
        elapsed_s,
        check_s: begin.elapsed().as_secs_f64() - elapsed_s,
        is_verified: true,
        forest,
    }
}

fn problems(input: &MstInput, forest: &Forest, memory: &dyn SharedMemory) -> Vec<String> {
    match input {
        MstInput::Graph { graph, .. } => check::verify_forest(graph, forest, memory).problems,
        MstInput::Points { points, .. } => check::verify_tree(points, forest, memory).problems,
    }
}

/// Says what is wrong with the forest that an edge list describes, as a minimum spanning forest of `input`; nothing if it
/// is right. Nodes are called as in the input, and edges have their weights.
///
/// # Errors
///
/// [`Error::Graph`] if `bytes` are no edge list; [`Error::Input`] for a node that the input does not have.
pub fn verify_mst(input: &MstInput, bytes: &[u8], memory: &dyn SharedMemory) -> Result<Vec<String>, Error> {
    let list = Graph::read(bytes, festina_graph::Format::EdgeList, memory)?;
    let nodes = input.nodes_by_label();
    let find = |node: u32| {
        let label = list.labels().name(node);
        nodes.get(&label).copied().ok_or_else(|| {
            Error::input_with_hint(
                format!("{} has no node '{label}'", input.name()),
                "a line an edge: FROM,TO,WEIGHT, with nodes called as in the input",
            )
        })
    };
    let edge = |(&[a, b], &weight): (&[u32; 2], &f64)| {
        let (a, b) = (find(a)?, find(b)?);
        Ok(Edge { ends: [a.min(b), a.max(b)], weight })
    };
    let edges = list.ends().iter().zip(list.weights()).map(edge).collect::<Result<Vec<Edge>, Error>>()?;
    Ok(problems(input, &Forest::new(input.n_nodes(), edges), memory))
}

impl MstResult {
    /// Returns the nodes of each edge of [`tree`](Self::tree), counted from 0 as they are in the input.
    pub fn ends(&self) -> impl Iterator<Item = [u32; 2]> + '_ {
        self.forest.edges.iter().map(|edge| edge.ends)
    }

    /// Returns the result as JSON of the schema `festina.mst/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.mst/1", self)
    }

    /// Returns the forest as CSV: `from,to,weight`, the lightest edge first.
    pub fn to_csv(&self) -> String {
        let mut text = "from,to,weight\n".to_owned();
        for (from, to, weight) in &self.tree {
            let _ = writeln!(text, "{},{},{weight}", field(from), field(to));
        }
        text
    }
}

/// Returns `name` as a field of CSV.
fn field(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\"")).into()
    } else {
        name.into()
    }
}

/// Returns `result` for people: weight and number of trees, the edges where they are few, and a map of points.
pub fn mst_report(input: &MstInput, result: &MstResult) -> Report {
    let weight = Unit::Number.format(result.weight);
    let what = match result.components {
        1 => "a spanning tree".to_owned(),
        trees => format!("a forest of {trees} trees"),
    };
    let mut report = Report::new(format!("{} nodes, {what} of weight {weight}", result.nodes));
    report.subtitle = result.name.clone();
    let heaviest = result.tree.last().map_or("none".to_owned(), |(from, to, weight)| {
        format!("{from} – {to}, {}", Unit::Number.format(*weight))
    });
    let edges = match input {
        MstInput::Graph { .. } => format!("{} of {}", result.tree.len(), result.edges),
        MstInput::Points { .. } => format!("{} of {} pairs", result.tree.len(), result.edges),
    };
    let pairs = [
        ("weight", result.weight.to_string()),
        ("edges", edges),
        ("heaviest edge", heaviest),
        ("workers", result.workers.to_string()),
        ("time", Seconds(result.elapsed_s).to_string()),
        (
            "checked",
            format!(
                "minimum and spanning, by a checker that shares no code with the solver, in {}",
                Seconds(result.check_s)
            ),
        ),
    ];
    report.push(Block::key_values(pairs));
    if result.tree.len() <= SHOWN && !result.tree.is_empty() {
        report.push(table(result));
    }
    if let MstInput::Points { instance, .. } = input {
        report.blocks.extend(drawing::map(instance, &result.forest).map(Block::from));
    }
    if result.components > 1 {
        let message = format!("the graph is not connected: it falls into {} parts", result.components);
        report.push(vec![Finding::new(Severity::Note, "not-connected", message)]);
    }
    report
}

fn table(result: &MstResult) -> Table {
    let columns = [Column::text("from"), Column::text("to"), Column::number("weight", Unit::Number)];
    let mut table = Table::new(columns).with_caption("The forest, its lightest edge first");
    for (from, to, weight) in &result.tree {
        table.row([Cell::text(from), Cell::text(to), Cell::number(*weight)]);
    }
    table
}
