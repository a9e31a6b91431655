//! A check, made ready to compare by.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use regex_lite::Regex;

use super::number::Tolerance;
use super::{Check, Format, Target};
use crate::error::MeasureError;

/// Stands for ignored text, so that there must be some in both outputs.
const MASK: &str = "⟨ignored⟩";

/// How strictly outputs are compared.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) tolerance: Tolerance,
    pub(super) unordered: bool,
    pub(super) format: Format,
    pub(super) ignore: Vec<Regex>,
}

impl Rules {
    pub(super) fn new(check: &Check) -> Result<Self, MeasureError> {
        let Tolerance { relative, absolute } = check.tolerance;
        for (name, value) in [("rtol", relative), ("atol", absolute)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(MeasureError::Check {
                    reason: format!("has the tolerance {name} = {value}"),
                    hint: format!("give a number that is not negative, as in --{name} 1e-9"),
                });
            }
        }
        let ignore = check.ignore.iter().map(|pattern| compile(pattern)).collect::<Result<_, _>>()?;
        let format = match (&check.target, check.format) {
            (Target::File { path }, Format::Auto) => format_of_name(path.source()),
            (_, format) => format,
        };
        Ok(Self { tolerance: check.tolerance, unordered: check.unordered, format, ignore })
    }

    /// Returns `line` with a mark for each ignored piece; `None` if all of it is ignored.
    pub(super) fn masked<'a>(&self, line: &'a str) -> Option<Cow<'a, str>> {
        let mut masked = Cow::Borrowed(line);
        for pattern in &self.ignore {
            if pattern
                .find(&masked)
                .is_some_and(|found| found.range() == (0..masked.len()) && !found.is_empty())
            {
                return None;
            }
            if let Cow::Owned(replaced) = pattern.replace_all(&masked, MASK) {
                masked = Cow::Owned(replaced);
            }
        }
        Some(masked)
    }

    /// Returns whether the column or pointer `name` is ignored.
    pub(super) fn ignores_name(&self, name: &str) -> bool {
        self.ignore.iter().any(|pattern| pattern.is_match(name))
    }

    pub(super) fn has_ignored(&self) -> bool {
        !self.ignore.is_empty()
    }
}

fn compile(pattern: &str) -> Result<Regex, MeasureError> {
    let invalid = |reason: String| MeasureError::Check {
        reason: format!("cannot ignore '{pattern}': {reason}"),
        hint: "give a regular expression, as in --check-ignore 'elapsed: [0-9.]+ s'".to_owned(),
    };
    let regex = Regex::new(pattern).map_err(|e| invalid(e.to_string()))?;
    if regex.is_match("") {
        return Err(invalid("it matches nothing at all, and so everywhere".to_owned()));
    }
    Ok(regex)
}

fn format_of_name(path: &OsStr) -> Format {
    let extension = Path::new(path).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "csv" | "tsv" => Format::Csv,
        "json" => Format::Json,
        "jsonl" | "ndjson" => Format::JsonLines,
        _ => Format::Auto,
    }
}
