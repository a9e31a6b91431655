//! Why tasks could not be run.

use std::io;

use festina_types::Exit;
use thiserror::Error;

/// Why a set of tasks could not be run, or not to its end; a task that fails is no error but a result.
#[derive(Debug, Error)]
pub enum TaskError {
    /// There is nothing to run.
    #[error("no command was given")]
    NoCommand,
    /// A name in braces is neither a column nor anything else that is known.
    #[error("unknown placeholder {{{name}}}")]
    UnknownPlaceholder {
        /// The name.
        name: String,
        /// The most similar name that is known.
        nearest: Option<String>,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// A placeholder asks for an input by a position that no task has.
    #[error("there is no input {position}: a task has {n_inputs}")]
    NoSuchInput {
        /// The position, from 1.
        position: usize,
        /// The number of inputs of a task.
        n_inputs: usize,
    },
    /// A brace is not closed, or was not opened.
    #[error("unbalanced braces in '{word}' at column {column}")]
    UnbalancedBraces {
        /// The word.
        word: String,
        /// The column of the brace, in bytes from 1.
        column: usize,
    },
    /// A placeholder stands within backquotes.
    #[error("a placeholder stands within backquotes in '{script}'")]
    Backquotes {
        /// The script.
        script: String,
    },
    /// A word would hold a NUL byte, which the kernel cannot pass on.
    #[error("an argument would hold a NUL byte: {word}")]
    NulByte {
        /// The word, escaped.
        word: String,
    },
    /// A row lacks a column.
    #[error("task {task} has no column '{name}'")]
    MissingColumn {
        /// The column.
        name: String,
        /// The task's number, from 1.
        task: u64,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// Two sources have a column of the same name, or one has it twice.
    #[error("two columns are called '{name}'")]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// Standard input is asked for more than once.
    #[error("standard input can be read only once")]
    InputTwice,
    /// Inputs could not be read.
    #[error("inputs cannot be read from {origin}")]
    Read {
        /// The file, or standard input.
        origin: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Inputs are not what they should be.
    #[error("{origin}:{line}:{column}: {message}")]
    Malformed {
        /// The file, or standard input.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The column, in bytes from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A range is not of the form `1..100` or `0..1:0.1`.
    #[error("'{text}' is not a range: {reason}")]
    Range {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A pattern of file names is malformed, or no file has such a name.
    #[error("'{pattern}' {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TaskError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommand => Some("festina run -- echo {} ::: a b c".to_owned()),
            Self::UnknownPlaceholder { name, nearest, columns } => {
                let pass_on = format!("{{{{{name}}}}} passes the braces on");
                Some(match nearest {
                    Some(nearest) => format!("did you mean {{{nearest}}}? {pass_on}"),
                    None if columns.is_empty() => pass_on,
                    None => format!("the columns are {}; {pass_on}", columns.join(", ")),
                })
            }
            Self::UnbalancedBraces { .. } => Some("{{ and }} write braces".to_owned()),
            Self::Backquotes { .. } => Some("write $(…) in their place".to_owned()),
            Self::MissingColumn { name, columns, .. } => {
                let known = columns.iter().map(String::as_str);
                Some(match super::nearest::nearest(name, known) {
                    Some(nearest) => format!("did you mean {{{nearest}}}?"),
                    None => format!("its columns are {}", columns.join(", ")),
                })
            }
            Self::ColumnTwice { .. } => Some("rename one of them".to_owned()),
            Self::Range { .. } => {
                Some("1..100 counts by ones, 0..1:0.1 by tenths, both ends included".to_owned())
            }
            Self::Pattern { .. } => Some("quote the pattern, so that no shell expands it first".to_owned()),
            _ => None,
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        Exit::BadInput
    }
}
