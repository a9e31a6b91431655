//! What a chart says under the pointer, as data for the page's script.

use serde::Serialize;

use crate::plot::Frame;
use crate::svg::{role_class, values};
use crate::{Chart, SeriesKind};

/// The most values of a series that can be pointed at: about one a pixel.
const MOST: usize = 600;

#[derive(Serialize)]
struct Hover<'a> {
    x: &'a str,
    series: Vec<Values<'a>>,
}

#[derive(Serialize)]
struct Values<'a> {
    name: &'a str,
    class: &'static str,
    /// Shares of the width and of the height from the top (none for a band), then both values as text.
    points: Vec<(f64, Option<f64>, String, String)>,
}

/// Returns the values of `chart` as JSON that can stand in a script element.
pub(super) fn json(chart: &Chart) -> String {
    let frame = Frame::new(chart);
    let series = chart.series.iter().map(|series| {
        let name = if series.name.is_empty() { &chart.y.label } else { &series.name };
        let points = match &series.kind {
            SeriesKind::Points(points) => {
                thinned(points, |p| point(chart, &frame, p.x, Some(p.y), || values(chart, p)))
            }
            SeriesKind::Line(pairs) | SeriesKind::Bars(pairs) => {
                thinned(pairs, |(x, y)| point(chart, &frame, *x, Some(*y), || chart.y.unit.format(*y)))
            }
            SeriesKind::Band(edges) => thinned(edges, |(x, lower, upper)| {
                point(chart, &frame, *x, None, || chart.y.unit.format_interval(*lower, *upper))
            }),
        };
        Values { name, class: role_class(series.role), points }
    });
    let hover = Hover { x: &chart.x.label, series: series.collect() };
    let text = serde_json::to_string(&hover).unwrap_or_else(|_| "null".to_owned());
    // Nothing in it may end the element or begin a comment.
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

type Point = (f64, Option<f64>, String, String);

fn thinned<T>(values: &[T], place: impl Fn(&T) -> Option<Point>) -> Vec<Point> {
    let step = values.len().div_ceil(MOST).max(1);
    let mut found: Vec<Point> = values.iter().step_by(step).filter_map(place).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

fn point(chart: &Chart, frame: &Frame, x: f64, y: Option<f64>, text: impl Fn() -> String) -> Option<Point> {
    let round = |at: f64| (at * 1e4).round() / 1e4;
    let inside = |at: &f64| (0.0..=1.0).contains(at);
    let across = frame.x.position(x).filter(inside)?;
    let down = match y {
        Some(y) => Some(round(1.0 - frame.y.position(y).filter(inside)?)),
        None => None,
    };
    Some((round(across), down, chart.x.unit.format(x), text()))
}
