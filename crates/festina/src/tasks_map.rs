//! A function mapped over items: what was achieved, what was lost, what more workers would have brought.

use festina_report::{Report, Span};
use festina_run::tasks::Summary;
use festina_types::{Finding, Seconds};
use serde::Serialize;

use crate::tasks::{MakespanForecast, achieved, forecasts};
use crate::timeline::{Spans, timeline};
use crate::{Versioned, versioned};

/// How a function mapped over items ended.
#[derive(Clone, Debug, Serialize)]
pub struct MapResult {
    /// The function's name.
    pub function: String,
    /// The backend that it ran on.
    pub backend: String,
    /// Items with a result.
    pub finished: u64,
    /// Items with an error.
    pub failed: u64,
    /// Items whose result was in the journal.
    pub recorded: u64,
    /// Workers that died or were ended.
    pub died: u64,
    /// Work over elapsed time.
    pub speedup: f64,
    /// Speed-up by workers.
    pub efficiency: f64,
    /// Where the time went.
    pub summary: Summary,
    /// What other numbers of workers would have had.
    pub forecasts: Vec<MakespanForecast>,
    /// When which worker worked on what.
    pub timeline: Vec<MapSpan>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// Items that a worker worked on without a break, or with breaks too short to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapSpan {
    /// The worker, counted from 0.
    pub worker: u32,
    /// From when, since the map began, in seconds.
    pub from_s: f64,
    /// Until when.
    pub to_s: f64,
    /// The index of the first of its items.
    pub first: u64,
    /// The number of its items.
    pub items: u64,
    /// How many of them failed.
    pub failed: u64,
}

impl MapSpan {
    fn drawn(&self) -> Span {
        let items = match self.items {
            0 | 1 => format!("item {}", self.first),
            items => format!("{items} items from {} on", self.first),
        };
        let failed = match (self.items, self.failed) {
            (_, 0) => String::new(),
            (0 | 1, _) => ", failed".to_owned(),
            (_, failed) => format!(", {failed} failed"),
        };
        let tooltip = format!("{items}, {}{failed}", Seconds(self.to_s - self.from_s));
        Span::new(self.worker, self.from_s, self.to_s).with_tooltip(tooltip)
    }
}

impl MapResult {
    /// Returns the result with what follows from its summary.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.speedup = self.summary.speed_up();
        self.efficiency = self.summary.efficiency();
        self.forecasts = forecasts(&self.summary);
        self
    }

    /// Returns the result as JSON of the schema `festina.map/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.map/1", self)
    }
}

/// Returns `result` for people.
pub fn map_report(result: &MapResult) -> Report {
    let items = if result.finished == 1 { "item" } else { "items" };
    let mut title = format!("{} {items} in {}", result.finished, Seconds(result.summary.wall_s));
    for (count, what) in
        [(result.failed, "failed"), (result.recorded, "recorded before"), (result.died, "workers lost")]
    {
        if count > 0 {
            title += &format!(", {count} {what}");
        }
    }
    let mut report = Report::new(title).with_subtitle(format!("{}, on {}", result.function, result.backend));
    achieved(&mut report, &result.summary, &result.forecasts);
    if !result.timeline.is_empty() {
        let workers = result.timeline.iter().map(|span| span.worker + 1).max().unwrap_or(1);
        let workers = workers.max(result.summary.slots);
        report.push(timeline(workers, spans(result, false), spans(result, true)));
    }
    if !result.findings.is_empty() {
        report.push(result.findings.clone());
    }
    report
}

/// Returns the spans in which an item failed, or those in which none did.
fn spans(result: &MapResult, failed: bool) -> Spans {
    let chosen = || result.timeline.iter().filter(|span| (span.failed > 0) == failed);
    let count = chosen().map(|span| if failed { span.failed } else { span.items }).sum();
    Spans { count, spans: chosen().map(MapSpan::drawn).collect() }
}

#[cfg(test)]
mod tests {
    use festina_report::text;
    use festina_run::tasks::SlotTime;

    use super::*;

    #[test]
    fn speed_up_and_forecasts_follow_from_the_summary() {
        // Six items of 1 s on two workers in 4 s: 6/4, and 3/4 of two workers.
        let time = SlotTime { work_s: 6.0, dispatch_s: 2.0, ..SlotTime::default() };
        let summary =
            Summary { slots: 2, wall_s: 4.0, time, durations_s: vec![1.0; 6], ..Summary::default() };
        let result = MapResult {
            function: "f".to_owned(),
            backend: "processes".to_owned(),
            finished: 6,
            failed: 0,
            recorded: 0,
            died: 1,
            speedup: 0.0,
            efficiency: 0.0,
            summary,
            forecasts: Vec::new(),
            timeline: [(0, 0, 0), (1, 3, 1)]
                .map(|(worker, first, failed)| MapSpan {
                    worker,
                    from_s: 0.5,
                    to_s: 3.5,
                    first,
                    items: 3,
                    failed,
                })
                .to_vec(),
            findings: Vec::new(),
        }
        .completed();
        assert_eq!((result.speedup, result.efficiency), (1.5, 0.75));
        // On eight workers each has one item, and a third of a second before it.
        assert!((result.forecasts[2].makespan_s - (1.0 + 2.0 / 6.0)).abs() < 1e-9);
        let shown = text::render(&map_report(&result), &text::TextOptions::default());
        assert!(shown.starts_with("6 items in 4.00 s, 1 workers lost\nf, on processes\n"), "{shown}");
        assert!(shown.contains("Speed-up 1.50 on 2 workers"), "{shown}");
        let report = map_report(&result);
        let [chart] = report.charts()[..] else { panic!("one chart: the timeline") };
        let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["finished (3)", "failed (1)"]);
        let span = result.timeline[1].drawn();
        assert_eq!((span.lane, span.tooltip.as_deref()), (1, Some("3 items from 3 on, 3.00 s, 1 failed")));
    }
}
