//! The rows of tables: CSV, TSV and JSON lines.

use std::ffi::OsString;
use std::fmt;
use std::io::BufReader;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Origin, Row, Stream, TableFormat, lines};
use crate::tasks::TaskError;

/// Reads CSV or TSV with the columns' names in its first row.
pub(super) fn separated(origin: &Origin, format: TableFormat) -> Result<Stream, TaskError> {
    let is_tsv = format == TableFormat::Tsv;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if is_tsv { b'\t' } else { b',' })
        // TSV has no quotes: a field that begins with one is just text.
        .quoting(!is_tsv)
        .from_reader(BufReader::with_capacity(64 << 10, origin.open()?));
    let header = reader.byte_headers().map_err(|error| malformed(origin, error))?;
    let names: Arc<[String]> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.is_empty() {
        let message = "the table has no first row with the names of its columns".to_owned();
        return Err(TaskError::Malformed { origin: origin.name(), line: 1, column: 1, message });
    }
    let (of_row, origin) = (names.clone(), origin.clone());
    let rows = reader.into_byte_records().map(move |record| {
        let record = record.map_err(|error| malformed(&origin, error))?;
        let values = record.iter().map(|field| OsString::from_vec(field.to_vec())).collect();
        Ok(Row::new(of_row.clone(), values))
    });
    Ok(Stream { names, rows: Box::new(rows), length: None })
}

fn malformed(origin: &Origin, error: csv::Error) -> TaskError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields, the first row has {expected_len}")
        }
        _ => error.to_string(),
    };
    match error.into_kind() {
        csv::ErrorKind::Io(source) => origin.unreadable(source),
        _ => TaskError::Malformed { origin: origin.name(), line, column: 1, message },
    }
}

/// Reads a JSON object a line; the keys of the first are the columns.
pub(super) fn json_lines(origin: &Origin) -> Result<Stream, TaskError> {
    let mut rows =
        Objects { lines: lines::read(origin, b'\n')?, origin: origin.clone(), line: 0, names: Arc::new([]) };
    let first = rows.next().transpose()?;
    let names = rows.names.clone();
    let rows = first.into_iter().map(Ok).chain(rows);
    Ok(Stream { names, rows: Box::new(rows), length: None })
}

struct Objects {
    lines: lines::Lines,
    origin: Origin,
    line: u64,
    /// The keys of the last object: rows with the same keys share them.
    names: Arc<[String]>,
}

impl Objects {
    fn row(&mut self, line: &[u8]) -> Result<Row, TaskError> {
        let fail = |column: usize, message: String| TaskError::Malformed {
            origin: self.origin.name(),
            line: self.line,
            column: column.max(1) as u64,
            message,
        };
        let Object(pairs) = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            fail(error.column(), format!("not a JSON object: {message}"))
        })?;
        let (names, values): (Vec<String>, Vec<OsString>) = pairs.into_iter().unzip();
        if let Some(name) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
            return Err(fail(1, format!("the key '{}' is there twice", names[name])));
        }
        if *names != *self.names {
            self.names = names.into();
        }
        Ok(Row::new(self.names.clone(), values))
    }
}

impl Iterator for Objects {
    type Item = Result<Row, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line += 1;
            match self.lines.next()? {
                Ok(line) if line.as_encoded_bytes().trim_ascii().is_empty() => {}
                Ok(line) => return Some(self.row(line.as_encoded_bytes())),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A JSON object with its keys in the order in which they are written.
struct Object(Vec<(String, OsString)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    pairs.push((key, text_of(value.get()).into()));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Returns the text of a JSON value: numbers keep all of their digits.
fn text_of(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) if json == "null" => String::new(),
        Err(_) => json.to_owned(),
    }
}
