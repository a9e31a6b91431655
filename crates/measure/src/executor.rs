//! What the procedure needs of the world: runs, and a clock. Tests give it a world of their own.

use std::ffi::OsStr;
use std::path::Path;

use festina_types::{CancelToken, Conditions, Finding, Seconds, Status, Usage, Workers};

use crate::error::MeasureError;
use crate::store::Calibration;
use crate::workload::Task;

/// Runs tasks, and knows the time.
pub trait Executor {
    /// Returns the time since some moment in the past, by a clock that never goes back.
    fn now(&self) -> Seconds;

    /// Returns how many workers can run at once here.
    fn available(&self) -> Workers;

    /// Looks at the machine for a moment, and returns what would disturb a measurement on up to `workers` workers.
    fn preflight(&mut self, workers: Workers) -> Vec<Finding>;

    /// Measures what running costs and how fine the clock is.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Start`] if nothing can be run here.
    fn calibrate(&mut self, cancel: &CancelToken) -> Result<Calibration, MeasureError>;

    /// Runs `task`; its standard output goes to the file `output`, or nowhere.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Start`] if it cannot be started; how it ends is no error.
    fn execute(
        &mut self,
        task: &Task,
        output: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<Execution, MeasureError>;

    /// Runs `command` by the shell, untimed: set-up, preparation, a check.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Start`] if there is no shell.
    fn shell(
        &mut self,
        command: &OsStr,
        directory: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<ShellOutcome, MeasureError>;
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// How it ended.
    pub status: Status,
    /// When it started, in seconds since the Unix epoch.
    pub started_at_unix_s: f64,
    /// What it used.
    pub usage: Usage,
    /// What was so on the machine.
    pub conditions: Conditions,
    /// How many CPUs it was allowed to use.
    pub cpus: u32,
    /// The last line that it wrote to its standard error; empty if it wrote none.
    pub last_error_line: String,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// What came of a shell command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellOutcome {
    /// How it ended.
    pub status: Status,
    /// The last line that it wrote, to either stream.
    pub last_line: String,
}
