//! What the laws say, for people.

use festina_laws::table::{DurationTable, clock_time};
use festina_report::{Axis, Cell, Chart, Column, PlotPoint, Report, Role, Scale, Series, Table, Unit};

use super::{LawParameter, LawsResult, SpeedupRow};

/// Returns `result` for people: the classic table first.
pub fn laws_report(result: &LawsResult) -> Report {
    let cores = result.durations.cores;
    let mut report =
        Report::new(format!("What {cores} cores make of a minute, an hour, a day, a month, a year"));
    report.push(durations(&result.durations));
    report.push(speedup_chart(result));
    report.push(speedups(&result.speedups));
    report.push(parameters(&result.parameters));
    if let Some(diagnosis) = &result.diagnosis {
        report.push(fractions(diagnosis));
        report.push(vec![diagnosis.finding()]);
    }
    report
}

fn durations(durations: &DurationTable) -> Table {
    let columns = durations.columns.iter().map(|name| Column::number(name.as_str(), Unit::Seconds));
    let mut table = Table::new([Column::text("on one core")].into_iter().chain(columns));
    for row in &durations.rows {
        let times = row.times.iter().map(|time| Cell { text: clock_time(*time), ..Cell::seconds(time.0) });
        table.row([Cell::text(row.label.as_str())].into_iter().chain(times));
    }
    table.footnote("Gustafson: the size grows with the cores, so that each keeps its work.");
    table
}

fn speedups(rows: &[SpeedupRow]) -> Table {
    let number = |title: &str| Column::number(title, Unit::Number);
    let mut table = Table::new([
        number("cores"),
        number("Amdahl S"),
        Column::number("efficiency", Unit::Fraction),
        number("Gustafson S"),
        number("USL S"),
        number("any schedule S"),
    ]);
    for row in rows {
        let bounds = Unit::Number.format_interval(row.brent_lower, row.brent_upper);
        table.row([
            Cell::number(f64::from(row.workers)),
            Cell::number(row.amdahl),
            Cell::fraction(row.efficiency),
            Cell::number(row.gustafson),
            Cell::number(row.usl),
            Cell::text(bounds),
        ]);
    }
    table.footnote(
        "Any schedule: the bounds of Brent and Graham for greedy scheduling, the serial part being the span.",
    );
    table
}

fn parameters(parameters: &[LawParameter]) -> Table {
    let mut table = Table::new([
        Column::text("law"),
        Column::text("parameter"),
        Column::number("value", Unit::Number),
        Column::number("95 % interval", Unit::Number),
    ]);
    for parameter in parameters {
        let unit = match parameter.unit.as_str() {
            "s" => Unit::Seconds,
            "" => Unit::Number,
            other => Unit::Other(other.to_owned()),
        };
        table.row([
            Cell::text(parameter.law.as_str()),
            Cell::text(parameter.name.as_str()),
            Cell::estimate(&parameter.estimate, &unit),
            Cell::interval(&parameter.estimate, &unit),
        ]);
    }
    table
}

pub(crate) fn fractions(diagnosis: &festina_laws::diagnosis::Diagnosis) -> Table {
    let mut table = Table::new([
        Column::number("p", Unit::Number),
        Column::number("serial fraction", Unit::Fraction),
        Column::number("95 % interval", Unit::Fraction),
    ])
    .with_caption("Serial fraction after Karp and Flatt");
    for (p, fraction) in &diagnosis.fractions {
        let interval = Cell::interval(fraction, &Unit::Fraction);
        table.row([Cell::number(*p), Cell::estimate(fraction, &Unit::Fraction), interval]);
    }
    table
}

fn speedup_chart(result: &LawsResult) -> Chart {
    let axis = |label: &str| Axis::new(label, Unit::Number).with_scale(Scale::Log2);
    let line = |name: &str, role: Role, of: fn(&SpeedupRow) -> f64| {
        Series::line(name, role, result.speedups.iter().map(|row| (f64::from(row.workers), of(row))))
    };
    let chart = Chart::new("Speed-up", axis("cores"), axis("speed-up"))
        .with(line("ideal", Role::Ideal, |row| f64::from(row.workers)))
        .with(line("Amdahl", Role::Fit, |row| row.amdahl))
        .with(line("Gustafson", Role::Other(0), |row| row.gustafson))
        .with(line("USL", Role::Other(1), |row| row.usl));
    match measured(&result.observations) {
        points if points.is_empty() => chart,
        points => chart.with(Series::points("measured", Role::Measured, points)),
    }
}

/// Returns the measured speed-ups, over the mean time on one worker.
fn measured(observations: &[festina_laws::Observation]) -> Vec<PlotPoint> {
    let base: Vec<f64> = observations.iter().filter(|o| o.p == 1.0).map(|o| o.time).collect();
    if base.is_empty() {
        return Vec::new();
    }
    let base = base.iter().sum::<f64>() / base.len() as f64;
    observations.iter().map(|o| PlotPoint::new(o.p, base / o.time)).collect()
}
