//! Runs a command for every input, on all cores, and loses nothing.

mod error;
mod inputs;
mod journal;
mod key;
mod nearest;
mod parse;
mod shell;
mod template;

pub use error::TaskError;
pub use inputs::{Inputs, Origin, Range, Row, Rows, Source, TableFormat};
pub use journal::{Damage, JOURNAL_VERSION, Reading, Record, Session, TaskEnd};
pub use key::TaskKey;
pub use template::{Given, Template};
