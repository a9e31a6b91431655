//! The inputs of one task.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;

/// The inputs of one task, by position and by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    names: Arc<[String]>,
    values: Vec<OsString>,
}

impl Row {
    /// Returns a row; where `names` and `values` differ in number, what is beyond the shorter is left out.
    pub fn new(names: Arc<[String]>, mut values: Vec<OsString>) -> Self {
        values.truncate(names.len());
        let names = if values.len() < names.len() { names[..values.len()].into() } else { names };
        Self { names, values }
    }

    /// Returns a row of values whose names are `input`, or `input1`, `input2` … where there are several.
    pub fn unnamed(values: Vec<OsString>) -> Self {
        let names = match values.len() {
            1 => vec!["input".to_owned()],
            n => (1..=n).map(|index| format!("input{index}")).collect(),
        };
        Self { names: names.into(), values }
    }

    /// Returns the values by position.
    pub fn values(&self) -> &[OsString] {
        &self.values
    }

    pub(in crate::tasks) fn into_values(self) -> Vec<OsString> {
        self.values
    }

    /// Returns the names of the values.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the value of a column.
    pub fn column(&self, name: &str) -> Option<&OsStr> {
        let index = self.names.iter().position(|column| column == name)?;
        self.values.get(index).map(OsString::as_os_str)
    }

    pub(super) fn shared_names(&self) -> &Arc<[String]> {
        &self.names
    }
}

impl fmt::Display for Row {
    /// Writes the values with spaces between them, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.values.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{}", value.display())?;
        }
        Ok(())
    }
}
