//! What timelines and maps say under the pointer: the span or the point that is there.

use serde::Serialize;

use super::hover::{Place, inside, round};
use crate::plot::Frame;
use crate::svg::{title, values};
use crate::{Chart, PlotPoint, Role, Series, SeriesKind, Span};

/// The most spans, and the most points of a series, that can be pointed at.
const MOST: usize = 3000;

/// Shares of the width (left, right) and of the height from the top (top, bottom), the index of the series, the text.
#[derive(Serialize)]
pub(super) struct Area(f64, f64, f64, f64, usize, String);

/// Returns whether a pointer at `chart` means one thing in the plane.
pub(super) fn has_plane(chart: &Chart) -> bool {
    chart.equal_scales || chart.series.iter().any(|series| matches!(series.kind, SeriesKind::Spans(_)))
}

/// Returns the points of `series`.
pub(super) fn places(chart: &Chart, frame: &Frame, series: &Series) -> Vec<Place> {
    let SeriesKind::Points(points) = &series.kind else { return Vec::new() };
    let step = points.len().div_ceil(MOST).max(1);
    let place = |point: &PlotPoint| {
        let (across, up) = (inside(&frame.x, point.x)?, inside(&frame.y, point.y)?);
        let text = format!("{} {}", chart.y.label, values(chart, point));
        Some(Place(round(across), Some(round(1.0 - up)), chart.x.unit.format(point.x), text))
    };
    points.iter().step_by(step).filter_map(place).collect()
}

/// Returns the spans: failures first and then the longest, since shorter ones cannot be pointed at.
pub(super) fn areas(chart: &Chart, frame: &Frame) -> Vec<Area> {
    let mut found: Vec<(f64, usize, &Span)> = Vec::new();
    if chart.equal_scales {
        return Vec::new();
    }
    for (index, series) in chart.series.iter().enumerate() {
        if let SeriesKind::Spans(spans) = &series.kind {
            let first = if series.role == Role::Limit { 10.0 } else { 0.0 };
            found.extend(spans.iter().filter_map(|span| {
                let (from, to) = ends(frame, span)?;
                Some((first + to - from, index, span))
            }));
        }
    }
    if found.len() > MOST {
        found.select_nth_unstable_by(MOST, |a, b| b.0.total_cmp(&a.0));
        found.truncate(MOST);
    }
    found.sort_by(|a, b| {
        (a.2.lane, a.2.from).partial_cmp(&(b.2.lane, b.2.from)).unwrap_or(std::cmp::Ordering::Equal)
    });
    found.into_iter().filter_map(|(_, index, span)| area(chart, frame, index, span)).collect()
}

fn ends(frame: &Frame, span: &Span) -> Option<(f64, f64)> {
    let (a, b) = (frame.x.position(span.from)?, frame.x.position(span.to)?);
    let (from, to) = (a.min(b), a.max(b));
    (to >= 0.0 && from <= 1.0).then(|| (from.max(0.0), to.min(1.0)))
}

fn area(chart: &Chart, frame: &Frame, index: usize, span: &Span) -> Option<Area> {
    let (left, right) = ends(frame, span)?;
    let lane = f64::from(span.lane);
    inside(&frame.y, lane + 0.5)?;
    let (top, bottom) = (frame.y.position(lane)?, frame.y.position(lane + 1.0)?);
    let [top, bottom] = [top, bottom].map(|up| round((1.0 - up).clamp(0.0, 1.0)));
    Some(Area(round(left), round(right), top, bottom, index, title(chart, span)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Unit};

    fn timeline(spans: impl IntoIterator<Item = Span>, failed: impl IntoIterator<Item = Span>) -> Chart {
        let x = Axis::new("time", Unit::Seconds).with_range(0.0, 10.0);
        Chart::new("", x, Axis::lanes("slot", ["slot 1", "slot 2"]))
            .with(Series::spans("finished", Role::Measured, spans))
            .with(Series::spans("failed", Role::Limit, failed))
    }

    #[test]
    fn a_span_covers_its_part_of_its_lane() {
        let chart = timeline([Span::new(1, 2.0, 5.0).with_tooltip("task 7")], []);
        let found = areas(&chart, &Frame::new(&chart));
        let Area(left, right, top, bottom, index, text) = &found[0];
        assert_eq!((*left, *right, *top, *bottom, *index), (0.2, 0.5, 0.5, 1.0, 0));
        assert_eq!(text, "slot 2, 2.00 – 5.00 s, task 7");
    }

    #[test]
    fn of_many_spans_the_failures_and_the_longest_can_be_pointed_at() {
        let short = (0..5000).map(|i| Span::new(0, f64::from(i) / 1e3, f64::from(i) / 1e3 + 1e-4));
        let chart = timeline(short.chain([Span::new(0, 6.0, 9.0)]), [Span::new(1, 1.0, 1.0)]);
        let found = areas(&chart, &Frame::new(&chart));
        assert_eq!(found.len(), MOST);
        assert!(found.iter().any(|area| area.4 == 1) && found.iter().any(|area| area.1 - area.0 > 0.29));
    }

    #[test]
    fn the_points_of_a_map_have_both_values() {
        let km = |label: &str| Axis::new(label, Unit::Other("km".into())).with_range(0.0, 10.0);
        let points = Series::points("town", Role::Measured, [PlotPoint::new(5.0, 2.5).with_tooltip("Ulm")]);
        let chart = Chart::new("", km("east"), km("north")).with_equal_scales().with(points);
        let frame = Frame::new(&chart);
        let Place(x, y, across, up) = &places(&chart, &frame, &chart.series[0])[0];
        assert_eq!((*x, *y, across.as_str(), up.as_str()), (0.5, Some(0.75), "5 km", "north 2.5 km, Ulm"));
    }
}
