//! Warnings and advice are values, so that they reach JSON and HTML as well as a screen.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Numbers nearby deserve less trust than they look.
    Warning,
    /// An answer is refused because of this.
    Error,
}

/// Something that was noticed, with the evidence for it and the next thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable name in kebab-case for programs to match on, such as `noisy-machine`.
    pub code: String,
    /// One sentence with its evidence in numbers, for people.
    pub message: String,
    /// What to do about it: a command to type where there is one.
    pub hint: Option<String>,
}

impl Finding {
    /// Returns a finding without a hint.
    pub fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self { severity, code: code.to_owned(), message: message.into(), hint: None }
    }

    /// Returns the finding with `hint`.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
