//! Charts: what is to be drawn, in the units of the data.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Span, Unit};

/// Series over two axes.
///
/// Values that have no place on their axis (NaN, infinities, zero and below on a logarithmic one) are not drawn; the
/// end of a band or of a spread that has none reaches to the edge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What the chart shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn; later ones lie above earlier ones of their kind.
    pub series: Vec<Series>,
    /// Lines and regions of reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// What to see in it. May be empty.
    #[serde(default)]
    pub caption: String,
    /// Whether a unit has the same length on both axes, as on a map; both are linear then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub equal_scales: bool,
}

/// An axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured along it.
    pub label: String,
    /// The unit of its values.
    #[serde(default)]
    pub unit: Unit,
    /// How values become lengths.
    #[serde(default)]
    pub scale: Scale,
    /// The values at both ends; found from the data if `None`.
    #[serde(default, deserialize_with = "range", skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// The names of lanes 0, 1, 2 … where the chart has [`SeriesKind::Spans`]; a lane without one is named by its
    /// place, counted from one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// How values become lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal differences are equal lengths. A vertical axis of positive values starts at zero.
    #[default]
    Linear,
    /// Equal ratios are equal lengths, with ticks at powers of two.
    Log2,
    /// Equal ratios are equal lengths, with ticks at powers of ten.
    Log10,
}

/// Values that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What stands in the legend.
    pub name: String,
    /// What the values are, which chooses colour, dash and marker.
    pub role: Role,
    /// The values and how they are drawn.
    #[serde(flatten)]
    pub kind: SeriesKind,
}

/// Values and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SeriesKind {
    /// Markers, with their spread where they have one.
    Points(Vec<PlotPoint>),
    /// A line through `(x, y)`; a value that cannot be drawn interrupts it.
    #[serde(deserialize_with = "pairs")]
    Line(Vec<(f64, f64)>),
    /// The area between `(x, lower, upper)`.
    #[serde(deserialize_with = "triples")]
    Band(Vec<(f64, f64, f64)>),
    /// Bars from zero (from the low end of a logarithmic axis) at `(x, y)`.
    #[serde(deserialize_with = "pairs")]
    Bars(Vec<(f64, f64)>),
    /// Spans of time on lanes: a Gantt timeline. The vertical axis then counts lanes from the top, lane 0 between 0
    /// and 1, whatever its scale. A map has no lanes: they aren't drawn there.
    Spans(Vec<Span>),
}

/// What values are. It is told by colour, and without colour by dash and marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Measured.
    Measured,
    /// Given by a fitted law within the measured range.
    Fit,
    /// Given by a fitted law beyond what was measured.
    Forecast,
    /// What perfection would give.
    Ideal,
    /// What cannot be passed.
    Limit,
    /// None of these: the index tells several apart.
    Other(u8),
}

#[cfg(test)]
impl Role {
    /// Every role, with as many others as have a look of their own.
    pub(crate) const ALL: [Self; 9] = [
        Self::Measured,
        Self::Fit,
        Self::Forecast,
        Self::Ideal,
        Self::Limit,
        Self::Other(0),
        Self::Other(1),
        Self::Other(2),
        Self::Other(3),
    ];
}

/// A marker at `(x, y)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlotPoint {
    /// Where it stands on the horizontal axis.
    #[serde(deserialize_with = "number")]
    pub x: f64,
    /// Where it stands on the vertical axis.
    #[serde(deserialize_with = "number")]
    pub y: f64,
    /// The lower end of its spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The upper end of its spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// What a reader sees on hovering, beside the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
}

/// A line or region of reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A vertical line, such as "measured up to here".
    Vertical {
        /// Its place on the horizontal axis.
        #[serde(deserialize_with = "number")]
        at: f64,
        /// What it means.
        label: String,
    },
    /// A horizontal line, such as a memory limit. One far from the data is named at the edge instead of drawn.
    Horizontal {
        /// Its place on the vertical axis.
        #[serde(deserialize_with = "number")]
        at: f64,
        /// What it means.
        label: String,
    },
    /// A shaded range of the horizontal axis, such as what is extrapolated.
    Region {
        /// Where it begins; at the left edge if `None`.
        from: Option<f64>,
        /// Where it ends; at the right edge if `None`.
        to: Option<f64>,
        /// What it means.
        label: String,
    },
}

impl Chart {
    /// Returns a chart without series.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, ..Self::default() }
    }

    /// Returns the chart with `series` above the others.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Returns the chart with `mark`.
    #[must_use]
    pub fn with_mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Returns the chart as a map: a unit of `x` is as long as a unit of `y`. A series of one point, such as the
    /// start of a tour, stands in a ring.
    ///
    /// ```
    /// use festina_report::{Axis, Chart, PlotPoint, Role, Series, Unit, svg};
    ///
    /// let km = |label: &str| Axis::new(label, Unit::Other("km".into()));
    /// let tour = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0), (0.0, 0.0)];
    /// let map = Chart::new("12 km", km("east"), km("north"))
    ///     .with_equal_scales()
    ///     .with(Series::line("tour", Role::Fit, tour))
    ///     .with(Series::points("start", Role::Limit, [PlotPoint::new(0.0, 0.0)]));
    /// assert!(svg::chart(&map, &svg::SvgOptions::default()).contains("tour"));
    /// ```
    #[must_use]
    pub fn with_equal_scales(mut self) -> Self {
        self.equal_scales = true;
        self
    }

    /// Returns the heading of the vertical axis; nothing where it would repeat the title.
    pub(crate) fn y_heading(&self) -> String {
        let heading = self.y.heading();
        if heading.to_lowercase() == self.title.to_lowercase() { String::new() } else { heading }
    }

    /// Returns the chart with `caption`.
    #[must_use]
    pub fn with_caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }
}

impl Axis {
    /// Returns the label with the unit where ticks don't tell it.
    pub(crate) fn heading(&self) -> String {
        match &self.unit {
            Unit::Other(unit) => format!("{} ({unit})", self.label),
            Unit::Number | Unit::Seconds | Unit::Bytes | Unit::Fraction => self.label.clone(),
        }
    }

    /// Returns a linear axis.
    pub fn new(label: impl Into<String>, unit: Unit) -> Self {
        Self { label: label.into(), unit, scale: Scale::Linear, range: None, names: Vec::new() }
    }

    /// Returns an axis of lanes with `names`, from the top; see [`Series::spans`].
    pub fn lanes(label: impl Into<String>, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect(), ..Self::new(label, Unit::Number) }
    }

    /// Returns the axis with `scale`.
    #[must_use]
    pub fn with_scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// Returns the axis with its ends fixed.
    #[must_use]
    pub fn with_range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

impl Series {
    /// Returns markers.
    pub fn points(name: impl Into<String>, role: Role, points: impl IntoIterator<Item = PlotPoint>) -> Self {
        Self { name: name.into(), role, kind: SeriesKind::Points(points.into_iter().collect()) }
    }

    /// Returns a line.
    pub fn line(name: impl Into<String>, role: Role, vertices: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), role, kind: SeriesKind::Line(vertices.into_iter().collect()) }
    }

    /// Returns an area between lower and upper values.
    pub fn band(
        name: impl Into<String>,
        role: Role,
        edges: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> Self {
        Self { name: name.into(), role, kind: SeriesKind::Band(edges.into_iter().collect()) }
    }

    /// Returns bars.
    pub fn bars(name: impl Into<String>, role: Role, bars: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), role, kind: SeriesKind::Bars(bars.into_iter().collect()) }
    }
}

impl PlotPoint {
    /// Returns a marker without spread.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, lower: None, upper: None, tooltip: None }
    }

    /// Returns the marker with its spread.
    #[must_use]
    pub fn with_spread(mut self, lower: f64, upper: f64) -> Self {
        self.lower = Some(lower);
        self.upper = Some(upper);
        self
    }

    /// Returns the marker with `tooltip`.
    #[must_use]
    pub fn with_tooltip(mut self, tooltip: impl Into<String>) -> Self {
        self.tooltip = Some(tooltip.into());
        self
    }
}

impl Mark {
    /// Returns a vertical line.
    pub fn vertical(at: f64, label: impl Into<String>) -> Self {
        Self::Vertical { at, label: label.into() }
    }

    /// Returns a horizontal line.
    pub fn horizontal(at: f64, label: impl Into<String>) -> Self {
        Self::Horizontal { at, label: label.into() }
    }

    /// Returns a shaded range from `from` to the right edge.
    pub fn beyond(from: f64, label: impl Into<String>) -> Self {
        Self::Region { from: Some(from), to: None, label: label.into() }
    }
}

// JSON has no NaN and no infinities: they are written as null, and read as NaN, which isn't drawn either.

pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(f64, f64)>, D::Error> {
    let read: Option<(Option<f64>, Option<f64>)> = Option::deserialize(deserializer)?;
    Ok(read.map(|(low, high)| (low.unwrap_or(f64::NAN), high.unwrap_or(f64::NAN))))
}

fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(f64, f64)>, D::Error> {
    let read: Vec<(Option<f64>, Option<f64>)> = Vec::deserialize(deserializer)?;
    let value = |v: Option<f64>| v.unwrap_or(f64::NAN);
    Ok(read.into_iter().map(|(x, y)| (value(x), value(y))).collect())
}

fn triples<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(f64, f64, f64)>, D::Error> {
    let read: Vec<(Option<f64>, Option<f64>, Option<f64>)> = Vec::deserialize(deserializer)?;
    let value = |v: Option<f64>| v.unwrap_or(f64::NAN);
    Ok(read.into_iter().map(|(x, lower, upper)| (value(x), value(lower), value(upper))).collect())
}
