//! Tables of separated values.

use super::Rules;
use super::collect::{Collector, Place, excerpt};
use super::number::Number;
use super::records::{Record, match_records};
use super::text::{close_texts, compare_last_newline};

/// A table: its rows with their fields, as they are written, quotes included.
#[derive(Debug, PartialEq)]
pub(super) struct Table<'a> {
    header: Option<Vec<&'a str>>,
    rows: Vec<Row<'a>>,
    ends_with_newline: bool,
}

#[derive(Debug, PartialEq)]
struct Row<'a> {
    /// The line on which it starts, counted from 0.
    line: usize,
    text: &'a str,
    fields: Vec<&'a str>,
}

/// Returns the separator if `text` looks like a table: at least two rows, all with the same number of fields, at
/// least two, and a column of numbers. Sentences with commas have none.
pub(super) fn separator_of(text: &str) -> Option<char> {
    [',', '\t', ';'].into_iter().find(|separator| {
        let table = Table::parse(text, *separator);
        let mut counts = table.header.iter().map(Vec::len).chain(table.rows.iter().map(|r| r.fields.len()));
        let first = counts.next().unwrap_or(0);
        let rows = table.rows.len() + usize::from(table.header.is_some());
        let has_numbers = || (0..first).any(|index| table.is_numeric(index));
        first >= 2 && rows >= 2 && counts.all(|count| count == first) && has_numbers()
    })
}

/// Returns the separator that occurs most often in the first line: for a file that is called a table.
pub(super) fn likeliest_separator(text: &str) -> char {
    let first = text.lines().next().unwrap_or("");
    let count = |separator: &char| first.matches(*separator).count();
    // The last of equals wins: a comma where there is none of them.
    [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',')
}

impl<'a> Table<'a> {
    /// Splits `text` at newlines and separators outside of quotes. The first row is a header if none of its fields
    /// is a number.
    pub(super) fn parse(text: &'a str, separator: char) -> Self {
        let mut rows = Vec::new();
        let (mut quoted, mut row_from, mut field_from, mut line, mut row_line) = (false, 0, 0, 0, 0);
        let mut fields = Vec::new();
        for (at, c) in text.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '\n' => {
                    line += 1;
                    if !quoted {
                        fields.push(&text[field_from..at]);
                        rows.push(Row {
                            line: row_line,
                            text: &text[row_from..at],
                            fields: std::mem::take(&mut fields),
                        });
                        (row_from, field_from, row_line) = (at + 1, at + 1, line);
                    }
                }
                _ if c == separator && !quoted => {
                    fields.push(&text[field_from..at]);
                    field_from = at + c.len_utf8();
                }
                _ => {}
            }
        }
        if row_from < text.len() {
            fields.push(&text[field_from..]);
            rows.push(Row { line: row_line, text: &text[row_from..], fields });
        }
        let has_header = rows.first().is_some_and(|row| {
            row.fields.iter().all(|field| Number::read(field.trim()).is_none() && !field.trim().is_empty())
        });
        let header = has_header.then(|| rows.remove(0).fields);
        Self { header, rows, ends_with_newline: text.ends_with('\n') }
    }

    /// Whether every row has a number in the column `index`.
    fn is_numeric(&self, index: usize) -> bool {
        let is_number =
            |row: &Row<'_>| row.fields.get(index).is_some_and(|f| Number::read(f.trim()).is_some());
        !self.rows.is_empty() && self.rows.iter().all(is_number)
    }

    fn column_name(&self, index: usize) -> String {
        match self.header.as_ref().and_then(|header| header.get(index)) {
            Some(name) => format!("'{}'", name.trim().trim_matches('"')),
            None => (index + 1).to_string(),
        }
    }

    fn ignores(&self, index: usize, rules: &Rules) -> bool {
        let name = self.header.as_ref().and_then(|header| header.get(index));
        name.is_some_and(|name| rules.ignores_name(name.trim().trim_matches('"')))
    }
}

/// Compares row by row, field by field.
pub(super) fn compare(
    reference: &Table<'_>,
    candidate: &Table<'_>,
    rules: &Rules,
    collector: &mut Collector,
) {
    if reference.header != candidate.header {
        let shown =
            |table: &Table<'_>| table.header.as_ref().map_or("none".to_owned(), |h| excerpt(&h.join(",")));
        let message = || format!("the header is {} instead of {}", shown(candidate), shown(reference));
        if !collector.differ(Place::Whole, message) {
            return;
        }
    }
    let ignored: Vec<bool> = (0..widest(reference)).map(|index| reference.ignores(index, rules)).collect();
    if rules.unordered {
        let records = |table: &Table<'_>| -> Vec<Record> {
            table
                .rows
                .iter()
                .filter_map(|row| Some(Record::of_text(row.line, &row.kept(&ignored, rules)?)))
                .collect()
        };
        match_records(&records(reference), &records(candidate), rules.tolerance, "line", collector);
    } else if !compare_rows(reference, candidate, &ignored, rules, collector) {
        return;
    }
    if collector.first.is_none() {
        compare_last_newline(reference.ends_with_newline, candidate.ends_with_newline, collector);
    }
}

fn widest(table: &Table<'_>) -> usize {
    table.rows.iter().map(|row| row.fields.len()).max().unwrap_or(0)
}

impl Row<'_> {
    /// Returns the row as text, without what is ignored.
    fn kept(&self, ignored: &[bool], rules: &Rules) -> Option<String> {
        let fields: Vec<&str> = self
            .fields
            .iter()
            .enumerate()
            .filter(|(index, _)| !ignored.get(*index).copied().unwrap_or(false))
            .map(|(_, field)| *field)
            .collect();
        rules.masked(&fields.join(",")).map(std::borrow::Cow::into_owned)
    }
}

fn compare_rows(
    reference: &Table<'_>,
    candidate: &Table<'_>,
    ignored: &[bool],
    rules: &Rules,
    collector: &mut Collector,
) -> bool {
    for (r, c) in reference.rows.iter().zip(&candidate.rows) {
        if r.text != c.text && !compare_row(reference, r, c, ignored, rules, collector) {
            return false;
        }
    }
    let (r, c) = (reference.rows.len(), candidate.rows.len());
    let at = r.min(c);
    let odd = if r > c { reference.rows.get(at) } else { candidate.rows.get(at) };
    let Some(odd) = odd else { return true };
    let how = if r > c { "is missing" } else { "is too much" };
    collector.differ(Place::Whole, || {
        format!("line {}, {}, {how}: {c} rows instead of {r}", odd.line + 1, excerpt(odd.text))
    })
}

fn compare_row(
    table: &Table<'_>,
    reference: &Row<'_>,
    candidate: &Row<'_>,
    ignored: &[bool],
    rules: &Rules,
    collector: &mut Collector,
) -> bool {
    let line = candidate.line + 1;
    let (r, c) = (reference.fields.len(), candidate.fields.len());
    if r != c {
        return collector.differ(Place::Whole, || format!("line {line}: {c} fields instead of {r}"));
    }
    for (index, (r, c)) in reference.fields.iter().zip(&candidate.fields).enumerate() {
        if ignored[index] || r == c {
            continue;
        }
        let masked = |field: &str| rules.masked(field).unwrap_or_default().into_owned();
        let (r, c) = (masked(r), masked(c));
        let blanks =
            |field: &str| if rules.tolerance.is_exact() { field.to_owned() } else { field.trim().to_owned() };
        match close_texts(&blanks(&r), &blanks(&c), rules.tolerance) {
            Some(closeness) => collector.allow(closeness),
            None => {
                let name = table.column_name(index);
                let message =
                    format!("line {line}, column {name}: {} instead of {}", excerpt(&c), excerpt(&r));
                if !collector.differ(Place::Column { index, name }, || message) {
                    return false;
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_separators_and_newlines() {
        let table = Table::parse("name,x\n\"a,\n\"\"b\",1\nc,2\n", ',');
        assert_eq!(table.header, Some(vec!["name", "x"]));
        assert_eq!(table.rows[0].fields, ["\"a,\n\"\"b\"", "1"]);
        assert_eq!((table.rows[1].line, table.rows.len()), (3, 2));
        assert_eq!(Table::parse("1,2\n3,4", ',').header, None);
        assert!(Table::parse("", ',').rows.is_empty());
    }

    #[test]
    fn tables_are_told_from_text() {
        assert_eq!(separator_of("a,b\n1,2\n"), Some(','));
        assert_eq!(separator_of("a\tb\n1\t2\n"), Some('\t'));
        assert_eq!(separator_of("a,b\n"), None);
        assert_eq!(separator_of("a,b\n1\n"), None);
        assert_eq!(separator_of("hello\nworld\n"), None);
        assert_eq!(separator_of("x = 1 m, y = 2 m\nx = 3 m, y = 4 m\n"), None);
        assert_eq!((likeliest_separator("a;b"), likeliest_separator("a")), (';', ','));
    }
}
