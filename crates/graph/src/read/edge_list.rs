//! Edge lists: a line an edge.

use std::collections::HashMap;

use festina_types::SharedMemory;

use super::fields::{Fault, Field, Fields, Separator};
use super::lines::{Edges, Lines};
use crate::error::GraphError;
use crate::graph::{Graph, Labels, MAX_NODES};
use crate::parallel::for_each_part;

/// Which column holds what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    ends: [usize; 2],
    /// The weight's column, and whether every line must have it.
    weight: (usize, bool),
}

impl Columns {
    /// The first two fields of a line are its nodes, the third its weight, if it has one.
    const PLAIN: Self = Self { ends: [0, 1], weight: (2, false) };

    /// Returns the columns that a header names.
    fn named(header: &[u8], separator: Separator) -> Option<Self> {
        let names: Vec<Vec<u8>> = Fields::new(header, separator)
            .map(|field| field.bytes.to_ascii_lowercase().into_iter().filter(|&byte| byte != b'"').collect())
            .collect();
        let find = |known: &[&str]| names.iter().position(|name| known.iter().any(|k| k.as_bytes() == name));
        let pairs = [["from", "to"], ["source", "target"], ["src", "dst"], ["u", "v"], ["node1", "node2"]];
        let ends = pairs.into_iter().find_map(|[a, b]| Some([find(&[a])?, find(&[b])?]))?;
        let weight = find(&["weight", "cost", "length", "distance", "w"]);
        Some(Self { ends, weight: weight.map_or((usize::MAX, false), |column| (column, true)) })
    }

    /// Returns the nodes and the weight that `line` names.
    #[inline]
    fn pick<'a>(self, line: &'a [u8], separator: Separator) -> Result<([Field<'a>; 2], f64), Fault> {
        let mut found: [Option<Field<'a>>; 3] = [None; 3];
        let wanted = [self.ends[0], self.ends[1], self.weight.0];
        let mut count = 0;
        for (column, field) in Fields::new(line, separator).enumerate() {
            count = column + 1;
            for (slot, &wanted) in found.iter_mut().zip(&wanted) {
                if column == wanted {
                    *slot = Some(field);
                }
            }
        }
        let is_missing = self.weight.1 && found[2].is_none();
        let [Some(a), Some(b), weight] = found else { return Err(too_short(line, count)) };
        if is_missing {
            return Err(too_short(line, count));
        }
        if let Some(empty) = [a, b].iter().find(|field| field.bytes.is_empty()) {
            return Err(Fault::new(empty.at, "a node without a name"));
        }
        Ok(([a, b], weight.map_or(Ok(1.0), |weight| weight.weight())?))
    }
}

fn too_short(line: &[u8], count: usize) -> Fault {
    Fault::new(line.len(), format!("the line has {count} fields")).with_hint("a line an edge: FROM,TO,WEIGHT")
}

fn is_comment(line: &[u8]) -> bool {
    matches!(line.first(), None | Some(b'#' | b'%')) || line.trim_ascii().is_empty()
}

pub(super) fn read(bytes: &[u8], memory: &dyn SharedMemory) -> Result<Graph, GraphError> {
    let mut lines = Lines::new(bytes);
    while lines.peek().is_some_and(|(_, line)| is_comment(line)) {
        lines.next();
    }
    let (number, first) = lines.peek().unwrap_or((1, b""));
    let separator = Separator::of(first);
    let columns = match Columns::named(first, separator) {
        Some(columns) => {
            lines.next();
            columns
        }
        None => Columns::PLAIN,
    };
    if lines.clone().all(|(_, line)| is_comment(line)) {
        let fault = Fault::new(0, "there are no edges").with_hint("a line an edge: FROM,TO,WEIGHT");
        return Err(fault.on(number, first));
    }
    match numbered(lines, memory, columns, separator)? {
        Some(graph) => Ok(graph),
        None => named(lines, memory, columns, separator),
    }
}

/// Edges between numbers.
#[derive(Default)]
struct Numbered {
    ends: Vec<[u64; 2]>,
    weights: Vec<f64>,
    /// Whether some node is no number, so that the lines must be read again.
    is_named: bool,
}

/// Returns the graph whose nodes are called by numbers, or `None` if they are not.
fn numbered(
    lines: Lines<'_>,
    memory: &dyn SharedMemory,
    columns: Columns,
    separator: Separator,
) -> Result<Option<Graph>, GraphError> {
    let parts = lines.parse(memory, |edges: &mut Numbered, line| {
        if edges.is_named || is_comment(line) {
            return Ok(());
        }
        let (ends, weight) = columns.pick(line, separator)?;
        match ends.map(|end| canonical(&end)) {
            [Some(a), Some(b)] => {
                edges.ends.push([a, b]);
                edges.weights.push(weight);
            }
            _ => edges.is_named = true,
        }
        Ok(())
    })?;
    if parts.iter().any(|part| part.is_named) {
        return Ok(None);
    }
    let ends: Vec<&[u64]> = parts.iter().map(|part| part.ends.as_flattened()).collect();
    let numbers = distinct(&ends);
    let number = Numbers::new(&numbers, ends.iter().map(|ends| ends.len()).sum());
    let mut places = vec![[0_u32; 2]; ends.iter().map(|ends| ends.len() / 2).sum()];
    let mut first = 0;
    for part in &parts {
        for_each_part(memory, &mut places[first..first + part.ends.len()], |start, own| {
            for (places, ends) in own.iter_mut().zip(&part.ends[start..]) {
                *places = ends.map(|end| number.place(end));
            }
        });
        first += part.ends.len();
    }
    let weights = parts.into_iter().flat_map(|part| part.weights).collect();
    Ok(Some(Graph::new(numbers.len(), places, weights)?.with_labels(Labels::Numbers(numbers))))
}

/// Returns the field as a number if it is written as numbers are: `07` is a name of its own.
fn canonical(field: &Field<'_>) -> Option<u64> {
    if field.bytes.len() > 1 && field.bytes[0] == b'0' { None } else { field.digits() }
}

/// Numbers up to so many for each one that is written are looked up in a table.
const SPARSE: u64 = 4;

/// Returns the numbers that occur, in ascending order.
fn distinct(parts: &[&[u64]]) -> Vec<u64> {
    let written: u64 = parts.iter().map(|part| part.len() as u64).sum();
    let largest = parts.iter().flat_map(|part| part.iter()).copied().max().unwrap_or(0);
    if largest <= SPARSE * written + 1024 {
        let mut occurs = vec![false; largest as usize + 1];
        parts.iter().flat_map(|part| part.iter()).for_each(|&number| occurs[number as usize] = true);
        return (0..=largest).filter(|&number| occurs[number as usize]).collect();
    }
    let mut numbers = parts.concat();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Where each number stands in their order.
enum Numbers<'a> {
    Table(Vec<u32>),
    Sorted(&'a [u64]),
}

impl<'a> Numbers<'a> {
    fn new(numbers: &'a [u64], written: usize) -> Self {
        let largest = numbers.last().copied().unwrap_or(0);
        if largest > SPARSE * written as u64 + 1024 {
            return Self::Sorted(numbers);
        }
        let mut table = vec![0; largest as usize + 1];
        for (place, &number) in numbers.iter().enumerate() {
            table[number as usize] = place as u32;
        }
        Self::Table(table)
    }

    #[inline]
    fn place(&self, number: u64) -> u32 {
        match self {
            Self::Table(table) => table[number as usize],
            Self::Sorted(numbers) => numbers.partition_point(|&other| other < number) as u32,
        }
    }
}

/// An edge whose nodes are called by names.
type Named<'a> = ([Field<'a>; 2], f64);

/// Returns the graph whose nodes are called by names; they are numbered as they come.
fn named(
    lines: Lines<'_>,
    memory: &dyn SharedMemory,
    columns: Columns,
    separator: Separator,
) -> Result<Graph, GraphError> {
    let parts = lines.parse(memory, |edges: &mut Vec<Named<'_>>, line| {
        if !is_comment(line) {
            let (ends, weight) = columns.pick(line, separator)?;
            for end in ends {
                end.text()?;
            }
            edges.push((ends, weight));
        }
        Ok(())
    })?;
    let mut number: HashMap<&[u8], u32> = HashMap::new();
    let mut names = Vec::new();
    let mut edges = Edges::default();
    for (ends, weight) in parts.into_iter().flatten() {
        let ends = ends.map(|end| {
            *number.entry(end.bytes).or_insert_with(|| {
                names.push(end.text().expect("the text was read before"));
                (names.len() - 1).min(MAX_NODES) as u32
            })
        });
        edges.push(ends, weight);
    }
    Ok(Graph::new(names.len(), edges.ends, edges.weights)?.with_labels(Labels::Names(names)))
}
