//! Programs that time themselves: a function of Python's in a fresh interpreter, whose start is not the function's time.

use std::ffi::OsStr;
use std::path::Path;

use festina_measure::{Calibration, Execution, Executor, MeasureError, Processes, ShellOutcome, Task};
use festina_types::{CancelToken, Finding, Seconds, Usage, Workers};

/// What such a program writes as its last line of standard error, before elapsed, user and system seconds.
const MARK: &str = "festina-took ";

/// Runs tasks as processes do, and takes the time that they tell.
pub(super) struct SelfTimed(pub(super) Processes);

impl Executor for SelfTimed {
    fn now(&self) -> Seconds {
        self.0.now()
    }

    fn available(&self) -> Workers {
        self.0.available()
    }

    fn preflight(&mut self, workers: Workers) -> Vec<Finding> {
        self.0.preflight(workers)
    }

    fn calibrate(&mut self, cancel: &CancelToken) -> Result<Calibration, MeasureError> {
        self.0.calibrate(cancel)
    }

    fn execute(
        &mut self,
        task: &Task,
        output: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<Execution, MeasureError> {
        let mut execution = self.0.execute(task, output, cancel)?;
        if let Some(told) = told(&execution.last_error_line) {
            execution.usage = timed(execution.usage, told);
            execution.last_error_line.clear();
        }
        Ok(execution)
    }

    fn shell(
        &mut self,
        command: &OsStr,
        directory: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<ShellOutcome, MeasureError> {
        self.0.shell(command, directory, cancel)
    }
}

/// Reads elapsed, user and system seconds.
fn told(line: &str) -> Option<[f64; 3]> {
    let mut numbers = line.strip_prefix(MARK)?.split(' ').map(|word| word.parse().ok());
    let mut next = || numbers.next().flatten().filter(|seconds: &f64| *seconds >= 0.0 && seconds.is_finite());
    Some([next()?, next()?, next()?])
}

/// Returns `usage` with the times that were told; waiting was counted over the whole process, and is not known.
fn timed(usage: Usage, [wall, user, system]: [f64; 3]) -> Usage {
    Usage {
        wall: Seconds(wall),
        user: Seconds(user),
        system: Seconds(system),
        run_delay: None,
        blocked: None,
        ..usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_three_numbers() {
        assert_eq!(told("festina-took 1.5 1.25 0"), Some([1.5, 1.25, 0.0]));
        for wrong in ["", "took 1 2 3", "festina-took 1 2", "festina-took 1 2 x", "festina-took -1 2 3"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_was_told_replaces_the_times_of_the_process() {
        let usage =
            Usage { wall: Seconds(9.0), blocked: Some(Seconds(3.0)), peak_threads: 4, ..Usage::default() };
        let timed = timed(usage, [1.0, 0.5, 0.25]);
        assert_eq!((timed.wall, timed.user, timed.system), (Seconds(1.0), Seconds(0.5), Seconds(0.25)));
        assert_eq!((timed.blocked, timed.peak_threads), (None, 4));
    }
}
