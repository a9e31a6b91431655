//! What the terminal can show: its width, colours and characters.

use super::TextOptions;
use crate::{Role, Tone, escape};

/// The means of a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) width: usize,
    pub(crate) unicode: bool,
    color: bool,
}

/// What a piece of text is, which chooses its escape sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Heading,
    Muted,
    Good,
    Bad,
    Warning,
    Note,
    Series(Role),
}

impl Style {
    pub(crate) fn new(options: &TextOptions) -> Self {
        Self { width: options.width.clamp(20, 1000), unicode: options.unicode, color: options.color }
    }

    /// Returns `text` without what the terminal must not be sent.
    pub(crate) fn clean(&self, text: &str) -> String {
        escape::terminal(text, self.unicode)
    }

    /// Returns clean `text` in `ink`.
    pub(crate) fn paint(&self, text: &str, ink: Ink) -> String {
        let code = sgr(ink);
        if !self.color || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Returns `rich` where the terminal has Unicode, else `plain`.
    pub(crate) fn either(&self, rich: &'static str, plain: &'static str) -> &'static str {
        if self.unicode { rich } else { plain }
    }
}

impl From<Tone> for Ink {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Plain,
            Tone::Good => Self::Good,
            Tone::Bad => Self::Bad,
            Tone::Muted => Self::Muted,
        }
    }
}

/// Returns the parameters of the escape sequence: the sixteen colours that each theme of a terminal adapts.
fn sgr(ink: Ink) -> &'static str {
    match ink {
        Ink::Plain => "",
        Ink::Strong => "1",
        Ink::Heading => "1;4",
        Ink::Muted => "2",
        Ink::Good => "32",
        Ink::Bad => "1;31",
        Ink::Warning => "1;33",
        Ink::Note => "36",
        Ink::Series(role) => match role {
            Role::Measured => "1;34",
            Role::Fit | Role::Forecast => "33",
            Role::Ideal => "2",
            Role::Limit => "31",
            Role::Other(index) => ["32", "35", "36", "37"][usize::from(index) % 4],
        },
    }
}
