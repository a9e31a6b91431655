//! Reports as a piece of HTML for a notebook, which has a style and a theme of its own.

use std::fmt::Write;

use super::blocks;
use crate::svg::{SvgOptions, chart};
use crate::{Block, Chart, Report, escape};

/// What a notebook's own style leaves open: numbers stand below each other, tables apart.
const STYLE: &str = ".festina table{margin:.4em 0 1em}.festina th,.festina td{padding:.15em .7em}\
    .festina td.right,.festina th.right{text-align:right}.festina th:first-child,.festina td:first-child{text-align:left}\
    .festina dt{float:left;clear:left;min-width:11em}.festina dd{margin-left:12em}";

/// Returns `report` as elements in the colours and letters of the page around, its charts as embedded drawings.
///
/// Nothing in it runs, and its few rules hold for itself alone.
///
/// ```
/// use festina_report::{Report, html};
///
/// let piece = html::fragment(&Report::new("a < b"));
/// assert!(piece.contains("<p><strong>a &lt; b</strong>"));
/// ```
pub fn fragment(report: &Report) -> String {
    let mut out = format!("<div class=\"festina\">\n<style>{STYLE}</style>\n");
    let _ = write!(out, "<p><strong>{}</strong>", escape::html_with_code(&report.title));
    if !report.subtitle.is_empty() {
        let _ = write!(out, "<br/>{}", escape::html_with_code(&report.subtitle));
    }
    out.push_str("</p>\n");
    write(&mut out, &report.blocks);
    out.push_str("</div>\n");
    out
}

fn write(out: &mut String, list: &[Block]) {
    for block in list {
        match block {
            Block::Chart(chart) => picture(out, chart),
            Block::Details { summary, blocks } => {
                let _ = writeln!(out, "<details><summary>{}</summary>", escape::html_with_code(summary));
                write(out, blocks);
                out.push_str("</details>\n");
            }
            other => blocks::write(out, std::slice::from_ref(other)),
        }
    }
}

fn picture(out: &mut String, drawn: &Chart) {
    let drawing = percent(&chart(drawn, &SvgOptions::default()));
    let title = escape::xml(&drawn.title);
    let _ = writeln!(
        out,
        "<img alt=\"{title}\" style=\"max-width:100%\" src=\"data:image/svg+xml;charset=utf-8,{drawing}\"/>"
    );
}

/// Encodes what a data URL within an attribute cannot hold.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b'=' | b',' | b';' | b'(' | b')' | b' ' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Role, Series, Unit};

    #[test]
    fn charts_are_embedded_and_nothing_runs() {
        let axis = || Axis::new("n", Unit::Number);
        let chart = Chart::new("growth & \"more\"", axis(), axis());
        let chart = chart.with(Series::line("line", Role::Fit, [(1.0, 1.0), (2.0, 4.0)]));
        let report = Report::new("title").with(Block::details("more", [Block::from(chart)]));
        let piece = fragment(&report);
        assert!(
            piece.contains("<details><summary>more</summary>\n<img alt=\"growth &amp; &quot;more&quot;\"")
        );
        assert!(!piece.contains("<script") && piece.matches("<style").count() == 1);
        assert!(
            STYLE
                .split('}')
                .filter(|rule| !rule.is_empty())
                .all(|rule| rule.trim_start().starts_with(".festina "))
        );
        assert!(piece.contains("src=\"data:image/svg+xml;charset=utf-8,%3Csvg xmlns=%22http://"), "{piece}");
    }

    #[test]
    fn percent_encoding_by_hand() {
        assert_eq!(percent("a b\"<é>#%"), "a b%22%3C%C3%A9%3E%23%25");
    }
}
