//! Where the parts of a chart stand: title, legend, axes with their ticks, caption.

use std::fmt::Write;

use super::area::Area;
use super::legend::{self, Legend};
use super::measure::{fit, px, text_width, wrap};
use crate::plot::{Frame, Tick, lanes, ticks};
use crate::{Chart, Unit, escape};

pub(super) const FONT: f64 = 12.0;
const TITLE_FONT: f64 = 15.0;
const LINE: f64 = 17.0;
const GAP: f64 = 8.0;
/// What the horizontal axis takes of the height.
const X_AXIS: f64 = 2.0 * LINE + 14.0;
/// A lane of a timeline is this high where there is room, and the drawing grows to make it at least half.
const LANE: f64 = 24.0;

/// The places of everything in a drawing.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) area: Area,
    pub(super) frame: Frame,
    pub(super) legend: Legend,
    title: Vec<String>,
    caption: Vec<String>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    is_timeline: bool,
}

impl Layout {
    /// Returns the layout of `chart` in `width` pixels with `height` for the plot and its axes; with title and
    /// caption only if `framed`.
    pub(super) fn new(chart: &Chart, width: f64, height: f64, framed: bool) -> Self {
        let width = if width.is_finite() { width.clamp(200.0, 1e4) } else { 720.0 };
        let height = if height.is_finite() { height.clamp(120.0, 1e4) } else { 360.0 };
        let edge = if framed { 14.0 } else { 0.0 };
        let inner = width - 2.0 * edge;
        let title = if framed { wrap(&chart.title, TITLE_FONT, inner, 2) } else { Vec::new() };
        let caption = if framed { wrap(&chart.caption, FONT, inner, 6) } else { Vec::new() };

        let frame = Frame::new(chart);
        let lane_count = lanes::count(chart);
        let height = lane_count.map_or(height, |count| timeline_height(count, height));
        let y_ticks = match lane_count {
            Some(_) => lanes::ticks(&chart.y, &frame.y, ((height - X_AXIS) / 16.0) as usize),
            None => ticks(&frame.y, &chart.y.unit, (height / 58.0) as usize),
        };
        let gutter = y_ticks.iter().map(|tick| text_width(&tick.label, FONT)).fold(12.0, f64::max) + GAP;
        let left = edge + gutter.min(width / 3.0);
        let right = width - edge - 14.0;
        let (left, right, height) = match chart.equal_scales {
            true => map_sides(&frame, left, right, height),
            false => (left, right, height),
        };
        let x_ticks = x_ticks(&frame, &chart.x.unit, right - left);

        let title_height = if title.is_empty() { 0.0 } else { title.len() as f64 * 19.0 + GAP };
        let legend = legend::place(chart, edge, edge + title_height, inner);
        let y_label_height = if chart.y_heading().is_empty() { 4.0 } else { LINE + 9.0 };
        let top = edge + title_height + legend.height + y_label_height;
        let bottom = top + height - X_AXIS;
        let caption_top = bottom + 2.0 * LINE + 8.0;
        let height =
            caption_top + if caption.is_empty() { 0.0 } else { GAP + caption.len() as f64 * LINE } + edge;
        let area = Area { left, top, width: right - left, height: bottom - top };
        Self {
            width,
            height,
            area,
            frame,
            legend,
            title,
            caption,
            x_ticks,
            y_ticks,
            is_timeline: lane_count.is_some(),
        }
    }

    /// Writes title, caption, grid, ticks and axis labels.
    pub(super) fn write_frame(&self, out: &mut String, chart: &Chart) {
        let Area { left, top, width, .. } = self.area;
        let (right, bottom) = (self.area.right(), self.area.bottom());
        for (index, line) in self.title.iter().enumerate() {
            text(out, "name", 14.0, 14.0 + TITLE_FONT - 2.0 + index as f64 * 19.0, "start", line);
        }
        for tick in &self.y_ticks {
            let Some(at) = self.frame.y.position(tick.value) else { continue };
            let y = self.area.y(at);
            if !self.is_timeline {
                line(out, "grid", (left, y), (right, y));
            }
            text(out, "tick", left - GAP, y + 4.0, "end", &fit(&tick.label, FONT, left - GAP + 0.1));
        }
        for tick in &self.x_ticks {
            let Some(at) = self.frame.x.position(tick.value) else { continue };
            let x = self.area.x(at);
            line(out, "grid", (x, top), (x, bottom));
            text(out, "tick", x, bottom + LINE, "middle", &tick.label);
        }
        line(out, "axis", (left, bottom), (right, bottom));
        let start = if chart.equal_scales {
            // A map may stand far from the edge.
            left
        } else if self.title.is_empty() {
            0.0
        } else {
            14.0
        };
        let y_label = fit(&chart.y_heading(), FONT, right - start);
        if !y_label.is_empty() {
            text(out, "label", start, top - 12.0, "start", &y_label);
        }
        let x_label = fit(&chart.x.heading(), FONT, width);
        text(out, "label", left + width / 2.0, bottom + 2.0 * LINE + 2.0, "middle", &x_label);
        for (index, line) in self.caption.iter().enumerate() {
            let y = bottom + 3.0 * LINE + 8.0 + GAP + index as f64 * LINE;
            text(out, "tick", 14.0, y, "start", line);
        }
    }
}

/// Returns the height of a timeline: lower than `height` where few lanes need less, higher where many need more.
fn timeline_height(lanes: f64, height: f64) -> f64 {
    let needed = |lane: f64| lanes * lane + X_AXIS;
    needed(LANE).min(height.max(needed(LANE / 2.0).min(2.0 * height))).max(120.0)
}

/// Returns the left and right side of a map that lies in the middle between two pixels, and its height with axes: up
/// to twice `height` where there is width for it.
fn map_sides(frame: &Frame, left: f64, right: f64, height: f64) -> (f64, f64, f64) {
    let aspect = frame.aspect();
    let width = (right - left).min((2.0 * height - X_AXIS) * aspect);
    let left = left + (right - left - width) / 2.0;
    (left, left + width, width / aspect + X_AXIS)
}

/// Returns as many ticks as stand side by side without touching.
fn x_ticks(frame: &Frame, unit: &Unit, width: f64) -> Vec<Tick> {
    let fits = |found: &[Tick]| {
        let mut end = f64::NEG_INFINITY;
        found.iter().all(|tick| {
            let middle = frame.x.position(tick.value).unwrap_or(0.0) * width;
            let half = text_width(&tick.label, FONT) / 2.0 + 4.0;
            let free = middle - half >= end;
            end = middle + half;
            free
        })
    };
    let most = (width / 48.0).clamp(2.0, 16.0) as usize;
    let found = (2..=most).rev().map(|target| ticks(&frame.x, unit, target)).find(|found| fits(found));
    found.unwrap_or_else(|| ticks(&frame.x, unit, 2).into_iter().take(1).collect())
}

pub(super) fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(px);
    let _ = write!(out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
}

pub(super) fn text(out: &mut String, class: &str, x: f64, y: f64, anchor: &str, content: &str) {
    let (x, y, content) = (px(x), px(y), escape::xml(content));
    let _ =
        write!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{content}</text>");
}
