//! Links and products of sources.

use std::ffi::OsString;
use std::sync::Arc;

use super::{Row, Stream};
use crate::tasks::TaskError;

/// The rows of all sources, combined; see [`Inputs`](super::Inputs).
pub struct Rows {
    names: Arc<[String]>,
    /// The rows of the first group, streamed.
    first: Linked,
    current: Option<Row>,
    /// The rows of the others, held, and which of each is next.
    others: Vec<Vec<Row>>,
    counters: Vec<usize>,
    length: Option<u64>,
}

/// Sources whose rows go side by side.
struct Linked {
    streams: Vec<Stream>,
    is_done: bool,
}

impl Linked {
    fn next(&mut self) -> Option<Result<Row, TaskError>> {
        if self.is_done {
            return None;
        }
        let mut parts = Vec::with_capacity(self.streams.len());
        for stream in &mut self.streams {
            match stream.rows.next() {
                Some(Ok(row)) => parts.push(row),
                end => {
                    self.is_done = true;
                    return end;
                }
            }
        }
        // Without any source there is one task.
        self.is_done = self.streams.is_empty();
        Some(Ok(join(parts.iter())))
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.streams.iter().flat_map(|stream| stream.names.iter())
    }

    fn length(&self) -> Option<u64> {
        if self.streams.is_empty() {
            return Some(1);
        }
        // An unknown one may be the shortest.
        self.streams.iter().map(|stream| stream.length).collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

fn join<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Row {
    let mut one = rows.clone();
    if let (Some(row), None) = (one.next(), one.next()) {
        return row.clone();
    }
    let names: Vec<String> = rows.clone().flat_map(|row| row.names().iter().cloned()).collect();
    let values: Vec<OsString> = rows.flat_map(|row| row.values().iter().cloned()).collect();
    Row::new(names.into(), values)
}

impl Rows {
    /// Combines groups of linked streams.
    pub(super) fn combine(groups: Vec<Vec<Stream>>) -> Result<Self, TaskError> {
        let mut groups = groups.into_iter().map(|streams| Linked { streams, is_done: false });
        let first = groups.next().unwrap_or(Linked { streams: Vec::new(), is_done: false });
        let mut names: Vec<String> = first.names().cloned().collect();
        let mut length = first.length();
        let mut others = Vec::new();
        for mut group in groups {
            names.extend(group.names().cloned());
            let rows = std::iter::from_fn(|| group.next()).collect::<Result<Vec<_>, _>>()?;
            length = length.and_then(|length| length.checked_mul(rows.len() as u64));
            others.push(rows);
        }
        if let Some(index) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
            return Err(TaskError::ColumnTwice { name: names.swap_remove(index) });
        }
        let counters = vec![0; others.len()];
        Ok(Self { names: names.into(), first, current: None, others, counters, length })
    }

    /// Returns the names of the inputs, by position.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns how many rows there are in all; `None` where only reading them can tell.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Returns the row at the counters and moves them on, the last fastest.
    fn take(&mut self, first: Row) -> Row {
        let others = self.others.iter().zip(&self.counters).map(|(rows, &index)| &rows[index]);
        let mut row = join(std::iter::once(&first).chain(others).collect::<Vec<_>>().into_iter());
        if *row.shared_names() == self.names {
            row = Row::new(self.names.clone(), row.values().to_vec());
        }
        for index in (0..self.counters.len()).rev() {
            self.counters[index] += 1;
            if self.counters[index] < self.others[index].len() {
                self.current = Some(first);
                break;
            }
            self.counters[index] = 0;
        }
        row
    }
}

impl Iterator for Rows {
    type Item = Result<Row, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.others.iter().any(Vec::is_empty) {
            return None;
        }
        match self.current.take() {
            Some(first) => Some(Ok(self.take(first))),
            None => Some(self.first.next()?.map(|first| self.take(first))),
        }
    }
}
