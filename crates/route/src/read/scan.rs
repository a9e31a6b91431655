//! Words of a text, each with its place.

use crate::error::{Place, RouteError};

/// A piece of a text that knows where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    /// The line up to the word, from which the column is counted when it is needed.
    pub(crate) before: &'a str,
}

impl<'a> Word<'a> {
    /// Returns `text[start..end]` of line number `line`.
    pub(crate) fn new(line: usize, text: &'a str, start: usize, end: usize) -> Self {
        Self { text: &text[start..end], line, before: &text[..start] }
    }

    pub(crate) fn place(&self) -> Place {
        Place { line: self.line, column: self.before.chars().count() + 1 }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> RouteError {
        RouteError::text(self.place(), message)
    }

    fn not_a(&self, what: &str) -> RouteError {
        self.error(format!("'{}' is not a {what}", shorten(self.text)))
            .with_hint("numbers are written as 12, -3.5 or 1e3")
    }

    /// Returns the word as a finite number.
    pub(crate) fn number(&self) -> Result<f64, RouteError> {
        match self.text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(self.not_a("finite number")),
            Err(_) => Err(self.not_a("number")),
        }
    }
}

/// Returns at most 40 characters of `text`, for a message.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

/// Reads a text word by word or line by line.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    rest: &'a str,
    line: &'a str,
    number: usize,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut scanner = Self { rest: text, line: "", number: 0, at: 0 };
        scanner.advance();
        scanner
    }

    /// Goes to the next line; `false` at the end of the text.
    fn advance(&mut self) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.line = line.strip_suffix('\r').unwrap_or(line);
        self.rest = rest;
        self.number += 1;
        self.at = 0;
        true
    }

    /// Returns the next word, on this line or a later one.
    pub(crate) fn word(&mut self) -> Option<Word<'a>> {
        loop {
            let tail = &self.line[self.at..];
            if let Some(skip) = tail.find(|c: char| !c.is_whitespace()) {
                let start = self.at + skip;
                let length = self.line[start..].find(char::is_whitespace).unwrap_or(self.line.len() - start);
                self.at = start + length;
                return Some(Word::new(self.number, self.line, start, self.at));
            }
            self.at = self.line.len();
            if !self.advance() {
                return None;
            }
        }
    }

    /// Returns the words of the next line that is not blank, or of what is left of this one.
    pub(crate) fn row(&mut self) -> Option<Vec<Word<'a>>> {
        let mut row = vec![self.word()?];
        while !self.line[self.at..].trim().is_empty() {
            row.extend(self.word());
        }
        Some(row)
    }

    /// Returns the next line that is not blank, trimmed: what is left of this one, or a later one.
    pub(crate) fn line(&mut self) -> Option<Word<'a>> {
        loop {
            let tail = &self.line[self.at..];
            let trimmed = tail.trim();
            if !trimmed.is_empty() {
                let start = self.at + (tail.len() - tail.trim_start().len());
                self.at = self.line.len();
                return Some(Word::new(self.number, self.line, start, start + trimmed.len()));
            }
            self.at = self.line.len();
            if !self.advance() {
                return None;
            }
        }
    }

    /// Returns the place that was reached.
    pub(crate) fn place(&self) -> Place {
        Place { line: self.number.max(1), column: self.line[..self.at].chars().count() + 1 }
    }
}
