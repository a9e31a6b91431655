//! Spans of time on lanes.
//!
//! Up to [`MOST_SPANS`] each span is drawn where it is. Beyond, or where lanes are too thin, a grid of cells shows by
//! its opacity how busy the lanes are in each; what is hatched (failed) is then shown in full wherever there is any.

use std::collections::HashSet;
use std::fmt::Write;

use super::layout::Layout;
use super::measure::px;
use super::series::marker;
use crate::plot::coverage::{Coverage, FULL, Run};
use crate::plot::{lanes, thin};
use crate::{Chart, Role, Series, SeriesKind, Span, escape};

/// More spans than this are drawn as a grid.
const MOST_SPANS: usize = 6000;
/// More spans than this have no titles.
const MOST_TITLES: usize = 1500;
/// Lanes thinner than this are drawn as a grid.
const THINNEST: f64 = 3.0;
/// The most cells of a grid.
const MOST_CELLS: f64 = 50_000.0;
/// The most strokes of hatching in a series.
const MOST_STROKES: usize = 20_000;
/// Hatched spans narrower than this have a marker.
const NARROW: f64 = 7.0;

/// How the spans of a role look: it tells the role without colour.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Form {
    /// The share of the lane that is filled.
    thickness: f64,
    hatched: bool,
    class: &'static str,
}

fn form(role: Role) -> Form {
    let (thickness, hatched, class) = match role {
        Role::Measured | Role::Fit => (0.76, false, "span"),
        Role::Forecast => (0.76, false, "hollow"),
        Role::Ideal => (0.3, false, "span"),
        Role::Limit => (0.96, true, "span"),
        Role::Other(index) => match index % 4 {
            0 => (0.56, false, "span"),
            1 => (0.56, true, "span"),
            2 => (0.56, false, "hollow"),
            _ => (0.3, true, "span"),
        },
    };
    Form { thickness, hatched, class }
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bar {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// The spans of a chart and how they are drawn.
pub(super) struct Timeline<'a> {
    layout: &'a Layout,
    lanes: f64,
    spans: usize,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(chart: &Chart, layout: &'a Layout) -> Self {
        let count = |series: &Series| match &series.kind {
            SeriesKind::Spans(spans) => spans.len(),
            _ => 0,
        };
        let shown = layout.frame.y.high - layout.frame.y.low;
        Self { layout, lanes: shown, spans: chart.series.iter().map(count).sum() }
    }

    /// Writes the spans of `series`.
    pub(super) fn write(
        &self,
        out: &mut String,
        chart: &Chart,
        series: &Series,
        spans: &[Span],
        tooltips: bool,
    ) {
        let form = form(series.role);
        if self.spans > MOST_SPANS || self.layout.area.height < THINNEST * self.lanes {
            self.grid(out, series.role, form, spans);
            return;
        }
        let bars: Vec<(&Span, Bar)> =
            spans.iter().filter_map(|span| Some((span, self.bar(span, form.thickness)?))).collect();
        if tooltips && self.spans <= MOST_TITLES {
            for (span, bar) in &bars {
                let [x, y, width, height] = [bar.left, bar.top, bar.width, bar.height].map(px);
                let title = escape::xml(&format!("{}: {}", series.name, title(chart, span)));
                let _ = write!(
                    out,
                    "<rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{title}</title></rect>",
                    form.class
                );
            }
        } else {
            let path: String = bars.iter().map(|(_, bar)| bar.path()).collect();
            write_path(out, form.class, "", &path);
        }
        let bars: Vec<Bar> = bars.into_iter().map(|(_, bar)| bar).collect();
        write_path(out, "joint", "", &joints(&bars));
        if form.hatched {
            write_path(out, "hatch", "", &hatch(&bars));
            self.markers(out, series.role, bars.iter().filter(|bar| bar.width < NARROW).map(Bar::middle));
        }
    }

    /// Returns the rectangle of a span that is at least partly inside, at least a pixel wide.
    fn bar(&self, span: &Span, thickness: f64) -> Option<Bar> {
        let (from, to) = self.ends(span)?;
        let Layout { area, frame, .. } = self.layout;
        let middle = frame.y.position(f64::from(span.lane) + 0.5).filter(|at| (0.0..=1.0).contains(at))?;
        let height = area.height / self.lanes * thickness;
        let (left, width) = (area.x(from), ((to - from) * area.width).max(1.0));
        Some(Bar { left, top: area.y(middle) - height / 2.0, width, height })
    }

    /// Returns the ends of a span in order as shares of the width, cut where they are outside.
    fn ends(&self, span: &Span) -> Option<(f64, f64)> {
        let x = &self.layout.frame.x;
        let (a, b) = (x.position(span.from)?, x.position(span.to)?);
        let (from, to) = (a.min(b), a.max(b));
        (to >= 0.0 && from <= 1.0).then(|| (from.max(0.0), to.min(1.0)))
    }

    /// Writes a grid of how busy the lanes are: rows of one lane or of several, cells of a pixel or wider.
    fn grid(&self, out: &mut String, role: Role, form: Form, spans: &[Span]) {
        let Layout { area, frame, .. } = self.layout;
        let rows = self.lanes.ceil().min((area.height / THINNEST).floor()).max(1.0);
        let columns = area.width.floor().min((MOST_CELLS / rows).floor()).max(1.0);
        let mut coverage = Coverage::new(rows as usize, columns as usize, (self.lanes / rows).max(1.0));
        for span in spans {
            let down = frame.y.position(f64::from(span.lane) + 0.5).map(|up| 1.0 - up);
            if let (Some(down), Some((from, to))) =
                (down.filter(|at| (0.0..1.0).contains(at)), self.ends(span))
            {
                // What is hatched is never too short to be seen.
                let to = if form.hatched { to.max((from + 1e-6).min(1.0)) } else { to };
                coverage.add((down * rows) as usize, from, to);
            }
        }
        let mut runs = coverage.runs();
        let cells: usize = runs.iter().map(|run| run.end - run.start).sum();
        if form.hatched && (cells as f64) < 0.25 * rows * columns {
            runs.iter_mut().for_each(|run| run.level = FULL);
        }
        let (cell, row) = (area.width / columns, area.height / rows);
        let thickness = if row > 2.0 * THINNEST { form.thickness } else { 1.0 };
        let place =
            |run: &Run| (area.left + run.start as f64 * cell, area.top + (run.row as f64 + 0.5) * row);
        for level in 1..=FULL {
            let mut path = String::new();
            for run in runs.iter().filter(|run| run.level == level) {
                let ((x, y), length) = (place(run), (run.end - run.start) as f64 * cell);
                let _ = write!(path, "M{} {}h{}", px(x), px(y), px(length));
            }
            let opacity = [0.22, 0.45, 0.7, 1.0][usize::from(level) - 1];
            let attributes =
                format!(" stroke-width=\"{}\" stroke-opacity=\"{opacity}\"", px(row * thickness));
            write_path(out, "busy", &attributes, &path);
        }
        if form.hatched {
            self.markers(out, role, runs.iter().map(place));
        }
    }

    /// Writes markers at `pixels`, no two near one another, and not on every one of a crowd.
    fn markers(&self, out: &mut String, role: Role, pixels: impl Iterator<Item = (f64, f64)>) {
        let pixels: Vec<(f64, f64)> = pixels.collect();
        let mut taken: HashSet<(i64, i64)> = HashSet::new();
        for index in thin::scatter(pixels.iter().copied(), 24.0) {
            let (x, y) = pixels[index];
            let (column, row) = ((x / 24.0) as i64, (y / 24.0) as i64);
            let free = |dx: i64, dy: i64| !taken.contains(&(column + dx, row + dy));
            if (-1..=1).all(|dx| (-1..=1).all(|dy| free(dx, dy))) {
                taken.insert((column, row));
                out.push_str(&marker(role, x, y, None));
            }
        }
    }
}

impl Bar {
    fn path(&self) -> String {
        let [x, y, width, height] = [self.left, self.top, self.width, self.height].map(px);
        format!("M{x} {y}h{width}v{height}h-{width}z")
    }

    fn middle(&self) -> (f64, f64) {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }
}

/// Writes the sample of the legend at `(x, y)`, `width` wide.
pub(super) fn sample(out: &mut String, role: Role, x: f64, y: f64, width: f64) {
    let form = form(role);
    let height = 14.0 * form.thickness;
    let bar = Bar { left: x, top: y - height / 2.0, width, height };
    write_path(out, form.class, "", &bar.path());
    if form.hatched {
        write_path(out, "hatch", "", &hatch(&[bar]));
    }
}

/// Returns what a span is: its lane, when it was and what the caller says of it.
pub(crate) fn title(chart: &Chart, span: &Span) -> String {
    let unit = &chart.x.unit;
    let lane = lanes::name(&chart.y, span.lane);
    let lane =
        if chart.y.names.len() > span.lane as usize { lane } else { format!("{} {lane}", chart.y.label) };
    let mut text = format!("{}, {}", lane.trim(), unit.format_interval(span.from, span.to));
    if let Some(tooltip) = &span.tooltip {
        text.push_str(&format!(", {tooltip}"));
    }
    text
}

fn write_path(out: &mut String, class: &str, attributes: &str, path: &str) {
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"{class}\"{attributes} d=\"{path}\"/>");
    }
}

/// Returns strokes where a span begins, which tell it from the one before.
fn joints(bars: &[Bar]) -> String {
    let mut path = String::new();
    for bar in bars.iter().filter(|bar| bar.width > 3.0) {
        let _ = write!(path, "M{} {}v{}", px(bar.left), px(bar.top), px(bar.height));
    }
    path
}

/// Returns oblique strokes six pixels apart over `bars`.
fn hatch(bars: &[Bar]) -> String {
    const APART: f64 = 6.0;
    let mut path = String::new();
    let mut strokes = 0;
    for bar in bars.iter().filter(|bar| bar.width >= 3.0) {
        // A stroke rises from (c, bottom) to (c + height, top); the bar cuts it at the shares a and b.
        let first = ((bar.left - bar.height) / APART).ceil() as i64;
        let last = ((bar.left + bar.width) / APART).floor() as i64;
        for c in (first..=last).map(|k| k as f64 * APART) {
            let a = ((bar.left - c) / bar.height).clamp(0.0, 1.0);
            let b = ((bar.left + bar.width - c) / bar.height).clamp(0.0, 1.0);
            if a < b && strokes < MOST_STROKES {
                strokes += 1;
                let y = |share: f64| px(bar.top + (1.0 - share) * bar.height);
                let x = |share: f64| px(c + share * bar.height);
                let _ = write!(path, "M{} {}L{} {}", x(a), y(a), x(b), y(b));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_apart_without_colour() {
        let roles = [Role::Measured, Role::Forecast, Role::Ideal, Role::Limit]
            .into_iter()
            .chain((0..4).map(Role::Other))
            .collect::<Vec<_>>();
        for (index, a) in roles.iter().enumerate() {
            assert!(roles[index + 1..].iter().all(|b| form(*a) != form(*b)), "{a:?}");
        }
    }

    #[test]
    fn hatching_stays_inside_its_bar() {
        // 12 wide, 6 high: strokes from c = 0 (cut at nothing) and 6; that from −6 only touches a corner.
        let bar = Bar { left: 0.0, top: 10.0, width: 12.0, height: 6.0 };
        assert_eq!(hatch(&[bar]), "M0 16L6 10M6 16L12 10");
        // Moved by 3: c = 0 begins half way up, c = 12 ends half way.
        let bar = Bar { left: 3.0, ..bar };
        assert_eq!(hatch(&[bar]), "M3 13L6 10M6 16L12 10M12 16L15 13");
    }
}
