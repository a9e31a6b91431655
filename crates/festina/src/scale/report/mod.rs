//! What a scaling measurement found, for people.

mod charts;
mod tables;

use festina_report::{Block, Report};
use festina_types::{Finding, Seconds, Severity};

use super::result::{ForecastResult, PointResult, ScaleResult, Verdict};

/// Returns `result` for people: the answer first, then the points, the forecasts, the laws, and how it came about.
pub fn scale_report(result: &ScaleResult) -> Report {
    let (errors, others): (Vec<Finding>, Vec<Finding>) =
        result.findings.iter().cloned().partition(|finding| finding.severity == Severity::Error);
    let mut report = Report::new(headline(result)).with_subtitle(result.provenance.command.as_str());
    let mut add = |block: Option<Block>| report.blocks.extend(block);
    add((!errors.is_empty()).then(|| errors.into()));
    add(Some(tables::points(result).into()));
    add(tables::forecasts(result).map(Block::from));
    add(tables::laws(result));
    add(charts::speedup(result).map(Block::from));
    add(charts::time_over_size(result).map(Block::from));
    add(tables::costs(result).map(Block::from));
    add(tables::losses(result).map(Block::from));
    add((!others.is_empty()).then(|| alike_folded(others).into()));
    add(next(result));
    let details: Vec<Block> =
        [charts::time_over_workers(result), charts::efficiency(result), charts::memory(result)]
            .into_iter()
            .flatten()
            .map(Block::from)
            .chain(tables::serial_fractions(result).into_iter().map(Block::from))
            .collect();
    if !details.is_empty() {
        report.push(Block::details("More charts", details));
    }
    report
}

/// Returns how `result` came about, for the foot of a page.
pub fn scale_provenance(result: &ScaleResult) -> Vec<(String, String)> {
    let provenance = &result.provenance;
    let pairs = [
        ("run", provenance.run.clone()),
        ("command", provenance.command.clone()),
        ("machine", provenance.machine.clone()),
        ("measured with", format!("festina {}", provenance.festina)),
        ("seed", provenance.seed.to_string()),
        (
            "runs",
            format!("{} in randomised blocks, {} warm-up blocks", provenance.runs, provenance.warm_up_blocks),
        ),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The answer in one sentence.
fn headline(result: &ScaleResult) -> String {
    if let Verdict::Different { runs, .. } = &result.verdict {
        return format!("WRONG ANSWERS: {runs} of {} runs differ from the reference", result.provenance.runs);
    }
    let best = result
        .points
        .iter()
        .filter(|point| point.p > 1 && point.speedup.is_some())
        .max_by(|a, b| (a.n, a.p).partial_cmp(&(b.n, b.p)).unwrap_or(std::cmp::Ordering::Equal));
    let measured = best.map(measured_speedup).or_else(|| refused(result)).or_else(|| longest(result));
    let forecast =
        result.forecasts.iter().rev().find(|forecast| forecast.time_s.is_some()).map(forecast_sentence);
    let sentences: Vec<String> = [measured, forecast, unsure(result)].into_iter().flatten().collect();
    if sentences.is_empty() { "Nothing could be measured".to_owned() } else { sentences.join("; ") }
}

/// Says that nobody knows whether the answers are right.
fn unsure(result: &ScaleResult) -> Option<String> {
    let Verdict::Unsure { reason } = &result.verdict else { return None };
    Some(format!("whether the answers are right cannot be told: {reason}"))
}

fn measured_speedup(point: &PointResult) -> String {
    let speedup = point.speedup.map_or(0.0, |speedup| speedup.value);
    let interval = point.speedup.and_then(|speedup| speedup.interval);
    let band = interval.map_or_else(String::new, |i| format!(" ({:.2} – {:.2})", i.lower, i.upper));
    format!("{speedup:.2}×{band} on {} workers{}", point.p, at_size(point.n))
}

/// Keeps the first of several findings of one kind, and says how many there are.
fn alike_folded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        match kept.iter_mut().find(|(first, _)| first.code == finding.code) {
            Some((_, count)) => *count += 1,
            None => kept.push((finding, 1)),
        }
    }
    let folded = |(mut finding, count): (Finding, usize)| {
        if count > 1 {
            finding.message += &format!(" (and {} more like it)", count - 1);
        }
        finding
    };
    kept.into_iter().map(folded).collect()
}

/// Says that there is no speed-up though one was asked for.
fn refused(result: &ScaleResult) -> Option<String> {
    let point = result.points.iter().rev().find(|p| p.p > 1 && p.refusal.is_some() && p.runs > 0)?;
    let reason = point.refusal.as_deref()?;
    Some(format!("No speed-up can be told{}: {reason}", at_size(point.n)))
}

fn longest(result: &ScaleResult) -> Option<String> {
    let point = result.points.iter().rev().find(|point| point.time_s.is_some())?;
    Some(format!(
        "{}{} on {} worker{}",
        Seconds(point.time_s?.value),
        at_size(point.n),
        point.p,
        plural(point.p)
    ))
}

fn forecast_sentence(forecast: &ForecastResult) -> String {
    let time = forecast.time_s.map_or(0.0, |time| time.value);
    let interval = forecast.time_s.and_then(|time| time.interval);
    let band =
        interval.map_or_else(String::new, |i| format!(" ({} – {})", Seconds(i.lower), Seconds(i.upper)));
    format!("{} workers{} would take {}{band}", forecast.p, at_size(forecast.n), Seconds(time))
}

pub(super) fn at_size(n: Option<f64>) -> String {
    n.map_or_else(String::new, |n| format!(" at n = {}", festina_report::Unit::Number.format(n)))
}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn next(result: &ScaleResult) -> Option<Block> {
    let next = result.next.as_ref()?;
    let size =
        next.n.map_or_else(String::new, |n| format!("n = {}, ", festina_report::Unit::Number.format(n)));
    Some(Block::paragraph(format!("Measure next: {size}p = {}: {}.", next.p, next.reason)))
}
