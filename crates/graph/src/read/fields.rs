//! The fields of one line.

use crate::error::GraphError;
use festina_types::Place;

/// What is wrong with a line, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the error for line number `number`, which is `line`.
    pub(super) fn on(self, number: usize, line: &[u8]) -> GraphError {
        let before = String::from_utf8_lossy(&line[..self.at.min(line.len())]);
        let place = Place { line: number, column: before.chars().count() + 1 };
        let error = GraphError::text(place, self.message);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// A field and where in its line it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// What stands between fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// Any number of blanks and tabs.
    Blanks,
    /// One of these, with blanks around it; a field in double quotes may hold it.
    Byte(u8),
}

impl Separator {
    /// Returns what separates the fields of `line`.
    pub(super) fn of(line: &[u8]) -> Self {
        let separator = [b';', b',', b'\t'].into_iter().find(|byte| line.contains(byte));
        separator.map_or(Self::Blanks, Self::Byte)
    }
}

/// The fields of a line, from left to right.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    line: &'a [u8],
    at: usize,
    separator: Separator,
    is_done: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(line: &'a [u8], separator: Separator) -> Self {
        Self { line, at: 0, separator, is_done: false }
    }

    /// Returns the fields between blanks.
    pub(super) fn words(line: &'a [u8]) -> Self {
        Self::new(line, Separator::Blanks)
    }

    /// Returns the next field, or a fault that says that there is no `what`.
    pub(super) fn expect(&mut self, what: &str) -> Result<Field<'a>, Fault> {
        let end = self.line.len();
        self.next().ok_or_else(|| Fault::new(end, format!("the line ends where {what} should be")))
    }

    /// Requires that the line ends here.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.next() {
            None => Ok(()),
            Some(field) => Err(Fault::new(field.at, format!("{} is one field too many", field.quoted()))),
        }
    }

    fn word(&mut self) -> Option<Field<'a>> {
        let rest = &self.line[self.at..];
        let skip = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let start = self.at + skip;
        let length = rest[skip..].iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len() - skip);
        self.at = start + length;
        Some(Field { bytes: &self.line[start..self.at], at: start })
    }

    fn separated(&mut self, separator: u8) -> Option<Field<'a>> {
        if self.is_done {
            return None;
        }
        let start = self.at;
        let mut is_quoted = false;
        let end = self.line[start..].iter().position(|&byte| {
            is_quoted ^= byte == b'"';
            byte == separator && !is_quoted
        });
        let field = end.map_or(&self.line[start..], |end| &self.line[start..start + end]);
        self.is_done = end.is_none();
        self.at = start + field.len() + 1;
        let bytes = field.trim_ascii();
        Some(Field { bytes, at: start + (field.len() - field.trim_ascii_start().len()) })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        match self.separator {
            Separator::Blanks => self.word(),
            Separator::Byte(separator) => self.separated(separator),
        }
    }
}

impl Field<'_> {
    /// Returns the field as a text without its quotes.
    pub(super) fn text(&self) -> Result<String, Fault> {
        let text =
            std::str::from_utf8(self.bytes).map_err(|_| Fault::new(self.at, "the text is not UTF-8"))?;
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        Ok(inner.map_or_else(|| text.to_owned(), |inner| inner.replace("\"\"", "\"")))
    }

    /// Returns the field in quotes, for a message.
    pub(super) fn quoted(&self) -> String {
        let text = String::from_utf8_lossy(self.bytes);
        let is_long = text.chars().count() > 40;
        if is_long {
            format!("'{}…'", text.chars().take(39).collect::<String>())
        } else {
            format!("'{text}'")
        }
    }

    /// Returns the field as a whole number.
    pub(super) fn count(&self) -> Result<u64, Fault> {
        self.digits().ok_or_else(|| Fault::new(self.at, format!("{} is not a whole number", self.quoted())))
    }

    /// Returns the field as a number of at most 18 digits, if it is nothing else.
    #[inline]
    pub(super) fn digits(&self) -> Option<u64> {
        if self.bytes.is_empty() || self.bytes.len() > 18 || !self.bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(self.bytes.iter().fold(0, |number, digit| 10 * number + u64::from(digit - b'0')))
    }

    /// Returns the field as a finite number.
    #[inline]
    pub(super) fn weight(&self) -> Result<f64, Fault> {
        if let Some(number) = self.digits().filter(|number| *number < 1 << 53) {
            return Ok(number as f64);
        }
        let number = std::str::from_utf8(self.bytes).ok().and_then(|text| text.parse::<f64>().ok());
        match number {
            Some(number) if number.is_finite() => Ok(number),
            Some(_) => Err(Fault::new(self.at, format!("{} is not a finite number", self.quoted()))),
            None => Err(Fault::new(self.at, format!("{} is not a number", self.quoted()))),
        }
    }

    /// Returns the field as one of `n_nodes` nodes counted from 1, counted from 0.
    #[inline]
    pub(super) fn node(&self, n_nodes: usize) -> Result<u32, Fault> {
        match self.count()? {
            0 => Err(Fault::new(self.at, "there is no node 0").with_hint("nodes are counted from 1 here")),
            number if number > n_nodes as u64 => {
                Err(Fault::new(self.at, format!("there is no node {number}: the header says {n_nodes}")))
            }
            number => Ok((number - 1) as u32),
        }
    }
}
