//! Reports: what every verb of festina says, as plain data, and how it is shown.
//!
//! A [`Report`] is a title and a list of [`Block`]s: headings, paragraphs, [`Table`]s, [`Chart`]s and findings.
//! It holds values, never markup, so that one report becomes
//!
//! - text for a terminal, with plots in braille or ASCII: [`text::render`],
//! - one self-contained HTML page, light and dark, without network: [`html::page`],
//! - a standalone drawing of a chart: [`svg::chart`],
//! - rows for another program: [`csv::table`], or JSON through serde.
//!
//! Every renderer is a pure function from values to a `String`: no input or output, no clock, no environment.
//! None can fail: what cannot be drawn (NaN, infinities, zeros on a logarithmic axis) is left out, and text from
//! outside is escaped for where it lands (XML, a terminal, CSV).
//!
//! ```
//! use festina_report::{Axis, Cell, Chart, Column, Report, Role, Series, Table, Unit, text};
//!
//! let mut table = Table::new([Column::number("p", Unit::Number), Column::number("time", Unit::Seconds)]);
//! table.row([Cell::number(1.0), Cell::seconds(52.1)]);
//! table.row([Cell::number(2.0), Cell::seconds(27.4)]);
//! let report = Report::new("scaling of sort").with(table);
//!
//! let shown = text::render(&report, &text::TextOptions::default());
//! assert!(shown.contains("27.4 s"));
//! ```

mod chart;
pub mod csv;
mod escape;
mod flame;
pub mod html;
pub mod palette;
mod plot;
mod report;
mod span;
pub mod svg;
mod table;
pub mod text;
mod unit;

pub use chart::{Axis, Chart, Mark, PlotPoint, Role, Scale, Series, SeriesKind};
pub use flame::{Flame, FlameNode};
pub use report::{Block, Report};
pub use span::Span;
pub use table::{Align, Cell, Column, Table, Tone};
pub use unit::Unit;
