//! Charts as text: braille or ASCII, with ticks on both axes and a legend.

use super::canvas::Canvas;
use super::map;
use super::series::{bar_glyph, draw, line_sample, marker};
use super::style::{Ink, Style};
use super::timeline;
use super::wrap::{cut, width, wrapped};
use crate::plot::{Domain, Frame, Tick, lanes, ticks};
use crate::{Chart, Mark, Series, SeriesKind, Unit};

/// Writes `chart`.
pub(super) fn write(out: &mut String, chart: &Chart, style: &Style) {
    super::paragraph(out, &chart.title, style, Ink::Strong);
    let frame = Frame::new(chart);
    if lanes::count(chart).is_some() {
        timeline::write(out, chart, &frame, style);
    } else {
        plot(out, chart, &frame, style);
    }
    if !chart.caption.is_empty() {
        super::paragraph(out, &chart.caption, style, Ink::Muted);
    }
}

fn plot(out: &mut String, chart: &Chart, frame: &Frame, style: &Style) {
    let rows = match chart.equal_scales {
        true => (style.width * 3 / 8).clamp(8, 30),
        false => (style.width / 5).clamp(8, 18),
    };
    let y_ticks = y_ticks(&frame.y, &chart.y.unit, rows, style);
    let gutter = y_ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(0).min(style.width / 3);
    let columns = style.width.saturating_sub(gutter + 3).max(8);
    let (columns, rows) = if chart.equal_scales { map::shape(frame, columns, rows) } else { (columns, rows) };
    let mut canvas = Canvas::new(columns, rows, style.unicode);
    draw(&mut canvas, chart, frame, style);
    let y_labels = rows_of(&y_ticks, &canvas);

    super::paragraph(out, &chart.y_heading(), style, Ink::Muted);
    for row in 0..rows {
        let label = y_labels.iter().find(|(at, _)| *at == row).map(|(_, label)| cut(label, gutter, ""));
        let rule = if label.is_some() { style.either("┤", "+") } else { style.either("│", "|") };
        let label = label.unwrap_or_default();
        out.push_str(&" ".repeat(gutter - width(&label)));
        out.push_str(&style.paint(&format!("{label} {rule}"), Ink::Muted));
        out.push_str(canvas.row(row, style).trim_end());
        out.push('\n');
    }
    x_axis(out, chart, frame, gutter, &canvas, style);
    legend(out, chart, frame, &canvas, style);
}

/// Returns the place and the label of each tick of the vertical axis.
fn y_ticks(domain: &Domain, unit: &Unit, rows: usize, style: &Style) -> Vec<(f64, String)> {
    let found = ticks(domain, unit, (rows / 3).max(2)).into_iter();
    found.filter_map(|tick| Some((domain.position(tick.value)?, style.clean(&tick.label)))).collect()
}

/// Returns the rows at which labels stand, one a row.
fn rows_of<'a>(ticks: &'a [(f64, String)], canvas: &Canvas) -> Vec<(usize, &'a str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (at, label) in ticks {
        let row = canvas.cell_at(0.0, *at).1;
        if found.iter().all(|(taken, _)| *taken != row) {
            found.push((row, label));
        }
    }
    found
}

pub(super) fn x_axis(
    out: &mut String,
    chart: &Chart,
    frame: &Frame,
    gutter: usize,
    canvas: &Canvas,
    style: &Style,
) {
    let (columns, offset) = (canvas.columns(), gutter + 2);
    let mut rule: Vec<&str> = vec![style.either("─", "-"); columns];
    let mut labels = String::new();
    for (column, label) in x_ticks(chart, frame, canvas, style) {
        rule[column] = style.either("┬", "+");
        let start = (offset + column + 1).saturating_sub(width(&label).div_ceil(2));
        let start = start.min((offset + columns + 1).saturating_sub(width(&label)));
        // Where even the fewest ticks have no room, those that would touch have no label.
        if labels.is_empty() || width(&labels) < start {
            labels.push_str(&" ".repeat(start - width(&labels)));
            labels.push_str(&label);
        }
    }
    let rule = format!("{}{}{}", " ".repeat(gutter + 1), style.either("└", "+"), rule.concat());
    let heading = cut(&style.clean(&chart.x.heading()), style.width, "");
    let start = (offset + columns / 2).saturating_sub(width(&heading) / 2).min(style.width - width(&heading));
    for line in [rule, labels, format!("{}{heading}", " ".repeat(start))] {
        out.push_str(&style.paint(&line, Ink::Muted));
        out.push('\n');
    }
}

/// Returns the column and the label of as many ticks as stand side by side with two spaces between.
fn x_ticks(chart: &Chart, frame: &Frame, canvas: &Canvas, style: &Style) -> Vec<(usize, String)> {
    let find = |target: usize| -> Vec<(usize, String)> {
        let found = ticks(&frame.x, &chart.x.unit, target).into_iter();
        let column = |tick: &Tick| canvas.cell_at(frame.x.position(tick.value).unwrap_or(0.0), 0.0).0;
        found.map(|tick| (column(&tick), style.clean(&tick.label))).collect()
    };
    let fits = |found: &Vec<(usize, String)>| {
        let mut end = 0;
        found.iter().all(|(column, label)| {
            let start = (column + 1).saturating_sub(width(label).div_ceil(2));
            let free = start >= end;
            end = start + width(label) + 2;
            free
        })
    };
    (2..=12).rev().map(find).find(fits).unwrap_or_else(|| find(2))
}

/// An entry of the legend: its sample and its name.
type Entry = (String, Ink, String);

pub(super) fn legend(out: &mut String, chart: &Chart, frame: &Frame, canvas: &Canvas, style: &Style) {
    let series = chart.series.iter().filter(|series| !series.name.is_empty());
    let series = series.map(|series| series_entry(chart, series, canvas, style));
    let partly = lanes::count(chart)
        .map(|_| (timeline::partly(style).to_string(), Ink::Muted, "partly busy".to_owned()));
    let marks = chart.marks.iter().filter_map(|mark| mark_entry(chart, frame, mark, style));
    let mut used = 0;
    for (sample, ink, name) in series.chain(partly).chain(marks) {
        let needed = width(&sample) + 1 + width(&name);
        if used > 0 && used + 3 + needed > style.width {
            out.push('\n');
            used = 0;
        }
        if used > 0 {
            out.push_str("   ");
            used += 3;
        }
        let lines = wrapped(&name, style.width.saturating_sub(width(&sample) + 1));
        out.push_str(&style.paint(&sample, ink));
        out.push(' ');
        out.push_str(&lines.join(&format!("\n{}", " ".repeat(width(&sample) + 1))));
        used += needed;
    }
    if used > 0 {
        out.push('\n');
    }
}

fn series_entry(chart: &Chart, series: &Series, canvas: &Canvas, style: &Style) -> Entry {
    let sample = match &series.kind {
        SeriesKind::Points(_) => marker(series.role, style).to_string(),
        SeriesKind::Line(_) => line_sample(series.role, style),
        SeriesKind::Band(_) => style.either("░░", "::").to_owned(),
        SeriesKind::Bars(_) => bar_glyph(chart, series, style).to_string(),
        SeriesKind::Spans(_) => timeline::glyph(chart, series, style).to_string(),
    };
    let name = format!("{}{}", series.name, map::note(chart, canvas, series));
    (sample, Ink::Series(series.role), style.clean(&name))
}

fn mark_entry(chart: &Chart, frame: &Frame, mark: &Mark, style: &Style) -> Option<Entry> {
    let (Mark::Vertical { label, .. } | Mark::Horizontal { label, .. } | Mark::Region { label, .. }) = mark;
    if label.is_empty() {
        return None;
    }
    let (sample, name) = match mark {
        Mark::Vertical { .. } => (style.either("┊", "!"), label.clone()),
        Mark::Region { .. } => (style.either("┊→", "!>"), label.clone()),
        Mark::Horizontal { at, .. } if frame.y.contains(*at) => (style.either("┈", "-"), label.clone()),
        Mark::Horizontal { at, .. } => {
            let arrow = if *at < frame.y.low { style.either("↓", "v") } else { style.either("↑", "^") };
            (arrow, format!("{label}: {}", chart.y.unit.format(*at)))
        }
    };
    Some((sample.to_owned(), Ink::Muted, style.clean(&name)))
}
