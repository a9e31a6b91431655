//! JSON documents and lines of them.

mod parse;

use std::fmt::Write as _;

use super::Rules;
use super::collect::{Collector, Place, excerpt};
use super::number::{Closeness, Number, close, same_decimal};
use super::records::{Record, match_records};
use super::text::{close_texts, compare_last_newline};
pub(super) use parse::{JsonError, Node, parse};

/// Compares two documents: the order of an object's keys means nothing, that of an array's elements does.
pub(super) fn compare(reference: &Node<'_>, candidate: &Node<'_>, rules: &Rules, collector: &mut Collector) {
    let mut walk = Walk { rules, collector, path: Vec::new(), prefix: String::new() };
    walk.compare(reference, candidate);
}

/// Compares lines of documents; each is a record.
pub(super) fn compare_lines(
    reference: &str,
    candidate: &str,
    rules: &Rules,
    collector: &mut Collector,
) -> Result<(), JsonError> {
    let (r, c) = (lines(reference)?, lines(candidate)?);
    if rules.unordered {
        let records = |lines: &[(usize, Node<'_>)]| -> Vec<Record> {
            lines.iter().map(|(number, node)| Record::of_text(*number, &canonical(node, rules))).collect()
        };
        match_records(&records(&r), &records(&c), rules.tolerance, "line", collector);
    } else {
        for ((number, r), (_, c)) in r.iter().zip(&c) {
            let prefix = format!("line {}, ", number + 1);
            let mut walk = Walk { rules, collector: &mut *collector, path: Vec::new(), prefix };
            if !walk.compare(r, c) {
                return Ok(());
            }
        }
        if r.len() != c.len() {
            collector.differ(Place::Whole, || format!("{} lines instead of {}", c.len(), r.len()));
        }
    }
    if collector.first.is_none() {
        compare_last_newline(reference.ends_with('\n'), candidate.ends_with('\n'), collector);
    }
    Ok(())
}

/// Parses each line; empty ones are no documents.
fn lines(text: &str) -> Result<Vec<(usize, Node<'_>)>, JsonError> {
    let documents = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    documents
        .map(|(number, line)| {
            parse(line).map(|node| (number, node)).map_err(|e| JsonError { line: number + 1, ..e })
        })
        .collect()
}

/// Returns whether `text` looks like lines of JSON objects or arrays, at least two.
pub(super) fn looks_like_lines(text: &str) -> bool {
    let mut documents = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    let starts = |line: &&str| line.trim_start().starts_with(['{', '[']);
    documents.peek().is_some_and(starts)
        && text.lines().count() >= 2
        && documents.all(|line| parse(line).is_ok())
}

/// Writes a document on one line with its keys sorted, without what is ignored.
fn canonical(node: &Node<'_>, rules: &Rules) -> String {
    let mut text = String::new();
    write_canonical(node, rules, &mut String::new(), &mut text);
    text
}

fn write_canonical(node: &Node<'_>, rules: &Rules, pointer: &mut String, out: &mut String) {
    let before = pointer.len();
    match node {
        Node::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(pointer, "/{}", escaped(key));
                if !rules.ignores_name(pointer) {
                    let _ = write!(out, "{key:?}: ");
                    write_canonical(value, rules, pointer, out);
                    out.push_str(", ");
                }
                pointer.truncate(before);
            }
            out.push('}');
        }
        Node::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                let _ = write!(pointer, "/{index}");
                write_canonical(element, rules, pointer, out);
                out.push_str(", ");
                pointer.truncate(before);
            }
            out.push(']');
        }
        Node::String(text) => {
            let _ = write!(out, "{text:?}");
        }
        Node::Number(text) | Node::Word(text) => out.push_str(text),
    }
}

enum Step {
    Key(String),
    Index(usize),
}

/// A walk through two documents at once.
struct Walk<'a> {
    rules: &'a Rules,
    collector: &'a mut Collector,
    path: Vec<Step>,
    prefix: String,
}

impl Walk<'_> {
    /// Compares two nodes; returns whether to go on.
    fn compare(&mut self, reference: &Node<'_>, candidate: &Node<'_>) -> bool {
        if self.rules.has_ignored() && self.rules.ignores_name(&self.pointer(false)) {
            return true;
        }
        match (reference, candidate) {
            (Node::Object(r), Node::Object(c)) => self.compare_objects(r, c),
            (Node::Array(r), Node::Array(c)) => self.compare_arrays(r, c),
            (Node::Number(r), Node::Number(c)) => match self.close_numbers(r, c) {
                Some(closeness) => {
                    self.collector.allow(closeness);
                    true
                }
                None => self.differ(reference, candidate),
            },
            (Node::String(r), Node::String(c)) => match self.close_strings(r, c) {
                Some(closeness) => {
                    self.collector.allow(closeness);
                    true
                }
                None => self.differ(reference, candidate),
            },
            (Node::Word(r), Node::Word(c)) if r == c => true,
            _ => self.differ(reference, candidate),
        }
    }

    fn close_numbers(&self, r: &str, c: &str) -> Option<Closeness> {
        if r == c || same_decimal(r, c) {
            return Some(Closeness::default());
        }
        close(Number::read(r)?, Number::read(c)?, self.rules.tolerance)
    }

    fn close_strings(&self, r: &str, c: &str) -> Option<Closeness> {
        if r == c {
            return Some(Closeness::default());
        }
        let masked = |text: &str| self.rules.masked(text).unwrap_or_default().into_owned();
        close_texts(&masked(r), &masked(c), self.rules.tolerance)
    }

    fn compare_objects(&mut self, r: &[(String, Node<'_>)], c: &[(String, Node<'_>)]) -> bool {
        if !r.iter().map(|(key, _)| key).eq(c.iter().map(|(key, _)| key)) {
            self.collector.reordered = true;
        }
        for (key, r_value) in r {
            self.path.push(Step::Key(key.clone()));
            let go_on = match c.iter().find(|(other, _)| other == key) {
                Some((_, c_value)) => self.compare(r_value, c_value),
                None => self.differ_in("is missing"),
            };
            self.path.pop();
            if !go_on {
                return false;
            }
        }
        for (key, _) in c {
            if r.iter().all(|(other, _)| other != key) {
                self.path.push(Step::Key(key.clone()));
                let go_on = self.differ_in("is not in the reference");
                self.path.pop();
                if !go_on {
                    return false;
                }
            }
        }
        true
    }

    fn compare_arrays(&mut self, r: &[Node<'_>], c: &[Node<'_>]) -> bool {
        for (index, (r_element, c_element)) in r.iter().zip(c).enumerate() {
            self.path.push(Step::Index(index));
            let go_on = self.compare(r_element, c_element);
            self.path.pop();
            if !go_on {
                return false;
            }
        }
        if r.len() == c.len() {
            return true;
        }
        self.differ_in(&format!("has {} elements instead of {}", c.len(), r.len()))
    }

    fn differ(&mut self, reference: &Node<'_>, candidate: &Node<'_>) -> bool {
        self.differ_in(&format!("is {} instead of {}", shown(candidate), shown(reference)))
    }

    fn differ_in(&mut self, how: &str) -> bool {
        let pointer = self.pointer(false);
        if self.rules.has_ignored() && self.rules.ignores_name(&pointer) {
            return true;
        }
        let pointer = if pointer.is_empty() { "the document".to_owned() } else { pointer };
        let message = format!("{}{pointer} {how}", self.prefix);
        let place = Place::Pointer(self.pointer(true));
        self.collector.differ(place, || message)
    }

    /// Returns the JSON pointer of the current node (RFC 6901); `general` puts `*` for indices.
    fn pointer(&self, general: bool) -> String {
        self.path
            .iter()
            .map(|step| match step {
                Step::Key(key) => format!("/{}", escaped(key)),
                Step::Index(_) if general => "/*".to_owned(),
                Step::Index(index) => format!("/{index}"),
            })
            .collect()
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn shown(node: &Node<'_>) -> String {
    match node {
        Node::Object(members) => format!("an object of {}", members.len()),
        Node::Array(elements) => format!("an array of {}", elements.len()),
        Node::String(text) => excerpt(text),
        Node::Number(text) | Node::Word(text) => (*text).to_owned(),
    }
}
