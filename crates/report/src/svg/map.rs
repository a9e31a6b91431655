//! Lines and points of maps, where there are so many that strokes must be finer and bytes fewer.
//!
//! Paths are written in whole quarters of a pixel, each vertex relative to the one before: five bytes a vertex
//! instead of twelve. What is left out is nearer than [`NEAREST`] to what is drawn, unless there are more than
//! [`MOST_VERTICES`]: a line is never interrupted by it.

use std::fmt::Write;

use super::layout::Layout;
use super::measure::px;
use super::series::runs;
use crate::plot::thin;
use crate::{Chart, PlotPoint};

/// Vertices nearer than this to the last one that was drawn are left out.
const NEAREST: f64 = 0.7;
/// Beyond so many vertices more are left out.
const MOST_VERTICES: usize = 110_000;
/// The most points drawn.
const MOST_POINTS: f64 = 25_000.0;
/// The part of a pixel in which paths are written.
const QUARTER: f64 = 4.0;

/// Returns whether `count` points of a map would hide each other as markers.
pub(super) fn is_crowded(chart: &Chart, layout: &Layout, count: usize) -> bool {
    chart.equal_scales && count > 50 && spacing(layout, count) < 16.0
}

/// Writes a line of many vertices.
pub(super) fn thread(out: &mut String, layout: &Layout, vertices: &[(f64, f64)]) {
    let runs = runs(vertices, |(x, y)| layout.area.pixel(&layout.frame, *x, *y));
    let mut kept: Vec<Vec<(f64, f64)>> = runs.iter().map(|run| thin::path(run, NEAREST)).collect();
    let mut nearest = NEAREST;
    while kept.iter().map(Vec::len).sum::<usize>() > MOST_VERTICES && nearest < 64.0 {
        nearest *= 1.5;
        kept = runs.iter().map(|run| thin::path(run, nearest)).collect();
    }
    let mut path = String::new();
    for run in kept.iter().take(MOST_VERTICES) {
        let mut pen = None;
        run.iter().for_each(|pixel| step(&mut path, &mut pen, *pixel));
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    let count = kept.iter().map(Vec::len).sum::<usize>();
    write_path(out, "thread", (0.3 * spacing(layout, count)).clamp(0.6, 2.0), &path);
}

/// Writes many points, smaller the more there are.
pub(super) fn dust(out: &mut String, layout: &Layout, points: &[PlotPoint]) {
    let pixels = points.iter().filter_map(|point| layout.area.pixel(&layout.frame, point.x, point.y));
    let pixels: Vec<(f64, f64)> = pixels.filter(|pixel| layout.area.holds(*pixel)).collect();
    let cell = (layout.area.width * layout.area.height / MOST_POINTS).sqrt().max(1.0);
    let mut path = String::new();
    let mut at = (0, 0);
    for index in thin::scatter(pixels.iter().copied(), cell) {
        let to = quarters(pixels[index]);
        let _ = match path.is_empty() {
            true => write!(path, "M{} {}h0", to.0, to.1),
            false => write!(path, "m{}h0", pair(to.0 - at.0, to.1 - at.1)),
        };
        at = to;
    }
    write_path(out, "dust", (0.5 * spacing(layout, pixels.len())).clamp(1.2, 6.0), &path);
}

/// Returns the distance in pixels of `count` points spread evenly.
fn spacing(layout: &Layout, count: usize) -> f64 {
    (layout.area.width * layout.area.height / count.max(1) as f64).sqrt()
}

fn write_path(out: &mut String, class: &str, width: f64, path: &str) {
    if !path.is_empty() {
        let width = px(width * QUARTER);
        let _ = write!(
            out,
            "<path class=\"{class}\" transform=\"scale({})\" stroke-width=\"{width}\" d=\"{path}\"/>",
            1.0 / QUARTER
        );
    }
}

fn quarters((x, y): (f64, f64)) -> (i64, i64) {
    ((x * QUARTER).round() as i64, (y * QUARTER).round() as i64)
}

/// Adds a line to `pixel` from where the pen is, or a move where it is nowhere yet.
fn step(path: &mut String, pen: &mut Option<(i64, i64)>, pixel: (f64, f64)) {
    let to = quarters(pixel);
    let _ = match *pen {
        None => write!(path, "M{} {}", to.0, to.1),
        Some(at) if at == to => return,
        Some(at) => write!(path, "l{}", pair(to.0 - at.0, to.1 - at.1)),
    };
    *pen = Some(to);
}

/// Writes two numbers, with nothing between them where a sign separates.
fn pair(x: i64, y: i64) -> String {
    if y < 0 { format!("{x}{y}") } else { format!("{x} {y}") }
}
