//! Data on a canvas: shades and bars below lines, lines below reference lines, markers above all.

use super::canvas::Canvas;
use super::map;
use super::style::{Ink, Style};
use crate::plot::Frame;
use crate::{Chart, Mark, PlotPoint, Role, Series, SeriesKind};

/// Draws all series and reference lines of `chart`.
pub(super) fn draw(canvas: &mut Canvas, chart: &Chart, frame: &Frame, style: &Style) {
    for series in &chart.series {
        let ink = Ink::Series(series.role);
        match &series.kind {
            SeriesKind::Band(edges) => band(canvas, frame, edges, ink, style),
            SeriesKind::Bars(values) => bars(canvas, frame, chart, series, values, style),
            // The rows of a timeline hold its spans already.
            SeriesKind::Points(_) | SeriesKind::Line(_) | SeriesKind::Spans(_) => {}
        }
    }
    for series in &chart.series {
        if let SeriesKind::Line(vertices) = &series.kind {
            let vertices = map::thinned(chart, canvas, vertices);
            line(canvas, frame, &vertices, series.role, style);
        }
    }
    for mark in &chart.marks {
        reference(canvas, frame, mark, style);
    }
    for series in &chart.series {
        if let SeriesKind::Points(points) = &series.kind
            && !map::hides_lines(chart, canvas, points.len())
        {
            // More points than this are a cloud of dots.
            let most = if chart.equal_scales { canvas.columns() / 2 } else { 2 * canvas.columns() };
            let cloud = style.unicode && points.len() > most;
            markers(canvas, frame, points, series.role, cloud, style);
        }
    }
}

fn band(canvas: &mut Canvas, frame: &Frame, edges: &[(f64, f64, f64)], ink: Ink, style: &Style) {
    let shade = if style.unicode { '░' } else { ':' };
    let places: Vec<Option<(f64, f64, f64)>> = edges
        .iter()
        .map(|(x, lower, upper)| {
            let (lower, upper) = (frame.y.position_or_edge(*lower)?, frame.y.position_or_edge(*upper)?);
            Some((frame.x.position(*x)?, lower.min(upper), lower.max(upper)))
        })
        .collect();
    let width = canvas.dots().0;
    for pair in places.windows(2) {
        let [Some(a), Some(b)] = pair else { continue };
        let steps = (((b.0 - a.0).abs() * width as f64).ceil() as usize).clamp(1, 4 * width);
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            let mix = |a: f64, b: f64| a + t * (b - a);
            let (x, low, high) = (mix(a.0, b.0), mix(a.1, b.1).max(0.0), mix(a.2, b.2).min(1.0));
            let (Some((column, bottom)), Some((_, top))) = (canvas.dot(x, low), canvas.dot(x, high)) else {
                continue;
            };
            canvas.shade(column, top, bottom, shade, ink);
        }
    }
}

fn bars(
    canvas: &mut Canvas,
    frame: &Frame,
    chart: &Chart,
    series: &Series,
    values: &[(f64, f64)],
    style: &Style,
) {
    let glyph = bar_glyph(chart, series, style);
    let base = frame.y.position_or_edge(0.0).unwrap_or(0.0).clamp(0.0, 1.0);
    let slot = frame.bar_slot(chart, series);
    for (x, y) in values.iter().filter_map(|(x, y)| frame.position(*x, *y)) {
        let (from, row) = canvas.cell_at(x + slot.left, base);
        let (to, end) = canvas.cell_at(x + slot.left + slot.width, y);
        // What ends where its neighbour begins leaves that column to it.
        for column in from..to.max(from + 1) {
            for row in row.min(end)..=row.max(end) {
                canvas.put((column, row), glyph, Ink::Series(series.role), true);
            }
        }
    }
}

/// Returns the filling of the bars of `series`, which differs from that of others beside them.
pub(super) fn bar_glyph(chart: &Chart, series: &Series, style: &Style) -> char {
    let mut groups = chart
        .series
        .iter()
        .filter(|series| matches!(series.kind, SeriesKind::Bars(_) | SeriesKind::Spans(_)));
    let index = groups.position(|group| std::ptr::eq(group, series)).unwrap_or(0) % 3;
    if style.unicode { ['█', '▒', '▚'][index] } else { ['#', '=', '%'][index] }
}

/// Draws a line with the dash of its role: which of each run of dots are set.
fn line(canvas: &mut Canvas, frame: &Frame, vertices: &[(f64, f64)], role: Role, style: &Style) {
    let (on, off, plain) = dash(role);
    let (width, height) = canvas.dots();
    let places: Vec<Option<(f64, f64)>> = vertices.iter().map(|(x, y)| frame.position(*x, *y)).collect();
    let mut dots: Vec<(usize, usize)> = Vec::new();
    for pair in places.windows(2) {
        let [Some(a), Some(b)] = pair else { continue };
        let span = ((b.0 - a.0).abs() * width as f64).max((b.1 - a.1).abs() * height as f64);
        let steps = (span.ceil() as usize).clamp(1, 8 * (width + height));
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            let dot = canvas.dot(a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            if let Some(dot) = dot.filter(|dot| dots.last() != Some(dot)) {
                if dots.len() % (on + off) < on {
                    canvas.set(dot, plain, Ink::Series(role));
                }
                dots.push(dot);
            }
        }
    }
    if let Role::Other(index) = role
        && style.unicode
    {
        // Dashes of braille are hard to tell apart: markers on the line, each line's at other places.
        for tag in 0..4 {
            if let Some(dot) = dots.get(dots.len() * (4 * tag + 1 + usize::from(index % 4)) / 17) {
                canvas.put(canvas.cell_of(*dot), marker(role, style), Ink::Series(role), true);
            }
        }
    }
}

/// Returns how many dots of a line are set, how many follow unset, and its ASCII character.
fn dash(role: Role) -> (usize, usize, char) {
    match role {
        Role::Measured | Role::Fit => (1, 0, '*'),
        Role::Forecast => (4, 3, '~'),
        Role::Ideal => (1, 3, '.'),
        Role::Limit => (6, 2, '='),
        Role::Other(index) => [(5, 1, '%'), (3, 2, '&'), (2, 2, '$'), (7, 3, '?')][usize::from(index) % 4],
    }
}

fn markers(canvas: &mut Canvas, frame: &Frame, points: &[PlotPoint], role: Role, cloud: bool, style: &Style) {
    let ink = Ink::Series(role);
    for point in points {
        let Some((x, y)) = frame.position(point.x, point.y) else { continue };
        let edge = |value: Option<f64>| frame.y.position_or_edge(value.unwrap_or(point.y));
        if !cloud && let (Some(lower), Some(upper)) = (edge(point.lower), edge(point.upper)) {
            let ends = (canvas.dot(x, lower.clamp(0.0, 1.0)), canvas.dot(x, upper.clamp(0.0, 1.0)));
            if let (Some((column, bottom)), Some((_, top))) = ends
                && lower != upper
            {
                for row in top..=bottom {
                    canvas.set((column, row), '|', ink);
                }
            }
        }
        match canvas.dot(x, y) {
            Some(dot) if cloud => canvas.set(dot, marker(role, style), ink),
            Some(dot) => canvas.put(canvas.cell_of(dot), marker(role, style), ink, true),
            None => {}
        }
    }
}

pub(super) fn marker(role: Role, style: &Style) -> char {
    let (rich, plain) = match role {
        Role::Measured => ('●', 'o'),
        Role::Fit => ('◆', '*'),
        Role::Forecast => ('○', '~'),
        Role::Ideal => ('+', '+'),
        Role::Limit => ('×', 'x'),
        Role::Other(index) => [('■', '%'), ('▲', '&'), ('▼', '$'), ('⬢', '?')][usize::from(index) % 4],
    };
    if style.unicode { rich } else { plain }
}

/// Draws a reference line where no data are.
fn reference(canvas: &mut Canvas, frame: &Frame, mark: &Mark, style: &Style) {
    let (width, height) = canvas.dots();
    match mark {
        Mark::Vertical { at, .. } | Mark::Region { from: Some(at), .. } => {
            let Some((column, _)) = frame.x.position(*at).and_then(|at| canvas.dot(at, 0.0)) else { return };
            let glyph = if style.unicode { '┊' } else { '!' };
            for row in 0..height {
                canvas.put(canvas.cell_of((column, row)), glyph, Ink::Muted, false);
            }
        }
        Mark::Horizontal { at, .. } => {
            let Some((_, row)) = frame.y.position(*at).and_then(|at| canvas.dot(0.0, at)) else { return };
            let glyph = if style.unicode { '┈' } else { '-' };
            for column in 0..width {
                canvas.put(canvas.cell_of((column, row)), glyph, Ink::Muted, false);
            }
        }
        Mark::Region { .. } => {}
    }
}

pub(super) fn line_sample(role: Role, style: &Style) -> String {
    if !style.unicode {
        return dash(role).2.to_string().repeat(3);
    }
    match role {
        Role::Measured | Role::Fit => "⠒⠒⠒",
        Role::Forecast => "⠒⠂⠒",
        Role::Ideal => "⠂⠂⠂",
        Role::Limit => "⠒⠒⠂",
        Role::Other(index) => ["⠒■⠒", "⠒▲⠒", "⠒▼⠒", "⠒⬢⠒"][usize::from(index) % 4],
    }
    .to_owned()
}
