//! Tables as text: side by side where they fit, else one record below the other.

use super::style::{Ink, Style};
use super::wrap::{width, wrapped};
use crate::{Align, Table};

const GAP: usize = 2;
/// The fewest columns into which words are wrapped.
const NARROWEST: usize = 12;

/// Writes `table` with caption and footnotes.
pub(super) fn write(out: &mut String, table: &Table, style: &Style) {
    if !table.caption.is_empty() {
        super::paragraph(out, &table.caption, style, Ink::Strong);
    }
    let cells = Cells::new(table, style);
    if !cells.headings.is_empty() {
        match cells.widths(style.width) {
            Some(widths) => side_by_side(out, table, &cells, &widths, style),
            None => records(out, table, &cells, style),
        }
    }
    for footnote in &table.footnotes {
        super::paragraph(out, footnote, style, Ink::Muted);
    }
}

/// The clean texts of a table.
struct Cells {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    wraps: Vec<bool>,
}

impl Cells {
    fn new(table: &Table, style: &Style) -> Self {
        let count = table.columns.len();
        Self {
            headings: table.columns.iter().map(|column| style.clean(&column.heading())).collect(),
            rows: (0..table.rows.len())
                .map(|row| (0..count).map(|column| style.clean(&table.cell(row, column).text)).collect())
                .collect(),
            wraps: table.columns.iter().map(|column| column.align == Align::Left).collect(),
        }
    }

    /// Returns the widths of the columns within `room`; the widest columns of words give way first. `None` if they
    /// cannot give enough.
    fn widths(&self, room: usize) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column]));
                let heading = self.headings[column].split(' ').map(width).max().unwrap_or(0);
                let whole = if self.wraps[column] { width(&self.headings[column]) } else { heading };
                cells.fold(whole.max(1), usize::max)
            })
            .collect();
        let taken = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        while taken(&widths) > room {
            let widest = (0..widths.len())
                .filter(|column| self.wraps[*column] && widths[*column] > NARROWEST)
                .max_by_key(|column| widths[*column])?;
            widths[widest] -= 1;
        }
        // What is left over lets headings of numbers stand in one line.
        for column in 0..widths.len() {
            let wanted = width(&self.headings[column]);
            if wanted > widths[column] && taken(&widths) + wanted - widths[column] <= room {
                widths[column] = wanted;
            }
        }
        Some(widths)
    }
}

fn side_by_side(out: &mut String, table: &Table, cells: &Cells, widths: &[usize], style: &Style) {
    let headings: Vec<Vec<String>> =
        cells.headings.iter().zip(widths).map(|(text, width)| wrapped(text, *width)).collect();
    lines(out, table, &headings, widths, true, |_| Ink::Strong, style);
    let total = widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
    out.push_str(&style.paint(&style.either("─", "-").repeat(total), Ink::Muted));
    out.push('\n');
    for (index, row) in cells.rows.iter().enumerate() {
        let wrapped: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(text, width)| wrapped(text, *width)).collect();
        lines(out, table, &wrapped, widths, false, |column| ink(table, index, column), style);
    }
}

/// Writes one row, each cell in as many lines as it has: headings stand at the bottom, others at the top.
fn lines(
    out: &mut String,
    table: &Table,
    cells: &[Vec<String>],
    widths: &[usize],
    bottom: bool,
    ink: impl Fn(usize) -> Ink,
    style: &Style,
) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for line in 0..height {
        for (column, parts) in cells.iter().enumerate() {
            let offset = if bottom { height - parts.len() } else { 0 };
            let text = line.checked_sub(offset).and_then(|index| parts.get(index)).map_or("", String::as_str);
            let padding = " ".repeat(widths[column].saturating_sub(width(text)));
            let painted = style.paint(text, ink(column));
            if column > 0 {
                out.push_str(&" ".repeat(GAP));
            }
            match table.columns[column].align {
                Align::Left => out.push_str(&format!("{painted}{padding}")),
                Align::Right => out.push_str(&format!("{padding}{painted}")),
            }
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
}

fn records(out: &mut String, table: &Table, cells: &Cells, style: &Style) {
    let longest = cells.headings.iter().map(|heading| width(heading)).max().unwrap_or(0);
    let indent = (longest + GAP).min(style.width / 2);
    for (index, row) in cells.rows.iter().enumerate() {
        for (column, text) in row.iter().enumerate() {
            let heading = super::wrap::cut(&cells.headings[column], indent - GAP, style.either("…", "."));
            super::hanging(out, (&heading, Ink::Muted), indent, text, style, ink(table, index, column));
        }
        if index + 1 < cells.rows.len() {
            out.push_str(&style.paint(&style.either("─", "-").repeat(style.width / 2), Ink::Muted));
            out.push('\n');
        }
    }
}

fn ink(table: &Table, row: usize, column: usize) -> Ink {
    match Ink::from(table.cell(row, column).tone) {
        Ink::Plain if table.columns[column].emphasis => Ink::Strong,
        ink => ink,
    }
}
