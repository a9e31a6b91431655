//! Tables as comma-separated values, for other programs.
//!
//! Source: RFC 4180, <https://www.rfc-editor.org/rfc/rfc4180>. Lines end in CRLF, the first holds the column names,
//! and a field with a comma, a quote or a line break stands in quotes with its own quotes doubled.

use crate::{Table, Unit};

/// Returns `table` as CSV: the number behind a cell where it has one, in full precision and in the base unit that
/// the column's name tells; else its text.
///
/// ```
/// use festina_report::{Cell, Column, Table, Unit, csv};
///
/// let mut table = Table::new([Column::text("law"), Column::number("time", Unit::Seconds)]);
/// table.row(["Amdahl, fitted".into(), Cell::seconds(200.25)]);
/// assert_eq!(table.rows[0][1].text, "3m 20s");
/// assert_eq!(csv::table(&table), "law,time (s)\r\n\"Amdahl, fitted\",200.25\r\n");
/// ```
pub fn table(table: &Table) -> String {
    let mut out = String::new();
    line(&mut out, table.columns.iter().map(|column| column_name(&column.title, &column.unit)));
    for row in 0..table.rows.len() {
        line(
            &mut out,
            (0..table.columns.len()).map(|column| {
                let cell = table.cell(row, column);
                cell.value.filter(|v| v.is_finite()).map_or_else(|| cell.text.clone(), |v| v.to_string())
            }),
        );
    }
    out
}

fn column_name(title: &str, unit: &Unit) -> String {
    match unit {
        Unit::Number | Unit::Fraction => title.to_owned(),
        Unit::Seconds => format!("{title} (s)"),
        Unit::Bytes => format!("{title} (bytes)"),
        Unit::Other(unit) => format!("{title} ({unit})"),
    }
}

fn line(out: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Column};

    /// Reads CSV back by the grammar of RFC 4180, apart from the writer.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field, mut quoted) = (vec![], vec![], String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (quoted, c) {
                (true, '"') if chars.peek() == Some(&'"') => field.push(chars.next().expect("peeked")),
                (_, '"') => quoted = !quoted,
                (false, ',') => row.push(std::mem::take(&mut field)),
                (false, '\r') if chars.peek() == Some(&'\n') => {
                    chars.next();
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                (_, c) => field.push(c),
            }
        }
        rows
    }

    #[test]
    fn short_rows_are_filled_and_unfinite_values_fall_back_to_their_text() {
        let mut t = Table::new([Column::number("p", Unit::Number), Column::number("memory", Unit::Bytes)]);
        t.row([Cell { text: "?".into(), value: Some(f64::NAN), ..Cell::default() }]);
        t.row([Cell::number(0.1), Cell::bytes(1536.0), Cell::text("too many")]);
        assert_eq!(table(&t), "p,memory (bytes)\r\n?,\r\n0.1,1536\r\n");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(cells in proptest::collection::vec("[a,\"\r\n é]{0,6}", 6)) {
            let mut t = Table::new([Column::text(cells[0].clone()), Column::text(cells[1].clone())]);
            t.row([Cell::text(cells[2].clone()), Cell::text(cells[3].clone())]);
            t.row([Cell::text(cells[4].clone()), Cell::text(cells[5].clone())]);
            let expected: Vec<Vec<String>> = cells.chunks(2).map(<[String]>::to_vec).collect();
            proptest::prop_assert_eq!(read(&table(&t)), expected);
        }
    }
}
