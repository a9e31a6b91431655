//! Did a run give the reference's answer?
//!
//! The classes, best first: byte for byte; the same records in another order, where order is free; equal within
//! the tolerances; different, with the first difference in words. What is compared and how strictly is a
//! [`Check`]; comparing is pure, and shares no code with what writes the outputs.

mod collect;
mod csv;
mod json;
mod npy;
mod number;
mod records;
mod rules;
mod text;

use std::collections::BTreeSet;
use std::ffi::OsStr;

use festina_types::CheckOutcome;
use serde::{Deserialize, Serialize};

use crate::error::MeasureError;
use crate::template::{Placeholder, Template};
use collect::Collector;
pub use collect::Place;
pub use number::Tolerance;
pub use rules::Rules;

/// What is compared with the reference, and how strictly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// What is compared.
    pub target: Target,
    /// A shell command that compares instead of festina: it is given `{reference}` and `{candidate}`, and its exit
    /// code 0 says that they are the same, 1 that they differ; another one, that it cannot tell.
    pub command: Option<Template>,
    /// How far numbers may differ.
    pub tolerance: Tolerance,
    /// Whether the order of lines, rows or JSON lines is free.
    pub unordered: bool,
    /// Regular expressions of what is not compared: text within lines, names of CSV columns, JSON pointers.
    pub ignore: Vec<String>,
    /// What the outputs are.
    pub format: Format,
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Target {
    /// What the command writes to its standard output.
    #[default]
    Stdout,
    /// A file that it writes.
    File {
        /// Its path, with placeholders.
        path: Template,
    },
    /// Its exit code alone.
    Exit,
    /// Nothing.
    None,
}

/// What an output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Found out from the reference.
    #[default]
    Auto,
    /// Lines of text.
    Text,
    /// A table of separated values.
    Csv,
    /// A JSON document.
    Json,
    /// Lines of JSON.
    JsonLines,
    /// A `NumPy` array.
    Npy,
    /// Bytes.
    Binary,
}

/// What a comparison says.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Whether the candidate is the reference.
    pub outcome: CheckOutcome,
    /// What would make a difference vanish, where something honest would.
    pub hint: Option<String>,
}

/// The reference itself was not the same twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Variation {
    /// Where; [`Place::Whole`] where no part of the output can be relied on.
    pub places: BTreeSet<Place>,
    /// The first difference between the two runs.
    pub first_difference: String,
}

impl Check {
    /// Reads `stdout`, `file:PATH`, `exit`, `none` or `cmd:COMMAND`.
    ///
    /// ```
    /// # use festina_measure::{Check, Target};
    /// assert_eq!(Check::parse("stdout".as_ref())?.target, Target::Stdout);
    /// assert!(matches!(Check::parse("file:out-{n}.csv".as_ref())?.target, Target::File { .. }));
    /// assert!(Check::parse("cmd:h5diff {reference} {candidate}".as_ref())?.command.is_some());
    /// assert!(Check::parse("output".as_ref()).is_err());
    /// # Ok::<(), festina_measure::MeasureError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MeasureError::Check`] for anything else, [`MeasureError::Template`] for an unknown placeholder.
    pub fn parse(text: &OsStr) -> Result<Self, MeasureError> {
        use std::os::unix::ffi::OsStrExt;
        let bytes = text.as_bytes();
        let after = |prefix: &str| bytes.strip_prefix(prefix.as_bytes()).filter(|rest| !rest.is_empty());
        let target = |target| Ok(Self { target, ..Self::default() });
        if let Some(path) = after("file:") {
            let place = "the path of the file to check";
            let path = Template::parse(OsStr::from_bytes(path), Placeholder::OF_WORKLOAD, place)?;
            return target(Target::File { path });
        }
        if let Some(command) = after("cmd:") {
            return Self::default().with_command(OsStr::from_bytes(command));
        }
        match bytes {
            b"stdout" => target(Target::Stdout),
            b"exit" => target(Target::Exit),
            b"none" => target(Target::None),
            _ => Err(MeasureError::Check {
                reason: format!("'{}' is unknown", text.to_string_lossy()),
                hint: "it is one of stdout, file:PATH, exit, none, cmd:COMMAND".to_owned(),
            }),
        }
    }

    /// Lets the shell command `command` compare.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Check`] if it does not mention `{candidate}`, [`MeasureError::Template`] for an unknown
    /// placeholder.
    pub fn with_command(mut self, command: &OsStr) -> Result<Self, MeasureError> {
        let template = Template::parse(command, Placeholder::OF_CHECK, "the check command")?;
        if !template.mentions(Placeholder::Candidate) {
            return Err(MeasureError::Check {
                reason: "command does not mention {candidate}: it would say the same of every output"
                    .to_owned(),
                hint: "as in cmd:diff {reference} {candidate}".to_owned(),
            });
        }
        self.command = Some(template);
        Ok(self)
    }

    /// Returns whether two outputs of the reference have to be kept.
    pub fn has_output(&self) -> bool {
        matches!(self.target, Target::Stdout | Target::File { .. })
    }

    /// Returns the rules to compare by.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Check`] for a tolerance that is negative or no number, or a pattern that is no regular
    /// expression.
    pub fn rules(&self) -> Result<Rules, MeasureError> {
        Rules::new(self)
    }
}

/// Compares `candidate` with `reference`; the places in `varying` are taken as equal.
///
/// ```
/// # use festina_measure::{Check, compare};
/// # use festina_types::CheckOutcome;
/// let rules = Check::default().rules()?;
/// let found = compare(b"sum 1.25\n", b"sum 1.52\n", &rules, &Default::default());
/// let first_difference = "line 1, column 5: 1.52 instead of 1.25".to_owned();
/// assert_eq!(found.outcome, CheckOutcome::Different { first_difference });
/// # Ok::<(), festina_measure::MeasureError>(())
/// ```
pub fn compare(reference: &[u8], candidate: &[u8], rules: &Rules, varying: &BTreeSet<Place>) -> Comparison {
    if reference == candidate {
        return Comparison { outcome: CheckOutcome::Identical, hint: None };
    }
    let judge = |rules: &Rules| {
        let collector = Collector::first_difference(varying.clone());
        collect(reference, candidate, rules, collector).outcome()
    };
    let outcome = judge(rules);
    let hint = if outcome.is_same() { None } else { what_would_help(rules, judge) };
    Comparison { outcome, hint }
}

/// Compares two outputs of the same reference: where they differ, nothing can be said of a third.
pub fn variation(reference: &[u8], again: &[u8], rules: &Rules) -> Option<Variation> {
    if reference == again {
        return None;
    }
    let collector = collect(reference, again, rules, Collector::all_differences());
    let first_difference = collector.first?;
    Some(Variation { places: collector.places, first_difference })
}

impl Variation {
    /// Returns the places in words, the first few of them.
    pub fn describe(&self) -> String {
        const FEW: usize = 5;
        let mut places: Vec<String> = self.places.iter().map(Place::to_string).collect();
        places.dedup();
        let rest = places.len().saturating_sub(FEW);
        let few = places[..places.len().min(FEW)].join(", ");
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        format!("{few}{more} ({})", self.first_difference)
    }

    /// Adds what another pair of runs showed.
    pub fn widen(&mut self, other: Self) {
        self.places.extend(other.places);
    }
}

/// What a check command's yes is worth: the same, though not byte for byte, and by a measure that we don't know.
pub(crate) fn same_by_command() -> CheckOutcome {
    CheckOutcome::WithinTolerance { max_relative: 0.0, max_absolute: 0.0, max_ulps: 0 }
}

fn what_would_help(rules: &Rules, judge: impl Fn(&Rules) -> CheckOutcome) -> Option<String> {
    let near = Tolerance { relative: 1e-9, absolute: 0.0 };
    let near_zero = Tolerance { relative: 1e-9, absolute: 1e-12 };
    let looser = |tolerance: Tolerance, unordered: bool| Rules { tolerance, unordered, ..rules.clone() };
    if rules.tolerance.is_exact() {
        for (tolerance, options) in [(near, "--rtol 1e-9"), (near_zero, "--rtol 1e-9 --atol 1e-12")] {
            if judge(&looser(tolerance, rules.unordered)).is_same() {
                return Some(format!(
                    "all differences are within 1e-9: if they come from sums in another order, give {options}"
                ));
            }
        }
    }
    if !rules.unordered {
        if judge(&looser(rules.tolerance, true)).is_same() {
            return Some(
                "the same records in another order: if it does not matter, give --unordered".to_owned(),
            );
        }
        if rules.tolerance.is_exact() && judge(&looser(near, true)).is_same() {
            let text = "the same records in another order, with differences within 1e-9: if neither matters, give \
                        --unordered --rtol 1e-9";
            return Some(text.to_owned());
        }
    }
    None
}

/// Compares two outputs that are not the same bytes.
fn collect(reference: &[u8], candidate: &[u8], rules: &Rules, mut collector: Collector) -> Collector {
    let format = match rules.format {
        Format::Auto => detect(reference),
        given => given,
    };
    let texts = || Some((std::str::from_utf8(reference).ok()?, std::str::from_utf8(candidate).ok()?));
    match (format, texts()) {
        (Format::Npy, _) => compare_npy(reference, candidate, rules, &mut collector),
        (Format::Binary | Format::Auto, _) | (_, None) => compare_bytes(reference, candidate, &mut collector),
        (Format::Text, Some((r, c))) => text::compare(r, c, rules, &mut collector),
        (Format::Csv, Some((r, c))) => {
            let separator = csv::separator_of(r).unwrap_or_else(|| csv::likeliest_separator(r));
            let (r, c) = (csv::Table::parse(r, separator), csv::Table::parse(c, separator));
            csv::compare(&r, &c, rules, &mut collector);
        }
        (Format::Json, Some((r, c))) => match (json::parse(r), json::parse(c)) {
            (Ok(r_node), Ok(c_node)) => {
                json::compare(&r_node, &c_node, rules, &mut collector);
                text::compare_last_newline(r.ends_with('\n'), c.ends_with('\n'), &mut collector);
            }
            (r_node, c_node) => not_json(r_node.err(), c_node.err(), &mut collector),
        },
        (Format::JsonLines, Some((r, c))) => {
            if let Err(error) = json::compare_lines(r, c, rules, &mut collector) {
                not_json(None, Some(error), &mut collector);
            }
        }
    }
    collector
}

fn not_json(
    reference: Option<json::JsonError>,
    candidate: Option<json::JsonError>,
    collector: &mut Collector,
) {
    let (whose, error) = match (reference, candidate) {
        (Some(error), _) => ("the reference", error),
        (None, Some(error)) => ("the output", error),
        (None, None) => return,
    };
    collector.differ(Place::Whole, || format!("{whose} is no JSON: line {}: {}", error.line, error.message));
}

fn compare_npy(reference: &[u8], candidate: &[u8], rules: &Rules, collector: &mut Collector) {
    match (npy::Array::parse(reference), npy::Array::parse(candidate)) {
        (Ok(r), Ok(c)) => npy::compare(&r, &c, rules, collector),
        // Structures and objects are still the same where their bytes are.
        (Err(_), Ok(_)) => compare_bytes(reference, candidate, collector),
        (_, Err(reason)) => {
            collector
                .differ(Place::Whole, || format!("the output is no array that can be compared: {reason}"));
        }
    }
}

fn compare_bytes(reference: &[u8], candidate: &[u8], collector: &mut Collector) {
    let at = reference.iter().zip(candidate).position(|(r, c)| r != c);
    let (r, c) = (reference.len(), candidate.len());
    collector.differ(Place::Whole, || match at {
        Some(at) => format!("byte {at}: 0x{:02x} instead of 0x{:02x}", candidate[at], reference[at]),
        None => format!("{c} bytes instead of {r}, the first {} the same", r.min(c)),
    });
}

/// Finds out what an output is.
fn detect(reference: &[u8]) -> Format {
    if npy::is_npy(reference) {
        return Format::Npy;
    }
    let Ok(text) = std::str::from_utf8(reference) else { return Format::Binary };
    if text.trim_start().starts_with(['{', '[']) {
        if json::parse(text).is_ok() {
            return Format::Json;
        }
        if json::looks_like_lines(text) {
            return Format::JsonLines;
        }
    }
    if csv::separator_of(text).is_some() { Format::Csv } else { Format::Text }
}

#[cfg(test)]
mod tests;
