//! Charts as text: braille or ASCII, with ticks on both axes and a legend.

use super::canvas::Canvas;
use super::style::{Ink, Style};
use super::wrap::{cut, width, wrapped};
use crate::plot::{Domain, Frame, Tick, ticks};
use crate::{Chart, Mark, PlotPoint, Role, SeriesKind, Unit};

/// Writes `chart`.
pub(super) fn write(out: &mut String, chart: &Chart, style: &Style) {
    super::paragraph(out, &chart.title, style, Ink::Strong);
    let frame = Frame::new(chart);
    let rows = (style.width / 5).clamp(8, 18);
    let y_ticks = y_ticks(&frame.y, &chart.y.unit, rows, style);
    let gutter = y_ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(0).min(style.width / 3);
    let columns = style.width.saturating_sub(gutter + 3).max(8);
    let mut canvas = Canvas::new(columns, rows, style.unicode);
    draw(&mut canvas, chart, &frame, style);
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
    x_axis(out, chart, &frame, gutter, &canvas, style);
    legend(out, chart, &frame, style);
    if !chart.caption.is_empty() {
        super::paragraph(out, &chart.caption, style, Ink::Muted);
    }
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

fn x_axis(out: &mut String, chart: &Chart, frame: &Frame, gutter: usize, canvas: &Canvas, style: &Style) {
    let columns = canvas.columns();
    let place = |tick: &Tick| canvas.cell_at(frame.x.position(tick.value).unwrap_or(0.0), 0.0).0;
    let target = (2..=12).rev().find(|target| {
        let mut end = 0;
        ticks(&frame.x, &chart.x.unit, *target).iter().all(|tick| {
            let label = width(&style.clean(&tick.label));
            let start = (place(tick) + 1).saturating_sub(label.div_ceil(2));
            let free = start >= end;
            end = start + label + 2;
            free
        })
    });
    let found = ticks(&frame.x, &chart.x.unit, target.unwrap_or(2));
    let mut rule: Vec<&str> = vec![style.either("─", "-"); columns];
    let mut labels = String::new();
    let offset = gutter + 2;
    for tick in &found {
        rule[place(tick)] = style.either("┬", "+");
        let label = style.clean(&tick.label);
        let start = (offset + place(tick) + 1).saturating_sub(width(&label).div_ceil(2));
        let start = start.min((offset + columns + 1).saturating_sub(width(&label)));
        if width(&labels) <= start && (labels.is_empty() || width(&labels) < start) {
            labels.push_str(&" ".repeat(start - width(&labels)));
            labels.push_str(&label);
        }
    }
    let corner = style.either("└", "+");
    let rule = format!("{}{corner}{}", " ".repeat(gutter + 1), rule.concat());
    out.push_str(&style.paint(&rule, Ink::Muted));
    out.push('\n');
    out.push_str(&style.paint(&labels, Ink::Muted));
    out.push('\n');
    let label = cut(&style.clean(&chart.x.heading()), style.width, "");
    let start = (offset + columns / 2).saturating_sub(width(&label) / 2);
    out.push_str(&" ".repeat(start.min(style.width - width(&label))));
    out.push_str(&style.paint(&label, Ink::Muted));
    out.push('\n');
}

fn draw(canvas: &mut Canvas, chart: &Chart, frame: &Frame, style: &Style) {
    for series in &chart.series {
        let ink = Ink::Series(series.role);
        match &series.kind {
            SeriesKind::Band(edges) => band(canvas, frame, edges, ink, style),
            SeriesKind::Bars(values) => bars(canvas, frame, values, ink, style),
            SeriesKind::Points(_) | SeriesKind::Line(_) => {}
        }
    }
    for series in &chart.series {
        if let SeriesKind::Line(vertices) = &series.kind {
            line(canvas, frame, vertices, series.role);
        }
    }
    for mark in &chart.marks {
        reference(canvas, frame, mark, style);
    }
    for series in &chart.series {
        if let SeriesKind::Points(points) = &series.kind {
            markers(canvas, frame, points, series.role, style);
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

fn bars(canvas: &mut Canvas, frame: &Frame, values: &[(f64, f64)], ink: Ink, style: &Style) {
    let glyph = if style.unicode { '█' } else { '#' };
    let base = frame.y.position_or_edge(0.0).unwrap_or(0.0).clamp(0.0, 1.0);
    for (x, y) in values.iter().filter_map(|(x, y)| frame.position(*x, *y)) {
        let (Some((column, from)), Some((_, to))) = (canvas.dot(x, base), canvas.dot(x, y.clamp(0.0, 1.0)))
        else {
            continue;
        };
        for row in from.min(to)..=from.max(to) {
            for side in -2_isize..=2 {
                canvas.put((column.saturating_add_signed(side), row), glyph, ink, true);
            }
        }
    }
}

/// Draws a line with the dash of its role: which of each run of dots are set.
fn line(canvas: &mut Canvas, frame: &Frame, vertices: &[(f64, f64)], role: Role) {
    let (on, off, plain) = dash(role);
    let (width, height) = canvas.dots();
    let mut travelled = 0;
    let places: Vec<Option<(f64, f64)>> = vertices.iter().map(|(x, y)| frame.position(*x, *y)).collect();
    let mut last = None;
    for pair in places.windows(2) {
        let [Some(a), Some(b)] = pair else { continue };
        let span = ((b.0 - a.0).abs() * width as f64).max((b.1 - a.1).abs() * height as f64);
        let steps = (span.ceil() as usize).clamp(1, 8 * (width + height));
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            let dot = canvas.dot(a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            if dot.is_none() || dot == last {
                continue;
            }
            last = dot;
            if let Some(dot) = dot.filter(|_| travelled % (on + off) < on) {
                canvas.set(dot, plain, Ink::Series(role));
            }
            travelled += 1;
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

fn markers(canvas: &mut Canvas, frame: &Frame, points: &[PlotPoint], role: Role, style: &Style) {
    let ink = Ink::Series(role);
    for point in points {
        let Some((x, y)) = frame.position(point.x, point.y) else { continue };
        let edge = |value: Option<f64>| frame.y.position_or_edge(value.unwrap_or(point.y));
        if let (Some(lower), Some(upper)) = (edge(point.lower), edge(point.upper)) {
            let ends = (canvas.dot(x, lower.clamp(0.0, 1.0)), canvas.dot(x, upper.clamp(0.0, 1.0)));
            if let (Some((column, bottom)), Some((_, top))) = ends
                && lower != upper
            {
                for row in top..=bottom {
                    canvas.set((column, row), '|', ink);
                }
            }
        }
        if let Some(dot) = canvas.dot(x, y) {
            canvas.put(dot, marker(role, style), ink, true);
        }
    }
}

fn marker(role: Role, style: &Style) -> char {
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
                canvas.put((column, row), glyph, Ink::Muted, false);
            }
        }
        Mark::Horizontal { at, .. } => {
            let Some((_, row)) = frame.y.position(*at).and_then(|at| canvas.dot(0.0, at)) else { return };
            let glyph = if style.unicode { '┈' } else { '-' };
            for column in 0..width {
                canvas.put((column, row), glyph, Ink::Muted, false);
            }
        }
        Mark::Region { .. } => {}
    }
}

fn legend(out: &mut String, chart: &Chart, frame: &Frame, style: &Style) {
    let series = chart.series.iter().filter(|series| !series.name.is_empty()).map(|series| {
        let sample = match &series.kind {
            SeriesKind::Points(_) => marker(series.role, style).to_string(),
            SeriesKind::Line(_) => line_sample(series.role, style),
            SeriesKind::Band(_) => style.either("░░", "::").to_owned(),
            SeriesKind::Bars(_) => style.either("█", "#").to_owned(),
        };
        (sample, Ink::Series(series.role), style.clean(&series.name))
    });
    let marks = chart.marks.iter().filter_map(|mark| {
        let (sample, label) = match mark {
            Mark::Vertical { label, .. } => (style.either("┊", "!"), label.clone()),
            Mark::Horizontal { at, label } if frame.y.contains(*at) => {
                (style.either("┈", "-"), format!("{label}: {}", chart.y.unit.format(*at)))
            }
            Mark::Horizontal { at, label } => {
                (style.either("↑", "^"), format!("{label}: {} (outside)", chart.y.unit.format(*at)))
            }
            Mark::Region { label, .. } => (style.either("┊→", "!>"), label.clone()),
        };
        (!label.is_empty()).then(|| (sample.to_owned(), Ink::Muted, style.clean(&label)))
    });
    let mut used = 0;
    for (sample, ink, name) in series.chain(marks) {
        let needed = width(&sample) + 1 + width(&name);
        if used > 0 && used + 3 + needed > style.width {
            out.push('\n');
            used = 0;
        }
        if used > 0 {
            out.push_str("   ");
            used += 3;
        }
        let mut lines = wrapped(&name, style.width.saturating_sub(width(&sample) + 1)).into_iter();
        out.push_str(&style.paint(&sample, ink));
        out.push(' ');
        out.push_str(&lines.next().unwrap_or_default());
        for line in lines {
            out.push('\n');
            out.push_str(&" ".repeat(width(&sample) + 1));
            out.push_str(&line);
        }
        used += needed;
    }
    if used > 0 {
        out.push('\n');
    }
}

fn line_sample(role: Role, style: &Style) -> String {
    if !style.unicode {
        return dash(role).2.to_string().repeat(3);
    }
    match role {
        Role::Measured | Role::Fit => "⠒⠒⠒",
        Role::Forecast => "⠒⠂⠒",
        Role::Ideal => "⠂⠂⠂",
        Role::Limit => "⠒⠒⠂",
        Role::Other(index) => ["⠒⠒⠐", "⠒⠐⠒", "⠒⠀⠒", "⠒⠒⠀"][usize::from(index) % 4],
    }
    .to_owned()
}
