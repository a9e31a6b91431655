//! The lanes of a timeline: how many there are, what they are called, which of them have a label.

use super::{Domain, Tick};
use crate::{Axis, Chart, SeriesKind};

/// Returns the number of lanes of `chart`, idle ones with a name among them; `None` without spans and
/// on a map, which has no lanes.
pub(crate) fn count(chart: &Chart) -> Option<f64> {
    let mut spans = chart.series.iter().filter_map(|series| match &series.kind {
        SeriesKind::Spans(spans) => Some(spans),
        _ => None,
    });
    if chart.equal_scales {
        return None;
    }
    let highest =
        |spans: &Vec<crate::Span>| spans.iter().map(|span| f64::from(span.lane) + 1.0).fold(1.0, f64::max);
    let first = highest(spans.next()?);
    Some(spans.map(highest).fold(first.max(chart.y.names.len() as f64), f64::max))
}

/// Returns the name of `lane`: its place, counted from one, where it has none.
pub(crate) fn name(axis: &Axis, lane: u32) -> String {
    match axis.names.get(lane as usize) {
        Some(name) => name.clone(),
        None => (u64::from(lane) + 1).to_string(),
    }
}

/// Returns a tick in the middle of every k-th lane inside `domain`, at most `most` of them, with k of 1, 2, 5, 10 …
pub(crate) fn ticks(axis: &Axis, domain: &Domain, most: usize) -> Vec<Tick> {
    let last = f64::from(u32::MAX);
    let (first, end) = (domain.low.floor().clamp(0.0, last), domain.high.ceil().clamp(0.0, last + 1.0));
    let most = most.max(1) as f64;
    let steps = (0..10).flat_map(|power| [1.0, 2.0, 5.0].map(|mantissa| mantissa * 10_f64.powi(power)));
    let step = steps.into_iter().find(|step| (end - first) / step <= most).unwrap_or(1e10);
    let mut found = Vec::new();
    let mut lane = (first / step).ceil() * step;
    while lane < end {
        let value = lane + 0.5;
        if domain.contains(value) {
            found.push(Tick { value, label: name(axis, lane as u32) });
        }
        lane += step;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, Scale, Series, Span, Unit};

    #[test]
    fn idle_lanes_with_a_name_count() {
        let chart = |names: &[&str]| {
            let spans = Series::spans("", Role::Measured, [Span::new(2, 0.0, 1.0)]);
            Chart::new("", Axis::default(), Axis::lanes("", names.iter().copied())).with(spans)
        };
        assert_eq!(count(&chart(&[])), Some(3.0));
        assert_eq!(count(&chart(&["a", "b", "c", "d"])), Some(4.0));
        assert_eq!(count(&Chart::default()), None);
    }

    #[test]
    fn as_many_lanes_have_a_label_as_there_is_room_for() {
        let axis = Axis::lanes("", ["a", "b"]);
        let labels = |lanes: f64, most| -> Vec<String> {
            let domain = Domain { reversed: true, ..Domain::between(Scale::Linear, 0.0, lanes) };
            ticks(&axis, &domain, most).into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(3.0, 10), ["a", "b", "3"]);
        // Every second lane, then every fifth.
        assert_eq!(labels(5.0, 3), ["a", "3", "5"]);
        assert_eq!(labels(12.0, 3), ["a", "6", "11"]);
        assert_eq!(labels(f64::from(u32::MAX) + 1.0, 5).len(), 5);
        assert_eq!(ticks(&Axis::new("slot", Unit::Number), &Domain::between(Scale::Linear, 0.2, 0.3), 5), []);
    }
}
