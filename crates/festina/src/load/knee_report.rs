//! A knee for people.

use festina_load::{FoundBy, percentile_name};
use festina_report::{
    Axis, Block, Cell, Chart, Column, Mark, PlotPoint, Report, Role, Scale, Series, Table, Unit,
};
use festina_types::Seconds;

use super::KneeAnswer;

/// Returns `answer` for people: the rate with its interval, how throughput grows with users, and what tested it.
pub fn knee_report(answer: &KneeAnswer) -> Report {
    let result = &answer.result;
    let knee = &result.knee;
    let mut report = Report::new(title(answer)).with_subtitle(answer.url.clone());
    let per_second = Unit::Other("requests/s".to_owned());
    let mut facts = vec![
        (
            "knee".to_owned(),
            match knee.rate.interval {
                _ if knee.is_at_least => format!("at least {}", per_second.format(knee.rate.value)),
                Some(interval) => format!(
                    "{}, 90 % interval {}",
                    per_second.format(knee.rate.value),
                    per_second.format_interval(interval.lower, interval.upper)
                ),
                None => per_second.format(knee.rate.value),
            },
        ),
        ("highest throughput".to_owned(), per_second.format(knee.capacity)),
        (
            "found by".to_owned(),
            match knee.found_by {
                FoundBy::Twin => {
                    "a queue of the service's own times, which two windows did not contradict".to_owned()
                }
                FoundBy::Search => "windows at constant rates".to_owned(),
            },
        ),
    ];
    if let (Some(contention), Some(coherency)) = (result.contention, result.coherency) {
        facts.push((
            "scalability law".to_owned(),
            format!("contention {contention:.3}, coherency {coherency:.5}, by users"),
        ));
    }
    if let Some(server) = &result.server {
        facts.push((
            "server".to_owned(),
            format!(
                "{:.2} cores, busiest thread {}, {}",
                server.cores,
                Unit::Fraction.format(server.busiest_thread),
                server.peak_rss
            ),
        ));
    }
    facts.push(("time".to_owned(), Seconds(result.elapsed_s).to_string()));
    report.push(Block::key_values(facts));
    if !result.findings.is_empty() {
        report.push(result.findings.clone());
    }
    if let Some(chart) = latency(answer) {
        report.push(chart);
    }
    report.push(ladder(answer));
    report.push(throughput(answer));
    report.push(windows(answer));
    report
}

fn title(answer: &KneeAnswer) -> String {
    let knee = &answer.result.knee;
    if answer.result.stopped_answering {
        return "the service stopped answering while it was loaded".to_owned();
    }
    if !knee.is_valid {
        return "invalid: the generator was the limit, not the service".to_owned();
    }
    if knee.rate.value <= 0.0 && !knee.is_at_least {
        return format!("no rate meets {}", answer.slo);
    }
    let least = if knee.is_at_least { "at least " } else { "" };
    format!("{} holds up to {least}{} requests/s", answer.slo, Unit::Number.format(knee.rate.value.round()))
}

/// Throughput and latency by users.
pub(crate) fn ladder(answer: &KneeAnswer) -> Table {
    let mut table = Table::new([
        Column::number("users at a time", Unit::Number),
        Column::number("requests/s", Unit::Number),
        Column::number("mean latency", Unit::Seconds),
    ]);
    for rung in &answer.result.knee.ladder {
        table.row([
            Cell::number(rung.users as f64),
            Cell::number(rung.throughput),
            Cell::seconds(rung.latency_s),
        ]);
    }
    table
}

/// Draws the latency over the rate: the twin's as a line, what windows showed as points, the objective and the knee's band; `None`
/// where there is neither twin nor window.
pub(crate) fn latency(answer: &KneeAnswer) -> Option<Chart> {
    let result = &answer.result;
    let knee = &result.knee;
    let name = percentile_name(result.probability);
    let x = Axis::new("rate", Unit::Other("requests/s".to_owned()));
    let y = Axis::new(name.clone(), Unit::Seconds).with_scale(Scale::Log10);
    let measured: Vec<PlotPoint> = (knee.windows.iter())
        .filter_map(|window| Some(PlotPoint::new(window.rate, window.latency_s?)))
        .collect();
    if measured.is_empty() && knee.curve.is_empty() {
        return None;
    }
    let mut chart = Chart::new("Latency by rate", x, y);
    if !knee.curve.is_empty() {
        chart = chart.with(Series::line(format!("{name} of the twin"), Role::Fit, knee.curve.clone()));
    }
    let mut chart = chart
        .with(Series::points("measured", Role::Measured, measured))
        .with_mark(Mark::horizontal(result.limit_s, "objective"));
    // What a service bore that has died is no knee.
    if result.stopped_answering {
        return Some(chart);
    }
    if knee.is_at_least {
        chart = chart.with_mark(Mark::beyond(knee.rate.value, "knee, at least"));
    } else if let Some(interval) = knee.rate.interval {
        let (from, to) = (Some(interval.lower), Some(interval.upper));
        chart = chart.with_mark(Mark::Region { from, to, label: "knee".to_owned() });
    }
    if knee.found_by == FoundBy::Search {
        return Some(chart);
    }
    Some(chart.with_caption("short windows find less than the twin: the queue has not filled"))
}

/// Throughput by users, with the knee.
pub(crate) fn throughput(answer: &KneeAnswer) -> Chart {
    let knee = &answer.result.knee;
    let points = knee.ladder.iter().map(|rung| PlotPoint::new(rung.users as f64, rung.throughput));
    let x = Axis::new("users at a time", Unit::Number).with_scale(Scale::Log2);
    let y = Axis::new("throughput", Unit::Other("requests/s".to_owned()));
    let label = if knee.is_at_least { "knee, at least" } else { "knee" };
    let chart =
        Chart::new("Throughput by users", x, y).with(Series::points("measured", Role::Measured, points));
    if answer.result.stopped_answering {
        return chart;
    }
    chart.with_mark(Mark::horizontal(knee.rate.value, label))
}

/// What windows at constant rates saw.
pub(crate) fn windows(answer: &KneeAnswer) -> Table {
    let mut table = Table::new([
        Column::number("window at requests/s", Unit::Number),
        Column::number("beyond the limit", Unit::Fraction),
        Column::text("the twin expects"),
        Column::text("objective holds"),
    ]);
    for window in &answer.result.knee.windows {
        let likely = window
            .likely
            .map_or("–".to_owned(), |(lower, upper)| Unit::Fraction.format_interval(lower, upper));
        table.row([
            Cell::number(window.rate),
            Cell::fraction(window.share),
            Cell::text(likely),
            Cell::text(if window.holds { "yes" } else { "no" }),
        ]);
    }
    table
}
