//! Why a program could not be run.

use std::io;
use std::path::PathBuf;

use festina_machine::CpuSet;
use festina_types::Exit;
use thiserror::Error;

/// Why a program could not be run; a program that runs and fails is no error but a
/// [`Status`](festina_types::Status).
#[derive(Debug, Error)]
pub enum RunError {
    /// No program of that name is on the `PATH`.
    #[error("command not found: {program}")]
    CommandNotFound {
        /// The name.
        program: String,
        /// The most similar name that is there.
        nearest: Option<String>,
    },
    /// There is no file at the program's path.
    #[error("no such program: {}", path.display())]
    NoSuchProgram {
        /// The path.
        path: PathBuf,
    },
    /// The program's file may not be executed.
    #[error("not executable: {}", path.display())]
    NotExecutable {
        /// Its path.
        path: PathBuf,
    },
    /// The program's path is that of a folder.
    #[error("{} is a folder, not a program", path.display())]
    IsFolder {
        /// The path.
        path: PathBuf,
    },
    /// The interpreter that a script names in its first line is not there, or the loader of a binary.
    #[error("the interpreter of {} is missing: {interpreter}", path.display())]
    InterpreterMissing {
        /// The script.
        path: PathBuf,
        /// What it asks for.
        interpreter: String,
    },
    /// The kernel does not know the program's format.
    #[error("not a program that this machine can run: {}", path.display())]
    UnknownFormat {
        /// Its path.
        path: PathBuf,
    },
    /// Arguments and environment together are longer than the kernel takes.
    #[error(
        "arguments and environment are too long for the kernel: {bytes} bytes, the longest has {longest}"
    )]
    ArgumentsTooLong {
        /// Their length in bytes, ends included.
        bytes: usize,
        /// The length of the longest of them.
        longest: usize,
    },
    /// An argument, a variable or a path holds a NUL byte, which the kernel cannot pass on.
    #[error("{what} holds a NUL byte: {value}")]
    NulByte {
        /// Which of them.
        what: &'static str,
        /// Its text, escaped.
        value: String,
    },
    /// A variable's name is empty or has a `=`.
    #[error("not a name for an environment variable: '{name}'")]
    VariableName {
        /// The name.
        name: String,
    },
    /// The working directory cannot be entered.
    #[error("the working directory cannot be entered: {}", path.display())]
    Directory {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Standard input could not be opened or filled.
    #[error("standard input cannot be read from {}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file for output could not be made or written.
    #[error("output cannot be written to {}", path.display())]
    Output {
        /// The file.
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
    /// The CPUs asked for may not all be used.
    #[error("of CPUs {wanted} {} may be used", if usable.is_empty() { "none".to_owned() } else { format!("only {usable}") })]
    Affinity {
        /// The CPUs asked for.
        wanted: CpuSet,
        /// Those of them that this process may use.
        usable: CpuSet,
    },
    /// The niceness may not be had.
    #[error("niceness {nice} needs a privilege")]
    Nice {
        /// The niceness.
        nice: i32,
    },
    /// The niceness does not exist.
    #[error("not a niceness: {nice}, the range is -20 to 19")]
    NiceRange {
        /// The niceness.
        nice: i32,
    },
    /// A time limit or a grace is negative or not a number.
    #[error("not a time limit: {seconds} s")]
    TimeLimit {
        /// What was given.
        seconds: f64,
    },
    /// The limit of processes or of open files is reached, or memory is short.
    #[error("no more processes can be started")]
    Exhausted {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program could not be started for another reason.
    #[error("{} could not be started", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program cannot be run on another host, for a reason that was told there.
    #[error("{message}")]
    Unfit {
        /// The reason.
        message: String,
    },
    /// A worker on another host, or in another process, is broken or gone.
    #[error("{worker}: {message}")]
    Worker {
        /// The worker.
        worker: String,
        /// What is wrong with it.
        message: String,
    },
    /// The guardian process is gone, or could not be started.
    #[error("the guardian process {doing}")]
    Guardian {
        /// What failed.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl RunError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::CommandNotFound { nearest: Some(name), .. } => Some(format!("did you mean {name}?")),
            Self::CommandNotFound { program, .. } => {
                Some(format!("install it, or give its path: ./{program} for one in this folder"))
            }
            Self::NotExecutable { path } => Some(format!("chmod +x {}", path.display())),
            Self::InterpreterMissing { path, .. } => {
                Some(format!("install it, or correct the first line of {}", path.display()))
            }
            Self::UnknownFormat { path } => Some(format!(
                "a script needs a first line such as #!/bin/sh; or name its interpreter: sh {}",
                path.display()
            )),
            Self::ArgumentsTooLong { .. } => Some("pass the data in a file or as standard input".to_owned()),
            Self::NoSpace { .. } => Some("free some space, or choose another folder".to_owned()),
            Self::Affinity { .. } => Some("festina cores tells which CPUs may be used, and why".to_owned()),
            Self::Nice { .. } => Some("without privileges niceness can only be raised".to_owned()),
            Self::Exhausted { .. } => Some("see ulimit -u and ulimit -n".to_owned()),
            Self::Worker { .. } => Some("what has ended is in the journal: go on with --resume".to_owned()),
            _ => None,
        }
    }

    /// Returns the exit code of a festina that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoSpace { .. }
            | Self::Nice { .. }
            | Self::Exhausted { .. }
            | Self::Guardian { .. }
            | Self::Worker { .. } => Exit::Unavailable,
            _ => Exit::BadInput,
        }
    }

    /// Returns the error of a file that could not be written: a full file system, or `Output`.
    pub(crate) fn writing(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { path }
            }
            _ => Self::Output { path, source },
        }
    }
}
