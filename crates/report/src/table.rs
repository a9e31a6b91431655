//! Tables: columns that know their unit, cells that know the number behind their text.

use festina_types::Estimate;
use serde::{Deserialize, Serialize};

use crate::Unit;

/// Rows under columns.
///
/// A row shorter than the columns is filled with empty cells; what a longer one has too many is not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What the table shows. May be empty.
    #[serde(default)]
    pub caption: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows, top to bottom.
    pub rows: Vec<Vec<Cell>>,
    /// Remarks below the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footnotes: Vec<String>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// The unit of the numbers behind its cells.
    #[serde(default)]
    pub unit: Unit,
    /// The side its cells stand at.
    #[serde(default)]
    pub align: Align,
    /// Whether this is what the reader came for.
    #[serde(default)]
    pub emphasis: bool,
}

/// The side at which text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// For words.
    #[default]
    Left,
    /// For numbers.
    Right,
}

/// How a cell is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// As hoped.
    Good,
    /// Against hope.
    Bad,
    /// Of less weight than its neighbours.
    Muted,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// The number behind the text in its base unit (seconds, bytes, a fraction): sorts in HTML, and is what CSV holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How it is meant.
    #[serde(default)]
    pub tone: Tone,
    /// What a reader sees on hovering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
}

impl Table {
    /// Returns a table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), ..Self::default() }
    }

    /// Returns the table with `caption`.
    #[must_use]
    pub fn with_caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a remark below the table.
    pub fn footnote(&mut self, text: impl Into<String>) {
        self.footnotes.push(text.into());
    }

    /// Returns the cell in `row` and `column`, an empty one where the row is short.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &Cell {
        static EMPTY: Cell = Cell { text: String::new(), value: None, tone: Tone::Plain, tooltip: None };
        self.rows.get(row).and_then(|cells| cells.get(column)).unwrap_or(&EMPTY)
    }
}

impl Column {
    /// Returns a column of words.
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), unit: Unit::Number, align: Align::Left, emphasis: false }
    }

    /// Returns a column of numbers in `unit`.
    pub fn number(title: impl Into<String>, unit: Unit) -> Self {
        Self { title: title.into(), unit, align: Align::Right, emphasis: false }
    }

    /// Returns the column as the one that matters most.
    #[must_use]
    pub fn emphasized(mut self) -> Self {
        self.emphasis = true;
        self
    }

    /// Returns what stands above the column on a screen: its unit is told only where the cells don't tell it.
    pub(crate) fn heading(&self) -> String {
        match &self.unit {
            Unit::Other(unit) => format!("{} ({unit})", self.title),
            Unit::Number | Unit::Seconds | Unit::Bytes | Unit::Fraction => self.title.clone(),
        }
    }
}

impl Cell {
    /// Returns a cell with `text` alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns a cell with `value` written in `unit`; an empty one with a dash if `value` isn't finite.
    pub fn value(value: f64, unit: &Unit) -> Self {
        if value.is_finite() {
            Self { text: unit.format(value), value: Some(value), ..Self::default() }
        } else {
            Self::text("–").with_tone(Tone::Muted)
        }
    }

    /// Returns a cell with a plain number.
    pub fn number(value: f64) -> Self {
        Self::value(value, &Unit::Number)
    }

    /// Returns a cell with a time in seconds.
    pub fn seconds(value: f64) -> Self {
        Self::value(value, &Unit::Seconds)
    }

    /// Returns a cell with an amount of memory in bytes.
    pub fn bytes(value: f64) -> Self {
        Self::value(value, &Unit::Bytes)
    }

    /// Returns a cell with a fraction as a percentage.
    pub fn fraction(value: f64) -> Self {
        Self::value(value, &Unit::Fraction)
    }

    /// Returns a cell with an estimate: its value, and its interval on hovering.
    pub fn estimate(estimate: &Estimate, unit: &Unit) -> Self {
        let cell = Self::value(estimate.value, unit);
        match &estimate.interval {
            Some(i) => {
                let ends = unit.format_interval(i.lower, i.upper);
                cell.with_tooltip(format!("{ends} ({} % interval)", trim_percent(i.level)))
            }
            None => cell,
        }
    }

    /// Returns a cell with the interval of an estimate; a dash if it has none.
    pub fn interval(estimate: &Estimate, unit: &Unit) -> Self {
        match &estimate.interval {
            Some(i) => Self {
                text: unit.format_interval(i.lower, i.upper),
                tooltip: Some(format!("{} % interval", trim_percent(i.level))),
                ..Self::default()
            },
            None => Self::text("–").with_tone(Tone::Muted),
        }
    }

    /// Returns the cell with `tone`.
    #[must_use]
    pub fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Returns the cell with `tooltip`.
    #[must_use]
    pub fn with_tooltip(mut self, tooltip: impl Into<String>) -> Self {
        self.tooltip = Some(tooltip.into());
        self
    }
}

/// Writes a level such as 0.95 as `95`, 0.999 as `99.9`.
fn trim_percent(level: f64) -> String {
    let percent = level * 100.0;
    if (percent - percent.round()).abs() < 1e-9 { format!("{percent:.0}") } else { format!("{percent:.1}") }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}
