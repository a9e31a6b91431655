//! The report itself: a title and blocks, top to bottom.

use festina_types::Finding;
use serde::{Deserialize, Serialize};

use crate::{Chart, Flame, Table};

/// What a verb has to say.
///
/// Text in a report is plain. Words between `` ` `` are shown as code where the medium can.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The answer or the subject in a few words.
    pub title: String,
    /// What was looked at: a command, a machine, a run. May be empty.
    #[serde(default)]
    pub subtitle: String,
    /// The content in reading order.
    pub blocks: Vec<Block>,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "a report holds few blocks, and most of their size is on the heap"
)]
pub enum Block {
    /// The title of what follows.
    Heading(String),
    /// Running text; empty lines separate paragraphs.
    Paragraph(String),
    /// Names and values, such as provenance.
    KeyValues(Vec<(String, String)>),
    /// Rows and columns.
    Table(Table),
    /// A drawing.
    Chart(Chart),
    /// Nested amounts.
    Flame(Flame),
    /// Warnings and advice.
    Findings(Vec<Finding>),
    /// What only some readers want: collapsed in HTML, after its summary in text.
    Details {
        /// What a reader sees before opening it.
        summary: String,
        /// What is inside.
        blocks: Vec<Block>,
    },
}

impl Report {
    /// Returns an empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Returns the report with `subtitle`.
    #[must_use]
    pub fn with_subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Returns the report with `block` after the others.
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.push(block);
        self
    }

    /// Adds `block` after the others.
    pub fn push(&mut self, block: impl Into<Block>) {
        self.blocks.push(block.into());
    }

    /// Returns the charts in reading order, those inside details too.
    pub fn charts(&self) -> Vec<&Chart> {
        let mut charts = Vec::new();
        collect(&self.blocks, &mut |block| {
            if let Block::Chart(chart) = block {
                charts.push(chart);
            }
        });
        charts
    }

    /// Returns the tables in reading order, those inside details too.
    pub fn tables(&self) -> Vec<&Table> {
        let mut tables = Vec::new();
        collect(&self.blocks, &mut |block| {
            if let Block::Table(table) = block {
                tables.push(table);
            }
        });
        tables
    }
}

/// Visits every block, depth first.
fn collect<'a>(blocks: &'a [Block], visit: &mut impl FnMut(&'a Block)) {
    for block in blocks {
        visit(block);
        if let Block::Details { blocks, .. } = block {
            collect(blocks, visit);
        }
    }
}

impl Block {
    /// Returns a heading.
    pub fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }

    /// Returns a paragraph.
    pub fn paragraph(text: impl Into<String>) -> Self {
        Self::Paragraph(text.into())
    }

    /// Returns names and values.
    pub fn key_values<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::KeyValues(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// Returns `blocks` collapsed under `summary`.
    pub fn details(summary: impl Into<String>, blocks: impl IntoIterator<Item = Self>) -> Self {
        Self::Details { summary: summary.into(), blocks: blocks.into_iter().collect() }
    }
}

impl From<Table> for Block {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Chart> for Block {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<Flame> for Block {
    fn from(flame: Flame) -> Self {
        Self::Flame(flame)
    }
}

impl From<Vec<Finding>> for Block {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}
