//! Where the inputs of tasks come from: arguments, lines, tables, files by pattern, ranges, and their combinations.
//!
//! Inputs are streamed: of the first source a row at a time is in memory, however long it is. The others of a product
//! are held, since each of their rows is used again and again.

mod combine;
mod lines;
mod pattern;
mod range;
mod row;
mod table;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

pub use combine::Rows;
pub use range::Range;
pub use row::Row;

use super::TaskError;

/// A source of inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// These values: what stands after `:::`.
    Values(Vec<OsString>),
    /// The lines of a text, or what lies between other bytes: `find -print0` ends names in 0.
    Lines {
        /// The text.
        origin: Origin,
        /// The byte that ends a line.
        end: u8,
    },
    /// The rows of a table; placeholders name its columns.
    Table {
        /// The table.
        origin: Origin,
        /// How it is written.
        format: TableFormat,
    },
    /// The files that match a pattern such as `data/**/*.csv`, in alphabetical order.
    Pattern(String),
    /// Numbers.
    Range(Range),
}

/// Where text is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

/// How a table is written. CSV and TSV have the columns' names in their first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values (RFC 4180): quoted fields may hold commas, quotes and line ends.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// A JSON object a line. Strings give their text, other values stay as they are written, null is empty.
    JsonLines,
}

impl Origin {
    fn open(&self) -> Result<Box<dyn Read + Send>, TaskError> {
        match self {
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(source) => Err(self.unreadable(source)),
            },
            Self::StandardInput => Ok(Box::new(io::stdin())),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".to_owned(),
        }
    }

    pub(super) fn unreadable(&self, source: io::Error) -> TaskError {
        TaskError::Read { origin: self.name(), source }
    }
}

impl Source {
    /// Returns the lines of a file.
    pub fn lines(path: impl Into<PathBuf>) -> Self {
        Self::Lines { origin: Origin::File(path.into()), end: b'\n' }
    }

    fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Lines { origin, .. } | Self::Table { origin, .. } => Some(origin),
            _ => None,
        }
    }

    /// Returns the names of its columns and its rows; `unnamed` is the name of the only column where it has no own.
    fn open(&self, unnamed: &str) -> Result<Stream, TaskError> {
        let single = |values: Box<dyn Iterator<Item = Result<OsString, TaskError>> + Send>, length| {
            let names: Arc<[String]> = Arc::new([unnamed.to_owned()]);
            let of_row = names.clone();
            let rows = values.map(move |value| Ok(Row::new(of_row.clone(), vec![value?])));
            Stream { names, rows: Box::new(rows), length }
        };
        Ok(match self {
            Self::Values(values) => {
                single(Box::new(values.clone().into_iter().map(Ok)), Some(values.len() as u64))
            }
            Self::Lines { origin, end } => single(Box::new(lines::read(origin, *end)?), None),
            Self::Table { origin, format: TableFormat::JsonLines } => table::json_lines(origin)?,
            Self::Table { origin, format } => table::separated(origin, *format)?,
            Self::Pattern(pattern) => {
                let files = pattern::files(pattern)?;
                let length = files.len() as u64;
                single(Box::new(files.into_iter().map(Ok)), Some(length))
            }
            Self::Range(range) => {
                let length = range.len();
                single(Box::new(range.clone().map(|number| Ok(number.into()))), Some(length))
            }
        })
    }
}

/// The rows of one source.
struct Stream {
    names: Arc<[String]>,
    rows: Box<dyn Iterator<Item = Result<Row, TaskError>> + Send>,
    length: Option<u64>,
}

/// Sources and how they are combined: all combinations (`:::`) of groups whose members are linked (`:::+`).
///
/// ```
/// use festina_run::tasks::{Inputs, Source};
///
/// let values = |text: &str| Source::Values(text.split(' ').map(Into::into).collect());
/// let rows = Inputs::new().product(values("a b")).product(values("1 2")).link(values("one two")).open()?;
/// let rows: Vec<_> = rows.map(|row| row.unwrap().to_string()).collect();
/// assert_eq!(rows, ["a 1 one", "a 2 two", "b 1 one", "b 2 two"]);
/// # Ok::<(), festina_run::tasks::TaskError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    groups: Vec<Vec<Source>>,
}

impl Inputs {
    /// Returns inputs without any source: one task without inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns all combinations of what there is with the rows of `source`, which vary fastest.
    #[must_use]
    pub fn product(mut self, source: Source) -> Self {
        self.groups.push(vec![source]);
        self
    }

    /// Returns the inputs with `source` linked to the source before it: first row with first row and so on, up to
    /// the end of the shorter.
    #[must_use]
    pub fn link(mut self, source: Source) -> Self {
        match self.groups.last_mut() {
            Some(group) => group.push(source),
            None => self.groups.push(vec![source]),
        }
        self
    }

    /// Returns whether there is no source.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Returns whether a source is read from standard input.
    pub fn reads_standard_input(&self) -> bool {
        let mut sources = self.groups.iter().flatten();
        sources.any(|source| source.origin() == Some(&Origin::StandardInput))
    }

    /// Opens the sources and returns their rows.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if a source cannot be opened or its first row is not what it should be, if two columns have
    /// the same name, or if standard input is wanted twice.
    pub fn open(&self) -> Result<Rows, TaskError> {
        let sources = || self.groups.iter().flatten();
        let from_input = sources().filter(|source| source.origin() == Some(&Origin::StandardInput));
        if from_input.count() > 1 {
            return Err(TaskError::InputTwice);
        }
        let n_sources = sources().count();
        let mut index = 0;
        let mut groups = Vec::new();
        for group in &self.groups {
            let mut streams = Vec::new();
            for source in group {
                index += 1;
                let unnamed = if n_sources == 1 { "input".to_owned() } else { format!("input{index}") };
                streams.push(source.open(&unnamed)?);
            }
            groups.push(streams);
        }
        Rows::combine(groups)
    }
}
