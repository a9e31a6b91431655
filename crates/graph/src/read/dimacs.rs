//! DIMACS: `c` comments, one `p KIND nodes edges`, then `a from to weight` (shortest paths) or `e from to` (colouring).
//!
//! Source: the 9th DIMACS implementation challenge, <http://www.diag.uniroma1.it/challenge9/format.shtml>.

use festina_types::SharedMemory;

use super::fields::{Fault, Fields};
use super::lines::{Edges, Lines, expect_count};
use crate::error::GraphError;
use crate::graph::{Graph, Labels};

/// Returns whether the first line that is no comment states a problem.
pub(super) fn is_begun_by(bytes: &[u8]) -> bool {
    let mut lines = Lines::new(bytes).map(|(_, line)| line).filter(|line| !is_comment(line));
    lines.next().is_some_and(|line| line.starts_with(b"p ") && Fields::words(line).count() == 4)
}

pub(super) fn read(bytes: &[u8], memory: &dyn SharedMemory) -> Result<Graph, GraphError> {
    let mut lines = Lines::new(bytes);
    let problem = lines.by_ref().find(|(_, line)| !is_comment(line));
    let (number, line) = problem.unwrap_or((lines.number(), b""));
    let (n_nodes, n_edges) = shape(line).map_err(|fault| fault.on(number, line))?;
    let end = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let parts = lines.parse(memory, |edges: &mut Edges, line| {
        if is_comment(line) {
            return Ok(());
        }
        let mut fields = Fields::words(line);
        let kind = fields.expect("a line")?;
        if kind.bytes != b"a" && kind.bytes != b"e" {
            let message = format!("{} begins no line of edges", kind.quoted());
            return Err(Fault::new(kind.at, message).with_hint("a FROM TO WEIGHT, or e FROM TO"));
        }
        let from = fields.expect("a node")?.node(n_nodes)?;
        let to = fields.expect("a node")?.node(n_nodes)?;
        let weight = match (fields.next(), kind.bytes) {
            (Some(weight), _) => weight.weight()?,
            (None, b"e") => 1.0,
            (None, _) => return Err(Fault::new(line.len(), "the line ends where a weight should be")),
        };
        fields.end()?;
        edges.push([from, to], weight);
        Ok(())
    })?;
    let edges = Edges::concat(parts);
    expect_count(edges.ends.len(), n_edges, "edges", end)?;
    Ok(Graph::new(n_nodes, edges.ends, edges.weights)?.with_labels(Labels::From(1)))
}

fn is_comment(line: &[u8]) -> bool {
    line == b"c" || line.starts_with(b"c ") || line.starts_with(b"c\t") || line.trim_ascii().is_empty()
}

/// Reads `p KIND nodes edges`.
fn shape(line: &[u8]) -> Result<(usize, u64), Fault> {
    let mut words = Fields::words(line);
    let problem = words.expect("the problem line 'p'")?;
    if problem.bytes != b"p" {
        let message = format!("{} stands where the problem line should be", problem.quoted());
        return Err(Fault::new(problem.at, message).with_hint("p sp NODES EDGES"));
    }
    words.expect("the kind of problem")?;
    let nodes = words.expect("the number of nodes")?;
    let n_nodes = nodes.count()?;
    let n_edges = words.expect("the number of edges")?.count()?;
    words.end()?;
    usize::try_from(n_nodes)
        .map(|n| (n, n_edges))
        .map_err(|_| Fault::new(nodes.at, "so many nodes do not fit"))
}
