//! What a chart says under the pointer, as data for the page's script.

use serde::Serialize;

use super::plane::{self, Area};
use crate::plot::{Domain, Frame};
use crate::svg::{role_class, values};
use crate::{Chart, Series, SeriesKind, escape};

/// The most values of a series that can be pointed at: about one a pixel.
const MOST: usize = 600;

#[derive(Serialize)]
struct Hover<'a> {
    x: &'a str,
    series: Vec<Values<'a>>,
    /// Whether the pointer finds what is nearest in both directions, not all that is above one place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plane: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    areas: Vec<Area>,
}

#[derive(Serialize)]
struct Values<'a> {
    name: &'a str,
    class: &'static str,
    /// Whether the values stand alone, so that the pointer is drawn to them.
    markers: bool,
    points: Vec<Place>,
}

/// Shares of the width and of the height from the top (none for a band), then both values as text.
#[derive(Serialize)]
pub(super) struct Place(pub(super) f64, pub(super) Option<f64>, pub(super) String, pub(super) String);

/// A share of the width at which some series has a value, and that place as text.
type Stop = (f64, String);

/// Returns the values of `chart` as JSON that can stand in a script element.
pub(super) fn json(chart: &Chart) -> String {
    let frame = Frame::new(chart);
    let plane = plane::has_plane(chart);
    let mut series: Vec<Values<'_>> = chart
        .series
        .iter()
        .map(|series| Values {
            name: if series.name.is_empty() { &chart.y.label } else { &series.name },
            class: role_class(series.role),
            markers: matches!(series.kind, SeriesKind::Points(_) | SeriesKind::Bars(_)),
            points: if plane { plane::places(chart, &frame, series) } else { places(chart, &frame, series) },
        })
        .collect();
    let mut stops: Vec<Stop> =
        series.iter().flat_map(|one| one.points.iter().map(|place| (place.0, place.2.clone()))).collect();
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    stops.dedup_by(|a, b| a.0 == b.0);
    if stops.len() <= MOST && !plane {
        for (values, series) in series.iter_mut().zip(&chart.series) {
            values.points.extend(between(chart, &frame, series, &stops));
        }
    }
    for values in &mut series {
        values.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let hover = Hover { x: &chart.x.label, series, plane, areas: plane::areas(chart, &frame) };
    let text = serde_json::to_string(&hover).unwrap_or_else(|_| r#"{"x":"","series":[]}"#.to_owned());
    escape::json_in_html(&text)
}

/// Returns the values of `series` that are given.
fn places(chart: &Chart, frame: &Frame, series: &Series) -> Vec<Place> {
    let place = |x: f64, y: Option<f64>, text: &dyn Fn() -> String| {
        let across = inside(&frame.x, x)?;
        let down = match y {
            Some(y) => Some(round(1.0 - inside(&frame.y, y)?)),
            None => None,
        };
        Some(Place(round(across), down, chart.x.unit.format(x), text()))
    };
    let unit = &chart.y.unit;
    match &series.kind {
        SeriesKind::Points(points) => thinned(points, |p| place(p.x, Some(p.y), &|| values(chart, p))),
        SeriesKind::Line(pairs) | SeriesKind::Bars(pairs) => {
            thinned(pairs, |(x, y)| place(*x, Some(*y), &|| unit.format(*y)))
        }
        SeriesKind::Band(edges) => {
            thinned(edges, |(x, lower, upper)| place(*x, None, &|| unit.format_interval(*lower, *upper)))
        }
        SeriesKind::Spans(_) => Vec::new(),
    }
}

/// Returns the values that lines and bands have at `stops` between those that are given, as they are drawn.
fn between(chart: &Chart, frame: &Frame, series: &Series, stops: &[Stop]) -> Vec<Place> {
    let y_text = |up: f64| chart.y.unit.format(frame.y.value(up));
    match &series.kind {
        SeriesKind::Line(vertices) if vertices.len() <= MOST => {
            let drawn: Vec<_> = vertices.iter().map(|(x, y)| frame.position(*x, *y)).collect();
            let found = interpolated(&drawn, stops).into_iter();
            let found = found.filter(|(_, up)| (0.0..=1.0).contains(up));
            found.map(|((at, x), up)| Place(at, Some(round(1.0 - up)), x, y_text(up))).collect()
        }
        SeriesKind::Band(edges) if edges.len() <= MOST => {
            let edge = |pick: fn(&(f64, f64, f64)) -> f64| {
                let drawn: Vec<_> = edges.iter().map(|e| frame.position(e.0, pick(e))).collect();
                interpolated(&drawn, stops)
            };
            let (lower, upper) = (edge(|e| e.1), edge(|e| e.2));
            // An edge without a place somewhere has fewer values than the other: then there is nothing to pair.
            let pairs =
                if lower.len() == upper.len() { lower.into_iter().zip(upper).collect() } else { Vec::new() };
            let texts =
                |low: f64, high: f64| chart.y.unit.format_interval(frame.y.value(low), frame.y.value(high));
            pairs
                .into_iter()
                .map(|(((at, x), low), (_, high))| Place(at, None, x, texts(low, high)))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Returns `(stop, height)` on the lines between neighbours in `drawn`, for the stops strictly between them.
fn interpolated(drawn: &[Option<(f64, f64)>], stops: &[Stop]) -> Vec<(Stop, f64)> {
    let mut found = Vec::new();
    for pair in drawn.windows(2) {
        let [Some(a), Some(b)] = pair else { continue };
        // Stops are rounded: one that is an end is given already.
        let first = stops.partition_point(|stop| stop.0 <= a.0 + 1e-4);
        for stop in stops[first..].iter().take_while(|stop| stop.0 < b.0 - 1e-4) {
            let share = (stop.0 - a.0) / (b.0 - a.0);
            found.push((stop.clone(), a.1 + share * (b.1 - a.1)));
        }
    }
    found
}

fn thinned<T>(values: &[T], place: impl Fn(&T) -> Option<Place>) -> Vec<Place> {
    let step = values.len().div_ceil(MOST).max(1);
    values.iter().step_by(step).filter_map(place).collect()
}

pub(super) fn inside(domain: &Domain, value: f64) -> Option<f64> {
    domain.position(value).filter(|at| (-1e-9..=1.0 + 1e-9).contains(at))
}

pub(super) fn round(at: f64) -> f64 {
    (at * 1e4).round() / 1e4 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, PlotPoint, Role, Scale, Unit};

    #[test]
    fn a_line_has_a_value_wherever_another_series_has_one() {
        // On logarithmic axes the line from (1, 1) to (64, 64) passes (8, 8).
        let axis = || Axis::new("p", Unit::Number).with_scale(Scale::Log2);
        let chart = Chart::new("", axis(), axis())
            .with(Series::line("ideal", Role::Ideal, [(1.0, 1.0), (64.0, 64.0)]))
            .with(Series::points("measured", Role::Measured, [PlotPoint::new(8.0, 5.0)]));
        let text = json(&chart);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ideal = &read["series"][0]["points"];
        assert_eq!((ideal[1][2].as_str(), ideal[1][3].as_str()), (Some("8"), Some("8")), "{text}");
        assert_eq!(ideal.as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn no_name_can_end_the_script_element() {
        let chart = Chart::new("", Axis::default(), Axis::default()).with(Series::points(
            "</script><!--",
            Role::Measured,
            [PlotPoint::new(1.0, 2.0).with_tooltip("<script>&amp;")],
        ));
        let text = json(&chart);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["series"][0]["name"], "</script><!--");
    }
}
