//! Rows of a data file, from which requests are filled.

use serde_json::Value;

use crate::LoadError;

/// A table of text: a request takes its values from a row, one after the other, and begins again at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values, in the order of the columns.
    pub rows: Vec<Vec<String>>,
    /// The lines of a JSONL file as they were: the body of a request that has none of its own.
    pub lines: Vec<String>,
}

impl Rows {
    /// Reads a CSV table with a header, or a JSON object a line; `name` is the file's name, whose ending `.csv` tells.
    ///
    /// # Errors
    ///
    /// [`LoadError::Row`] with the line that cannot be read, or that has other columns than the first.
    pub fn read(name: &str, text: &str) -> Result<Self, LoadError> {
        let rows = if name.ends_with(".csv") { read_csv(name, text)? } else { read_jsonl(name, text)? };
        if rows.rows.is_empty() {
            return Err(LoadError::Row {
                file: name.to_owned(),
                line: 1,
                message: "there is no row".to_owned(),
            });
        }
        Ok(rows)
    }

    /// Returns the index of the column `name`.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

fn read_csv(name: &str, text: &str) -> Result<Rows, LoadError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let error = |cause: csv::Error| {
        let line = cause.position().map_or(1, |position| position.line() as usize);
        LoadError::Row { file: name.to_owned(), line, message: cause.to_string() }
    };
    let columns = reader.headers().map_err(error)?.iter().map(|cell| cell.trim().to_owned()).collect();
    let rows = reader.records().map(|record| Ok(record.map_err(error)?.iter().map(str::to_owned).collect()));
    Ok(Rows { columns, rows: rows.collect::<Result<_, LoadError>>()?, lines: Vec::new() })
}

fn read_jsonl(name: &str, text: &str) -> Result<Rows, LoadError> {
    let mut rows = Rows::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let error = |message: String| LoadError::Row { file: name.to_owned(), line: index + 1, message };
        let value: Value = serde_json::from_str(line).map_err(|cause| error(cause.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(error("it is not a JSON object".to_owned()));
        };
        if rows.rows.is_empty() {
            rows.columns = fields.keys().cloned().collect();
        }
        let cells = rows.columns.iter().map(|column| {
            let value =
                fields.get(column).ok_or_else(|| error(format!("the field '{column}' is missing")))?;
            Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        rows.rows.push(cells.collect::<Result<_, LoadError>>()?);
        rows.lines.push(line.trim().to_owned());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_objects_are_read() {
        let csv = Rows::read("a.csv", "x,name\n1,\"a,b\"\n2,c\n").unwrap();
        assert_eq!(csv.column("name"), Some(1));
        assert_eq!(csv.rows, [["1", "a,b"], ["2", "c"]]);
        let jsonl = Rows::read("a.jsonl", "{\"x\": 1, \"t\": \"q\"}\n\n{\"t\":\"r\",\"x\":[2]}").unwrap();
        assert_eq!(jsonl.rows[1][jsonl.column("x").unwrap()], "[2]");
        assert_eq!(jsonl.lines[0], "{\"x\": 1, \"t\": \"q\"}");
    }

    #[test]
    fn a_bad_line_is_named() {
        let line_of = |name: &str, text: &str| match Rows::read(name, text) {
            Err(LoadError::Row { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line_of("a.jsonl", "{\"x\":1}\n{\"x\":}"), 2);
        assert_eq!(line_of("a.jsonl", "{\"x\":1}\n{\"y\":1}"), 2);
        assert_eq!(line_of("a.jsonl", "{\"x\":1}\n[1]"), 2);
        assert_eq!(line_of("a.csv", "x,y\n1,2\n3\n"), 3);
        assert_eq!(line_of("a.csv", "x,y\n"), 1);
    }
}
