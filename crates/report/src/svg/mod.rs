//! Charts as SVG.
//!
//! A drawing follows the reader's light or dark preference through CSS custom properties, keeps text as text, names
//! itself to screen readers and needs nothing from outside. Text widths are estimated on the wide side, since a
//! drawing without fonts of its own cannot know them.

mod area;
mod labels;
mod layout;
mod legend;
mod map;
mod marks;
mod measure;
mod series;
mod spans;
mod style;

use std::fmt::Write;

pub(crate) use area::Area;
pub(crate) use series::values;
pub(crate) use spans::title;
pub(crate) use style::{CHART_CSS, role_class};

use crate::plot::Frame;
use crate::{Chart, escape};
use layout::Layout;

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SvgOptions {
    /// The width in CSS pixels; at least 200.
    pub width: f64,
    /// The height in CSS pixels without title, legend and caption; at least 120.
    pub height: f64,
    /// The colours.
    pub theme: Theme,
}

/// Which colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Those that the reader prefers.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { width: 720.0, height: 360.0, theme: Theme::Auto }
    }
}

/// Returns `chart` as a standalone SVG document.
///
/// ```
/// use festina_report::{Axis, Chart, Role, Series, Unit, svg};
///
/// let chart = Chart::new("growth", Axis::new("n", Unit::Number), Axis::new("time", Unit::Seconds))
///     .with(Series::line("n log n", Role::Fit, [(1.0, 0.0), (2.0, 2.0), (4.0, 8.0)]));
/// assert!(svg::chart(&chart, &svg::SvgOptions::default()).starts_with("<svg xmlns="));
/// ```
pub fn chart(chart: &Chart, options: &SvgOptions) -> String {
    let layout = Layout::new(chart, options.width, options.height, true);
    let mut out = String::new();
    open(
        &mut out,
        &layout,
        "xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title desc\"",
    );
    let _ = write!(
        out,
        "<title id=\"title\">{}</title><desc id=\"desc\">{}</desc><style>{}</style>",
        escape::xml(&chart.title),
        escape::xml(&describe(chart)),
        style::standalone(options.theme),
    );
    out.push_str("<rect class=\"ground\" width=\"100%\" height=\"100%\"/>");
    body(&mut out, chart, &layout, true);
    out.push_str("</svg>\n");
    out
}

/// Returns `chart` as an element of a page that has the style, the title and the caption; and where its area is.
pub(crate) fn fragment(chart: &Chart, width: f64, height: f64) -> String {
    let layout = Layout::new(chart, width, height, false);
    let Area { left, top, width, height } = layout.area;
    let label = escape::xml(&format!("{}: {}", chart.title, describe(chart)));
    let attributes = format!(
        "role=\"img\" aria-label=\"{label}\" data-area=\"{} {} {} {}\"",
        measure::px(left),
        measure::px(top),
        measure::px(width),
        measure::px(height)
    );
    let mut out = String::new();
    open(&mut out, &layout, &attributes);
    body(&mut out, chart, &layout, false);
    out.push_str("</svg>");
    out
}

fn open(out: &mut String, layout: &Layout, attributes: &str) {
    let (width, height) = (measure::px(layout.width), measure::px(layout.height));
    let _ = write!(
        out,
        "<svg {attributes} class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
}

fn body(out: &mut String, chart: &Chart, layout: &Layout, tooltips: bool) {
    layout.write_frame(out, chart);
    let Area { left, top, width, height } = layout.area;
    // A nested drawing clips what lies outside fixed ranges; two pixels more keep markers at the edge whole.
    let (x, y, w, h) = (left - 5.0, top - 5.0, width + 10.0, height + 10.0);
    let [x, y, w, h] = [x, y, w, h].map(measure::px);
    let _ = write!(
        out,
        "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" overflow=\"hidden\">"
    );
    marks::write_regions(out, chart, layout);
    series::write(out, chart, layout, tooltips);
    out.push_str("</svg>");
    marks::write_lines(out, chart, layout);
    legend::write(out, &layout.legend);
}

/// Returns what a chart shows in one sentence, for readers who cannot see it.
fn describe(chart: &Chart) -> String {
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    let frame = Frame::new(chart);
    let mut text = format!(
        "{} over {} from {} to {}",
        chart.y.label,
        chart.x.label,
        chart.x.unit.format(frame.x.low),
        chart.x.unit.format(frame.x.high)
    );
    if !names.is_empty() {
        let _ = write!(text, "; shown: {}", names.join(", "));
    }
    text
}
