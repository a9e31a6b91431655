//! A load for people.

use festina_load::{Limit, LoadResult, percentile_name};
use festina_report::{
    Axis, Block, Cell, Chart, Column, Mark, Report, Role, Scale, Series, Table, Tone, Unit,
};
use festina_types::Seconds;

use super::LoadAnswer;

/// Returns `answer` for people: the verdict, the latencies, what limited them, and how they went over time.
pub fn load_report(answer: &LoadAnswer) -> Report {
    let result = &answer.result;
    let mut report = Report::new(title(answer)).with_subtitle(format!("{}: {}", answer.url, answer.mode));
    report.push(Block::key_values(facts(answer)));
    if !result.objectives.is_empty() {
        report.push(objectives(answer));
    }
    report.push(latencies(result));
    if !result.requests.errors.is_empty() {
        report.push(errors(result));
    }
    if !result.findings.is_empty() {
        report.push(result.findings.clone());
    }
    if result.histogram.is_empty() {
        report.push(rates(result));
        return report;
    }
    report.push(over_time(answer));
    report.push(Block::details("Distribution and rate", [distribution(answer).into(), rates(result).into()]));
    report
}

fn title(answer: &LoadAnswer) -> String {
    let result = &answer.result;
    if !result.client.is_valid {
        return "invalid: the generator was the limit, not the service".to_owned();
    }
    let seen = result.latency.quantile(0.99).map_or("no good response".to_owned(), |quantile| {
        format!(
            "p99 {}{} at {} requests/s",
            if quantile.is_at_least { "at least " } else { "" },
            Seconds(quantile.estimate.value),
            Unit::Number.format(result.requests.goodput)
        )
    });
    let verdict = match answer.exit() {
        _ if answer.slo.0.is_empty() => String::new(),
        festina_types::Exit::Done => format!(": {} holds", answer.slo),
        festina_types::Exit::No => format!(": {} does not hold", answer.slo),
        _ => format!(": whether {} holds cannot be told", answer.slo),
    };
    format!("{seen}{verdict}")
}

fn facts(answer: &LoadAnswer) -> Vec<(String, String)> {
    let result = &answer.result;
    let requests = &result.requests;
    let errors: u64 = requests.errors.values().sum();
    let mut facts = vec![(
        "requests".to_owned(),
        format!(
            "{} sent, {} good, {errors} failed ({})",
            requests.sent,
            requests.good,
            Unit::Fraction.format(requests.error_share())
        ),
    )];
    if let Some(arrivals) = &result.arrivals {
        let wanted =
            arrivals.variation.map_or_else(String::new, |wanted| format!(" (asked for: {wanted:.2})"));
        let sent = arrivals.sent_variation.map_or("unknown".to_owned(), |sent| format!("{sent:.2}"));
        let rate = Unit::Number.format(arrivals.sent_rate);
        facts
            .push(("arrivals".to_owned(), format!("{rate}/s sent, coefficient of variation {sent}{wanted}")));
    }
    let late = result.client.lateness.quantile(0.99).map_or_else(String::new, |quantile| {
        format!(", 99 % of requests sent within {} of their time", Seconds(quantile.estimate.value))
    });
    facts.push((
        "generator".to_owned(),
        format!(
            "{} a request, busiest thread {}, waiting for a core {}{late}",
            Seconds(result.client.cpu_per_request_s),
            Unit::Fraction.format(result.client.busiest_thread),
            Unit::Fraction.format(result.client.waiting_thread)
        ),
    ));
    if let Some(server) = &result.server {
        facts.push((
            "server".to_owned(),
            format!(
                "{:.2} cores, busiest thread {}, {} threads in {}, {}",
                server.cores,
                Unit::Fraction.format(server.busiest_thread),
                server.threads,
                if server.processes == 1 {
                    "a process".to_owned()
                } else {
                    format!("{} processes", server.processes)
                },
                server.peak_rss
            ),
        ));
    }
    facts.push(("limit".to_owned(), limit(result.limit).to_owned()));
    let seen = result.duration_s;
    facts.push(("not seen".to_owned(), format!("what happens more rarely than once in {seen}")));
    facts
}

fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Client => "the generator: nothing is known of the service",
        Limit::ServerCpu => "the service's cores are all busy",
        Limit::ServerThread => {
            "one thread of the service is busy all the time: an event loop, an interpreter's lock, a serial part"
        }
        Limit::Waiting => {
            "requests queue while the service's cores are not busy: a lock, a pool, a disk, another service"
        }
        Limit::Failures => "unknown: most requests fail",
        Limit::Nothing => "none: the service follows this rate",
        Limit::Unknown => "unknown: the service's processes cannot be seen from here (--pid)",
    }
}

fn objectives(answer: &LoadAnswer) -> Table {
    let mut table = Table::new([Column::text("objective"), Column::text("measured"), Column::text("holds")]);
    for objective in &answer.result.objectives {
        let is_share = matches!(objective.bound, festina_load::Bound::Errors(_));
        let unit = if is_share { Unit::Fraction } else { Unit::Seconds };
        let value = objective.value.map_or("–".to_owned(), |value| unit.format(value));
        let (text, tone) = match objective.holds {
            Some(true) => ("yes", Tone::Good),
            Some(false) => ("no", Tone::Bad),
            None => ("cannot be told: measure longer", Tone::Muted),
        };
        table.row([
            Cell::text(objective.bound.to_string()),
            Cell::text(value),
            Cell::text(text).with_tone(tone),
        ]);
    }
    table
}

fn latencies(result: &LoadResult) -> Table {
    let columns = ["", "latency", "95 % interval", "service time"].map(Column::text);
    let mut table = Table::new(columns);
    let time = |value: Option<f64>| value.map_or("–".to_owned(), |value| Seconds(value).to_string());
    table.row([
        Cell::text("mean"),
        Cell::text(time(result.latency.mean_s)),
        Cell::text(""),
        Cell::text(time(result.service.mean_s)),
    ]);
    for quantile in &result.latency.quantiles {
        let interval = quantile.estimate.interval.map_or_else(String::new, |interval| {
            Unit::Seconds.format_interval(interval.lower, interval.upper)
        });
        let value =
            format!("{}{}", if quantile.is_at_least { "≥ " } else { "" }, Seconds(quantile.estimate.value));
        let service = result.service.quantile(quantile.probability).map(|quantile| quantile.estimate.value);
        table.row([
            Cell::text(percentile_name(quantile.probability)),
            Cell::text(value),
            Cell::text(interval),
            Cell::text(time(service)),
        ]);
    }
    table.row([
        Cell::text("longest"),
        Cell::text(time(result.latency.max_s)),
        Cell::text(""),
        Cell::text(time(result.service.max_s)),
    ]);
    table.footnote(
        "latency: from the time at which a request should have been sent; service time: from its actual send",
    );
    table
}

fn errors(result: &LoadResult) -> Table {
    let mut table = Table::new([Column::text("error"), Column::number("requests", Unit::Number)]);
    for (kind, count) in &result.requests.errors {
        table.row([Cell::text(kind.clone()), Cell::number(*count as f64)]);
    }
    table
}

fn over_time(answer: &LoadAnswer) -> Chart {
    let points = &answer.result.timeline;
    let line = |value: fn(&festina_load::TimelinePoint) -> Option<f64>| -> Vec<(f64, f64)> {
        points.iter().filter_map(|point| Some((point.time_s, value(point)?))).collect()
    };
    let y = Axis::new("latency", Unit::Seconds).with_scale(Scale::Log10);
    let mut chart = Chart::new("Latency over time", Axis::new("time", Unit::Seconds), y)
        .with(Series::line("longest", Role::Limit, line(|point| point.max_s)))
        .with(Series::line("p99", Role::Forecast, line(|point| point.p99_s)))
        .with(Series::line("median", Role::Measured, line(|point| point.p50_s)));
    if let Some((probability, limit)) = answer.slo.latency() {
        chart = chart
            .with_mark(Mark::horizontal(limit, format!("objective for {}", percentile_name(probability))));
    }
    chart.with_caption("of the requests that ended in each span of time: a stall is a tooth")
}

/// Draws the share of requests that took longer than a time, on scales where a power law is a line.
fn distribution(answer: &LoadAnswer) -> Chart {
    let bins = &answer.result.histogram;
    let total: u64 = bins.iter().map(|bin| bin.2).sum();
    let mut longer = total;
    let mut line = Vec::new();
    for (_, upper, count) in bins {
        longer -= count;
        line.push((*upper, longer as f64 / total.max(1) as f64));
    }
    line.retain(|point| point.1 > 0.0);
    let x = Axis::new("latency", Unit::Seconds).with_scale(Scale::Log10);
    let y = Axis::new("share of requests that took longer", Unit::Fraction).with_scale(Scale::Log10);
    let mut chart =
        Chart::new("Distribution of the latency", x, y).with(Series::line("latency", Role::Measured, line));
    if let Some((probability, limit)) = answer.slo.latency() {
        chart = chart
            .with_mark(Mark::vertical(limit, "objective"))
            .with_mark(Mark::horizontal(1.0 - probability, percentile_name(probability)));
    }
    chart
}

fn rates(result: &LoadResult) -> Chart {
    let mut before = 0.0;
    let mut sent = Vec::new();
    let mut good = Vec::new();
    for point in &result.timeline {
        let span = (point.time_s - before).max(1e-9);
        sent.push((point.time_s, point.sent as f64 / span));
        good.push((point.time_s, point.good as f64 / span));
        before = point.time_s;
    }
    let y = Axis::new("rate", Unit::Other("requests/s".to_owned()));
    Chart::new("Rate over time", Axis::new("time", Unit::Seconds), y)
        .with(Series::line("sent", Role::Ideal, sent))
        .with(Series::line("good responses", Role::Measured, good))
}
