//! METIS: a header `nodes edges [fmt [ncon]]`, then a line a node with its neighbours; `%` begins a comment.
//!
//! The digits of `fmt` say whether nodes have a size, whether they have `ncon` weights, whether edges have a weight. Every edge
//! is written at both of its ends.
//!
//! Source: G. Karypis, *METIS manual*, version 5.1, 2013, section 4.1.1.

use super::fields::{Fault, Fields};
use super::lines::{Edges, Lines};
use crate::error::GraphError;
use crate::graph::{Graph, Labels};
use festina_types::Place;

/// What the header says.
#[derive(Clone, Copy)]
struct Header {
    n_nodes: usize,
    n_edges: u64,
    /// Numbers before the neighbours.
    to_skip: usize,
    has_weights: bool,
}

pub(super) fn read(bytes: &[u8]) -> Result<Graph, GraphError> {
    let mut lines = Lines::new(bytes).filter(|(_, line)| !line.starts_with(b"%"));
    let (number, line) = lines.next().unwrap_or((1, b""));
    let header = header(line).map_err(|fault| fault.on(number, line))?;
    let mut edges = Edges::default();
    let mut both = BothEnds::default();
    let mut last = number;
    let mut node = 0;
    for (number, line) in lines {
        last = number;
        if node == header.n_nodes {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let message = format!("a line for node {} of {}", node + 1, header.n_nodes);
            return Err(Fault::new(0, message).on(number, line));
        }
        neighbours(header, node as u32, line, &mut edges, &mut both)
            .map_err(|fault| fault.on(number, line))?;
        node += 1;
    }
    let end = Place { line: last + 1, column: 1 };
    if node < header.n_nodes {
        let message = format!("the text ends after {node} of {} nodes", header.n_nodes);
        return Err(GraphError::text(end, message).with_hint("a node without neighbours has an empty line"));
    }
    if both.entries != 2 * header.n_edges {
        let message = format!(
            "{} neighbours are written, and {} edges have two ends each",
            both.entries, header.n_edges
        );
        return Err(GraphError::text(end, message).with_hint("every edge is written at both of its ends"));
    }
    if both.balance != 0 {
        let message = "some edge is written at one of its ends only, or with two weights";
        return Err(GraphError::text(end, message).with_hint("every edge is written at both of its ends"));
    }
    Ok(Graph::new(header.n_nodes, edges.ends, edges.weights)?.with_labels(Labels::From(1)))
}

fn header(line: &[u8]) -> Result<Header, Fault> {
    let mut words = Fields::words(line);
    let nodes = words.expect("the number of nodes")?;
    let n_nodes =
        usize::try_from(nodes.count()?).map_err(|_| Fault::new(nodes.at, "so many nodes do not fit"))?;
    let n_edges = words.expect("the number of edges")?.count()?;
    let (mut sizes, mut weights, mut has_weights) = (false, false, false);
    if let Some(format) = words.next() {
        let digits = format.bytes;
        if digits.len() > 3 || digits.iter().any(|digit| !b"01".contains(digit)) {
            return Err(Fault::new(format.at, format!("{} is not a format of METIS", format.quoted()))
                .with_hint("three digits of 0 and 1: node sizes, node weights, edge weights"));
        }
        let is_set = |place: usize| digits.len() >= place && digits[digits.len() - place] == b'1';
        (sizes, weights, has_weights) = (is_set(3), is_set(2), is_set(1));
    }
    let n_weights = words.next().map_or(Ok(1), |count| count.count())?;
    words.end()?;
    let to_skip = usize::from(sizes) + if weights { n_weights as usize } else { 0 };
    Ok(Header { n_nodes, n_edges, to_skip, has_weights })
}

/// What was written at both ends of edges.
#[derive(Default)]
struct BothEnds {
    entries: u64,
    /// The sum of a hash of every edge at its smaller end, less that at its larger end: 0 if both agree.
    balance: u64,
}

impl BothEnds {
    fn add(&mut self, node: u32, other: u32, weight: f64) {
        self.entries += 1;
        let ends = u64::from(node.min(other)) << 32 | u64::from(node.max(other));
        let hash = scramble(ends ^ scramble(weight.to_bits()));
        self.balance =
            if node < other { self.balance.wrapping_add(hash) } else { self.balance.wrapping_sub(hash) };
    }
}

/// Mixes the bits of `x` (the finaliser of `SplitMix64`, S. Vigna 2015).
fn scramble(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn neighbours(
    header: Header,
    node: u32,
    line: &[u8],
    edges: &mut Edges,
    both: &mut BothEnds,
) -> Result<(), Fault> {
    let mut fields = Fields::words(line);
    for _ in 0..header.to_skip {
        fields.expect("a weight or size of the node")?.weight()?;
    }
    while let Some(field) = fields.next() {
        let other = field.node(header.n_nodes)?;
        if other == node {
            return Err(Fault::new(field.at, "the node is its own neighbour").with_hint("METIS has no loops"));
        }
        let weight =
            if header.has_weights { fields.expect("the weight of the edge")?.weight()? } else { 1.0 };
        both.add(node, other, weight);
        if node < other {
            edges.push([node, other], weight);
        }
    }
    Ok(())
}
