//! A report such as `festina scale` makes: measured on 1 to 8 workers, forecast to 64.

use festina_report::{
    Axis, Block, Cell, Chart, Column, Mark, PlotPoint, Report, Role, Scale, Series, Span, Table, Tone, Unit,
};
use festina_types::{Finding, Severity};

/// T(p) = 52.1 s · (0.06 + 0.94 / p), the law behind the sample.
fn time(p: f64) -> f64 {
    52.1 * (0.06 + 0.94 / p)
}

fn speed_up(p: f64) -> f64 {
    time(1.0) / time(p)
}

/// Measured deviations from the law, as factors on time.
const MEASURED: [(f64, f64); 6] =
    [(1.0, 1.0), (2.0, 1.012), (3.0, 0.993), (4.0, 1.018), (6.0, 0.99), (8.0, 1.009)];

/// Returns p from `low` to `high` in even ratios.
fn sweep(low: f64, high: f64, count: u32) -> impl Iterator<Item = f64> {
    (0..=count).map(move |i| low * (high / low).powf(f64::from(i) / f64::from(count)))
}

/// Half-width of the band at p as an exponent: nothing within 8 workers, more beyond.
fn doubt(p: f64) -> f64 {
    0.02 + 0.12 * (p / 8.0).log2().max(0.0)
}

fn workers() -> Axis {
    Axis::new("workers", Unit::Number).with_scale(Scale::Log2)
}

/// Speed-up with fit, forecast, band and ideal.
pub(crate) fn speed_up_chart() -> Chart {
    let points = MEASURED.map(|(p, factor)| {
        let s = speed_up(p) / factor;
        PlotPoint::new(p, s).with_spread(s * 0.96, s * 1.035).with_tooltip("12 runs")
    });
    Chart::new(
        "Speed-up",
        workers(),
        Axis::new("speed-up over one worker", Unit::Number).with_scale(Scale::Log2),
    )
    .with(Series::line("ideal", Role::Ideal, [(1.0, 1.0), (64.0, 64.0)]))
    .with(Series::band(
        "90 % band",
        Role::Forecast,
        sweep(1.0, 64.0, 48)
            .map(|p| (p, speed_up(p) * (-doubt(p)).exp(), (speed_up(p) * doubt(p).exp()).min(p))),
    ))
    .with(Series::line("Amdahl, fitted", Role::Fit, sweep(1.0, 8.0, 24).map(|p| (p, speed_up(p)))))
    .with(Series::line("forecast", Role::Forecast, sweep(8.0, 64.0, 24).map(|p| (p, speed_up(p)))))
    .with(Series::points("measured, median and 95 % interval", Role::Measured, points))
    .with_mark(Mark::beyond(8.0, "extrapolated"))
    .with_caption("Beyond 8 workers nothing was measured: the band widens with the distance.")
}

/// Time over n on logarithmic axes.
pub(crate) fn growth_chart() -> Chart {
    let law = |n: f64| 0.02 + 2.1e-8 * n * n.log2();
    let points =
        sweep(1e4, 1e6, 6).map(|n| PlotPoint::new(n, law(n) * 1.02).with_spread(law(n) * 0.97, law(n) * 1.1));
    let n = Axis::new("n", Unit::Other("rows".into())).with_scale(Scale::Log10);
    Chart::new(
        "Time over problem size",
        n,
        Axis::new("time on one worker", Unit::Seconds).with_scale(Scale::Log10),
    )
    .with(Series::band(
        "90 % band",
        Role::Forecast,
        sweep(1e4, 1e8, 48).map(|n| {
            let doubt = 0.05 + 0.1 * (n / 1e6).log10().max(0.0);
            (n, law(n) / (1.0 + doubt), law(n) * (1.0 + doubt))
        }),
    ))
    .with(Series::line("0.02 s + 21 ns · n · log₂ n", Role::Fit, sweep(1e4, 1e8, 60).map(|n| (n, law(n)))))
    .with(Series::points("measured", Role::Measured, points))
    .with_mark(Mark::vertical(1e6, "measured up to here"))
}

/// Efficiency as bars.
pub(crate) fn efficiency_chart() -> Chart {
    let axis = Axis::new("efficiency", Unit::Fraction).with_range(0.0, 1.0);
    Chart::new("Efficiency", Axis::new("workers", Unit::Number), axis).with(Series::bars(
        "measured",
        Role::Measured,
        MEASURED.map(|(p, factor)| (p, speed_up(p) / factor / p)),
    ))
}

/// Peak memory below its limit.
pub(crate) fn memory_chart() -> Chart {
    let memory = |p: f64| 1.2e9 + 3.1e8 * p;
    Chart::new("Peak memory", workers(), Axis::new("peak memory", Unit::Bytes))
        .with(Series::line(
            "fit: 1.12 GiB + 296 MiB · p",
            Role::Fit,
            sweep(1.0, 16.0, 40).map(|p| (p, memory(p))),
        ))
        .with(Series::points(
            "measured",
            Role::Measured,
            MEASURED.map(|(p, f)| PlotPoint::new(p, memory(p) * f)),
        ))
        .with_mark(Mark::horizontal(7.5e9, "memory of this machine"))
        .with_mark(Mark::vertical(8.0, "measured up to here"))
}

/// Tasks on slots, one after another as slots become free; every 23rd fails early.
pub(crate) fn timeline_chart(slots: u32, tasks: u32) -> Chart {
    let mut free = vec![0.0_f64; slots as usize];
    let (mut finished, mut failed) = (Vec::new(), Vec::new());
    for task in 0..tasks {
        let next = (0..slots as usize).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
        let fails = task % 23 == 11;
        let long = 1.5 + f64::from(task * 7919 % 97) / 12.0;
        let from = free[next] + 0.05;
        let to = from + if fails { 0.3 * long } else { long };
        free[next] = to;
        let span = Span::new(next as u32, from, to);
        if fails {
            failed.push(span.with_tooltip(format!("task {task}, exit code 1")));
        } else {
            finished.push(span.with_tooltip(format!("task {task}")));
        }
    }
    let names = (1..=slots).map(|slot| format!("slot {slot}"));
    Chart::new("What each slot did", Axis::new("time since the start", Unit::Seconds), Axis::lanes("", names))
        .with(Series::spans("finished", Role::Measured, finished))
        .with(Series::spans("failed", Role::Limit, failed))
}

/// The cell of a square of `side` (a power of two) that Hilbert's curve visits after `steps` others.
fn hilbert(side: u32, mut steps: u32) -> (u32, u32) {
    let (mut x, mut y, mut size) = (0, 0, 1);
    while size < side {
        let right = (steps / 2) & 1;
        let up = (steps ^ right) & 1;
        if up == 0 {
            if right == 1 {
                (x, y) = (size - 1 - x, size - 1 - y);
            }
            (x, y) = (y, x);
        }
        (x, y) = (x + size * right, y + size * up);
        steps /= 4;
        size *= 2;
    }
    (x, y)
}

/// A closed tour through `cities` places of a region of 1000 by 700 km, along Hilbert's curve.
pub(crate) fn tour_chart(cities: u32) -> Chart {
    let side = f64::from(2 * cities).sqrt().ceil() as u32;
    let side = side.next_power_of_two();
    let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let at = |i: u32| {
        let steps = u64::from(i) * u64::from(side).pow(2) / u64::from(cities);
        let (x, y) = hilbert(side, steps as u32);
        let place = |at: u32, i: u32| (f64::from(at) + 0.9 * noise(i)) / f64::from(side);
        (1000.0 * place(x, i), 700.0 * place(y, i + 77))
    };
    let km = |label: &str| Axis::new(label, Unit::Other("km".into()));
    let start = [PlotPoint::new(at(0).0, at(0).1).with_tooltip("start")];
    Chart::new("The best tour found", km("east"), km("north"))
        .with_equal_scales()
        .with(Series::line("tour", Role::Measured, (0..cities).chain([0]).map(at)))
        .with(Series::points("city", Role::Fit, (0..cities).map(at).map(|(x, y)| PlotPoint::new(x, y))))
        .with(Series::points("start", Role::Limit, start))
}

/// The measured points.
pub(crate) fn points_table() -> Table {
    let mut table = Table::new([
        Column::number("p", Unit::Number),
        Column::number("time", Unit::Seconds).emphasized(),
        Column::number("95 % interval", Unit::Seconds),
        Column::number("speed-up", Unit::Number).emphasized(),
        Column::number("efficiency", Unit::Fraction),
        Column::number("peak memory", Unit::Bytes),
        Column::text("result"),
    ])
    .with_caption("Median of 12 runs, largest p last");
    for (p, factor) in MEASURED {
        let t = time(p) * factor;
        let efficiency = speed_up(p) / factor / p;
        table.row([
            Cell::number(p),
            Cell::seconds(t),
            Cell::text(Unit::Seconds.format_interval(t * 0.97, t * 1.04)),
            Cell::value((speed_up(p) / factor * 100.0).round() / 100.0, &Unit::Number),
            Cell::fraction(efficiency).with_tone(if efficiency < 0.7 { Tone::Bad } else { Tone::Plain }),
            Cell::bytes(1.2e9 + 3.1e8 * p),
            if p == 1.0 {
                Cell::text("reference").with_tone(Tone::Muted)
            } else {
                Cell::text("same").with_tone(Tone::Good)
            },
        ]);
    }
    table.footnote("Every run gave the bytes of the reference run.");
    table
}

/// What was not measured.
pub(crate) fn forecast_table() -> Table {
    let mut table = Table::new([
        Column::number("p", Unit::Number),
        Column::number("time", Unit::Seconds).emphasized(),
        Column::number("90 % interval", Unit::Seconds),
        Column::number("speed-up", Unit::Number),
        Column::number("core-hours", Unit::Number),
        Column::text("basis"),
    ])
    .with_caption("Amdahl’s law, fitted to what was measured");
    for p in [16.0_f64, 32.0, 64.0] {
        let t = time(p);
        table.row([
            Cell::number(p),
            Cell::seconds(t),
            Cell::text(Unit::Seconds.format_interval(t * (-doubt(p)).exp(), t * doubt(p).exp())),
            Cell::number((speed_up(p) * 100.0).round() / 100.0),
            Cell::number((t * p / 36.0).round() / 100.0),
            Cell::text(format!("extrapolated {}×", p / 8.0)).with_tooltip("beyond the largest p measured"),
        ]);
    }
    table
}

/// The whole report.
pub(crate) fn report() -> Report {
    Report::new("32 workers would give a speed-up of 11.2 (8.7 – 14.4)")
        .with_subtitle("festina scale --n 1e4..1e6 -- `python train.py --rows {n} --jobs {p}`")
        .with(Block::paragraph(
            "On 8 workers this program runs 5.59 times as fast as on one. 6 % of its time stays serial, so no number of \
             workers gives more than 16.7. Every run gave the same answer.",
        ))
        .with(speed_up_chart())
        .with(growth_chart())
        .with(memory_chart())
        .with(Block::heading("Measured"))
        .with(points_table())
        .with(Block::heading("Forecast"))
        .with(forecast_table())
        .with(efficiency_chart())
        .with(Block::heading("Findings"))
        .with(vec![
            Finding::new(
                Severity::Warning,
                "noisy-machine",
                "2 of 72 runs waited more than 2 % of their time for a core; they were measured again",
            )
            .with_hint("stop other load, or bind the run with `taskset`"),
            Finding::new(Severity::Note, "extrapolated", "32 workers are 4 times what was measured")
                .with_hint("`festina scale --p 16` on a larger machine would halve the band"),
            Finding::new(Severity::Error, "different-result", "on 12 workers line 3 differs: 0.1342 is not 0.1341"),
        ])
        .with(Block::details(
            "How it was measured",
            [
                Block::paragraph("72 runs in 12 randomised blocks; the first block was warm-up and isn't counted."),
                Block::key_values([("seed", "1"), ("estimator", "median"), ("budget", "10m")]),
            ],
        ))
}
