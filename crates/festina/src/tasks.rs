//! `festina run`: a command for every input, on all cores, and nothing lost.

use festina_laws::simulate::{Costs, Policy, Simulator, Tasks};
use festina_report::{Block, Cell, Column, Report, Table as ReportTable, Unit};
pub use festina_run::tasks::{
    Collect, CommandBackend, Inputs, LocalCores, Origin, Pipe, Progress, Record, Resume, RunRequest,
    RunResult, SlotTime, Source, Streams, Summary, THREAD_VARIABLES, Table, TableFormat, TaskObserver,
    widen_pipe,
};
pub use festina_run::{Environment, Input};
use festina_types::{CancelToken, Seconds, Workers};
use serde::Serialize;

use crate::tasks_advice::advice;
pub use crate::tasks_map::{MapResult, MapSpan, map_report};
pub use crate::tasks_stored::{add_timeline, stored_run_report};
use crate::{Error, Versioned, versioned};

/// A share of the time below this is not shown.
const NEGLIGIBLE: f64 = 5e-4;

/// The multiples of the workers that are asked about.
const MULTIPLES: [u32; 5] = [1, 2, 4, 16, 64];

/// How a run ended, and what more workers would have brought.
#[derive(Clone, Debug)]
pub struct TasksResult {
    /// How it ended.
    pub run: RunResult,
    /// The elapsed time that other numbers of workers would have had.
    pub forecasts: Vec<MakespanForecast>,
}

/// The elapsed time that a number of workers would have had.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MakespanForecast {
    /// The number of workers.
    pub workers: u32,
    /// The elapsed time in seconds, by simulation of these tasks in this order.
    pub makespan_s: f64,
    /// What no schedule can beat: max(longest task, work / p).
    pub lower_s: f64,
    /// What no greedy schedule exceeds: Brent's bound.
    pub upper_s: f64,
}

/// The JSON of a run: counts, and where the time went.
#[derive(Debug, Serialize)]
pub struct TasksJson<'a> {
    /// The run's name in the state folder.
    run: String,
    /// Tasks that ended in this session with exit code 0.
    finished: u64,
    /// Tasks that ended in this session otherwise.
    failed: u64,
    /// Tasks whose outcome was recorded before.
    recorded: u64,
    /// Attempts that were followed by another.
    retries: u64,
    /// Whether tasks were left out: the run was canceled, or halted.
    is_cut_short: bool,
    /// Work over elapsed time.
    speedup: f64,
    /// Speed-up by workers.
    efficiency: f64,
    /// Where the time went.
    summary: &'a Summary,
    /// What other numbers of workers would have had.
    forecasts: &'a [MakespanForecast],
    /// What was noticed.
    findings: &'a [festina_types::Finding],
}

/// Runs the command of `request` on its inputs, on the cores of this machine.
///
/// # Errors
///
/// [`Error::Task`] if the inputs, the command or the state folder cannot be used; outcomes that were recorded stay.
pub fn run_tasks(
    request: &RunRequest,
    streams: Streams<'_>,
    observer: &mut dyn TaskObserver,
    cancel: &CancelToken,
) -> Result<TasksResult, Error> {
    run_tasks_on(&LocalCores, request, streams, observer, cancel)
}

/// Runs the command of `request` on its inputs, on `backend`: the table of results is the same on all of them.
///
/// # Errors
///
/// Those of [`run_tasks`].
pub fn run_tasks_on(
    backend: &dyn CommandBackend,
    request: &RunRequest,
    streams: Streams<'_>,
    observer: &mut dyn TaskObserver,
    cancel: &CancelToken,
) -> Result<TasksResult, Error> {
    let mut run = festina_run::tasks::run_on(backend, request, streams, observer, cancel)?;
    let forecasts = forecasts(&run.summary);
    run.findings.extend(advice(&run.summary, &forecasts));
    Ok(TasksResult { run, forecasts })
}

/// Returns the makespans at multiples of the workers: these tasks in this order, with the start-up and the time between
/// tasks as they were.
pub(crate) fn forecasts(summary: &Summary) -> Vec<MakespanForecast> {
    let durations: Vec<f64> = summary.durations_s.iter().map(|seconds| f64::from(*seconds)).collect();
    let slots = summary.slots.max(1);
    let start_up = summary.time.start_up_s / f64::from(slots);
    let costs = costs(summary);
    let Ok(tasks) = Tasks::independent(durations) else { return Vec::new() };
    let Ok(mut simulator) = Simulator::new(&tasks, costs, Policy::Fifo) else { return Vec::new() };
    let workers = MULTIPLES.iter().filter_map(|multiple| Workers::new(slots.checked_mul(*multiple)?));
    workers
        .map(|workers| {
            let simulated = simulator.run(workers);
            MakespanForecast {
                workers: workers.get(),
                makespan_s: start_up + simulated.makespan.0,
                lower_s: start_up + simulated.bounds.lower.0,
                upper_s: start_up + simulated.bounds.upper.0,
            }
        })
        .collect()
}

/// Returns what a task costs beyond its own time.
pub(crate) fn costs(summary: &Summary) -> Costs {
    let count = summary.durations_s.len().max(1) as f64;
    Costs { per_task: Seconds(summary.time.dispatch_s / count), ..Costs::default() }
}

impl TasksResult {
    /// Returns the result as JSON of the schema `festina.run/1`.
    pub fn to_json(&self) -> Versioned<TasksJson<'_>> {
        let RunResult {
            folder, finished, failed, recorded, retries, is_cut_short, findings, summary, ..
        } = &self.run;
        versioned(
            "festina.run/1",
            TasksJson {
                run: folder.name(),
                finished: *finished,
                failed: *failed,
                recorded: *recorded,
                retries: *retries,
                is_cut_short: *is_cut_short,
                speedup: summary.speed_up(),
                efficiency: summary.efficiency(),
                summary,
                forecasts: &self.forecasts,
                findings,
            },
        )
    }
}

/// Returns `result` for people: what was achieved, what was lost, what more workers would have brought.
pub fn run_report(result: &TasksResult) -> Report {
    let RunResult { finished, failed, recorded, retries, summary, folder, is_cut_short, .. } = &result.run;
    let mut counts = vec![format!("{finished} finished")];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    };
    add(*failed, "failed");
    add(*recorded, "recorded before");
    add(*retries, "retries");
    if *is_cut_short {
        counts.push("cut short".to_owned());
    }
    let title = format!("{} in {}", counts.join(", "), Seconds(summary.wall_s));
    let mut report = Report::new(title).with_subtitle(folder.path().display().to_string());
    achieved(&mut report, summary, &result.forecasts);
    if !result.run.findings.is_empty() {
        report.push(result.run.findings.clone());
    }
    report
}

/// Adds the speed-up, what was lost, and what more workers would have brought.
pub(crate) fn achieved(report: &mut Report, summary: &Summary, forecasts: &[MakespanForecast]) {
    if summary.time.work_s > 0.0 {
        let speedup = format!(
            "Speed-up {:.2} on {} workers (at most {:.2} with these tasks), efficiency {:.0} %.",
            summary.speed_up(),
            summary.slots,
            summary.ideal(),
            100.0 * summary.efficiency()
        );
        report.push(Block::paragraph(speedup));
        report.push(losses(summary));
        report.push(more_workers(forecasts));
    }
}

fn losses(summary: &Summary) -> ReportTable {
    let mut table = ReportTable::new([
        Column::text("workers × time"),
        Column::number("share", Unit::Fraction).emphasized(),
        Column::number("time", Unit::Seconds),
    ]);
    let total = summary.time.total().0;
    let rows = [("work", summary.time.work_s)].into_iter().chain(summary.time.losses());
    for (name, seconds) in rows.filter(|(_, seconds)| *seconds > NEGLIGIBLE * total) {
        table.row([Cell::text(name), Cell::fraction(seconds / total), Cell::seconds(seconds)]);
    }
    table
}

fn more_workers(forecasts: &[MakespanForecast]) -> ReportTable {
    let mut table = ReportTable::new([
        Column::number("workers", Unit::Number),
        Column::number("would take", Unit::Seconds).emphasized(),
        Column::number("at least", Unit::Seconds),
        Column::number("at most", Unit::Seconds),
    ]);
    for forecast in forecasts {
        table.row([
            Cell::number(f64::from(forecast.workers)),
            Cell::seconds(forecast.makespan_s),
            Cell::seconds(forecast.lower_s),
            Cell::seconds(forecast.upper_s),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_workers_by_hand() {
        // Four tasks of 1 s and one of 4 s at the end, on one worker without overhead: 8, 6, 5 s.
        let mut summary = Summary { slots: 1, wall_s: 8.0, ..Summary::default() };
        summary.durations_s = vec![1.0, 1.0, 1.0, 1.0, 4.0];
        summary.time.work_s = 8.0;
        let makespans: Vec<f64> = forecasts(&summary).iter().map(|forecast| forecast.makespan_s).collect();
        assert_eq!(makespans, [8.0, 6.0, 5.0, 4.0, 4.0]);
    }

    #[test]
    fn nothing_run_forecasts_nothing_wrong() {
        assert!(forecasts(&Summary::default()).iter().all(|forecast| forecast.makespan_s == 0.0));
    }
}
