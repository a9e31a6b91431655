//! Blocks as HTML.

use std::fmt::Write;

use festina_types::{Finding, Severity};

use super::{flame, hover, table};
use crate::escape::{html_with_code, xml};
use crate::svg::fragment;
use crate::{Block, Chart};

/// Writes `blocks`; charts that follow one another share rows.
pub(super) fn write(out: &mut String, blocks: &[Block]) {
    for run in blocks.chunk_by(|a, b| matches!((a, b), (Block::Chart(_), Block::Chart(_)))) {
        match &run[0] {
            Block::Chart(_) => charts(out, run),
            Block::Heading(text) => {
                let _ = writeln!(out, "<h2>{}</h2>", html_with_code(text));
            }
            Block::Paragraph(text) => {
                for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
                    let _ = writeln!(out, "<p>{}</p>", html_with_code(part));
                }
            }
            Block::KeyValues(pairs) => key_values(out, pairs),
            Block::Table(table) => table::write(out, table),
            Block::Flame(graph) => flame::write(out, graph),
            Block::Findings(list) => findings(out, list),
            Block::Details { summary, blocks } => {
                let _ =
                    writeln!(out, "<details class=\"more\"><summary>{}</summary>", html_with_code(summary));
                write(out, blocks);
                out.push_str("</details>\n");
            }
        }
    }
}

/// Writes names and values.
pub(super) fn key_values(out: &mut String, pairs: &[(String, String)]) {
    out.push_str("<dl>\n");
    for (key, value) in pairs {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", xml(key), html_with_code(value));
    }
    out.push_str("</dl>\n");
}

fn charts(out: &mut String, run: &[Block]) {
    out.push_str("<div class=\"charts\">\n");
    for (index, block) in run.iter().enumerate() {
        if let Block::Chart(chart) = block {
            // The first of an odd number has a row of its own.
            figure(out, chart, index == 0 && run.len() % 2 == 1);
        }
    }
    out.push_str("</div>\n");
}

/// Writes a chart once for each width of screen: a drawing that is only scaled has letters too small or too large.
fn figure(out: &mut String, chart: &Chart, full: bool) {
    let class = if full { "figure full" } else { "figure" };
    let _ = writeln!(out, "<figure class=\"{class}\">");
    if !chart.title.is_empty() {
        let _ = writeln!(out, "<h3>{}</h3>", html_with_code(&chart.title));
    }
    let wide = if full { ("wide", 1000.0, 380.0) } else { ("wide", 480.0, 310.0) };
    for (name, width, height) in [wide, ("middle", 620.0, 340.0), ("narrow", 340.0, 270.0)] {
        let _ = writeln!(out, "<div class=\"{name}\">{}</div>", fragment(chart, width, height));
    }
    let _ = writeln!(out, "<script type=\"application/json\">{}</script>", hover::json(chart));
    if !chart.caption.is_empty() {
        let _ = writeln!(out, "<figcaption>{}</figcaption>", html_with_code(&chart.caption));
    }
    out.push_str("</figure>\n");
}

fn findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"findings\">\n");
    for finding in findings {
        let word = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let message = html_with_code(&finding.message);
        let _ = write!(out, "<li class=\"is-{word}\"><p><strong>{word}</strong> {message}");
        if !finding.code.is_empty() {
            let _ = write!(out, " <span class=\"code\">{}</span>", xml(&finding.code));
        }
        out.push_str("</p>");
        if let Some(hint) = &finding.hint {
            let _ = write!(out, "<p class=\"hint\">hint: {}</p>", html_with_code(hint));
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n");
}
