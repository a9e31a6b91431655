//! `cargo xtask bench forecast`: forecasts on published series, beside the usual laws and Extra-P.
//!
//! The small part of each series is given, the large part asked for; the median of the repeats at a point counts
//! as its time. The method called `festina` is what users get: `Model::fit` and `Model::forecast`. `--derive`
//! learns the shipped constants anew from the folder and judges them leaving out one application at a time: those
//! are the figures to quote for data that the constants were learned from. Without it, the shipped constants are
//! judged: right for data that they were not learned from.

mod cases;
mod derive;
mod goals;
mod peers;
mod score;
mod series;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use festina_laws::forecast::Calibration;
use serde::Serialize;

use super::page::Section;
use cases::Case;
use score::{LEVEL, Scored, Summary};
use series::{Kind, median};

#[derive(Debug, Default)]
struct Arguments {
    data: PathBuf,
    json: Option<PathBuf>,
    peers: bool,
    derive: bool,
    save: bool,
}

/// Runs the benchmark.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let arguments = parse(arguments)?;
    let (series, left_out) = series::read_folder(&arguments.data)?;
    println!("{} series; {left_out} left out: their repeats differ by more than 1.6×", series.len());
    let cases = cases::all(&series);
    let (mut scored, seconds) = forecast_all(&cases)?;
    if arguments.derive {
        let derived = derive::derive(&series)?;
        scored = derive::leave_one_out(&cases, &derived)?;
        derive::print(&derived.all);
        println!("\nfestina: constants learned without the application that is forecast");
    }
    scored.extend(laws(&cases));
    if arguments.peers {
        scored.extend(extra_p(&cases)?);
    }
    for kind in Kind::ALL {
        print_kind(kind, &scored);
    }
    print_speed(&mut seconds.clone());
    if arguments.save {
        section(&scored, &mut seconds.clone(), series.len()).save("forecast")?;
    }
    match arguments.json {
        Some(path) => write_json(&path, &scored, seconds),
        None => Ok(()),
    }
}

fn parse(arguments: &[String]) -> Result<Arguments> {
    let mut parsed = Arguments::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value =
            || rest.next().with_context(|| format!("{argument} needs a value")).map(PathBuf::from);
        match argument.as_str() {
            "--data" => parsed.data = value()?,
            "--json" => parsed.json = Some(value()?),
            "--peers" => parsed.peers = true,
            "--derive" => parsed.derive = true,
            "--save" => parsed.save = true,
            other => {
                bail!("unknown argument `{other}`; known: --data DIR, --json FILE, --peers, --derive, --save")
            }
        }
    }
    if parsed.data.as_os_str().is_empty() {
        bail!("--data DIR is missing: the folder with the CSV files");
    }
    Ok(parsed)
}

/// Each case is timed so often, and its shortest time counts: the rest is what other programs took.
const TIMINGS: usize = 5;

/// Forecasts all cases with the shipped constants; also returns the seconds that each took.
fn forecast_all(cases: &[Case]) -> Result<(Vec<Scored>, Vec<f64>)> {
    let calibration = Calibration::published();
    let mut scored = Vec::new();
    let mut seconds = Vec::new();
    for case in cases {
        let (of_case, took) = score::ours("festina", case, &calibration, LEVEL)?;
        scored.extend(of_case);
        let again = (1..TIMINGS).map(|_| Ok(score::ours("festina", case, &calibration, LEVEL)?.1));
        seconds.push(again.collect::<Result<Vec<f64>>>()?.into_iter().fold(took, f64::min));
    }
    Ok((scored, seconds))
}

fn laws(cases: &[Case]) -> Vec<Scored> {
    let mut scored = Vec::new();
    for case in cases {
        for (name, forecast) in peers::laws(case.kind) {
            let forecasts = forecast(&case.x, &case.time, &case.at).into_iter().enumerate();
            scored.extend(forecasts.map(|(i, forecast)| Scored::new(name, case, i, forecast)));
        }
    }
    scored
}

fn extra_p(cases: &[Case]) -> Result<Vec<Scored>> {
    let peer = peers::extra_p(cases)?;
    println!("Extra-P {}", peer.version);
    let mut scored = Vec::new();
    for (name, of_cases) in &peer.methods {
        let mut seconds: Vec<f64> = of_cases.iter().flatten().map(|one| one.cpu_s).collect();
        println!("{name}: {:.0} µs a series (median, CPU)", 1e6 * median(&mut seconds));
        for (case, forecasts) in cases.iter().zip(of_cases) {
            let forecasts = forecasts.iter().flat_map(|one| &one.forecasts).enumerate();
            scored.extend(
                forecasts.map(|(i, forecast)| Scored::new(name, case, i, forecast.unwrap_or(f64::NAN))),
            );
        }
    }
    Ok(scored)
}

/// Returns the methods' figures for docs/benchmarks.md, splits by a factor only.
fn section(scored: &[Scored], seconds: &mut [f64], series: usize) -> Section {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for split in cases::splits(kind) {
            let of_split = |one: &&Scored| one.kind == kind.name() && one.split == split;
            for method in score::methods(scored.iter().filter(of_split)) {
                let summary = Summary::of(scored.iter().filter(of_split).filter(|one| one.method == method));
                rows.push(section_row(kind, split, method, &summary));
            }
        }
    }
    let (median, worst) = (series::quantile(seconds, 0.5), series::quantile(seconds, 1.0));
    Section {
        title: "Forecasts of published series".to_owned(),
        order: 10,
        protocol: format!(
            "{series} published series (`cargo xtask bench forecast --data DIR`); the part up to the largest p (or n) by f is \
             given, the rest asked for: absolute percentage errors, forecasts that are not positive, and the coverage and \
             median half-width of the 90 % bands. festina's constants were learned without the application that is forecast."
        ),
        columns: [
            "kind",
            "split",
            "method",
            "forecasts",
            "median, %",
            "p90, %",
            "≤ 0 or NaN",
            "covered, %",
            "half-width",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        notes: goals::missed(scored)
            .into_iter()
            .chain([format!(
            "Fit, forecasts and bands of a series, the shortest of {TIMINGS} times: median {:.0} µs, worst {:.0} µs (goal: under 2 ms).",
            1e6 * median,
            1e6 * worst
        )])
            .collect(),
    }
}

fn section_row(kind: Kind, split: &str, method: &str, summary: &Summary) -> Vec<String> {
    let name = if method == "festina" { "**festina**" } else { method };
    vec![
        kind.name().to_owned(),
        split.to_owned(),
        name.to_owned(),
        summary.forecasts.to_string(),
        format!("{:.1}", summary.median),
        format!("{:.1}", summary.p90),
        summary.impossible.to_string(),
        summary.coverage.map_or(String::new(), |share| format!("{:.1}", 100.0 * share)),
        summary.half_width.map_or(String::new(), |factor| format!("×{factor:.2}")),
    ]
}

fn print_kind(kind: Kind, scored: &[Scored]) {
    let of_kind: Vec<&Scored> = scored.iter().filter(|one| one.kind == kind.name()).collect();
    if of_kind.is_empty() {
        return;
    }
    for split in cases::splits(kind) {
        let of_split: Vec<&Scored> = of_kind.iter().copied().filter(|one| one.split == split).collect();
        if of_split.is_empty() {
            continue;
        }
        println!("\n{} scaling, {split}", kind.name());
        print_header("method");
        for method in score::methods(of_split.iter().copied()) {
            print_row(method, &Summary::of(of_split.iter().copied().filter(|one| one.method == method)));
        }
    }
    println!("\n{} scaling, festina by application (all splits by a factor)", kind.name());
    print_header("application");
    let ours =
        || of_kind.iter().copied().filter(|one| one.method == "festina" && !one.split.starts_with('{'));
    for application in score::applications(ours()) {
        print_row(application, &Summary::of(ours().filter(|one| one.application == application)));
    }
    print_row("all", &Summary::of(ours()));
}

fn print_header(first: &str) {
    println!(
        "{first:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "forecasts", "median %", "p90 %", "≤0/NaN", "cover %", "half-width"
    );
}

fn print_row(name: &str, summary: &Summary) {
    let Summary { forecasts, median, p90, impossible, coverage, half_width } = summary;
    let coverage = coverage.map_or(String::new(), |share| format!("{:.1}", 100.0 * share));
    let half_width = half_width.map_or(String::new(), |factor| format!("×{factor:.2}"));
    println!(
        "{name:<20}{forecasts:>10}{median:>10.1}{p90:>10.1}{impossible:>10}{coverage:>10}{half_width:>12}"
    );
}

fn print_speed(seconds: &mut [f64]) {
    let (median, worst) = (series::quantile(seconds, 0.5), series::quantile(seconds, 1.0));
    println!(
        "\nfit, forecasts and bands of a series: median {:.0} µs, worst {:.0} µs",
        1e6 * median,
        1e6 * worst
    );
}

fn write_json(path: &std::path::Path, scored: &[Scored], seconds: Vec<f64>) -> Result<()> {
    #[derive(Serialize)]
    struct Output<'a> {
        schema: u32,
        level: f64,
        forecasts: &'a [Scored],
        seconds_a_series: Vec<f64>,
    }
    let output = Output { schema: 1, level: LEVEL, forecasts: scored, seconds_a_series: seconds };
    let text = serde_json::to_vec_pretty(&output)?;
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}
