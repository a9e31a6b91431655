//! Spans of time on lanes.

use serde::{Deserialize, Serialize};

use crate::chart::number;
use crate::{Role, Series, SeriesKind};

/// What a lane (a worker, a slot) did from one time to another.
///
/// A span with an end that cannot be drawn (NaN, an infinity) isn't; ends in the wrong order are swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The lane, counted from zero at the top.
    pub lane: u32,
    /// When it began, in the unit of the horizontal axis.
    #[serde(deserialize_with = "number")]
    pub from: f64,
    /// When it ended.
    #[serde(deserialize_with = "number")]
    pub to: f64,
    /// What a reader sees on hovering, beside lane and times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
}

impl Span {
    /// Returns a span without tooltip.
    pub fn new(lane: u32, from: f64, to: f64) -> Self {
        Self { lane, from, to, tooltip: None }
    }

    /// Returns the span with `tooltip`.
    #[must_use]
    pub fn with_tooltip(mut self, tooltip: impl Into<String>) -> Self {
        self.tooltip = Some(tooltip.into());
        self
    }
}

impl Series {
    /// Returns spans of time on lanes: one series for each state that is to be told apart.
    ///
    /// ```
    /// use festina_report::{Axis, Chart, Role, Series, Span, Unit, text};
    ///
    /// let chart = Chart::new("run", Axis::new("time", Unit::Seconds), Axis::lanes("", ["slot 1", "slot 2"]))
    ///     .with(Series::spans("finished", Role::Measured, [Span::new(0, 0.0, 4.0), Span::new(1, 0.0, 2.0)]))
    ///     .with(Series::spans("failed", Role::Limit, [Span::new(1, 2.0, 4.0).with_tooltip("exit code 1")]));
    /// let shown = text::plot(&chart, &text::TextOptions { width: 20, ..text::TextOptions::default() });
    /// assert!(shown.starts_with("run\nslot 1 ┤███████████\nslot 2 ┤██████×××××\n"), "{shown}");
    /// ```
    pub fn spans(name: impl Into<String>, role: Role, spans: impl IntoIterator<Item = Span>) -> Self {
        Self { name: name.into(), role, kind: SeriesKind::Spans(spans.into_iter().collect()) }
    }
}
