//! Reports as text for a terminal.

mod canvas;
mod flame;
mod map;
mod plot;
mod series;
mod style;
mod table;
mod timeline;
mod wrap;

use festina_types::{Finding, Severity};

pub(crate) use style::{Ink, Style};

use crate::{Block, Chart, Report, Table};
use wrap::{width, wrapped};

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextOptions {
    /// The number of columns; at least 20.
    pub width: usize,
    /// Whether ANSI escape sequences may be used.
    pub color: bool,
    /// Whether characters beyond ASCII may be used.
    pub unicode: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, color: false, unicode: true }
    }
}

/// Returns `report` as text that ends in a line break; no line is wider than the options say, unless one word is.
pub fn render(report: &Report, options: &TextOptions) -> String {
    let style = Style::new(options);
    let mut out = String::new();
    if !report.title.is_empty() {
        paragraph(&mut out, &report.title, &style, Ink::Strong);
    }
    if !report.subtitle.is_empty() {
        paragraph(&mut out, &report.subtitle, &style, Ink::Muted);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    blocks(&mut out, &report.blocks, &style);
    trimmed(&out)
}

/// Returns `table` as text.
pub fn table(table: &Table, options: &TextOptions) -> String {
    let mut out = String::new();
    table::write(&mut out, table, &Style::new(options));
    trimmed(&out)
}

/// Returns `chart` as text: title, plot, axes and legend.
pub fn plot(chart: &Chart, options: &TextOptions) -> String {
    let mut out = String::new();
    plot::write(&mut out, chart, &Style::new(options));
    trimmed(&out)
}

/// Returns findings as text: `warning: …` with its `hint: …` below.
pub fn findings(findings: &[Finding], options: &TextOptions) -> String {
    let mut out = String::new();
    write_findings(&mut out, findings, &Style::new(options));
    trimmed(&out)
}

fn blocks(out: &mut String, blocks: &[Block], style: &Style) {
    for block in blocks {
        match block {
            Block::Heading(text) => paragraph(out, text, style, Ink::Heading),
            Block::Paragraph(text) => {
                for (index, part) in text.split("\n\n").enumerate() {
                    if index > 0 {
                        out.push('\n');
                    }
                    paragraph(out, part, style, Ink::Plain);
                }
            }
            Block::KeyValues(pairs) => key_values(out, pairs, style),
            Block::Table(table) => table::write(out, table, style),
            Block::Chart(chart) => plot::write(out, chart, style),
            Block::Flame(flame) => flame::write(out, flame, style),
            Block::Findings(findings) => write_findings(out, findings, style),
            Block::Details { summary, blocks: inner } => {
                paragraph(out, summary, style, Ink::Heading);
                out.push('\n');
                self::blocks(out, inner, style);
                continue;
            }
        }
        // A heading stands at what it is the title of.
        if !matches!(block, Block::Heading(_)) {
            out.push('\n');
        }
    }
}

fn paragraph(out: &mut String, text: &str, style: &Style, ink: Ink) {
    for line in wrapped(&style.clean(text), style.width) {
        out.push_str(&style.paint(&line, ink));
        out.push('\n');
    }
}

/// Writes `first` and then the lines of `text` below one another, beside it.
fn hanging(out: &mut String, first: (&str, Ink), indent: usize, text: &str, style: &Style, ink: Ink) {
    let room = style.width.saturating_sub(indent).max(12);
    let lines = wrapped(&style.clean(text), room);
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            out.push_str(&style.paint(first.0, first.1));
            out.push_str(&" ".repeat(indent.saturating_sub(width(first.0))));
        } else {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&style.paint(line, ink));
        out.push('\n');
    }
    if lines.is_empty() {
        out.push_str(&style.paint(first.0, first.1));
        out.push('\n');
    }
}

fn key_values(out: &mut String, pairs: &[(String, String)], style: &Style) {
    let keys: Vec<String> = pairs.iter().map(|(key, _)| style.clean(key)).collect();
    let longest = keys.iter().map(|key| width(key)).max().unwrap_or(0);
    let indent = (longest + 2).min(style.width / 2);
    for (key, (_, value)) in keys.iter().zip(pairs) {
        if width(key) + 2 > indent {
            paragraph(out, key, style, Ink::Muted);
            hanging(out, ("", Ink::Plain), indent, value, style, Ink::Plain);
        } else {
            hanging(out, (key, Ink::Muted), indent, value, style, Ink::Plain);
        }
    }
}

fn write_findings(out: &mut String, findings: &[Finding], style: &Style) {
    for finding in findings {
        let (word, ink) = match finding.severity {
            Severity::Note => ("note: ", Ink::Note),
            Severity::Warning => ("warning: ", Ink::Warning),
            Severity::Error => ("error: ", Ink::Bad),
        };
        hanging(out, (word, ink), word.len(), &finding.message, style, Ink::Plain);
        if let Some(hint) = &finding.hint {
            hanging(out, ("  hint: ", Ink::Note), 8, hint, style, Ink::Plain);
        }
    }
}

/// Returns `text` without spaces at line ends and empty lines at its end.
fn trimmed(text: &str) -> String {
    let mut out: String = text.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if out.is_empty() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Column, Tone, Unit};

    fn options(width: usize) -> TextOptions {
        TextOptions { width, ..TextOptions::default() }
    }

    fn example() -> Table {
        let mut table = Table::new([
            Column::number("p", Unit::Number),
            Column::text("law"),
            Column::number("rate", Unit::Other("req/s".into())),
        ]);
        table.row([Cell::number(1.0), "Amdahl, with overhead that grows".into(), Cell::text("12.5")]);
        table.row([Cell::number(16.0), "日本".into()]);
        table
    }

    #[test]
    fn columns_stand_below_their_headings() {
        let expected = " p  law                               rate (req/s)
──────────────────────────────────────────────────
 1  Amdahl, with overhead that grows          12.5
16  日本
";
        assert_eq!(table(&example(), &options(80)), expected);
    }

    #[test]
    fn words_are_wrapped_where_the_table_is_too_wide() {
        let expected = "                       rate
 p  law             (req/s)
───────────────────────────
 1  Amdahl, with       12.5
    overhead that
    grows
16  日本
";
        assert_eq!(table(&example(), &options(27)), expected);
    }

    #[test]
    fn a_table_that_cannot_be_narrow_enough_becomes_records() {
        let expected = "\
p           1
law         Amdahl, with
            overhead
            that grows
rate (req…  12.5
────────────
p           16
law         日本
rate (req…
";
        assert_eq!(table(&example(), &options(24)), expected);
    }

    #[test]
    fn findings_have_their_hint_below() {
        let list = [
            Finding::new(Severity::Warning, "noisy", "2 of 72 runs waited for a core")
                .with_hint("stop other load"),
            Finding::new(Severity::Error, "different", "line 3 differs"),
        ];
        let expected = "\
warning: 2 of 72 runs waited
         for a core
  hint: stop other load
error: line 3 differs
";
        assert_eq!(findings(&list, &options(28)), expected);
    }

    #[test]
    fn colours_are_the_terminals_own() {
        let mut t = Table::new([Column::text("result")]);
        t.row([Cell::text("same").with_tone(Tone::Good)]);
        let shown = table(&t, &TextOptions { color: true, ..options(80) });
        assert!(shown.contains("\u{1b}[32msame\u{1b}[0m"), "{shown:?}");
    }
}
