//! The legend: a sample of each series beside its name, in rows that fit.

use std::fmt::Write;

use super::layout::{FONT, text};
use super::measure::{fit, px, text_width};
use super::series::{dash, marker};
use super::spans;
use super::style::role_class;
use crate::{Chart, Role, SeriesKind};

const SAMPLE: f64 = 24.0;
const ROW: f64 = 19.0;

/// The entries of a legend and the height they take.
#[derive(Clone, Debug, Default)]
pub(super) struct Legend {
    entries: Vec<Entry>,
    pub(super) height: f64,
}

#[derive(Clone, Debug)]
struct Entry {
    x: f64,
    y: f64,
    name: String,
    role: Role,
    sample: Sample,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Marker,
    Line,
    Band,
    Bar,
    Span,
}

/// Returns the legend of `chart` from `(left, top)` in rows of `width`: the series that have a name.
pub(super) fn place(chart: &Chart, left: f64, top: f64, width: f64) -> Legend {
    let mut legend = Legend::default();
    if chart.series.iter().all(|series| series.name.is_empty()) {
        return legend;
    }
    let (mut x, mut y) = (left, top + ROW / 2.0);
    for series in chart.series.iter().filter(|series| !series.name.is_empty()) {
        let name = fit(&series.name, FONT, width - SAMPLE - 8.0);
        let needed = SAMPLE + 6.0 + text_width(&name, FONT);
        if x > left && x + needed > left + width {
            (x, y) = (left, y + ROW);
        }
        let sample = match series.kind {
            SeriesKind::Points(_) => Sample::Marker,
            SeriesKind::Line(_) => Sample::Line,
            SeriesKind::Band(_) => Sample::Band,
            SeriesKind::Bars(_) => Sample::Bar,
            SeriesKind::Spans(_) => Sample::Span,
        };
        legend.entries.push(Entry { x, y, name, role: series.role, sample });
        x += needed + 16.0;
    }
    legend.height = y + ROW / 2.0 - top + 6.0;
    legend
}

/// Writes the legend.
pub(super) fn write(out: &mut String, legend: &Legend) {
    for entry in &legend.entries {
        let (x, y) = (entry.x, entry.y);
        let _ = write!(out, "<g class=\"{}\">", role_class(entry.role));
        match entry.sample {
            Sample::Marker => out.push_str(&marker(entry.role, x + SAMPLE / 2.0, y, None)),
            Sample::Line => {
                let (from, to, y) = (px(x), px(x + SAMPLE), px(y));
                let _ = write!(out, "<path class=\"line\"{} d=\"M{from} {y}H{to}\"/>", dash(entry.role));
            }
            Sample::Span => spans::sample(out, entry.role, x, y, SAMPLE),
            Sample::Band | Sample::Bar => {
                let class = if entry.sample == Sample::Bar { "bar" } else { "band" };
                let (x, y, width) = (px(x), px(y - 5.0), px(SAMPLE));
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"10\"/>"
                );
            }
        }
        out.push_str("</g>");
        text(out, "legend", x + SAMPLE + 6.0, y + 4.0, "start", &entry.name);
    }
}
