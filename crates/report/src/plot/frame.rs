//! The two domains of a chart, found from all that it shows.

use super::Domain;
use crate::{Axis, Chart, Mark, SeriesKind};

/// A reference line may lengthen its axis by this factor; one further away is named at the edge.
const REACH: f64 = 1.6;

/// The domains of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: Domain,
    pub(crate) y: Domain,
}

impl Frame {
    /// Returns the frame that shows every value of `chart`, and the reference lines near them.
    pub(crate) fn new(chart: &Chart) -> Self {
        let margin = if has_bars(chart) { 0.08 } else { 0.03 };
        let x = Domain::new(&chart.x, horizontal(chart), margin, false);
        let values: Vec<f64> = vertical(chart).collect();
        let data = Domain::new(&chart.y, values.iter().copied(), 0.05, true);
        let near = chart.marks.iter().filter_map(|mark| match mark {
            Mark::Horizontal { at, .. } => is_near(&data, *at).then_some(*at),
            Mark::Vertical { .. } | Mark::Region { .. } => None,
        });
        let y = Domain::new(&chart.y, values.iter().copied().chain(near), 0.05, true);
        Self { x, y }
    }

    /// Returns the shares of the width and height at which `(x, y)` lies; `None` where it has no place.
    pub(crate) fn position(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x.position(x)?, self.y.position(y)?))
    }
}

/// Returns the narrowest distance between values of a sorted copy of `values`, as a share of the domain's length.
pub(crate) fn narrowest_gap(domain: &Domain, values: impl Iterator<Item = f64>) -> f64 {
    let mut at: Vec<f64> = values.filter_map(|v| domain.position(v)).collect();
    at.sort_by(f64::total_cmp);
    at.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1e-6).fold(0.2, f64::min)
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
        }
    })
}

/// Returns whether `value` is shown on `axis`, so that what stands at it counts for the other axis.
fn fits(axis: &Axis, value: f64) -> bool {
    let inside = axis.range.is_none_or(|(a, b)| a.min(b) <= value && value <= a.max(b));
    inside && super::domain::drawable(axis.scale, value)
}
