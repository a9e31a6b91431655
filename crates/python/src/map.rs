//! The report of `festina.map`.

use festina::tasks::{MapResult, MapSpan, SlotTime, Summary, map_report as report};
use festina::{Finding, Severity};
use pyo3::prelude::*;

use crate::answer::Answer;

/// A stretch of a worker's time: from when to when it worked, on which item first, on how many, and how many failed.
type Stretch = (f64, f64, u64, u64, u64);

/// What a map did, as its driver counted it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Tally {
    function: String,
    backend: String,
    workers: u32,
    wall_s: f64,
    finished: u64,
    failed: u64,
    recorded: u64,
    died: u64,
    start_up_s: f64,
    work_s: f64,
    retries_s: f64,
    dispatch_s: f64,
    idle_tail_s: f64,
    /// Numbers of items, and the time of as many together.
    durations: Vec<(u64, f64)>,
    longest: Option<(u64, f64)>,
    /// What each worker did.
    lanes: Vec<Vec<Stretch>>,
    /// Code, message and hint of what was noticed.
    findings: Vec<(String, String, Option<String>)>,
}

/// Of so many items the times are kept for the forecast; more are taken together.
const MOST_DURATIONS: u64 = 1 << 20;

/// Returns what a map achieved, lost, and would have had on more workers.
#[pyfunction]
pub(crate) fn map_report(tally: Tally) -> Answer {
    let time = SlotTime {
        start_up_s: tally.start_up_s,
        work_s: tally.work_s,
        retries_s: tally.retries_s,
        dispatch_s: tally.dispatch_s,
        idle_tail_s: tally.idle_tail_s,
        ..SlotTime::default()
    };
    let summary = Summary {
        slots: tally.workers,
        wall_s: tally.wall_s,
        time,
        durations_s: each(&tally.durations),
        longest: tally.longest.into_iter().collect(),
        ..Summary::default()
    };
    let finding = |(code, message, hint): (String, String, Option<String>)| {
        let finding = Finding::new(Severity::Warning, &code, message);
        match hint {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        }
    };
    let result = MapResult {
        function: tally.function,
        backend: tally.backend,
        finished: tally.finished,
        failed: tally.failed,
        recorded: tally.recorded,
        died: tally.died,
        speedup: 0.0,
        efficiency: 0.0,
        summary,
        forecasts: Vec::new(),
        timeline: timeline(&tally.lanes),
        findings: tally.findings.into_iter().map(finding).collect(),
    }
    .completed();
    Answer::new(&result.to_json(), report(&result))
}

fn timeline(lanes: &[Vec<Stretch>]) -> Vec<MapSpan> {
    let span = |worker: usize, &(from_s, to_s, first, items, failed): &Stretch| MapSpan {
        worker: worker as u32,
        from_s,
        to_s,
        first,
        items,
        failed,
    };
    let lane =
        |(worker, lane): (usize, &Vec<_>)| lane.iter().map(|told| span(worker, told)).collect::<Vec<_>>();
    lanes.iter().enumerate().flat_map(lane).collect()
}

/// Returns the time of each item, those that were timed together as equals.
fn each(durations: &[(u64, f64)]) -> Vec<f32> {
    let n: u64 = durations.iter().map(|(count, _)| count).sum();
    let together = n.div_ceil(MOST_DURATIONS).max(1);
    let mut each = Vec::new();
    for &(count, spent) in durations {
        let parts = count.div_ceil(together).max(1);
        each.extend(std::iter::repeat_n((spent / parts as f64) as f32, parts as usize));
    }
    each
}
