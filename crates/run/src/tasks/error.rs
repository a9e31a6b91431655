//! Why tasks could not be run.

use std::io;
use std::path::{Path, PathBuf};

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
    /// Blocks have no size, or records no end.
    #[error("blocks need a size and records an end")]
    Split,
    /// Words that are no policy of halting.
    #[error("'{text}' does not say when to stop")]
    Halt {
        /// What was given.
        text: String,
    },
    /// Memory that would shrink with each retry.
    #[error("memory cannot grow by a factor of {growth}")]
    MemoryGrowth {
        /// The factor.
        growth: f64,
    },
    /// There is no run of this name.
    #[error("no run is kept in {}", path.display())]
    NoRun {
        /// Where it would be.
        path: PathBuf,
        /// The most similar name that is there.
        nearest: Option<String>,
    },
    /// A run cannot have this name.
    #[error("'{name}' cannot be the name of a run")]
    RunName {
        /// The name.
        name: String,
    },
    /// There is a run of this name.
    #[error("there is a run in {}", path.display())]
    RunExists {
        /// Its folder.
        path: PathBuf,
    },
    /// A slot cannot be bound to its CPUs.
    #[error("tasks cannot be bound to CPUs {cpus}")]
    Bind {
        /// The CPUs.
        cpus: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A column is asked for that the table does not have.
    #[error("the table of results has no column '{name}'")]
    ResultColumn {
        /// The name.
        name: String,
        /// The most similar name that it has.
        nearest: Option<String>,
    },
    /// The processes that run tasks could not be made or were lost.
    #[error("tasks cannot be run")]
    Runner(#[from] crate::RunError),
    /// A thread cannot be started.
    #[error("no thread can be started")]
    Thread(#[source] io::Error),
    /// Another festina writes this journal.
    #[error("another festina is at work on {}", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A journal was written by another version of festina.
    #[error("{} is a journal of version {version}: this festina reads version {}", path.display(), super::JOURNAL_VERSION)]
    JournalVersion {
        /// The journal.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A journal cannot be read.
    #[error("the journal cannot be read: {}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file system is full, or a quota is used up.
    #[error("no space left for {}", path.display())]
    NoSpace {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl TaskError {
    /// Returns the error of a file that could not be written.
    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { path }
            }
            _ => Self::Write { path, source },
        }
    }

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
                Some(match crate::nearest(name, known) {
                    Some(nearest) => format!("did you mean {{{nearest}}}?"),
                    None => format!("its columns are {}", columns.join(", ")),
                })
            }
            Self::ColumnTwice { .. } => Some("rename one of them".to_owned()),
            Self::Range { .. } => {
                Some("1..100 counts by ones, 0..1:0.1 by tenths, both ends included".to_owned())
            }
            Self::Pattern { .. } => Some("quote the pattern, so that no shell expands it first".to_owned()),
            Self::Halt { .. } => {
                Some("never; soon,fail=1; now,fail=10%; now,success=1; soon,done=100".to_owned())
            }
            Self::NoRun { nearest: Some(nearest), .. }
            | Self::ResultColumn { nearest: Some(nearest), .. } => Some(format!("did you mean {nearest}?")),
            Self::RunName { .. } => {
                Some("it names a folder in the state folder: one word without /".to_owned())
            }
            Self::RunExists { .. } => {
                Some("go on with it: --resume; or give this run another name".to_owned())
            }
            Self::MemoryGrowth { .. } => Some("1 keeps it, 2 doubles it with each retry".to_owned()),
            Self::Runner(crate::RunError::NoSpace { .. }) | Self::NoSpace { .. } => {
                Some("free some space and go on with --resume".to_owned())
            }
            Self::Runner(error) => error.hint(),
            Self::InUse { .. } => Some("wait for it, or give this run another name: --name NAME".to_owned()),
            Self::JournalVersion { .. } => {
                Some("start a new run, or use the festina that wrote it".to_owned())
            }
            _ => None,
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::InUse { .. }
            | Self::NoSpace { .. }
            | Self::Write { .. }
            | Self::Thread(_)
            | Self::Bind { .. } => Exit::Unavailable,
            Self::Runner(error) => error.exit(),
            _ => Exit::BadInput,
        }
    }
}
