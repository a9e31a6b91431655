//! The tables of a scaling report.

use festina_report::{Block, Cell, Column, Table, Tone, Unit};
use festina_types::{Bytes, Estimate, Interval};

use super::super::result::{BestWorkers, ForecastResult, PointResult, ScaleResult, Verdict};

/// The measured points.
pub(super) fn points(result: &ScaleResult) -> Table {
    let sized = has_sizes(result);
    let mut columns = if sized { vec![Column::number("n", Unit::Number)] } else { Vec::new() };
    columns.extend([
        Column::number("p", Unit::Number),
        Column::number("time", Unit::Seconds).emphasized(),
        Column::number("95 % interval", Unit::Seconds),
        Column::number("speed-up", Unit::Number).emphasized(),
        Column::number("95 % interval", Unit::Number),
        Column::number("efficiency", Unit::Fraction),
        Column::number("memory", Unit::Bytes),
        Column::number("runs", Unit::Number),
        Column::text("answer"),
    ]);
    let mut table = Table::new(columns);
    for point in &result.points {
        table.row(point_cells(point, sized));
    }
    for point in result.points.iter().filter(|point| point.refusal.is_some() && point.p > 1) {
        let reason = point.refusal.as_deref().unwrap_or_default();
        let at = super::at_size(point.n);
        table.footnote(format!("No speed-up on {} workers{at}: {reason}.", point.p));
    }
    table
}

fn point_cells(point: &PointResult, sized: bool) -> Vec<Cell> {
    let mut cells = if sized { vec![size(point.n)] } else { Vec::new() };
    cells.extend([
        Cell::number(f64::from(point.p)),
        estimate(point.time_s.as_ref(), &Unit::Seconds),
        interval(point.time_s.as_ref(), &Unit::Seconds),
        point.speedup.as_ref().map_or_else(none, |speedup| {
            let cell = Cell::estimate(speedup, &Unit::Number);
            Cell { text: format!("{:.2}", speedup.value), ..cell }
        }),
        point.speedup.as_ref().filter(|_| point.p > 1).map_or_else(none, speedup_interval),
        estimate(point.efficiency.as_ref(), &Unit::Fraction),
        estimate(point.peak_rss_bytes.as_ref(), &Unit::Bytes),
        runs(point),
        answer(&point.verdict),
    ]);
    cells
}

fn speedup_interval(speedup: &Estimate) -> Cell {
    let cell = Cell::interval(speedup, &Unit::Number);
    match speedup.interval {
        Some(Interval { lower, upper, .. }) => Cell { text: format!("{lower:.2} – {upper:.2}"), ..cell },
        None => cell,
    }
}

fn runs(point: &PointResult) -> Cell {
    let text = if point.used == point.runs {
        point.used.to_string()
    } else {
        format!("{} of {}", point.used, point.runs)
    };
    let remark = format!("{} disturbed, {} far out", point.disturbed, point.outliers);
    Cell { value: Some(point.used as f64), ..Cell::text(text) }.with_tooltip(remark)
}

fn answer(verdict: &Verdict) -> Cell {
    match verdict {
        Verdict::Same { .. } => Cell::text("same").with_tone(Tone::Good),
        Verdict::Different { first_difference, .. } => {
            Cell::text("DIFFERENT").with_tone(Tone::Bad).with_tooltip(first_difference.as_str())
        }
        Verdict::Unsure { reason } => {
            Cell::text("unsure").with_tone(Tone::Muted).with_tooltip(reason.as_str())
        }
        Verdict::Unchecked => Cell::text("not checked").with_tone(Tone::Muted),
    }
}

/// What was asked for beyond the measured points.
pub(super) fn forecasts(result: &ScaleResult) -> Option<Table> {
    if result.forecasts.is_empty() {
        return None;
    }
    let sized = has_sizes(result);
    let limited = result.forecasts.iter().any(|forecast| forecast.out_of_memory_probability.is_some());
    let mut columns = if sized { vec![Column::number("n", Unit::Number)] } else { Vec::new() };
    columns.extend([
        Column::number("p", Unit::Number),
        Column::number("time", Unit::Seconds).emphasized(),
        Column::number("90 % band", Unit::Seconds),
        Column::number("speed-up", Unit::Number),
    ]);
    if limited {
        columns.extend([
            Column::number("peak memory", Unit::Bytes),
            Column::number("P(out of memory)", Unit::Fraction),
        ]);
    }
    columns.push(Column::text(""));
    let mut table = Table::new(columns).with_caption("Forecast");
    for forecast in &result.forecasts {
        table.row(forecast_cells(forecast, sized, limited));
    }
    Some(table)
}

fn forecast_cells(forecast: &ForecastResult, sized: bool, limited: bool) -> Vec<Cell> {
    let mut cells = if sized { vec![size(forecast.n)] } else { Vec::new() };
    cells.extend([
        Cell::number(f64::from(forecast.p)),
        estimate(forecast.time_s.as_ref(), &Unit::Seconds),
        interval(forecast.time_s.as_ref(), &Unit::Seconds),
        forecast.speedup.as_ref().map_or_else(none, |speedup| {
            let cell = Cell::estimate(speedup, &Unit::Number);
            Cell { text: format!("{:.1}", speedup.value), ..cell }
        }),
    ]);
    if limited {
        let probability = forecast.out_of_memory_probability.map_or_else(none, |p| {
            let tone = if p >= 0.05 { Tone::Bad } else { Tone::Plain };
            Cell::fraction(p).with_tone(tone)
        });
        cells.extend([estimate(forecast.peak_rss_bytes.as_ref(), &Unit::Bytes), probability]);
    }
    cells.push(Cell::text(remark(forecast)));
    cells
}

fn remark(forecast: &ForecastResult) -> String {
    if let Some(refusal) = &forecast.refusal {
        return format!("no forecast: {refusal}");
    }
    if !forecast.extrapolated {
        return "inside the measured range".to_owned();
    }
    let beyond =
        |name: &str, factor: f64| (factor > 1.0).then(|| format!("{name} {}×", Unit::Number.format(factor)));
    let factors =
        [beyond("n", forecast.extrapolation_factor_n), beyond("p", forecast.extrapolation_factor_p)];
    let factors: Vec<String> = factors.into_iter().flatten().collect();
    let unsure =
        if forecast.disagreement > festina_laws::identify::AGREEMENT { ", laws disagree" } else { "" };
    format!("extrapolated {}{unsure}", factors.join(", "))
}

/// What the laws say, a line each.
pub(super) fn laws(result: &ScaleResult) -> Option<Block> {
    let mut lines: Vec<(String, String)> = Vec::new();
    // The largest size says most about the program; the others are in the JSON.
    if let Some(scaling) = result.scaling.last() {
        let at = super::at_size(scaling.n);
        for parameter in scaling.parameters.iter().filter(|p| p.name != "time on one worker") {
            let unit =
                if parameter.unit.is_empty() { Unit::Fraction } else { Unit::Other(parameter.unit.clone()) };
            lines.push((format!("{}{at}", parameter.name), with_interval(&parameter.estimate, &unit)));
        }
        if let Some(peak) = &scaling.peak {
            let unit = Unit::Other("workers".to_owned());
            lines.push((format!("fastest on{at}"), with_interval(peak, &unit)));
        }
    }
    if let Some(growth) = &result.growth {
        lines.push((format!("growth in n, p = {}", growth.p), growth.description.clone()));
        let share = Unit::Fraction.format(growth.probability);
        lines.push(("likeliest law".to_owned(), format!("{} ({share})", growth.law)));
    }
    if let Some(memory) = &result.memory {
        let growth = memory.exponent.map_or_else(
            || "hardly grows with n".to_owned(),
            |exponent| format!("grows like n^{exponent:.2}"),
        );
        lines.push(("peak memory".to_owned(), growth));
        if let (Some(n), Some(limit)) = (memory.largest_size, memory.limit_bytes) {
            let limit = Bytes(limit);
            let text = if n > 0.0 {
                format!("n = {} within {limit} (95 % sure)", Unit::Number.format(n))
            } else {
                format!("none is sure to fit into {limit}")
            };
            lines.push(("largest size".to_owned(), text));
        }
    }
    if let Some(best) = &result.best_workers {
        let bound = if best.efficient >= best.limit { "at least " } else { "" };
        let (count, plural) = (best.efficient, super::plural(best.efficient));
        lines.push(("efficiency above 50 %".to_owned(), format!("up to {bound}{count} worker{plural}")));
        lines.extend(fastest(best).map(|text| ("shortest time".to_owned(), text)));
    }
    (!lines.is_empty()).then(|| Block::key_values(lines))
}

/// The number of workers with the shortest time, with its interval: none is told without one.
fn fastest(best: &BestWorkers) -> Option<String> {
    let Interval { lower, upper, .. } = best.fastest_interval?;
    let limit = f64::from(best.limit);
    if lower >= limit {
        return None;
    }
    let (count, plural) = (best.fastest, super::plural(best.fastest));
    // Workers are whole: the ends are those that the interval holds with certainty.
    let lower = Unit::Number.format(lower.floor());
    Some(if upper >= limit {
        format!("on {lower} workers or more, if there are ever too many")
    } else {
        format!("on {count} worker{plural} ({lower} – {}), as forecast", Unit::Number.format(upper.ceil()))
    })
}

/// Time against cost.
pub(super) fn costs(result: &ScaleResult) -> Option<Table> {
    if result.costs.is_empty() {
        return None;
    }
    let mut table = Table::new([
        Column::number("p", Unit::Number),
        Column::number("time", Unit::Seconds),
        Column::number("90 % band", Unit::Seconds),
        Column::number("core-hours", Unit::Number),
        Column::number("price", Unit::Number).emphasized(),
        Column::text(""),
    ])
    .with_caption("Time and cost of one run at the largest measured size");
    for row in &result.costs {
        table.row([
            Cell::number(f64::from(row.p)),
            Cell::seconds(row.time_s),
            Cell::text(Unit::Seconds.format_interval(row.interval.lower, row.interval.upper)),
            Cell::number(row.core_hours),
            row.price.map_or_else(none, Cell::number),
            Cell::text(if row.extrapolated { "extrapolated" } else { "measured range" }),
        ]);
    }
    Some(table)
}

/// Where the worker-seconds went, at each point with more than one worker.
pub(super) fn losses(result: &ScaleResult) -> Option<Table> {
    let sized = has_sizes(result);
    let mut columns = if sized { vec![Column::number("n", Unit::Number)] } else { Vec::new() };
    columns.push(Column::number("p", Unit::Number));
    let terms = ["user", "system", "waiting for a CPU", "stolen", "blocked", "no thread"];
    columns.extend(terms.map(|title| Column::number(title, Unit::Fraction)));
    let mut table = Table::new(columns).with_caption("Where p · T went");
    for point in result.points.iter().filter(|point| point.p > 1) {
        let Some(a) = &point.accounting else { continue };
        let terms = [a.user_s, a.system_s, a.run_delay_s, a.steal_s, a.blocked_s, a.unused_s];
        let total: f64 = terms.iter().sum();
        let mut cells = if sized { vec![size(point.n)] } else { Vec::new() };
        cells.push(Cell::number(f64::from(point.p)));
        cells.extend(terms.map(|term| Cell::fraction(term / total).with_tooltip(Cell::seconds(term).text)));
        table.row(cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The serial fractions, a table a size.
pub(super) fn serial_fractions(result: &ScaleResult) -> Vec<Table> {
    let of = |scaling: &super::super::result::ScalingResult| {
        let mut table = crate::laws::fractions(scaling.diagnosis.as_ref()?);
        table.caption += &super::at_size(scaling.n);
        Some(table)
    };
    result.scaling.iter().filter_map(of).collect()
}

pub(super) fn has_sizes(result: &ScaleResult) -> bool {
    result.points.iter().any(|point| point.n.is_some())
}

fn with_interval(estimate: &Estimate, unit: &Unit) -> String {
    let value = unit.format(estimate.value);
    estimate
        .interval
        .map_or_else(|| value.clone(), |i| format!("{value}  ({})", unit.format_interval(i.lower, i.upper)))
}

fn size(n: Option<f64>) -> Cell {
    n.map_or_else(none, Cell::number)
}

fn estimate(estimate: Option<&Estimate>, unit: &Unit) -> Cell {
    estimate.map_or_else(none, |estimate| Cell::estimate(estimate, unit))
}

fn interval(estimate: Option<&Estimate>, unit: &Unit) -> Cell {
    estimate.map_or_else(none, |estimate| Cell::interval(estimate, unit))
}

fn none() -> Cell {
    Cell::text("–").with_tone(Tone::Muted)
}
