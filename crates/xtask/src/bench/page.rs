//! docs/benchmarks.md, made of the raw results.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// What one benchmark found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Section {
    /// Heading of its section.
    pub(crate) title: String,
    /// Where it stands on the page.
    pub(crate) order: u32,
    /// What was run, how often, on what.
    pub(crate) protocol: String,
    /// The table's column heads.
    pub(crate) columns: Vec<String>,
    /// The table.
    pub(crate) rows: Vec<Row>,
    /// What to know when reading it: goals missed come first.
    pub(crate) notes: Vec<String>,
}

/// One row of the table.
pub(crate) type Row = Vec<String>;

impl Section {
    /// Writes the result to `bench/results/NAME.json`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn save(&self, name: &str) -> Result<()> {
        let folder = folder();
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(name).with_extension("json");
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| path.display().to_string())
    }
}

/// Writes docs/benchmarks.md from all results.
///
/// # Errors
///
/// If a result cannot be read or the page cannot be written.
pub(crate) fn write() -> Result<()> {
    let mut results = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let result: Section = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        results.push(result);
    }
    results.sort_by(|a, b| (a.order, &a.title).cmp(&(b.order, &b.title)));
    std::fs::write(shell::root().join("docs/benchmarks.md"), render(&results))?;
    Ok(())
}

fn folder() -> PathBuf {
    shell::root().join("bench/results")
}

fn render(results: &[Section]) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nOurs beside the peers', each table from one interleaved run; the losses too. Made by\n\
         `cargo xtask bench` from the raw figures in `bench/results/`; how is in [bench/README.md](../bench/README.md).\n\
         Seconds depend on the machine: read the ratios.\n",
    );
    for result in results {
        let _ = write!(page, "\n## {}\n\n{}\n\n", result.title, result.protocol);
        let _ = writeln!(page, "| {} |", result.columns.join(" | "));
        let _ = writeln!(page, "|{}", "---|".repeat(result.columns.len()));
        for row in &result.rows {
            let _ = writeln!(page, "| {} |", row.join(" | "));
        }
        if !result.notes.is_empty() {
            page.push('\n');
        }
        for note in &result.notes {
            let _ = writeln!(page, "- {note}");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_head_its_rule_and_its_rows() {
        let result = Section {
            title: "T".to_owned(),
            order: 1,
            protocol: "P.".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: vec![vec!["1".to_owned(), "2".to_owned()]],
            notes: vec!["n".to_owned()],
        };
        assert!(render(&[result]).ends_with("## T\n\nP.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- n\n"));
    }
}
