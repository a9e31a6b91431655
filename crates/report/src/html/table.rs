//! Tables as HTML; the number behind a cell is what it sorts by.

use std::fmt::Write;

use crate::escape::{html_with_code, xml};
use crate::{Align, Cell, Column, Table, Tone};

/// Writes `table`.
pub(super) fn write(out: &mut String, table: &Table) {
    out.push_str("<div class=\"table\" tabindex=\"0\"><table>\n");
    if !table.caption.is_empty() {
        let _ = writeln!(out, "<caption>{}</caption>", html_with_code(&table.caption));
    }
    out.push_str("<thead><tr>");
    for column in &table.columns {
        let _ =
            write!(out, "<th scope=\"col\"{}>{}</th>", class(column, Tone::Plain), xml(&column.heading()));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in 0..table.rows.len() {
        out.push_str("<tr>");
        for (index, column) in table.columns.iter().enumerate() {
            cell(out, column, table.cell(row, index));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    for footnote in &table.footnotes {
        let _ = writeln!(out, "<p class=\"footnote\">{}</p>", html_with_code(footnote));
    }
}

fn cell(out: &mut String, column: &Column, cell: &Cell) {
    let _ = write!(out, "<td{}", class(column, cell.tone));
    if let Some(value) = cell.value.filter(|value| value.is_finite()) {
        let _ = write!(out, " data-value=\"{value:e}\"");
    }
    if let Some(tooltip) = &cell.tooltip {
        let _ = write!(out, " title=\"{}\"", xml(tooltip));
    }
    let _ = write!(out, ">{}</td>", html_with_code(&cell.text));
}

fn class(column: &Column, tone: Tone) -> String {
    let mut classes = Vec::new();
    if column.align == Align::Right {
        classes.push("right");
    }
    if column.emphasis {
        classes.push("strong");
    }
    match tone {
        Tone::Plain => {}
        Tone::Good => classes.push("good"),
        Tone::Bad => classes.push("bad"),
        Tone::Muted => classes.push("muted"),
    }
    if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
}
