//! Maps as text: a unit is as long across as up.

use std::borrow::Cow;

use super::canvas::Canvas;
use crate::plot::Frame;
use crate::{Chart, Series, SeriesKind};

/// A cell of a terminal is about twice as high as wide; a dot of braille is about square.
const CELL: f64 = 2.0;

/// Returns the columns and rows of a map, at most as many as given and no fewer than show anything.
pub(super) fn shape(frame: &Frame, columns: usize, rows: usize) -> (usize, usize) {
    let across = (CELL * rows as f64 * frame.aspect()).round();
    if across <= columns as f64 {
        return ((across as usize).max(8), rows);
    }
    (columns, ((columns as f64 / frame.aspect() / CELL).round() as usize).max(2))
}

/// Returns the vertices of a line that are drawn: every k-th where all would fill the map.
pub(super) fn thinned<'a>(
    chart: &Chart,
    canvas: &Canvas,
    vertices: &'a [(f64, f64)],
) -> Cow<'a, [(f64, f64)]> {
    let stride = stride(canvas, vertices.len());
    if !chart.equal_scales || stride == 1 {
        return Cow::Borrowed(vertices);
    }
    let stays = |index: usize, vertex: &(f64, f64)| {
        index.is_multiple_of(stride)
            || index + 1 == vertices.len()
            || !(vertex.0.is_finite() && vertex.1.is_finite())
    };
    Cow::Owned(vertices.iter().enumerate().filter(|(i, v)| stays(*i, v)).map(|(_, v)| *v).collect())
}

/// Returns whether points are left out, since they would hide the lines among them.
pub(super) fn hides_lines(chart: &Chart, canvas: &Canvas, points: usize) -> bool {
    let has_lines = chart.series.iter().any(|series| matches!(series.kind, SeriesKind::Line(_)));
    chart.equal_scales && has_lines && stride(canvas, points) > 1
}

/// Returns what the legend says of `series` beside its name.
pub(super) fn note(chart: &Chart, canvas: &Canvas, series: &Series) -> String {
    match &series.kind {
        SeriesKind::Line(vertices) if chart.equal_scales && stride(canvas, vertices.len()) > 1 => {
            format!(" (1 of {} vertices)", stride(canvas, vertices.len()))
        }
        SeriesKind::Points(points) if hides_lines(chart, canvas, points.len()) => {
            " (too many to draw)".to_owned()
        }
        _ => String::new(),
    }
}

/// Returns one for as many places as leave most dots free, and more for more.
fn stride(canvas: &Canvas, places: usize) -> usize {
    let (width, height) = canvas.dots();
    places.div_ceil((width * height / 8).max(200)).max(1)
}
