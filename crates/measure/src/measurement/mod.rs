//! What the samples say: estimates a point, speed-up within blocks, and what must not be said.

mod point;
mod speedup;
mod suspicion;

pub(crate) use point::describe;

use festina_run::Accounting;
use festina_types::{Estimate, Finding, Point, Sample, Seconds, Severity};
use serde::Serialize;

use crate::design::Sizes;
use crate::plan::distinct_sizes;
use crate::store::{Calibration, EndReason, Note, Request, StoredRun};
use crate::warm_up::warm_up_blocks;

/// All that was measured, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurements {
    /// What was asked for.
    pub request: Request,
    /// The sizes, on one worker where they grow with the workers: those asked for, or those that the search chose.
    pub sizes: Vec<f64>,
    /// Every run, in the order of execution; none is left out.
    pub samples: Vec<Sample>,
    /// One measurement a point, the smallest size first, then the fewest workers.
    pub points: Vec<Measurement>,
    /// How many leading blocks are warm-up, which no estimate uses.
    pub warm_up_blocks: u32,
    /// What the tool itself costs.
    pub calibration: Option<Calibration>,
    /// Whether the answers can be relied on.
    pub verdict: Verdict,
    /// What was noticed, on the way and in the samples.
    pub findings: Vec<Finding>,
    /// Why it ended; `None` if it was killed.
    pub end: Option<EndReason>,
}

/// What was measured at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Where.
    pub point: Point,
    /// All runs there, as indices into [`Measurements::samples`].
    pub samples: Vec<usize>,
    /// Those that the estimates are made of: finished, past the warm-up and undisturbed, or disturbed ones if there
    /// are no others or the design accepts them.
    pub used: Vec<usize>,
    /// Those of the used ones that lie far out, by their modified z-score. They stay in.
    pub outliers: Vec<usize>,
    /// How many finished runs were disturbed.
    pub disturbed: usize,
    /// The median elapsed time in seconds, with the interval of its order statistics.
    pub wall: Option<Estimate>,
    /// The median user time in seconds.
    pub user: Option<Estimate>,
    /// The median system time in seconds.
    pub system: Option<Estimate>,
    /// The median of the peak resident memory in bytes.
    pub peak_rss: Option<Estimate>,
    /// Where p · T went, on the average over the used runs.
    pub accounting: Option<Accounting>,
    /// The speed-up over the base, with its interval, or why there is none.
    pub speedup: Result<Speedup, Refusal>,
    /// Whether the answers were the reference's.
    pub verdict: Verdict,
}

/// A speed-up, paired within blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speedup {
    /// The point that it is over: the same size on one worker or, in weak scaling, the size of one worker.
    pub base: Point,
    /// S(p) = T(n, 1) / T(n, p); in weak scaling p · T(n₀, 1) / T(n(p), p).
    pub speedup: Estimate,
    /// S(p) / p.
    pub efficiency: Estimate,
    /// In how many blocks both ran.
    pub pairs: usize,
}

/// Why there is no speed-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A run gave another answer than the reference.
    Different {
        /// The first difference.
        first_difference: String,
    },
    /// Too many runs, here or at the base, were disturbed from outside.
    Disturbed {
        /// How many of the runs here and at the base.
        disturbed: usize,
        /// Of how many.
        runs: usize,
    },
    /// The base, the same work on one worker, was not measured.
    NoBase,
    /// No run here finished.
    NothingFinished {
        /// How the last one ended, if there was one.
        reason: String,
    },
}

/// Whether answers were the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// All that were compared are, within the tolerances.
    Same {
        /// How many were compared.
        compared: usize,
    },
    /// At least one is not.
    Different {
        /// How the first one differs.
        first_difference: String,
        /// How many differ.
        runs: usize,
    },
    /// It cannot be told: the reference itself varies, or is missing.
    Unsure {
        /// Why.
        reason: String,
    },
    /// Nothing was compared, as asked.
    Unchecked,
}

impl Measurements {
    /// Returns what the samples of `request` say; everything follows from the arguments alone.
    pub fn new(request: Request, samples: Vec<Sample>, notes: &[Note]) -> Self {
        let clean: Vec<&Sample> = samples.iter().filter(|s| s.contamination.is_empty()).collect();
        let all: Vec<&Sample> = samples.iter().collect();
        let warm_up_blocks = warm_up_blocks(if request.design.accept_noise { &all } else { &clean });
        let sizes = sizes_of(&request, notes);
        let context = Context { request: &request, samples: &samples, notes, warm_up_blocks, sizes: &sizes };
        let points = context.measurements();
        let calibration = notes.iter().find_map(|note| match note {
            Note::Calibrated(calibration) => Some(*calibration),
            _ => None,
        });
        let mut findings: Vec<Finding> = notes.iter().filter_map(noted_finding).collect();
        findings.extend(context.findings(&points, calibration));
        let verdict = overall(&points);
        let end = notes.iter().rev().find_map(|note| match note {
            Note::Ended { reason } => Some(*reason),
            _ => None,
        });
        Self { samples, points, warm_up_blocks, calibration, verdict, findings, end, request, sizes }
    }

    /// Returns what a stored run says, with what is wrong with its folder.
    pub fn from_stored(run: StoredRun) -> Self {
        let mut measurements = Self::new(run.request, run.samples, &run.notes);
        measurements.findings.extend(run.findings);
        if measurements.end.is_none() {
            let message =
                format!("run {} was cut off: {} runs are there", run.id, measurements.samples.len());
            measurements.findings.push(Finding::new(Severity::Note, "cut-off", message));
        }
        measurements
    }

    /// Returns the measurement at `point`.
    pub fn at(&self, point: Point) -> Option<&Measurement> {
        self.points.iter().find(|measurement| measurement.point == point)
    }
}

/// What the analysis looks at.
struct Context<'a> {
    request: &'a Request,
    samples: &'a [Sample],
    notes: &'a [Note],
    warm_up_blocks: u32,
    sizes: &'a [f64],
}

impl Context<'_> {
    /// Measures every point of the design, and those that only served as references.
    fn measurements(&self) -> Vec<Measurement> {
        let mut points = self.request.design.points(self.sizes);
        for sample in self.samples {
            if !points.contains(&sample.point) {
                points.push(sample.point);
            }
        }
        points.sort_by(|a, b| a.n.partial_cmp(&b.n).expect("sizes are numbers").then(a.p.cmp(&b.p)));
        let mut measurements: Vec<Measurement> = points.iter().map(|point| self.measure(*point)).collect();
        let speedups: Vec<_> = measurements.iter().map(|m| self.speedup(m, &measurements)).collect();
        for (measurement, speedup) in measurements.iter_mut().zip(speedups) {
            measurement.speedup = speedup;
        }
        measurements
    }
}

/// Returns the sizes: those asked for, or those that the search chose.
fn sizes_of(request: &Request, notes: &[Note]) -> Vec<f64> {
    let chosen = notes.iter().rev().find_map(|note| match note {
        Note::Sizes { sizes } => Some(sizes.clone()),
        _ => None,
    });
    match (&request.design.sizes, chosen) {
        (Sizes::Adaptive { start }, None) => vec![*start],
        (Sizes::Adaptive { .. }, Some(sizes)) => sizes,
        (given, _) => given.known().to_vec(),
    }
}

fn noted_finding(note: &Note) -> Option<Finding> {
    match note {
        Note::Finding { finding } => Some(finding.clone()),
        _ => None,
    }
}

/// The worst verdict of all points: different before unsure before same.
fn overall(points: &[Measurement]) -> Verdict {
    let different = points.iter().filter_map(|measurement| match &measurement.verdict {
        Verdict::Different { first_difference, runs } => Some((first_difference, runs)),
        _ => None,
    });
    let runs = different.clone().map(|(_, runs)| runs).sum();
    if let Some((first_difference, _)) = different.clone().next() {
        return Verdict::Different { first_difference: first_difference.clone(), runs };
    }
    let unsure = points.iter().find(|m| matches!(m.verdict, Verdict::Unsure { .. }));
    if let Some(measurement) = unsure {
        return measurement.verdict.clone();
    }
    let compared = points.iter().filter_map(|measurement| match measurement.verdict {
        Verdict::Same { compared } => Some(compared),
        _ => None,
    });
    match compared.sum() {
        0 => Verdict::Unchecked,
        compared => Verdict::Same { compared },
    }
}

/// Returns the elapsed times of `indices`.
fn walls(samples: &[Sample], indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|i| samples[*i].usage.wall.0).collect()
}

/// Writes a point for people: `n = 1000, p = 4`.
pub(crate) fn shown(point: Point) -> String {
    match point.n {
        Some(n) => format!("n = {}, p = {}", crate::template::format_size(n), point.p),
        None => format!("p = {}", point.p),
    }
}

/// Returns the sizes of the design's points, where several points have the same.
fn series(measurements: &[Measurement]) -> Vec<Option<f64>> {
    let points: Vec<Point> = measurements.iter().map(|m| m.point).collect();
    distinct_sizes(&points)
}

/// Returns the mean of `terms`.
fn mean(terms: impl Iterator<Item = Seconds> + Clone) -> Seconds {
    let count = terms.clone().count().max(1) as f64;
    Seconds(terms.map(|term| term.0).sum::<f64>() / count)
}

#[cfg(test)]
mod tests;
