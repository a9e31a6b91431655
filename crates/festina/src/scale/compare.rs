//! `festina scale --compare A B`: a real change told from noise.

use std::path::Path;

use festina_laws::stats::{Verdict, compare as compare_times};
use festina_measure::{Measurements, Store};
use festina_report::{Cell, Column, Report, Table, Tone, Unit};
use festina_types::{Bytes, Estimate, Finding, Point, Severity};
use serde::Serialize;

use crate::{Error, Versioned, versioned};

/// Changes smaller than this fraction don't matter.
pub const SMALLEST_CHANGE: f64 = 0.02;

/// What became of each point between two runs.
#[derive(Clone, Debug, Serialize)]
pub struct CompareResult {
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// The points that both measured.
    pub points: Vec<PointChange>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// What became of a point.
#[derive(Clone, Debug, Serialize)]
pub struct PointChange {
    /// The point.
    pub point: Point,
    /// Median times in seconds, before and after.
    pub medians_s: [f64; 2],
    /// Time after / time before, with the 95 % interval of the Hodges–Lehmann shift.
    pub ratio: Estimate,
    /// The two-sided p-value of the Mann–Whitney test.
    pub p_value: f64,
    /// What the interval says, for changes of at least 2 %.
    pub verdict: Verdict,
    /// Peak memory in bytes, before and after.
    pub peak_rss_bytes: [Option<f64>; 2],
}

/// Compares the runs `before` and `after` of the state folder `state`, point by point.
///
/// # Errors
///
/// [`Error::Measure`] if a run cannot be read, [`Error::Input`] if they have no point in common.
pub fn compare(state: &Path, before: &str, after: &str) -> Result<CompareResult, Error> {
    let store = Store::new(state);
    let [first, second] = [store.open(before)?, store.open(after)?];
    let (before, after) = (first.id.to_string(), second.id.to_string());
    let mut findings = Vec::new();
    if first.request.workload.display() != second.request.workload.display() {
        let message = format!(
            "the commands differ: '{}' and '{}'",
            first.request.workload.display(),
            second.request.workload.display()
        );
        findings.push(Finding::new(Severity::Note, "other-command", message));
    }
    if machine(&first) != machine(&second) {
        let message = "the runs were made on different machines: a change may be theirs";
        findings.push(Finding::new(Severity::Warning, "other-machine", message));
    }
    let (first, second) = (Measurements::from_stored(first), Measurements::from_stored(second));
    let points: Vec<PointChange> =
        first.points.iter().filter_map(|point| change(&first, &second, point.point)).collect();
    if points.is_empty() {
        let message = format!("the runs {before} and {after} have no measured point in common");
        return Err(Error::input_with_hint(message, "measure both at the same --n and --p"));
    }
    Ok(CompareResult { before, after, points, findings })
}

impl CompareResult {
    /// Returns whether some point is surely slower.
    pub fn is_regression(&self) -> bool {
        self.points.iter().any(|point| point.verdict == Verdict::Slower)
    }

    /// Returns the result as JSON of the schema `festina.compare/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.compare/1", self)
    }
}

fn machine(stored: &festina_measure::StoredRun) -> Option<&serde_json::Value> {
    stored.machine.as_ref()?.get("model")
}

fn change(before: &Measurements, after: &Measurements, point: Point) -> Option<PointChange> {
    let find = |measured: &'_ Measurements| measured.points.iter().position(|other| other.point == point);
    let (first, second) = (&before.points[find(before)?], &after.points[find(after)?]);
    let times = |measured: &Measurements, used: &[usize]| -> Vec<f64> {
        used.iter().map(|index| measured.samples[*index].usage.wall.0).collect()
    };
    let change =
        compare_times(&times(before, &first.used), &times(after, &second.used), 0.95, SMALLEST_CHANGE)
            .ok()?;
    Some(PointChange {
        point,
        medians_s: [first.wall?.value, second.wall?.value],
        ratio: change.ratio,
        p_value: change.p_value,
        verdict: change.verdict,
        peak_rss_bytes: [first.peak_rss, second.peak_rss].map(|peak| peak.map(|peak| peak.value)),
    })
}

/// Returns `result` for people.
pub fn compare_report(result: &CompareResult) -> Report {
    let count = |verdict: Verdict| result.points.iter().filter(|point| point.verdict == verdict).count();
    let title = format!(
        "{} slower, {} faster, {} the same, {} unsure",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Same),
        count(Verdict::Unsure)
    );
    let subtitle = format!("{} → {}", result.before, result.after);
    let mut report = Report::new(title).with_subtitle(subtitle);
    report.push(table(&result.points));
    if !result.findings.is_empty() {
        report.push(result.findings.clone());
    }
    report
}

fn table(points: &[PointChange]) -> Table {
    let sized = points.iter().any(|change| change.point.n.is_some());
    let mut columns = if sized { vec![Column::number("n", Unit::Number)] } else { Vec::new() };
    columns.extend([
        Column::number("p", Unit::Number),
        Column::number("before", Unit::Seconds),
        Column::number("after", Unit::Seconds),
        Column::number("after / before", Unit::Number).emphasized(),
        Column::number("95 % interval", Unit::Number),
        Column::number("memory before", Unit::Bytes),
        Column::number("memory after", Unit::Bytes),
        Column::text("verdict"),
    ]);
    let mut table = Table::new(columns);
    for change in points {
        let mut cells =
            if sized { vec![change.point.n.map_or_else(|| Cell::text("–"), Cell::number)] } else { vec![] };
        let memory = |peak: Option<f64>| {
            peak.map_or_else(
                || Cell::text("–"),
                |peak| Cell { text: Bytes(peak as u64).to_string(), ..Cell::bytes(peak) },
            )
        };
        cells.extend([
            Cell::number(change.point.workers()),
            Cell::seconds(change.medians_s[0]),
            Cell::seconds(change.medians_s[1]),
            Cell::estimate(&change.ratio, &Unit::Number),
            Cell::interval(&change.ratio, &Unit::Number),
            memory(change.peak_rss_bytes[0]),
            memory(change.peak_rss_bytes[1]),
            verdict(change.verdict),
        ]);
        table.row(cells);
    }
    table.footnote("Changes below 2 % don't matter; a verdict needs the whole interval on one side.");
    table
}

fn verdict(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::Slower => Cell::text("slower").with_tone(Tone::Bad),
        Verdict::Faster => Cell::text("faster").with_tone(Tone::Good),
        Verdict::Same => Cell::text("same"),
        Verdict::Unsure => Cell::text("unsure").with_tone(Tone::Muted),
    }
}
