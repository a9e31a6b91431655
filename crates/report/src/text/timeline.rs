//! Timelines as text: one row a lane.

use super::canvas::Canvas;
use super::plot::{legend, x_axis};
use super::series::{bar_glyph, draw};
use super::style::{Ink, Style};
use super::wrap::{cut, width};
use crate::plot::coverage::Coverage;
use crate::plot::{Domain, Frame, lanes};
use crate::{Chart, Role, Scale, Series, SeriesKind, Span};

/// More lanes than this are counted instead of shown.
const MOST_LANES: usize = 20;
/// A cell is busy from this share on, and partly busy below.
const BUSY: f64 = 0.75;
/// A smaller share is a rounding error.
const LEAST: f64 = 1e-9;

/// Writes `chart`, whose lanes are in `frame`.
pub(super) fn write(out: &mut String, chart: &Chart, frame: &Frame, style: &Style) {
    let first = frame.y.low.floor().clamp(0.0, f64::from(u32::MAX)) as u32;
    let count = (frame.y.high.ceil() - f64::from(first)).clamp(1.0, f64::from(u32::MAX) + 1.0) as u64;
    let rows = usize::try_from(count).unwrap_or(MOST_LANES).min(MOST_LANES);
    let names: Vec<String> =
        (0..rows).map(|row| style.clean(&lanes::name(&chart.y, first.saturating_add(row as u32)))).collect();
    let gutter = names.iter().map(|name| width(name)).max().unwrap_or(0).min(style.width / 3);
    let mut canvas = Canvas::new(style.width.saturating_sub(gutter + 3).max(8), rows, style.unicode);
    put_spans(&mut canvas, chart, frame, first, rows, style);
    let low = f64::from(first);
    let shown = Domain { reversed: true, ..Domain::between(Scale::Linear, low, low + rows as f64) };
    draw(&mut canvas, chart, &Frame { y: shown, ..*frame }, style);

    super::paragraph(out, &chart.y_heading(), style, Ink::Muted);
    for (row, name) in names.iter().enumerate() {
        let name = cut(name, gutter, "");
        out.push_str(&" ".repeat(gutter - width(&name)));
        out.push_str(&style.paint(&format!("{name} {}", style.either("┤", "+")), Ink::Muted));
        out.push_str(canvas.row(row, style).trim_end());
        out.push('\n');
    }
    if count > rows as u64 {
        super::paragraph(out, &format!("… and {} more", count - rows as u64), style, Ink::Muted);
    }
    x_axis(out, chart, frame, gutter, &canvas, style);
    legend(out, chart, frame, &canvas, style);
}

/// Fills the cells in which a lane is busy: by the series with most of it, or by any failure where failures are rare.
fn put_spans(canvas: &mut Canvas, chart: &Chart, frame: &Frame, first: u32, rows: usize, style: &Style) {
    let columns = canvas.columns();
    let busy: Vec<(&Series, Coverage)> = chart
        .series
        .iter()
        .filter_map(|series| match &series.kind {
            SeriesKind::Spans(spans) => Some((series, coverage(frame, spans, first, rows, columns))),
            _ => None,
        })
        .collect();
    for row in 0..rows {
        let shares: Vec<(&Series, Vec<f64>)> =
            busy.iter().map(|(series, coverage)| (*series, coverage.row(row).collect())).collect();
        let failing = |column: usize| {
            let fails = |of: &&(&Series, Vec<f64>)| of.0.role == Role::Limit && of.1[column] > LEAST;
            shares.iter().find(fails).map(|of| of.0)
        };
        let rare = (0..columns).filter(|column| failing(*column).is_some()).count() <= columns / 2;
        for column in 0..columns {
            let total: f64 = shares.iter().map(|of| of.1[column]).sum();
            let most = shares.iter().max_by(|a, b| a.1[column].total_cmp(&b.1[column])).map(|of| of.0);
            let failed = failing(column).filter(|_| rare);
            let Some(series) = failed.or(most).filter(|_| total > LEAST) else { continue };
            let whole = failed.is_some() || total >= BUSY;
            let glyph = if whole { glyph(chart, series, style) } else { partly(style) };
            canvas.put((column, row), glyph, Ink::Series(series.role), true);
        }
    }
}

fn coverage(frame: &Frame, spans: &[Span], first: u32, rows: usize, columns: usize) -> Coverage {
    let mut coverage = Coverage::new(rows, columns, 1.0);
    for span in spans {
        let row = span.lane.checked_sub(first).map(|row| row as usize).filter(|row| *row < rows);
        let ends = (frame.x.position(span.from), frame.x.position(span.to));
        if let (Some(row), (Some(a), Some(b))) = (row, ends)
            && a.max(b) >= 0.0
            && a.min(b) <= 1.0
        {
            // Even the shortest span is seen.
            let from = a.min(b).clamp(0.0, 1.0 - 1e-6);
            coverage.add(row, from, a.max(b).max(from + 1e-6));
        }
    }
    coverage
}

/// Returns the character of a lane that is busy with `series`.
pub(super) fn glyph(chart: &Chart, series: &Series, style: &Style) -> char {
    match series.role {
        Role::Limit if style.unicode => '×',
        Role::Limit => 'x',
        _ => bar_glyph(chart, series, style),
    }
}

/// Returns the character of a lane that is busy for a part of the time.
pub(super) fn partly(style: &Style) -> char {
    if style.unicode { '░' } else { '.' }
}
