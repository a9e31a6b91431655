//! Reading what people write in TOML, with the line and the nearest right word for what is wrong.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;

/// A key, which knows where it stands.
pub(crate) type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
/// A value, which knows where it stands.
pub(crate) type Value<'i> = Spanned<DeValue<'i>>;

/// Knows where it is, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> Reader<'a> {
    /// Returns the table of the whole text.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'a>>, Error> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message().to_owned(), None)
        })
    }

    /// Returns the table that `value` is.
    pub(crate) fn table<'v, 'i>(
        &self,
        value: &'v Value<'i>,
        expected: &str,
    ) -> Result<&'v DeTable<'i>, Error> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong(value, expected)),
        }
    }

    /// Reads a table of names and values.
    pub(crate) fn environment(&self, value: &Value<'_>) -> Result<BTreeMap<String, String>, Error> {
        let table = self.table(value, "a table of names and values")?;
        table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), self.scalar(value)?))).collect()
    }

    /// Reads a string.
    pub(crate) fn string(&self, value: &Value<'_>) -> Result<String, Error> {
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(value, "a string"))?;
        Ok(text.to_owned())
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&self, value: &Value<'_>) -> Result<bool, Error> {
        value.get_ref().as_bool().ok_or_else(|| self.wrong(value, "true or false"))
    }

    /// Reads a string, or a number as it is written.
    pub(crate) fn scalar(&self, value: &Value<'_>) -> Result<String, Error> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                Ok(self.text[value.span()].to_owned())
            }
            _ => Err(self.wrong(value, "a string or a number")),
        }
    }

    /// Reads a number, underscores allowed.
    pub(crate) fn number<T: std::str::FromStr>(&self, value: &Value<'_>) -> Result<T, Error> {
        let written = match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => self.text[value.span()].replace('_', ""),
            _ => String::new(),
        };
        written.parse().map_err(|_| self.wrong(value, "a number"))
    }

    /// Reads a list of strings or numbers.
    pub(crate) fn strings(&self, value: &Value<'_>) -> Result<Vec<String>, Error> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.scalar(item)).collect(),
            _ => Err(self.wrong(value, "a list of strings")),
        }
    }

    /// Reads `"1,2,4"`, `4` or `[1, 2, 4]` as a comma-separated list.
    pub(crate) fn list(&self, value: &Value<'_>) -> Result<String, Error> {
        match value.get_ref() {
            DeValue::Array(_) => Ok(self.strings(value)?.join(",")),
            _ => self.scalar(value),
        }
    }

    /// Returns the error of a value that is not what was `expected`.
    pub(crate) fn wrong(&self, value: &Value<'_>, expected: &str) -> Error {
        self.error(value.span().start, format!("expected {expected}"), None)
    }

    /// Returns the error of a key that is none of `known`.
    pub(crate) fn unknown_key(&self, key: &Key<'_>, unknown: &str, known: &[&str]) -> Error {
        let hint = festina_run::nearest(unknown, known.iter().copied()).map_or_else(
            || format!("the keys are {}", known.join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        self.error(key.span().start, format!("unknown key '{unknown}'"), Some(hint))
    }

    /// Returns the error `message` at the byte `at`.
    pub(crate) fn error(&self, at: usize, message: String, hint: Option<String>) -> Error {
        let line = 1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Error::Spec { file: self.name.to_owned(), line, message, hint }
    }
}
