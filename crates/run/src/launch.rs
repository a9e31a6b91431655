//! What to start, and within which bounds: plain data.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use festina_machine::CpuSet;
use festina_types::{Bytes, Seconds, Workers};

use crate::Environment;

/// A program to start, with all that it is given and the bounds that it must keep.
///
/// Arguments reach the program as they are: no shell, no quoting, any byte but NUL.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The program: a name that is looked up on the `PATH` of `environment`, or a path if it has a slash. A
    /// relative path starts at `directory`, as after `cd`.
    pub program: OsString,
    /// Its arguments, the program's name not among them.
    pub arguments: Vec<OsString>,
    /// All of its environment variables.
    pub environment: Environment,
    /// Its working directory; `None` is the one in which the runner was made.
    pub directory: Option<PathBuf>,
    /// What it reads as standard input.
    pub input: Input,
    /// Where its standard output goes.
    pub output: Sink,
    /// Where its standard error goes.
    pub errors: Sink,
    /// The CPUs on which it may run, from its first instruction on; `None` is those of the runner.
    pub cpus: Option<CpuSet>,
    /// The number of workers p against which idle time is reckoned; `None` is the number of its CPUs.
    pub workers: Option<Workers>,
    /// The time after which its whole process tree is stopped.
    pub timeout: Option<Seconds>,
    /// The resident memory of its whole process tree above which it is killed. Enforced by sampling: what it
    /// grows within some milliseconds can exceed it.
    pub memory_limit: Option<Bytes>,
    /// Its niceness, −20 to 19.
    pub nice: Option<i32>,
    /// The time between SIGTERM and SIGKILL where it is stopped.
    pub grace: Seconds,
}

/// What a program reads as standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// Nothing: it is at its end at once.
    #[default]
    Empty,
    /// What this process reads, from where it is.
    Inherit,
    /// A file, from its start.
    File(PathBuf),
    /// These bytes, as a file in memory.
    Bytes(Arc<[u8]>),
}

/// Where a stream of a program goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    #[default]
    Discard,
    /// To the same stream of this process.
    Inherit,
    /// Straight to a file, which is made or emptied first.
    File(PathBuf),
    /// To memory, through a pipe, up to a limit.
    Capture {
        /// The largest number of bytes that is kept in memory.
        limit: Bytes,
        /// The file that gets the whole stream once it exceeds the limit; without one, what comes after the
        /// limit is read, counted, and dropped.
        spill: Option<PathBuf>,
    },
}

impl Sink {
    /// Returns a capture of at most 16 MiB that drops what comes after.
    pub fn capture() -> Self {
        Self::Capture { limit: Bytes(16 << 20), spill: None }
    }
}

impl Launch {
    /// Returns a launch of `program` without arguments, input, outputs or bounds.
    pub fn new(program: impl Into<OsString>, environment: Environment) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment,
            directory: None,
            input: Input::Empty,
            output: Sink::Discard,
            errors: Sink::Discard,
            cpus: None,
            workers: None,
            timeout: None,
            memory_limit: None,
            nice: None,
            grace: Seconds(0.5),
        }
    }

    /// Returns the launch with these arguments after those it has.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Returns the launch with `input` as standard input.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// Returns the launch with its standard output going to `sink`.
    #[must_use]
    pub fn output(mut self, sink: Sink) -> Self {
        self.output = sink;
        self
    }

    /// Returns the launch with its standard error going to `sink`.
    #[must_use]
    pub fn errors(mut self, sink: Sink) -> Self {
        self.errors = sink;
        self
    }

    /// Returns the launch bound to `cpus`.
    #[must_use]
    pub fn cpus(mut self, cpus: CpuSet) -> Self {
        self.cpus = Some(cpus);
        self
    }

    /// Returns the launch with a time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Seconds) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the launch with `directory` as its working directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Returns the launch with a limit of memory.
    #[must_use]
    pub fn memory_limit(mut self, limit: Bytes) -> Self {
        self.memory_limit = Some(limit);
        self
    }

    /// Returns the launch as one on `workers` slots.
    #[must_use]
    pub fn workers(mut self, workers: Workers) -> Self {
        self.workers = Some(workers);
        self
    }
}
