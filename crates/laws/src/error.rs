//! What can be wrong with what a law is given.

use thiserror::Error;

/// Why a law, a fit, a statistic or a simulation refuses its input.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LawError {
    /// A serial fraction is NaN or outside `[0, 1]`.
    #[error("the serial fraction must lie in [0, 1], not {0}")]
    SerialFraction(f64),
    /// A parameter is outside the range in which the law has a meaning.
    #[error("{name} must be {expected}, not {value}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The range in words.
        expected: &'static str,
        /// What was given.
        value: f64,
    },
    /// An observation cannot be used.
    #[error("observation {index}: {name} must be {expected}, not {value}")]
    Observation {
        /// Its position, counted from 0.
        index: usize,
        /// The field's name.
        name: &'static str,
        /// The range in words.
        expected: &'static str,
        /// What was given.
        value: f64,
    },
    /// There is too little data.
    #[error("{what} needs at least {needed} {unit}, not {given}")]
    TooFew {
        /// What was asked for.
        what: &'static str,
        /// How many it needs.
        needed: usize,
        /// What is counted.
        unit: &'static str,
        /// How many were given.
        given: usize,
    },
    /// Two sequences that belong together have different lengths.
    #[error("{left} and {right} must be equally many, not {left_len} and {right_len}")]
    Lengths {
        /// The first sequence's name.
        left: &'static str,
        /// The second sequence's name.
        right: &'static str,
        /// The first's length.
        left_len: usize,
        /// The second's length.
        right_len: usize,
    },
    /// The data leave a parameter open: any value would fit as well.
    #[error("the data do not determine {0}")]
    NotIdentifiable(&'static str),
    /// A task's duration or amount of data has no meaning.
    #[error("task '{task}': {name} must be finite and not negative, not {value}")]
    Task {
        /// The task's id.
        task: String,
        /// Its position, counted from 0.
        index: usize,
        /// What is wrong with it.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// Two tasks have the same id.
    #[error("task '{task}' appears twice")]
    DuplicateTask {
        /// The id.
        task: String,
        /// The position of the second, counted from 0.
        index: usize,
    },
    /// A task depends on one that doesn't exist.
    #[error("task '{task}' depends on '{dependency}', which doesn't exist")]
    UnknownDependency {
        /// The task's id.
        task: String,
        /// Its position, counted from 0.
        index: usize,
        /// What it depends on.
        dependency: String,
    },
    /// Tasks wait for each other.
    #[error("tasks depend on each other: {}", .tasks.join(" → "))]
    Cycle {
        /// The ids around the cycle, the first again at the end; the middle of a long one is left out as `…`.
        tasks: Vec<String>,
        /// The position of the first, counted from 0.
        index: usize,
    },
    /// A table of tasks can't be read.
    #[error("line {line}: {reason}")]
    Csv {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A task of a table is wrong.
    #[error("line {line}: {source}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with its task.
        source: Box<LawError>,
    },
}

impl LawError {
    /// Returns what to do about it, where that is known.
    ///
    /// ```
    /// use festina_laws::simulate::parse::csv;
    /// let error = csv("id,duration_s,deps\na,1,b\n").unwrap_err();
    /// assert_eq!(error.to_string(), "line 2: task 'a' depends on 'b', which doesn't exist");
    /// assert_eq!(error.hint().unwrap(), "deps holds ids of other lines, separated by ;");
    /// ```
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::SerialFraction(_) => "it is the share that more workers do not shorten: 0.05 is 5 %",
            Self::Parameter { expected, .. } | Self::Observation { expected, .. } => {
                return Some(format!("give a value that is {expected}"));
            }
            Self::TooFew { needed, unit, .. } => return Some(format!("give {needed} {unit} or more")),
            Self::NotIdentifiable(_) => "measure at more sizes or numbers of workers",
            Self::Task { .. } => "durations are in seconds and data in bytes, such as 1.5 and 4096",
            Self::DuplicateTask { .. } => "give each task an id of its own",
            Self::UnknownDependency { .. } => "deps holds ids of other lines, separated by ;",
            Self::Cycle { .. } => "take one of these dependencies away: none of the tasks could ever start",
            Self::Csv { .. } => "the columns are id, duration_s (seconds), and optionally deps and bytes",
            Self::Line { source, .. } => return source.hint(),
            Self::Lengths { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns the position of the task that is wrong, counted from 0, where one is.
    pub fn task_index(&self) -> Option<usize> {
        match self {
            Self::Task { index, .. }
            | Self::DuplicateTask { index, .. }
            | Self::UnknownDependency { index, .. }
            | Self::Cycle { index, .. } => Some(*index),
            _ => None,
        }
    }
}

/// Returns `value` if `is_valid` holds for it; NaN fails every comparison and so is refused.
pub(crate) fn require(
    is_valid: bool,
    name: &'static str,
    expected: &'static str,
    value: f64,
) -> Result<f64, LawError> {
    if is_valid { Ok(value) } else { Err(LawError::Parameter { name, expected, value }) }
}

/// Returns `level` if it is a probability strictly between 0 and 1.
pub(crate) fn require_level(level: f64) -> Result<f64, LawError> {
    require(level > 0.0 && level < 1.0, "the level", "between 0 and 1", level)
}
