//! The lines of a text, parsed on all workers.

use festina_types::SharedMemory;

use super::fields::Fault;
use crate::error::GraphError;
use crate::parallel::{map, parts};

/// A part of a text that begins at the beginning of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    /// The number of the next line.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, number: 1 }
    }

    /// Returns the next line, without looking at what follows.
    pub(super) fn peek(&self) -> Option<(usize, &'a [u8])> {
        self.clone_next().map(|(line, _)| line)
    }

    fn clone_next(&self) -> Option<((usize, &'a [u8]), Self)> {
        let mut lines = *self;
        lines.next().map(|line| (line, lines))
    }

    /// Returns the number of the next line.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Calls `parse` with each remaining line on all workers, and returns what it made of them, a part of the lines each.
    ///
    /// # Errors
    ///
    /// The first fault in the order of the lines, with its place.
    pub(super) fn parse<T: Default + Send>(
        self,
        memory: &dyn SharedMemory,
        parse: impl Fn(&mut T, &'a [u8]) -> Result<(), Fault> + Sync,
    ) -> Result<Vec<T>, GraphError> {
        let parsed = map(memory, self.cut(memory), |lines| {
            let mut made = T::default();
            let mut count = 0;
            for (number, line) in lines {
                count += 1;
                parse(&mut made, line).map_err(|fault| (fault, number, line))?;
            }
            Ok((made, count))
        });
        // Each part counts its lines from 0: only those before know where it begins.
        let mut before = self.number;
        let mut parts = Vec::with_capacity(parsed.len());
        for part in parsed {
            match part {
                Ok((made, count)) => {
                    parts.push(made);
                    before += count;
                }
                Err((fault, number, line)) => return Err(fault.on(before + number, line)),
            }
        }
        Ok(parts)
    }

    /// Cuts the text between lines.
    fn cut(self, memory: &dyn SharedMemory) -> Vec<Self> {
        let mut rest = self.rest;
        let mut cut = Vec::new();
        for part in parts(memory, self.rest.len()) {
            let least = part.len().min(rest.len());
            let end =
                rest[least..].iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| least + at + 1);
            let (own, others) = rest.split_at(end);
            cut.push(Self { rest: own, number: 0 });
            rest = others;
        }
        cut
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let (line, rest) = end.map_or((self.rest, &[][..]), |end| (&self.rest[..end], &self.rest[end + 1..]));
        self.rest = rest;
        self.number += 1;
        Some((self.number - 1, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

/// Edges as they are read.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) ends: Vec<[u32; 2]>,
    pub(super) weights: Vec<f64>,
}

impl Edges {
    #[inline]
    pub(super) fn push(&mut self, ends: [u32; 2], weight: f64) {
        self.ends.push(ends);
        self.weights.push(weight);
    }

    /// Returns the edges of all parts, in their order.
    pub(super) fn concat(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.ends.extend(part.ends);
            all.weights.extend(part.weights);
        }
        all
    }
}

/// Requires as many entries as the header promised.
pub(super) fn expect_count(read: usize, promised: u64, what: &str, end: usize) -> Result<(), GraphError> {
    if read as u64 == promised {
        return Ok(());
    }
    let place = festina_types::Place { line: end, column: 1 };
    let error = GraphError::text(place, format!("{read} {what} are written, and the header says {promised}"));
    Err(error.with_hint("the file may be cut off, or its header wrong"))
}
