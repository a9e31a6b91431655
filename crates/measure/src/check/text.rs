//! Lines of text with numbers in them.

use super::Rules;
use super::collect::{Collector, Place, excerpt};
use super::number::{Closeness, Token, Tolerance, close, tokens};
use super::records::{Record, match_records};

/// Compares line by line.
pub(super) fn compare(reference: &str, candidate: &str, rules: &Rules, collector: &mut Collector) {
    let (reference, candidate) = (Lines::of(reference, rules), Lines::of(candidate, rules));
    if rules.unordered {
        return compare_unordered(&reference, &candidate, rules, collector);
    }
    for (r, c) in reference.lines.iter().zip(&candidate.lines) {
        if r.text != c.text && !compare_line(r, c, rules, collector) {
            return;
        }
    }
    compare_ends(&reference, &candidate, collector);
}

struct Lines {
    lines: Vec<Line>,
    ends_with_newline: bool,
}

struct Line {
    /// Counted from 0, in the output as it was written.
    number: usize,
    text: String,
}

impl Lines {
    /// Splits `text` into lines, without what the rules ignore. A number of another width moves its neighbours:
    /// blanks are blanks once a tolerance is given.
    fn of(text: &str, rules: &Rules) -> Self {
        let lines = text
            .split_inclusive('\n')
            .map(|line| line.strip_suffix('\n').unwrap_or(line))
            .enumerate()
            .filter_map(|(number, line)| {
                let text = rules.masked(line)?.into_owned();
                Some(Line { number, text: if rules.tolerance.is_exact() { text } else { one_blank(&text) } })
            })
            .collect();
        Self { lines, ends_with_newline: text.ends_with('\n') }
    }
}

/// Returns `line` with one blank for each run of them, and none at its ends.
fn one_blank(line: &str) -> String {
    let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Compares one line; returns whether to go on.
fn compare_line(reference: &Line, candidate: &Line, rules: &Rules, collector: &mut Collector) -> bool {
    let number = candidate.number;
    let (r, c) = (tokens(&reference.text), tokens(&candidate.text));
    let whole_line = || {
        let ends = describe_line_ends(&reference.text, &candidate.text).unwrap_or_default();
        format!(
            "line {}: {} instead of {}{ends}",
            number + 1,
            excerpt(&candidate.text),
            excerpt(&reference.text)
        )
    };
    if r.len() != c.len() {
        return collector.differ(Place::Token { line: number, index: usize::MAX }, whole_line);
    }
    let mut column = 1;
    for (index, (r, c)) in r.iter().zip(&c).enumerate() {
        let go_on = match compare_token(r, c, rules.tolerance) {
            TokenEquality::Same => true,
            TokenEquality::Close(closeness) => {
                collector.allow(closeness);
                true
            }
            TokenEquality::Numbers => collector.differ(Place::Token { line: number, index }, || {
                format!("line {}, column {column}: {} instead of {}", number + 1, c.text(), r.text())
            }),
            TokenEquality::Different => collector.differ(Place::Token { line: number, index }, whole_line),
        };
        if !go_on {
            return false;
        }
        column += c.text().chars().count();
    }
    true
}

enum TokenEquality {
    Same,
    Close(Closeness),
    /// Two numbers that are too far apart.
    Numbers,
    Different,
}

fn compare_token(reference: &Token<'_>, candidate: &Token<'_>, tolerance: Tolerance) -> TokenEquality {
    match (reference, candidate) {
        (r, c) if r.text() == c.text() => TokenEquality::Same,
        (Token::Number(r), Token::Number(c)) => match close(*r, *c, tolerance) {
            Some(closeness) => TokenEquality::Close(closeness),
            None => TokenEquality::Numbers,
        },
        _ => TokenEquality::Different,
    }
}

/// Compares two pieces of text that may hold numbers: a field of a table, a string of a document.
///
/// Returns the closeness, or `None` if they differ.
pub(super) fn close_texts(reference: &str, candidate: &str, tolerance: Tolerance) -> Option<Closeness> {
    let mut worst = Closeness::default();
    let (r, c) = (tokens(reference), tokens(candidate));
    if r.len() != c.len() {
        return None;
    }
    for (r, c) in r.iter().zip(&c) {
        match compare_token(r, c, tolerance) {
            TokenEquality::Same => {}
            TokenEquality::Close(closeness) => worst.widen(closeness),
            TokenEquality::Numbers | TokenEquality::Different => return None,
        }
    }
    Some(worst)
}

fn compare_ends(reference: &Lines, candidate: &Lines, collector: &mut Collector) {
    let (r, c) = (reference.lines.len(), candidate.lines.len());
    if r > c {
        let missing = &reference.lines[c];
        collector.differ(Place::Whole, || {
            format!(
                "line {}, {}, is missing: {c} lines instead of {r}",
                missing.number + 1,
                excerpt(&missing.text)
            )
        });
    } else if c > r {
        let more = &candidate.lines[r];
        collector.differ(Place::Whole, || {
            format!(
                "line {}, {}, is too much: {c} lines instead of {r}",
                more.number + 1,
                excerpt(&more.text)
            )
        });
    } else {
        compare_last_newline(reference.ends_with_newline, candidate.ends_with_newline, collector);
    }
}

/// A last line without its end is a truncated file to those who count lines: it is a difference.
pub(super) fn compare_last_newline(reference: bool, candidate: bool, collector: &mut Collector) {
    if reference != candidate {
        let how = if reference { "lacks its newline" } else { "ends with a newline that was not there" };
        collector.differ(Place::Whole, || format!("the last line {how}"));
    }
}

fn describe_line_ends(reference: &str, candidate: &str) -> Option<String> {
    let trimmed = |text: &'_ str| text.trim_end_matches('\r').to_owned();
    let only_ends = reference != candidate && trimmed(reference) == trimmed(candidate);
    only_ends.then(|| " (only the carriage return at the end differs)".to_owned())
}

fn compare_unordered(reference: &Lines, candidate: &Lines, rules: &Rules, collector: &mut Collector) {
    let records = |lines: &Lines| -> Vec<Record> {
        lines.lines.iter().map(|line| Record::of_text(line.number, &line.text)).collect()
    };
    match_records(&records(reference), &records(candidate), rules.tolerance, "line", collector);
    if collector.first.is_none() {
        compare_last_newline(reference.ends_with_newline, candidate.ends_with_newline, collector);
    }
}
