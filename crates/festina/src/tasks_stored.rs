//! A stored run of tasks: its timeline, and how its tasks ended.

use std::path::Path;

use festina_report::{Cell, Chart, Column, Report, Span, Table, Unit};
use festina_run::tasks::{Reading, Record, RunFolder};
use festina_types::{Finding, Seconds, Severity};

use crate::Error;
use crate::timeline::{Spans, timeline};

/// Reads the run `name` of the state folder `state` (`latest`, or its name) and returns what became of its tasks, for
/// people: how they ended, the speed-up, and a timeline of the workers.
///
/// # Errors
///
/// [`Error::Task`] if there is no such run or its journal cannot be read, [`Error::Input`] if it holds no outcome.
pub fn stored_run_report(state: &Path, name: &str) -> Result<Report, Error> {
    let folder = find(state, name)?;
    let reading = Reading::read(&folder.journal())?;
    let records = reading.records(&folder.journal())?;
    if records.is_empty() {
        return Err(Error::input(format!("the run {} has no recorded outcome", folder.name())));
    }
    let mut report = report(&folder.name(), &records);
    if !reading.damaged.is_empty() {
        let message = format!("{} records of the journal are damaged and left out", reading.damaged.len());
        let hint = "run it again with --resume: tasks without a readable outcome run again";
        report.push(vec![Finding::new(Severity::Warning, "damaged-journal", message).with_hint(hint)]);
    }
    Ok(report)
}

/// Adds to the report of a run what people look at on a page: the timeline of its workers and the longest tasks, of the
/// resumed sessions too.
///
/// # Errors
///
/// [`Error::Task`] if the journal of the run cannot be read.
pub fn add_timeline(report: &mut Report, folder: &RunFolder) -> Result<(), Error> {
    let journal = folder.journal();
    let records = Reading::read(&journal)?.records(&journal)?;
    if !records.is_empty() {
        let (start, _) = extent(&records);
        report.push(drawn(&records, |microseconds| seconds_since(start, microseconds)));
        report.push(longest(&records));
    }
    Ok(())
}

fn find(state: &Path, name: &str) -> Result<RunFolder, Error> {
    if name == "latest" {
        let latest = RunFolder::list(state).into_iter().next();
        return latest.ok_or_else(|| {
            Error::input_with_hint("there are no runs of tasks here", "run one: festina run")
        });
    }
    Ok(RunFolder::open(state.join(name))?)
}

fn report(name: &str, records: &[Record]) -> Report {
    let (start, end) = extent(records);
    let at = |microseconds| seconds_since(start, microseconds);
    let work: f64 = records.iter().map(|record| record.wall().0).sum();
    let finished = records.iter().filter(|record| record.end.is_finished()).count();
    let title = format!("{finished} of {} tasks finished in {}", records.len(), Seconds(end));
    let mut report = Report::new(title).with_subtitle(name);
    report.push(endings(records));
    report.push(drawn(records, at).with_caption(format!(
        "{} of work in {}: speed-up {:.2}. Times between sessions of a resumed run are empty.",
        Seconds(work),
        Seconds(end),
        work / end.max(1e-9)
    )));
    report.push(longest(records));
    report
}

/// Returns when the first task began, in microseconds since 1970, and how many seconds later the last one ended.
fn extent(records: &[Record]) -> (u64, f64) {
    let start = records.iter().map(|record| record.started_at_us).min().unwrap_or(0);
    let ends = records.iter().map(|record| seconds_since(start, record.started_at_us + record.wall_us));
    (start, ends.fold(0.0, f64::max))
}

fn seconds_since(start: u64, microseconds: u64) -> f64 {
    microseconds.saturating_sub(start) as f64 * 1e-6
}

fn endings(records: &[Record]) -> Table {
    let mut counts: Vec<(&str, usize, f64)> = Vec::new();
    for record in records {
        let (name, wall) = (record.end.name(), record.wall().0);
        match counts.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, count, time)) => (*count, *time) = (*count + 1, *time + wall),
            None => counts.push((name, 1, wall)),
        }
    }
    let mut table = Table::new([
        Column::text("ending"),
        Column::number("tasks", Unit::Number),
        Column::number("time", Unit::Seconds),
    ]);
    for (name, count, time) in counts {
        table.row([Cell::text(name), Cell::number(count as f64), Cell::seconds(time)]);
    }
    table
}

fn drawn(records: &[Record], at: impl Fn(u64) -> f64) -> Chart {
    let workers = records.iter().map(|record| record.slot).max().unwrap_or(1);
    let span = |record: &Record| {
        let (from, to) = (at(record.started_at_us), at(record.started_at_us + record.wall_us));
        let tooltip = format!("task {}, {}, {}", record.number, record.wall(), record.end.name());
        Span::new(record.slot.saturating_sub(1), from, to).with_tooltip(tooltip)
    };
    let of = |is_finished: bool| {
        let spans: Vec<Span> =
            records.iter().filter(|record| record.end.is_finished() == is_finished).map(span).collect();
        Spans { count: spans.len() as u64, spans }
    };
    timeline(workers, of(true), of(false))
}

fn longest(records: &[Record]) -> Table {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_key(|record| std::cmp::Reverse(record.wall_us));
    let mut table = Table::new([
        Column::number("task", Unit::Number),
        Column::number("time", Unit::Seconds),
        Column::number("CPU", Unit::Seconds),
        Column::number("peak memory", Unit::Bytes),
        Column::text("ending"),
    ])
    .with_caption("The longest tasks");
    for record in sorted.into_iter().take(5) {
        table.row([
            Cell::number(record.number as f64),
            Cell::seconds(record.wall().0),
            Cell::seconds(record.cpu().0),
            Cell::bytes(record.peak_rss().0 as f64),
            Cell::text(record.end.name()),
        ]);
    }
    table
}
