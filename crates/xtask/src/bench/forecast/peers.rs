//! What forecasts are compared with: laws fitted the usual way, and Extra-P.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use festina_laws::Observation;
use festina_laws::fit::{LinearFit, Weighting};
use festina_laws::floor::{FloorGrowth, Tolerance};
use serde::{Deserialize, Serialize};

use super::cases::Case;
use super::series::Kind;

/// A way to forecast: from measured places and times to the times elsewhere.
type Forecaster = fn(&[f64], &[f64], &[f64]) -> Vec<f64>;

/// Returns the laws that apply to a kind of series, each with its name.
pub(crate) fn laws(kind: Kind) -> &'static [(&'static str, Forecaster)] {
    match kind {
        Kind::Strong => &[
            ("Amdahl", |x, t, at| relative(x, t, at, |p| [1.0, 1.0 / p, 0.0], false)),
            ("Amdahl anchored", |x, t, at| relative(x, t, at, |p| [1.0, 1.0 / p, 0.0], true)),
            ("Amdahl, last two points", last_two),
            ("Amdahl + log p", |x, t, at| relative(x, t, at, |p| [1.0, 1.0 / p, p.log2()], false)),
            ("USL", |x, t, at| relative(x, t, at, |p| [1.0, 1.0 / p, p], false)),
            ("Karp–Flatt last", karp_flatt),
            ("last slope", last_slope),
            ("power law", power_law),
            ("ideal", |x, t, at| at.iter().map(|p| t[0] * x[0] / p).collect()),
        ],
        Kind::Weak => &[
            ("1 + log p + p", |x, t, at| relative(x, t, at, |p| [1.0, p.log2(), p], false)),
            ("last slope", last_slope),
            ("power law", power_law),
            ("ideal", |_, t, at| vec![t[0]; at.len()]),
        ],
        Kind::Size => &[
            ("Google Benchmark", google_benchmark),
            ("last slope", last_slope),
            ("power law", power_law),
            ("n log n anchored", |x, t, at| anchored(x, t, at, |n| n * n.log2())),
            ("n anchored", |x, t, at| anchored(x, t, at, |n| n)),
            ("ready's floor and power", floor_and_power),
        ],
    }
}

/// A non-negative sum of terms, fitted to relative errors.
fn relative(x: &[f64], t: &[f64], at: &[f64], row: fn(f64) -> [f64; 3], is_anchored: bool) -> Vec<f64> {
    let rows: Vec<[f64; 3]> = x.iter().map(|&x| row(x)).collect();
    let Ok(fit) = LinearFit::new(&rows, t, Weighting::Relative) else { return vec![f64::NAN; at.len()] };
    let last = x.len() - 1;
    let factor = if is_anchored { t[last] / fit.predict(rows[last]) } else { 1.0 };
    at.iter().map(|&x| fit.predict(row(x)) * factor).collect()
}

/// The serial fraction from the first and the last point.
fn karp_flatt(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let last = x.len() - 1;
    let (workers, speedup) = (x[last] / x[0], t[0] / t[last]);
    let serial = ((1.0 / speedup - 1.0 / workers) / (1.0 - 1.0 / workers)).max(0.0);
    at.iter().map(|p| t[0] * (serial + (1.0 - serial) * x[0] / p)).collect()
}

/// Amdahl's law through the last two points; a serial or a parallel part that would be negative is none.
fn last_two(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let last = x.len() - 1;
    let (before, end) = (1.0 / x[last - 1], 1.0 / x[last]);
    let parallel = ((t[last - 1] - t[last]) / (before - end)).clamp(0.0, t[last] / end);
    let serial = t[last] - parallel * end;
    at.iter().map(|p| serial + parallel / p).collect()
}

fn last_slope(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let last = x.len() - 1;
    let slope = (t[last] / t[last - 1]).ln() / (x[last] / x[last - 1]).ln();
    at.iter().map(|a| t[last] * (a / x[last]).powf(slope)).collect()
}

fn power_law(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let count = x.len() as f64;
    let mean = |values: &[f64]| values.iter().map(|value| value.ln()).sum::<f64>() / count;
    let (center_x, center_t) = (mean(x), mean(t));
    let covariance: f64 = x.iter().zip(t).map(|(x, t)| (x.ln() - center_x) * (t.ln() - center_t)).sum();
    let variance: f64 = x.iter().map(|x| (x.ln() - center_x).powi(2)).sum();
    at.iter().map(|a| (center_t + covariance / variance * (a.ln() - center_x)).exp()).collect()
}

fn anchored(x: &[f64], t: &[f64], at: &[f64], growth: fn(f64) -> f64) -> Vec<f64> {
    let last = x.len() - 1;
    at.iter().map(|&a| t[last] * growth(a) / growth(x[last])).collect()
}

/// What `festina ready` forecasts programs with, of which small runs are mostly start-up.
fn floor_and_power(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let observation = |(n, time): (&f64, &f64)| Observation { n: Some(*n), ..Observation::new(1.0, *time) };
    let observations: Vec<Observation> = x.iter().zip(t).map(observation).collect();
    let Ok(growth) = FloorGrowth::fit(&observations, Tolerance::TIME) else {
        return vec![f64::NAN; at.len()];
    };
    at.iter().map(|n| growth.forecast(*n, 0.9).map_or(f64::NAN, |forecast| forecast.value)).collect()
}

/// The complexity with the least root mean square, one coefficient, absolute errors: as Google Benchmark fits.
fn google_benchmark(x: &[f64], t: &[f64], at: &[f64]) -> Vec<f64> {
    let classes: [fn(f64) -> f64; 6] =
        [|_| 1.0, f64::log2, |n| n, |n| n * n.log2(), |n| n.powi(2), |n| n.powi(3)];
    let fit = |growth: fn(f64) -> f64| {
        let product: f64 = x.iter().zip(t).map(|(&x, t)| growth(x) * t).sum();
        let square: f64 = x.iter().map(|&x| growth(x).powi(2)).sum();
        let coefficient = product / square;
        let lack: f64 = x.iter().zip(t).map(|(&x, t)| (t - coefficient * growth(x)).powi(2)).sum();
        (lack, coefficient, growth)
    };
    let fits = classes.into_iter().map(fit);
    match fits.min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, coefficient, growth)) => at.iter().map(|&a| coefficient * growth(a)).collect(),
        None => Vec::new(),
    }
}

/// What Extra-P made of all cases.
#[derive(Debug, Deserialize)]
pub(crate) struct ExtraP {
    pub(crate) version: String,
    /// For each method and case; `None` where the method does not apply.
    pub(crate) methods: std::collections::BTreeMap<String, Vec<Option<ExtraPForecasts>>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExtraPForecasts {
    /// `None` where it failed.
    pub(crate) forecasts: Vec<Option<f64>>,
    pub(crate) cpu_s: f64,
}

#[derive(Serialize)]
struct ExtraPCase<'a> {
    x: &'a [f64],
    time: &'a [f64],
    at: &'a [f64],
    is_strong: bool,
}

/// Runs Extra-P on the cases, after installing it with pip into a virtual environment under `target/`.
pub(crate) fn extra_p(cases: &[Case]) -> Result<ExtraP> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = install(&root.join("target/peers/extrap"))?;
    let input: Vec<ExtraPCase<'_>> = cases
        .iter()
        .map(|case| ExtraPCase {
            x: &case.x,
            time: &case.time,
            at: &case.at,
            is_strong: case.kind == Kind::Strong,
        })
        .collect();
    let mut child = Command::new(python)
        .arg(root.join("bench/forecast/extrap_peer.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start Extra-P")?;
    let mut stdin = child.stdin.take().context("Extra-P has no standard input")?;
    stdin.write_all(&serde_json::to_vec(&input)?).context("failed to write to Extra-P")?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "Extra-P ended with {}", output.status);
    // Python writes NaN and Infinity, which JSON has not.
    let text = String::from_utf8(output.stdout)?.replace("-Infinity", "null");
    serde_json::from_str(&text.replace("Infinity", "null").replace("NaN", "null"))
        .context("failed to read what Extra-P wrote")
}

fn install(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    if !python.exists() {
        eprintln!("installing Extra-P into {}", folder.display());
        succeed(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "extrap==4.2.5"]))?;
    }
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
