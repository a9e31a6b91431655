//! The answer for people: the verdicts first, then what each rests on.

use festina_report::{
    Axis, Block, Cell, Chart, Column, Mark, PlotPoint, Report, Role, Scale, Series, Table, Tone, Unit,
};
use festina_types::{Bytes, Estimate, Seconds};

use super::result::{Fix, GrowthDetails, Measure, Memory, Question, ReadyResult, ServiceDetails, Verdict};
use super::serve::number;
use crate::load::{ladder, latency, throughput, windows};

/// Returns `result` for people.
pub fn ready_report(result: &ReadyResult) -> Report {
    let mut report = Report::new(title(result)).with_subtitle(result.project.clone());
    report.push(verdicts(result));
    for question in &result.questions {
        report.push(Block::heading(format!("{}: {}", question.verdict.words(), question.asks)));
        for block in about(question) {
            report.push(block);
        }
    }
    report.push(Block::key_values([
        ("machine".to_owned(), result.machine.clone()),
        ("time".to_owned(), result.elapsed_s.to_string()),
    ]));
    report
}

fn title(result: &ReadyResult) -> String {
    let of = |verdict: Verdict| -> Vec<&str> {
        let with = result.questions.iter().filter(|question| question.verdict == verdict);
        with.map(|question| question.id.as_str()).collect()
    };
    let parts = [Verdict::NotReady, Verdict::Unsure, Verdict::Ready].map(|verdict| (verdict, of(verdict)));
    let words = parts.iter().filter(|(_, ids)| !ids.is_empty());
    let text: Vec<String> =
        words.map(|(verdict, ids)| format!("{}: {}", verdict.words(), ids.join(", "))).collect();
    if text.is_empty() { "nothing was answered".to_owned() } else { text.join(" · ") }
}

fn unit(question: &Question) -> Unit {
    match question.unit {
        Measure::Seconds => Unit::Seconds,
        Measure::Rate => Unit::Other("requests/s".to_owned()),
    }
}

fn verdicts(result: &ReadyResult) -> Table {
    let mut table = Table::new([
        Column::text("question"),
        Column::text("verdict").emphasized(),
        Column::text("probability"),
        Column::text("number"),
        Column::text("90 % band"),
        Column::text("target"),
        Column::text("best fix"),
    ]);
    for question in &result.questions {
        let unit = unit(question);
        let (number, band) = match &question.estimate {
            Some(estimate) => (Cell::text(shown(&unit, estimate.value)), Cell::text(band(&unit, estimate))),
            None => (Cell::text("–"), Cell::text("–")),
        };
        let tone = match question.verdict {
            Verdict::Ready => Tone::Good,
            Verdict::NotReady => Tone::Bad,
            Verdict::Unsure => Tone::Plain,
        };
        let fix = question.fixes.first().filter(|_| question.verdict != Verdict::Ready);
        table.row([
            Cell::text(question.id.clone()),
            Cell::text(question.verdict.words()).with_tone(tone),
            Cell::text(percent(question.p_ready)),
            number,
            band,
            Cell::text(shown(&unit, question.target)),
            Cell::text(fix.map_or("–".to_owned(), |fix| short(&fix.change))),
        ]);
    }
    table
}

/// Returns what comes before the first remark.
fn short(change: &str) -> String {
    change.split([':', ';', '(', ',']).next().unwrap_or_default().trim().to_owned()
}

fn percent(probability: f64) -> String {
    match 100.0 * probability {
        p if p > 99.0 && p < 100.0 => "> 99 %".to_owned(),
        p if p < 1.0 && p > 0.0 => "< 1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

fn shown(unit: &Unit, value: f64) -> String {
    match unit {
        Unit::Other(name) => format!("{} {name}", number(value)),
        _ => unit.format(value),
    }
}

fn band(unit: &Unit, estimate: &Estimate) -> String {
    let Some(band) = estimate.interval else { return "–".to_owned() };
    match unit {
        Unit::Other(_) => format!("{} – {}", number(band.lower), number(band.upper)),
        _ => unit.format_interval(band.lower, band.upper),
    }
}

fn about(question: &Question) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut facts = question.evidence.clone();
    facts.extend(question.memory.as_ref().map(memory_fact));
    if let Some(next) = &question.next {
        let chance = next.p_decides.map_or(String::new(), |p| format!(", decides with {}", percent(p)));
        let price = next.cost.map_or(String::new(), |cost| format!(", costs {}", money(cost)));
        facts.push((
            "would decide".to_owned(),
            format!("{} (takes about {}{price}{chance})", next.what, next.time_s),
        ));
    }
    if !facts.is_empty() {
        blocks.push(Block::key_values(facts));
    }
    if !question.findings.is_empty() {
        blocks.push(question.findings.clone().into());
    }
    if !question.fixes.is_empty() {
        blocks.push(fixes(question).into());
    }
    if let Some(growth) = &question.growth {
        blocks.push(time_chart(question, growth).into());
        blocks.push(Block::details(
            "memory and runs",
            [memory_chart(question, growth).into(), runs(growth).into()],
        ));
    }
    if let Some(service) = &question.service {
        blocks.extend(service_blocks(service));
    }
    blocks
}

fn memory_fact(memory: &Memory) -> (String, String) {
    let peak = Unit::Bytes.format(memory.peak_bytes.value);
    let band = band(&Unit::Bytes, &memory.peak_bytes);
    let limit = memory.limit_bytes.map_or(String::new(), |limit| format!(" of {}", Bytes(limit)));
    let rows = memory
        .rows_at_5_percent
        .map_or(String::new(), |rows| format!("; 5 % at {} rows", super::batch::grouped(two_digits(rows))));
    let risk = memory
        .p_out_of_memory
        .map_or(String::new(), |p| format!(", {} risk that it is not enough{rows}", percent(p)));
    ("memory".to_owned(), format!("{peak} ({band}){limit}{risk}"))
}

fn two_digits(value: f64) -> f64 {
    let unit = 10_f64.powf(value.log10().floor() - 1.0);
    (value / unit).round() * unit
}

fn money(amount: f64) -> String {
    if amount >= 0.01 { format!("{amount:.2}") } else { format!("{amount:.1e}") }
}

fn fixes(question: &Question) -> Table {
    let unit = unit(question);
    let has_cost = question.fixes.iter().any(|fix| fix.cost.is_some());
    let per = if question.unit == Measure::Rate { "cost an hour" } else { "cost of a run" };
    let mut columns = vec![
        Column::text("what would help"),
        Column::text("gives"),
        Column::text("ready with"),
        Column::text("known by"),
    ];
    columns.extend(has_cost.then(|| Column::text(per)));
    let mut table = Table::new(columns);
    for fix in &question.fixes {
        let Fix { change, effect, p_ready, is_measured, cost, .. } = fix;
        let gives = effect.map_or("–".to_owned(), |effect| {
            format!("{} ({})", shown(&unit, effect.value), band(&unit, &effect))
        });
        let mut cells = vec![
            Cell::text(change.clone()),
            Cell::text(gives),
            Cell::text(p_ready.map_or("–".to_owned(), percent)),
            Cell::text(if *is_measured { "measured" } else { "computed" }),
        ];
        cells.extend(has_cost.then(|| Cell::text(cost.map_or("–".to_owned(), money))));
        table.row(cells);
    }
    table
}

fn time_chart(question: &Question, growth: &GrowthDetails) -> Chart {
    let x = Axis::new("rows", Unit::Number).with_scale(Scale::Log10);
    let y = Axis::new("time", Unit::Seconds).with_scale(Scale::Log10);
    let most = growth.runs.iter().map(|run| run.cores).max().unwrap_or(1);
    let band = growth.curve.iter().map(|point| (point.rows, point.lower_s, point.upper_s));
    let line = growth.curve.iter().map(|point| (point.rows, point.time_s));
    let on = |is_most: bool| {
        let runs = growth.runs.iter().filter(move |run| (run.cores == most) == is_most);
        runs.map(|run| PlotPoint::new(run.rows, run.time_s)).collect::<Vec<_>>()
    };
    let asked = question.estimate.map(|estimate| {
        let point = PlotPoint::new(growth.rows, estimate.value);
        match estimate.interval {
            Some(band) => point.with_spread(band.lower, band.upper),
            None => point,
        }
    });
    let end = growth.runs.iter().map(|run| run.rows).fold(0.0, f64::max);
    let mut chart = Chart::new(format!("Time to {}", question.id), x, y)
        .with(Series::band("90 % band", Role::Forecast, band))
        .with(Series::line("forecast", Role::Fit, line))
        .with(Series::points(format!("measured on {most} cores"), Role::Measured, on(true)));
    let fewer = on(false);
    if !fewer.is_empty() {
        chart = chart.with(Series::points("on fewer cores", Role::Other(0), fewer));
    }
    if let Some(point) = asked {
        chart = chart.with(Series::points("asked about", Role::Limit, [point]));
    }
    chart =
        chart.with_mark(Mark::horizontal(question.target, format!("target {}", Seconds(question.target))));
    if growth.rows > end { chart.with_mark(Mark::beyond(end, "extrapolated")) } else { chart }
}

fn memory_chart(question: &Question, growth: &GrowthDetails) -> Chart {
    let x = Axis::new("rows", Unit::Number).with_scale(Scale::Log10);
    let y = Axis::new("peak memory", Unit::Bytes).with_scale(Scale::Log10);
    let points = growth.runs.iter().map(|run| PlotPoint::new(run.rows, run.peak_rss_bytes as f64));
    let mut chart = Chart::new(format!("Memory to {}", question.id), x, y).with(Series::points(
        "measured",
        Role::Measured,
        points,
    ));
    if let Some(memory) = &question.memory {
        if let Some(band) = memory.peak_bytes.interval {
            let point =
                PlotPoint::new(growth.rows, memory.peak_bytes.value).with_spread(band.lower, band.upper);
            chart = chart.with(Series::points("forecast", Role::Limit, [point]));
        }
        if let Some(limit) = memory.limit_bytes {
            chart = chart.with_mark(Mark::horizontal(limit as f64, "limit"));
        }
    }
    chart
}

fn runs(growth: &GrowthDetails) -> Table {
    let mut table = Table::new([
        Column::number("rows", Unit::Number),
        Column::number("cores", Unit::Number),
        Column::number("time", Unit::Seconds),
        Column::number("peak memory", Unit::Bytes),
        Column::text("disturbed"),
    ])
    .with_caption(format!("Runs, stored as {}", growth.run));
    for run in &growth.runs {
        table.row([
            Cell::number(run.rows),
            Cell::number(f64::from(run.cores)),
            Cell::seconds(run.time_s),
            Cell::bytes(run.peak_rss_bytes as f64),
            Cell::text(if run.is_disturbed { "yes" } else { "" }),
        ]);
    }
    table
}

fn service_blocks(service: &ServiceDetails) -> Vec<Block> {
    let mut blocks = Vec::new();
    let Some(knee) = &service.knee else { return blocks };
    let mut chart = throughput(knee);
    if let Some(calmed) = &service.calmed {
        let points = calmed
            .knee
            .result
            .knee
            .ladder
            .iter()
            .map(|rung| PlotPoint::new(rung.users as f64, rung.throughput));
        chart = chart
            .with(Series::points(format!("{} at a time", calmed.concurrency), Role::Ideal, points))
            .with_mark(Mark::horizontal(
                calmed.knee.result.knee.rate.value,
                format!("knee with {} at a time", calmed.concurrency),
            ));
    }
    blocks.push(chart.into());
    blocks.extend(latency(knee).map(Into::into));
    let mut inside = vec![ladder(knee).into(), windows(knee).into()];
    if let Some(calmed) = &service.calmed {
        inside.push(Block::heading(format!("With {} at a time", calmed.concurrency)));
        inside.push(ladder(&calmed.knee).into());
        inside.push(windows(&calmed.knee).into());
    }
    blocks.push(Block::details("ladder and windows", inside));
    blocks
}
