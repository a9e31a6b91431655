//! The two domains of a chart, found from all that it shows.

use super::{Domain, lanes};
use crate::{Axis, Chart, Mark, Scale, Series, SeriesKind};

/// A reference line may lengthen its axis by this factor; one further away is named at the edge.
const REACH: f64 = 1.6;

/// Bars stand as if values were no further apart than this share of the width.
const WIDEST_GAP: f64 = 0.2;

/// The shorter side of a map is at least this share of the longer.
const FLATTEST: f64 = 0.125;

/// The place of a bar relative to its value, in shares of the width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BarSlot {
    pub(crate) left: f64,
    pub(crate) width: f64,
}

/// The domains of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: Domain,
    pub(crate) y: Domain,
}

impl Frame {
    /// Returns the frame that shows every value of `chart`, and the reference lines near them.
    pub(crate) fn new(chart: &Chart) -> Self {
        if chart.equal_scales {
            return Self::of_map(chart);
        }
        let margin = match lanes::count(chart) {
            Some(_) => 0.005,
            None if has_bars(chart) => 0.08,
            None => 0.03,
        };
        let x = Domain::new(&chart.x, horizontal(chart), margin, false);
        if let Some(count) = lanes::count(chart) {
            let axis = Axis { scale: Scale::Linear, ..chart.y.clone() };
            let y = Domain::new(&axis, [0.0, count].into_iter(), 0.0, false);
            return Self { x, y: Domain { reversed: true, ..y } };
        }
        let values: Vec<f64> = vertical(chart).collect();
        let data = Domain::new(&chart.y, values.iter().copied(), 0.05, true);
        let near = chart.marks.iter().filter_map(|mark| match mark {
            Mark::Horizontal { at, .. } => is_near(&data, *at).then_some(*at),
            Mark::Vertical { .. } | Mark::Region { .. } => None,
        });
        let y = Domain::new(&chart.y, values.iter().copied().chain(near), 0.05, true);
        Self { x, y }
    }

    /// Returns the frame of a map: a margin as wide on all sides, and neither side much shorter than the other.
    fn of_map(chart: &Chart) -> Self {
        let linear = |axis: &Axis| Axis { scale: Scale::Linear, ..axis.clone() };
        let x = Domain::new(&linear(&chart.x), horizontal(chart), 0.0, false);
        let y = Domain::new(&linear(&chart.y), vertical(chart), 0.0, false);
        let longest = (x.high - x.low).max(y.high - y.low);
        let widened = |axis: &Axis, domain: Domain| {
            let margin = if axis.range.is_some() { 0.0 } else { 0.03 * longest };
            let missing = (FLATTEST * 1.06 * longest - (domain.high - domain.low) - 2.0 * margin).max(0.0);
            let more = margin + missing / 2.0;
            Domain::between(Scale::Linear, domain.low - more, domain.high + more)
        };
        Self { x: widened(&chart.x, x), y: widened(&chart.y, y) }
    }

    /// Returns how many times as wide as high a map is.
    pub(crate) fn aspect(&self) -> f64 {
        ((self.x.high - self.x.low) / (self.y.high - self.y.low)).clamp(FLATTEST, 1.0 / FLATTEST)
    }

    /// Returns the shares of the width and height at which `(x, y)` lies; `None` where it has no place.
    pub(crate) fn position(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x.position(x)?, self.y.position(y)?))
    }

    /// Returns where the bars of `series` stand beside their values: several series share the narrowest gap.
    pub(crate) fn bar_slot(&self, chart: &Chart, series: &Series) -> BarSlot {
        let groups: Vec<(&Series, &[(f64, f64)])> = chart
            .series
            .iter()
            .filter_map(|series| match &series.kind {
                SeriesKind::Bars(bars) => Some((series, bars.as_slice())),
                _ => None,
            })
            .collect();
        let mut at: Vec<f64> =
            groups.iter().flat_map(|group| group.1).filter_map(|bar| self.x.position(bar.0)).collect();
        at.sort_by(f64::total_cmp);
        let gaps = at.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1e-6);
        let width = 0.8 * gaps.fold(WIDEST_GAP, f64::min) / groups.len().max(1) as f64;
        let index = groups.iter().position(|group| std::ptr::eq(group.0, series)).unwrap_or(0);
        BarSlot { left: width * (index as f64 - groups.len() as f64 / 2.0), width }
    }
}

fn is_near(domain: &Domain, value: f64) -> bool {
    domain.position(value).is_some_and(|at| (1.0 - REACH..=REACH).contains(&at))
}

fn has_bars(chart: &Chart) -> bool {
    chart.series.iter().any(|series| matches!(series.kind, SeriesKind::Bars(_)))
}

fn horizontal(chart: &Chart) -> impl Iterator<Item = f64> + '_ {
    let y = &chart.y;
    chart.series.iter().flat_map(move |series| -> Box<dyn Iterator<Item = f64>> {
        match &series.kind {
            SeriesKind::Points(points) => Box::new(points.iter().filter(|p| fits(y, p.y)).map(|p| p.x)),
            SeriesKind::Line(vertices) => Box::new(vertices.iter().filter(|v| fits(y, v.1)).map(|v| v.0)),
            SeriesKind::Band(edges) => Box::new(edges.iter().map(|e| e.0)),
            SeriesKind::Bars(bars) => Box::new(bars.iter().filter(|b| fits(y, b.1)).map(|b| b.0)),
            SeriesKind::Spans(_) if chart.equal_scales => Box::new(std::iter::empty()),
            SeriesKind::Spans(spans) => Box::new(spans.iter().flat_map(|span| [span.from, span.to])),
        }
    })
}

fn vertical(chart: &Chart) -> impl Iterator<Item = f64> + '_ {
    let x = &chart.x;
    chart.series.iter().flat_map(move |series| -> Box<dyn Iterator<Item = f64>> {
        match &series.kind {
            SeriesKind::Points(points) => Box::new(
                points
                    .iter()
                    .filter(|p| fits(x, p.x))
                    .flat_map(|p| [Some(p.y), p.lower, p.upper].into_iter().flatten()),
            ),
            SeriesKind::Line(vertices) => Box::new(vertices.iter().filter(|v| fits(x, v.0)).map(|v| v.1)),
            SeriesKind::Band(edges) => {
                Box::new(edges.iter().filter(|e| fits(x, e.0)).flat_map(|e| [e.1, e.2]))
            }
            SeriesKind::Bars(bars) => Box::new(bars.iter().filter(|b| fits(x, b.0)).flat_map(|b| [b.1, 0.0])),
            // Lanes are counted, not measured.
            SeriesKind::Spans(_) => Box::new(std::iter::empty()),
        }
    })
}

/// Returns whether `value` is shown on `axis`, so that what stands at it counts for the other axis.
fn fits(axis: &Axis, value: f64) -> bool {
    let inside = axis.range.is_none_or(|(a, b)| a.min(b) <= value && value <= a.max(b));
    inside && super::domain::drawable(axis.scale, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, Unit};

    fn chart(y: f64) -> Chart {
        Chart::new("", Axis::new("x", Unit::Number), Axis::new("y", Unit::Number)).with(Series::line(
            "",
            Role::Fit,
            [(0.0, 0.0), (10.0, y)],
        ))
    }

    #[test]
    fn a_reference_line_near_the_data_is_shown_and_one_far_away_is_not() {
        // 5 % above the data: up to 105; a limit at 150 lengthens that, one at 1000 would squash the data.
        assert!((Frame::new(&chart(100.0)).y.high - 105.0).abs() < 1e-9);
        assert!(Frame::new(&chart(100.0).with_mark(Mark::horizontal(150.0, ""))).y.contains(150.0));
        assert_eq!(
            Frame::new(&chart(100.0).with_mark(Mark::horizontal(1000.0, ""))),
            Frame::new(&chart(100.0))
        );
    }

    #[test]
    fn a_map_has_the_same_margin_on_all_sides_and_is_never_a_line() {
        let map = |x, y| {
            Frame::new(&Chart { equal_scales: true, ..chart(0.0) }.with(Series::line(
                "",
                Role::Fit,
                [(0.0, 0.0), (x, y)],
            )))
        };
        // 100 wide, 50 high: 3 % of 100 on each side.
        let frame = map(100.0, 50.0);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(
            near(frame.x.low, -3.0) && near(frame.x.high, 103.0) && near(frame.y.high, 53.0),
            "{frame:?}"
        );
        assert!(near(frame.aspect(), 106.0 / 56.0));
        // 800 wide and flat: 848 with margins, so 106 high.
        let frame = map(800.0, 0.0);
        assert!(near(frame.y.high - frame.y.low, 106.0) && near(frame.aspect(), 8.0), "{frame:?}");
    }

    #[test]
    fn values_outside_a_fixed_range_do_not_count_for_the_other_axis() {
        let mut chart = chart(100.0).with(Series::line("", Role::Fit, [(50.0, 9e9)]));
        chart.x = chart.x.with_range(0.0, 20.0);
        let frame = Frame::new(&chart);
        assert_eq!((frame.x.low, frame.x.high), (0.0, 20.0));
        assert!(frame.y.high < 200.0);
    }

    #[test]
    fn two_series_of_bars_share_the_gap_between_values() {
        let bars = || (0..5).map(|i| (f64::from(i), 1.0));
        let chart = Chart::new("", Axis::new("x", Unit::Number).with_range(0.0, 10.0), Axis::default())
            .with(Series::bars("a", Role::Measured, bars()))
            .with(Series::bars("b", Role::Fit, bars()));
        let frame = Frame::new(&chart);
        // Values are a tenth of the width apart: four fifths of that for two bars.
        let slots = [0, 1].map(|i| frame.bar_slot(&chart, &chart.series[i]));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(
            near(slots[0].left, -0.04) && near(slots[0].width, 0.04) && near(slots[1].left, 0.0),
            "{slots:?}"
        );
    }
}
