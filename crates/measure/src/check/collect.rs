//! What a comparison found.

use std::collections::BTreeSet;
use std::fmt;

use festina_types::CheckOutcome;

use super::number::Closeness;

/// Where two outputs differ, coarse enough to look for it again in a third.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The number or word with this index in a line, counted from 0.
    Token {
        /// The line, counted from 0.
        line: usize,
        /// The index in the line.
        index: usize,
    },
    /// A column of a CSV table, counted from 0, with its name.
    Column {
        /// The index of the column.
        index: usize,
        /// Its name, or its number from 1.
        name: String,
    },
    /// A JSON pointer with `*` for the index of an array.
    Pointer(String),
    /// No such place: the shape differs, or the order.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { line, .. } => write!(f, "line {}", line + 1),
            Self::Column { name, .. } => write!(f, "column {name}"),
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Whole => f.write_str("the whole output"),
        }
    }
}

/// Gathers differences while two outputs are compared.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// Places to take as equal.
    skip: BTreeSet<Place>,
    /// Whether to go on after the first difference.
    keep_going: bool,
    pub(super) first: Option<String>,
    pub(super) places: BTreeSet<Place>,
    pub(super) closeness: Closeness,
    pub(super) reordered: bool,
}

impl Collector {
    pub(super) fn first_difference(skip: BTreeSet<Place>) -> Self {
        Self { skip, ..Self::default() }
    }

    pub(super) fn all_differences() -> Self {
        Self { keep_going: true, ..Self::default() }
    }

    /// Notes a difference; returns whether to go on.
    pub(super) fn differ(&mut self, place: Place, message: impl FnOnce() -> String) -> bool {
        if self.skip.contains(&place) {
            return true;
        }
        self.first.get_or_insert_with(message);
        self.places.insert(place);
        self.keep_going
    }

    /// Notes two numbers that are equal though not the same.
    pub(super) fn allow(&mut self, closeness: Closeness) {
        self.closeness.widen(closeness);
    }

    /// Returns the outcome for outputs whose bytes are not the same.
    pub(super) fn outcome(self) -> CheckOutcome {
        match self.first {
            Some(first_difference) => CheckOutcome::Different { first_difference },
            None if self.reordered && self.closeness == Closeness::default() => CheckOutcome::Reordered,
            None => self.closeness.outcome(),
        }
    }
}

/// Shortens what is shown of an output.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).collect();
    let escaped: String = shown
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    if shown.len() < text.len() { format!("'{escaped}…'") } else { format!("'{escaped}'") }
}
