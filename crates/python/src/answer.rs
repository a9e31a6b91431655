//! An answer in all its forms.

use festina::report::{Report, csv, html, svg, text};
use pyo3::prelude::*;
use serde::Serialize;

/// What a verb answers: plain data as JSON, and a report that is rendered on demand.
#[pyclass(frozen, module = "festina._festina")]
pub(crate) struct Answer {
    json: String,
    report: Report,
}

impl Answer {
    /// Returns the answer of `data` and `report`.
    pub(crate) fn new(data: &impl Serialize, report: Report) -> Self {
        let json = serde_json::to_string(data).expect("results are plain data with string keys");
        Self { json, report }
    }
}

#[pymethods]
impl Answer {
    /// The data as JSON, of the schema that the command line's `--json` has.
    #[getter]
    fn json(&self) -> &str {
        &self.json
    }

    /// Returns the report as text.
    fn text(&self, width: usize, color: bool) -> String {
        text::render(&self.report, &text::TextOptions { width: width.clamp(40, 400), color, unicode: true })
    }

    /// Returns the report as a piece of HTML for a notebook.
    fn fragment(&self) -> String {
        html::fragment(&self.report)
    }

    /// Returns the report as a page.
    fn page(&self) -> String {
        let generator = concat!("festina ", env!("CARGO_PKG_VERSION")).to_owned();
        html::page(&self.report, &html::HtmlOptions { generator, ..html::HtmlOptions::default() })
    }

    /// Returns the charts as drawings.
    fn drawings(&self) -> Vec<String> {
        let options = svg::SvgOptions::default();
        self.report.charts().into_iter().map(|chart| svg::chart(chart, &options)).collect()
    }

    /// Returns the tables as CSV.
    fn tables(&self) -> Vec<String> {
        self.report.tables().into_iter().map(csv::table).collect()
    }
}
