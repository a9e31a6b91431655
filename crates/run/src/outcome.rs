//! How a run ended, and what it used and wrote.

use std::path::PathBuf;
use std::time::SystemTime;

use festina_types::{Bytes, Finding, Status, Usage};

/// How a run ended, and what it used and wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What its whole process tree used.
    pub usage: Usage,
    /// When it started, by the clock on the wall.
    pub started_at: SystemTime,
    /// What it wrote to a captured standard output.
    pub output: Captured,
    /// What it wrote to a captured standard error.
    pub errors: Captured,
    /// What was noticed: processes that it left running, memory that the kernel had to take back, and so on.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Returns the outcome of what was not started, because the user asked to stop.
    pub(crate) fn canceled() -> Self {
        Self {
            status: Status::Canceled,
            usage: Usage::default(),
            started_at: SystemTime::now(),
            output: Captured::default(),
            errors: Captured::default(),
            findings: Vec::new(),
        }
    }
}

/// What was captured of a stream; empty where it was not captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes from its start, up to the limit.
    pub bytes: Vec<u8>,
    /// The length of the whole stream.
    pub total: Bytes,
    /// The file that holds the whole stream, where it exceeded the limit and a file was given.
    pub spilled: Option<PathBuf>,
}

impl Captured {
    /// Returns whether bytes were dropped: neither in memory nor in a file.
    pub fn is_truncated(&self) -> bool {
        self.spilled.is_none() && self.total.0 > self.bytes.len() as u64
    }
}
