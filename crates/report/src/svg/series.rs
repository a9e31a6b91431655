//! The data themselves: bands below bars below lines below markers; clouds of points below lines.

use std::fmt::Write;

use super::layout::Layout;
use super::measure::px;
use super::style::role_class;
use super::{map, spans};
use crate::plot::thin;
use crate::{Chart, PlotPoint, Role, Series, SeriesKind, escape};

/// More markers than this are drawn as one path, without titles.
const MOST_MARKERS: usize = 1500;

/// Writes all series of `chart`, with titles on markers if `tooltips`.
pub(super) fn write(out: &mut String, chart: &Chart, layout: &Layout, tooltips: bool) {
    let layer = |series: &Series| match &series.kind {
        SeriesKind::Band(_) => 0,
        SeriesKind::Bars(_) | SeriesKind::Spans(_) => 1,
        // So many points would hide the lines.
        SeriesKind::Points(points) if points.len() > MOST_MARKERS => 2,
        SeriesKind::Points(points) if map::is_crowded(chart, layout, points.len()) => 2,
        SeriesKind::Line(_) => 3,
        SeriesKind::Points(_) => 4,
    };
    let timeline = spans::Timeline::new(chart, layout);
    for depth in 0..5 {
        for series in chart.series.iter().filter(|series| layer(series) == depth) {
            let _ = write!(out, "<g class=\"{}\">", role_class(series.role));
            match &series.kind {
                SeriesKind::Band(edges) => band(out, layout, edges),
                SeriesKind::Bars(values) => bars(out, layout, chart, series, values),
                SeriesKind::Line(vertices) if chart.equal_scales && vertices.len() > MOST_MARKERS => {
                    map::thread(out, layout, vertices);
                }
                SeriesKind::Line(vertices) => line(out, layout, series.role, vertices),
                SeriesKind::Points(points) if map::is_crowded(chart, layout, points.len()) => {
                    map::dust(out, layout, points);
                }
                SeriesKind::Spans(_) if chart.equal_scales => {}
                SeriesKind::Spans(spans) => timeline.write(out, chart, series, spans, tooltips),
                SeriesKind::Points(points) => {
                    spreads(out, layout, points);
                    markers(out, layout, chart, series, points, tooltips);
                }
            }
            out.push_str("</g>");
        }
    }
}

fn line(out: &mut String, layout: &Layout, role: Role, vertices: &[(f64, f64)]) {
    let mut path = String::new();
    for run in runs(vertices, |(x, y)| layout.area.pixel(&layout.frame, *x, *y)) {
        polyline(&mut path, &thin::line(&run, 0.5), 'M');
    }
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"line\"{} d=\"{path}\"/>", dash(role));
    }
}

fn band(out: &mut String, layout: &Layout, edges: &[(f64, f64, f64)]) {
    let Layout { area, frame, .. } = layout;
    let mut path = String::new();
    for run in runs(edges, |(x, lower, upper)| {
        let x = area.x(frame.x.position(*x)?);
        let (lower, upper) = (frame.y.position_or_edge(*lower)?, frame.y.position_or_edge(*upper)?);
        Some((x, area.y(lower.max(upper)), area.y(lower.min(upper))))
    }) {
        let run = thin::spans(&run, 1.0);
        let upper: Vec<(f64, f64)> = run.iter().map(|(x, top, _)| (*x, *top)).collect();
        let lower: Vec<(f64, f64)> = run.iter().rev().map(|(x, _, bottom)| (*x, *bottom)).collect();
        polyline(&mut path, &upper, 'M');
        polyline(&mut path, &lower, 'L');
        path.push('Z');
    }
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"band\" d=\"{path}\"/>");
    }
}

fn bars(out: &mut String, layout: &Layout, chart: &Chart, series: &Series, values: &[(f64, f64)]) {
    let Layout { area, frame, .. } = layout;
    let slot = frame.bar_slot(chart, series);
    let base = area.y(frame.y.position_or_edge(0.0).unwrap_or(0.0).clamp(0.0, 1.0));
    let mut path = String::new();
    for (middle, end) in values.iter().filter_map(|(x, y)| area.pixel(frame, *x, *y)) {
        let left = middle + slot.left * area.width;
        let right = left + (slot.width * area.width).max(0.5);
        let [left, right, base, end] = [left, right, base, end].map(px);
        let _ = write!(path, "M{left} {base}V{end}H{right}V{base}Z");
    }
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"bar\" d=\"{path}\"/>");
    }
}

fn spreads(out: &mut String, layout: &Layout, points: &[PlotPoint]) {
    let spans: Vec<(f64, f64, f64)> = points.iter().filter_map(|point| spread(layout, point)).collect();
    let (cap, width) = if points.len() > MOST_MARKERS { (0.0, 1.0) } else { (3.0, 1e-3) };
    let mut path = String::new();
    for (x, top, bottom) in thin::spans(&spans, width) {
        let [left, middle, right, top, bottom] = [x - cap, x, x + cap, top, bottom].map(px);
        let _ = write!(path, "M{middle} {top}V{bottom}");
        if cap > 0.0 {
            let _ = write!(path, "M{left} {top}H{right}M{left} {bottom}H{right}");
        }
    }
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"spread\" d=\"{path}\"/>");
    }
}

fn spread(layout: &Layout, point: &PlotPoint) -> Option<(f64, f64, f64)> {
    let area = layout.area;
    let (x, _) = area.pixel(&layout.frame, point.x, point.y)?;
    let edge = |value: Option<f64>| layout.frame.y.position_or_edge(value.unwrap_or(point.y));
    let (lower, upper) = (edge(point.lower)?, edge(point.upper)?);
    (lower != upper).then(|| (x, area.y(lower.max(upper)), area.y(lower.min(upper))))
}

fn markers(
    out: &mut String,
    layout: &Layout,
    chart: &Chart,
    series: &Series,
    points: &[PlotPoint],
    tooltips: bool,
) {
    let pixels: Vec<(&PlotPoint, (f64, f64))> = points
        .iter()
        .filter_map(|point| Some((point, layout.area.pixel(&layout.frame, point.x, point.y)?)))
        .collect();
    if pixels.len() > MOST_MARKERS {
        let mut path = String::new();
        for index in thin::scatter(pixels.iter().map(|(_, pixel)| *pixel), 2.0) {
            let (x, y) = pixels[index].1;
            let _ = write!(path, "M{} {}h0", px(x), px(y));
        }
        let _ = write!(out, "<path class=\"cloud\" d=\"{path}\"/>");
        return;
    }
    if chart.equal_scales && pixels.len() == 1 {
        // A place of its own, such as the start of a tour, stands out among those around it.
        let (x, y) = pixels[0].1;
        let _ = write!(out, "<circle class=\"ring\" cx=\"{}\" cy=\"{}\" r=\"8.5\"/>", px(x), px(y));
    }
    for (point, (x, y)) in pixels {
        let title = tooltips.then(|| {
            let name = if series.name.is_empty() { String::new() } else { format!("{}: ", series.name) };
            let values = values(chart, point);
            format!("{name}{} {}, {} {values}", chart.x.label, chart.x.unit.format(point.x), chart.y.label)
        });
        out.push_str(&marker(series.role, x, y, title.as_deref()));
    }
}

/// Returns the value of a point, its spread and its tooltip as text.
pub(crate) fn values(chart: &Chart, point: &PlotPoint) -> String {
    let unit = &chart.y.unit;
    let mut text = unit.format(point.y);
    if let (Some(lower), Some(upper)) = (point.lower, point.upper) {
        text.push_str(&format!(" ({})", unit.format_interval(lower, upper)));
    }
    if let Some(tooltip) = &point.tooltip {
        text.push_str(&format!(", {tooltip}"));
    }
    text
}

/// Returns the marker of `role`: its shape tells the role without colour.
pub(super) fn marker(role: Role, x: f64, y: f64, title: Option<&str>) -> String {
    let title = title.map_or_else(String::new, |title| format!("<title>{}</title>", escape::xml(title)));
    let (x, y) = (px(x), px(y));
    let path = match role {
        Role::Measured => {
            return format!("<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\">{title}</circle>");
        }
        Role::Forecast => {
            return format!("<circle class=\"ring\" cx=\"{x}\" cy=\"{y}\" r=\"4\">{title}</circle>");
        }
        Role::Fit => "m0-5.5 5.5 5.5-5.5 5.5-5.5-5.5z",
        Role::Ideal => "m-1.2-5h2.4v3.8h3.8v2.4h-3.8v3.8h-2.4v-3.8h-3.8v-2.4h3.8z",
        Role::Limit => {
            "m-5-3.4 1.6-1.6 3.4 3.4 3.4-3.4 1.6 1.6-3.4 3.4 3.4 3.4-1.6 1.6-3.4-3.4-3.4 3.4-1.6-1.6 3.4-3.4z"
        }
        Role::Other(index) => match index % 4 {
            0 => "m-4.2-4.2h8.4v8.4h-8.4z",
            1 => "m0-5.5 5.2 9.4h-10.4z",
            2 => "m0 5.5 5.2-9.4h-10.4z",
            _ => "m-6 0 3-4.5h6l3 4.5-3 4.5h-6z",
        },
    };
    format!("<path class=\"dot\" d=\"M{x} {y}{path}\">{title}</path>")
}

/// Returns the attribute of the dash of `role`: it tells the role without colour.
pub(super) fn dash(role: Role) -> &'static str {
    match role {
        Role::Measured | Role::Fit => "",
        Role::Forecast => " stroke-dasharray=\"7 5\"",
        Role::Ideal => " stroke-dasharray=\"1.5 5\"",
        Role::Limit => " stroke-dasharray=\"10 4 2 4\"",
        Role::Other(index) => match index % 4 {
            0 => " stroke-dasharray=\"12 4\"",
            1 => " stroke-dasharray=\"4 4\"",
            2 => " stroke-dasharray=\"12 4 2 4 2 4\"",
            _ => " stroke-dasharray=\"2 3\"",
        },
    }
}

/// Splits values into runs that have a place, and returns their places.
pub(super) fn runs<T, P>(values: &[T], place: impl Fn(&T) -> Option<P>) -> Vec<Vec<P>> {
    let mut found = vec![Vec::new()];
    for value in values {
        match (place(value), found.last_mut()) {
            (Some(pixel), Some(run)) => run.push(pixel),
            (None, Some(run)) if !run.is_empty() => found.push(Vec::new()),
            _ => {}
        }
    }
    found.retain(|run| !run.is_empty());
    found
}

/// Adds a line through `points`, which begins with `first`: a move or a line from what is there.
fn polyline(path: &mut String, points: &[(f64, f64)], first: char) {
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { first } else { 'L' };
        let _ = write!(path, "{command}{} {}", px(*x), px(*y));
    }
    if let ([(x, y)], 'M') = (points, first) {
        // A round cap shows a line of one point.
        let _ = write!(path, "L{} {}", px(*x), px(*y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_apart_without_colour() {
        for (index, a) in Role::ALL.iter().enumerate() {
            for b in &Role::ALL[index + 1..] {
                assert_ne!(marker(*a, 0.0, 0.0, None), marker(*b, 0.0, 0.0, None), "{a:?} {b:?}");
                // What is measured is drawn as markers, so that its line may look like that of a fit.
                if *a != Role::Measured {
                    assert_ne!(dash(*a), dash(*b), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_place_interrupts_a_line() {
        let place = |v: &f64| v.is_finite().then_some(*v);
        assert_eq!(runs(&[f64::NAN, 1.0, 2.0, f64::NAN, f64::NAN, 3.0], place), [vec![1.0, 2.0], vec![3.0]]);
        assert!(runs(&[f64::NAN], place).is_empty());
    }
}
