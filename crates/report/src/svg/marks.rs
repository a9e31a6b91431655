//! Reference lines and regions.

use std::fmt::Write;

use super::area::Area;
use super::labels::Labels;
use super::layout::{FONT, Layout, line, text};
use super::measure::{fit, px, text_width};
use crate::{Chart, Mark, SeriesKind, Span};

const HEIGHT: f64 = 17.0;
const STEP: f64 = 20.0;

/// Writes the shaded regions, which lie behind the data.
pub(super) fn write_regions(out: &mut String, chart: &Chart, layout: &Layout) {
    for mark in &chart.marks {
        if let Some((left, right)) = region(mark, layout) {
            let Area { top, height, .. } = layout.area;
            let [x, y, width, height] = [left, top, right - left, height].map(px);
            let _ = write!(
                out,
                "<rect class=\"region\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            );
        }
    }
}

/// Writes the lines and the labels of lines and regions, which lie above the data.
pub(super) fn write_lines(out: &mut String, chart: &Chart, layout: &Layout) {
    let area = layout.area;
    let data = data(chart, layout);
    let mut labels = Labels::new(area, &data);
    for mark in &chart.marks {
        match mark {
            Mark::Vertical { at, label } => {
                let inside = layout.frame.x.contains(*at);
                let Some(at) = layout.frame.x.position(*at).filter(|_| inside) else { continue };
                let x = area.x(at);
                line(out, "mark", (x, area.top), (x, area.bottom()));
                write_label(out, &mut labels, label, &area, |width| beside(&area, x, width));
            }
            Mark::Horizontal { at, label } => match layout.frame.y.position(*at) {
                Some(at) if (0.0..=1.0).contains(&at) => {
                    let y = area.y(at);
                    line(out, "mark", (area.left, y), (area.right(), y));
                    write_label(out, &mut labels, label, &area, |width| above(&area, y, width));
                }
                Some(off) => {
                    let (arrow, y) =
                        if off > 1.0 { ("↑", area.top) } else { ("↓", area.bottom() - HEIGHT) };
                    let label = format!("{arrow} {label}: {}", chart.y.unit.format(*at));
                    write_label(out, &mut labels, &label, &area, |width| above(&area, y + HEIGHT, width));
                }
                None => {}
            },
            Mark::Region { label, .. } => {
                let Some((left, right)) = region(mark, layout) else { continue };
                write_label(out, &mut labels, label, &area, |width| over(&area, left, right, width));
            }
        }
    }
}

fn region(mark: &Mark, layout: &Layout) -> Option<(f64, f64)> {
    let Mark::Region { from, to, .. } = mark else { return None };
    let edge = |value: Option<f64>, default: f64| {
        Some(layout.frame.x.position_or_edge(value.unwrap_or(default))?.clamp(0.0, 1.0))
    };
    let (left, right) = (edge(*from, f64::NEG_INFINITY)?, edge(*to, f64::INFINITY)?);
    (left < right).then(|| (layout.area.x(left), layout.area.x(right)))
}

fn write_label(
    out: &mut String,
    labels: &mut Labels<'_>,
    label: &str,
    area: &Area,
    candidates: impl Fn(f64) -> Vec<Area>,
) {
    if label.is_empty() {
        return;
    }
    let label = fit(label, FONT, area.width - 12.0);
    let width = text_width(&label, FONT) + 4.0;
    if let Some(place) = labels.place(candidates(width)) {
        text(out, "note", place.left + 2.0, place.top + 13.0, "start", &label);
    }
}

/// Returns places right and left of a vertical line, from the top down.
fn beside(area: &Area, x: f64, width: f64) -> Vec<Area> {
    rows(area)
        .flat_map(|top| {
            // Where neither side has room, above the line.
            let middle = (x - width / 2.0).min(area.right() - width).max(area.left);
            [x + 4.0, x - width - 4.0, middle].map(|left| Area { left, top, width, height: HEIGHT })
        })
        .collect()
}

/// Returns places above and below a horizontal line, from the right.
fn above(area: &Area, y: f64, width: f64) -> Vec<Area> {
    let columns = (0..20).map(|step| area.right() - width - 4.0 - f64::from(step) * area.width / 20.0);
    columns
        .flat_map(|left| [y - HEIGHT - 1.0, y + 2.0].map(|top| Area { left, top, width, height: HEIGHT }))
        .collect()
}

/// Returns places over a region, inside it where it is wide enough.
fn over(area: &Area, left: f64, right: f64, width: f64) -> Vec<Area> {
    let inside = right - left > width + 8.0;
    let order =
        if inside { vec![left + 4.0, right - width - 4.0] } else { vec![left - width - 4.0, right + 4.0] };
    rows(area)
        .flat_map(|top| order.iter().map(move |left| Area { left: *left, top, width, height: HEIGHT }))
        .collect()
}

fn rows(area: &Area) -> impl Iterator<Item = f64> + use<> {
    let (top, count) = (area.top, (area.height / STEP) as usize);
    (0..count).map(move |row| top + 3.0 + row as f64 * STEP)
}

/// Returns some pixels of the data and of reference lines, at most a few thousand a series.
fn data(chart: &Chart, layout: &Layout) -> Vec<(f64, f64)> {
    let mut found = marks(chart, layout);
    for series in &chart.series {
        let values: Vec<(f64, f64)> = match &series.kind {
            SeriesKind::Points(points) => points.iter().map(|point| (point.x, point.y)).collect(),
            SeriesKind::Line(vertices) | SeriesKind::Bars(vertices) => vertices.clone(),
            SeriesKind::Band(_) => Vec::new(),
            SeriesKind::Spans(spans) => {
                let step = spans.len().div_ceil(500).max(1);
                let middle = |span: &Span| (span.from / 2.0 + span.to / 2.0, f64::from(span.lane) + 0.5);
                spans.iter().step_by(step).map(middle).collect()
            }
        };
        let step = values.len().div_ceil(500).max(1);
        let pixels: Vec<(f64, f64)> = values
            .iter()
            .step_by(step)
            .filter_map(|(x, y)| layout.area.pixel(&layout.frame, *x, *y))
            .collect();
        if matches!(series.kind, SeriesKind::Line(_)) {
            // A line of few vertices covers what lies between them.
            for pair in pixels.windows(2) {
                let parts = if pixels.len() < 100 { 12 } else { 1 };
                found.extend((0..parts).map(|i| {
                    let t = f64::from(i) / f64::from(parts);
                    (pair[0].0 + t * (pair[1].0 - pair[0].0), pair[0].1 + t * (pair[1].1 - pair[0].1))
                }));
            }
        }
        found.extend(pixels);
    }
    found
}

/// Returns pixels along the reference lines.
fn marks(chart: &Chart, layout: &Layout) -> Vec<(f64, f64)> {
    let Layout { area, frame, .. } = layout;
    let along = |length: f64| (0..(length / 6.0) as usize).map(|i| i as f64 * 6.0);
    let mut found = Vec::new();
    for mark in &chart.marks {
        match mark {
            Mark::Vertical { at, .. } => {
                if let Some(x) = frame.x.position(*at).map(|at| area.x(at)) {
                    found.extend(along(area.height).map(|y| (x, area.top + y)));
                }
            }
            Mark::Horizontal { at, .. } => {
                if let Some(y) = frame.y.position(*at).map(|at| area.y(at)) {
                    found.extend(along(area.width).map(|x| (area.left + x, y)));
                }
            }
            Mark::Region { .. } => {}
        }
    }
    found
}
