//! One run, from its preparation to its line in the journal.

use std::ffi::OsStr;

use festina_types::{CheckOutcome, Finding, Point, Sample, Seconds, Severity, Status};

use super::Procedure;
use crate::error::MeasureError;
use crate::executor::Execution;
use crate::measurement::{describe, shown};
use crate::noise::{RunContext, classify};
use crate::plan::{Event, Progress};
use crate::store::Note;
use crate::workload::Task;

/// So many runs of a point may fail before it is given up.
const MOST_FAILURES: u32 = 2;

fn is_different(sample: &Sample) -> bool {
    matches!(sample.check, Some(CheckOutcome::Different { .. }))
}

/// What became of a run.
pub(super) enum Ran {
    /// It ended, and this is its sample.
    Ended(usize),
    /// The user asked to stop.
    Stopped,
}

/// What became of a run before those that count.
pub(super) enum WarmUp {
    /// It ended, or took too long.
    Done,
    /// It does not work.
    Failed,
    /// The user asked to stop.
    Stopped,
}

/// A run that has ended and is not written down yet.
struct Run {
    task: Task,
    block: u32,
    order: u32,
    /// When its preparation began.
    from: Seconds,
    execution: Execution,
}

impl Procedure<'_> {
    /// Runs `point` once, as a part of `block`, and writes it down.
    pub(super) fn run_point(&mut self, point: Point, block: u32) -> Result<Ran, MeasureError> {
        match self.execute(point, block)? {
            Some(run) => self.write_down(&run),
            None => Ok(Ran::Stopped),
        }
    }

    /// Runs `point` once before anything counts, for what the first run of a program finds on the disk and all later ones in
    /// memory; the budget begins after it. One that does not work is written down like any other, but for one that only
    /// was too slow: the next may not be.
    pub(super) fn warm_up_at(&mut self, point: Point) -> Result<WarmUp, MeasureError> {
        let Some(run) = self.execute(point, self.runs)? else { return Ok(WarmUp::Stopped) };
        let status = run.execution.status;
        if !status.is_finished() && status != Status::TimedOut {
            self.write_down(&run)?;
            return Ok(WarmUp::Failed);
        }
        let message = format!(
            "the first run, of {}, brought into memory what it reads from the disk: it does not count, nor does its time",
            run.execution.usage.wall
        );
        self.notice(Finding::new(Severity::Note, "warm-up", message))?;
        self.started = self.executor.now();
        Ok(WarmUp::Done)
    }

    /// Runs `point` once; `None` if the user asked to stop.
    fn execute(&mut self, point: Point, block: u32) -> Result<Option<Run>, MeasureError> {
        if self.cancel.is_requested() {
            return Ok(None);
        }
        let from = self.executor.now();
        let task = self.request.workload.fill(point, self.design().seed)?;
        if let Some(command) = &task.prepare {
            self.shell_step(&format!("the preparation of {}", shown(point)), command)?;
        }
        self.checker.before(&task);
        let order = self.runs;
        self.runs += 1;
        self.observer.observe(&Event::Started { point, block, order });
        let execution = self.executor.execute(&task, self.checker.output(), self.cancel)?;
        Ok((execution.status != Status::Canceled).then_some(Run { task, block, order, from, execution }))
    }

    /// Judges a run, writes it down, and tells of it.
    fn write_down(&mut self, run: &Run) -> Result<Ran, MeasureError> {
        let Run { task, execution, .. } = run;
        let mut sample = self.sample(task.point, run.block, run.order, execution);
        self.judge(task, &mut sample)?;
        for finding in &execution.findings {
            self.notice_first(finding)?;
        }
        self.folder.append(&sample)?;
        let index = self.samples.len();
        self.samples.push(sample.clone());
        if let Some(path) = self.checker.missing_file() {
            return Err(MeasureError::NothingToCheck { path: path.to_owned(), point: shown(task.point) });
        }
        self.update(task.point, &sample, &execution.last_error_line)?;
        self.overhead.total += self.executor.now().0 - run.from.0 - sample.usage.wall.0;
        self.overhead.runs += 1;
        let progress = self.progress();
        self.observer.observe(&Event::Finished { sample: &sample, progress });
        Ok(Ran::Ended(index))
    }

    fn sample(&mut self, point: Point, block: u32, order: u32, execution: &Execution) -> Sample {
        let usual = self.usual_major_faults.iter().find(|(n, _)| *n == point.n).map(|(_, faults)| *faults);
        // The first run of a size reads what all later ones find in memory: what it faults is usual.
        let usual_major_faults = usual.unwrap_or(execution.usage.major_faults);
        if usual.is_none() && execution.status.is_finished() {
            self.usual_major_faults.push((point.n, usual_major_faults));
        }
        let context = RunContext { workers: point.p, cpus: execution.cpus, usual_major_faults };
        let thresholds = self.design().noise;
        Sample {
            point,
            block,
            order,
            started_at_unix_s: execution.started_at_unix_s,
            status: execution.status,
            usage: execution.usage,
            conditions: execution.conditions,
            contamination: classify(&execution.usage, &execution.conditions, &context, &thresholds),
            check: None,
        }
    }

    /// Compares the run with its reference, or makes it the reference.
    fn judge(&mut self, task: &Task, sample: &mut Sample) -> Result<(), MeasureError> {
        let is_first = task.point.p.get() == 1 && !self.checker.has_reference(task.point.n);
        let judgement = if is_first {
            self.checker.keep(task, sample.status)?
        } else {
            self.checker.judge(task, sample.status, self.executor, self.cancel)?
        };
        sample.check = judgement.outcome;
        if let Some(places) = judgement.varies {
            let runs_before = sample.order;
            self.note(Note::ReferenceVaries { n: task.point.n, places, runs_before })?;
        }
        let is_kept = |s: &Sample| s.point == task.point && is_different(s);
        if is_different(sample)
            && !self.samples.iter().any(is_kept)
            && let Some(finding) = self.checker.keep_different(task)?
        {
            self.notice(finding)?;
        }
        judgement.finding.map_or(Ok(()), |finding| self.notice(finding))
    }

    /// Keeps the books of `point` after a run.
    fn update(&mut self, point: Point, sample: &Sample, last_line: &str) -> Result<(), MeasureError> {
        let is_limit = matches!(sample.status, Status::TimedOut | Status::OutOfMemory);
        let failures = match self.points.iter_mut().find(|state| state.point == point) {
            Some(state) if sample.status.is_finished() => {
                state.last_block = Some(sample.block);
                0
            }
            Some(state) => {
                state.failures += 1;
                state.failures
            }
            None => u32::from(!sample.status.is_finished()),
        };
        let is_reference = self.points.iter().all(|state| state.point != point);
        if failures >= MOST_FAILURES
            || (failures > 0 && (is_limit || is_reference || self.samples.len() == 1))
        {
            self.give_up(point, sample, last_line)?;
        }
        Ok(())
    }

    pub(super) fn shell_step(&mut self, step: &str, command: &OsStr) -> Result<(), MeasureError> {
        let outcome =
            self.executor.shell(command, self.request.workload.directory.as_deref(), self.cancel)?;
        if outcome.status.is_finished() || outcome.status == Status::Canceled {
            return Ok(());
        }
        let said =
            if outcome.last_line.is_empty() { String::new() } else { format!(": {}", outcome.last_line) };
        Err(MeasureError::Step {
            step: step.to_owned(),
            reason: format!("{}{said}", describe(outcome.status)),
        })
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            elapsed: self.elapsed(),
            eta: self.eta(),
            runs: self.samples.len() as u64,
            finished_points: self.points.iter().filter(|state| self.is_done(state)).count(),
            points: self.points.len(),
        }
    }

    /// Tells of a point that never ran that it cannot end within the budget; of others nothing is lost.
    pub(super) fn not_started(&mut self, point: Point) -> Result<(), MeasureError> {
        if self.samples.iter().any(|sample| sample.point == point) {
            return Ok(());
        }
        let reason = match self.expected(point) {
            Some(expected) => {
                format!("it would take up to {expected}, and {} of the budget are left", self.left())
            }
            None => "the budget was used before".to_owned(),
        };
        let message = format!("{} was not started: {reason}", shown(point));
        let finding = Finding::new(Severity::Warning, "beyond-budget", message);
        self.notice(finding.with_hint("give a larger --budget, or leave the forecast to tell"))
    }

    /// Tells that the budget ended before `open` points were as precise as asked for.
    pub(super) fn budget_used(&mut self, open: &[Point]) -> Result<(), MeasureError> {
        for point in open {
            self.not_started(*point)?;
        }
        let message = format!(
            "the budget of {} is used: {} of {} points are less precise than ±{} %",
            self.design().budget,
            open.len(),
            self.points.len(),
            100.0 * self.design().stopping.target
        );
        let finding = Finding::new(Severity::Note, "budget-used", message);
        self.notice(finding.with_hint("give a larger --budget for narrower intervals"))
    }
}
