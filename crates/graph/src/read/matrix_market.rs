//! Matrix Market: R. F. Boisvert, R. Pozo and K. A. Remington, *The Matrix Market exchange formats*, NIST IR 5935, 1996.

use festina_types::SharedMemory;

use super::fields::{Fault, Fields};
use super::lines::{Edges, Lines, expect_count};
use crate::error::GraphError;
use crate::graph::{Graph, Labels};

pub(super) fn read(bytes: &[u8], memory: &dyn SharedMemory) -> Result<Graph, GraphError> {
    let mut lines = Lines::new(bytes);
    let (number, banner) = lines.next().unwrap_or((1, b""));
    let has_weights = has_weights(banner).map_err(|fault| fault.on(number, banner))?;
    let mut size = (lines.number(), &b""[..]);
    for line in lines.by_ref() {
        size = line;
        if !is_comment(line.1) {
            break;
        }
    }
    let (n_nodes, n_entries) = shape(size.1).map_err(|fault| fault.on(size.0, size.1))?;
    let end = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let parts = lines.parse(memory, |edges: &mut Edges, line| {
        if is_comment(line) {
            return Ok(());
        }
        let mut fields = Fields::words(line);
        let row = fields.expect("a row")?.node(n_nodes)?;
        let column = fields.expect("a column")?.node(n_nodes)?;
        let weight = if has_weights { fields.expect("an entry")?.weight()? } else { 1.0 };
        fields.end()?;
        edges.push([row, column], weight);
        Ok(())
    })?;
    let edges = Edges::concat(parts);
    expect_count(edges.ends.len(), n_entries, "entries", end)?;
    Ok(Graph::new(n_nodes, edges.ends, edges.weights)?.with_labels(Labels::From(1)))
}

fn is_comment(line: &[u8]) -> bool {
    line.starts_with(b"%") || line.trim_ascii().is_empty()
}

/// Reads the banner, and returns whether entries have values.
fn has_weights(banner: &[u8]) -> Result<bool, Fault> {
    let mut words = Fields::words(banner);
    keyword(&mut words, "the banner", &["%%matrixmarket"])?;
    keyword(&mut words, "an object", &["matrix"])?;
    keyword(&mut words, "a format", &["coordinate"])?;
    let field = keyword(&mut words, "a field", &["real", "double", "integer", "pattern"])?;
    keyword(&mut words, "a symmetry", &["symmetric", "general"])?;
    Ok(field != "pattern")
}

/// Reads a word, which is one of `known`.
fn keyword<'k>(words: &mut Fields<'_>, what: &str, known: &[&'k str]) -> Result<&'k str, Fault> {
    let word = words.expect(what)?;
    let text = String::from_utf8_lossy(word.bytes).to_lowercase();
    known.iter().find(|known| **known == text).copied().ok_or_else(|| {
        Fault::new(word.at, format!("{} is not {what} that a graph has", word.quoted()))
            .with_hint(format!("one of: {}", known.join(", ")))
    })
}

/// Reads the line of the matrix's size, and returns its side and the number of its entries.
fn shape(line: &[u8]) -> Result<(usize, u64), Fault> {
    let mut words = Fields::words(line);
    let rows = words.expect("the number of rows")?.count()?;
    let columns = words.expect("the number of columns")?;
    if columns.count()? != rows {
        return Err(Fault::new(
            columns.at,
            format!("{rows} rows and {} columns are no graph", columns.count()?),
        )
        .with_hint("the matrix of a graph is square"));
    }
    let entries = words.expect("the number of entries")?.count()?;
    words.end()?;
    usize::try_from(rows).map(|n| (n, entries)).map_err(|_| Fault::new(0, "so many rows do not fit"))
}
