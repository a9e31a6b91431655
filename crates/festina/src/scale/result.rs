//! What a scaling measurement found: plain data, the JSON schema `festina.scale/1`.

use festina_laws::diagnosis::Diagnosis;
use festina_laws::forecast::Member;
use festina_laws::growth::Term;
pub use festina_measure::Verdict;
use festina_types::{Estimate, Finding, Interval};
use serde::Serialize;

use crate::{Versioned, versioned};

/// What a scaling measurement found.
#[derive(Clone, Debug, Serialize)]
pub struct ScaleResult {
    /// Where it came from.
    pub provenance: Provenance,
    /// Whether the answers were the reference's.
    pub verdict: Verdict,
    /// What was measured, the smallest size first, then the fewest workers.
    pub points: Vec<PointResult>,
    /// How the time falls with p, one entry a size with several numbers of workers.
    pub scaling: Vec<ScalingResult>,
    /// How the time grows with n, at the fewest workers with several sizes.
    pub growth: Option<GrowthResult>,
    /// How the peak memory grows with n.
    pub memory: Option<MemoryResult>,
    /// What was asked for beyond the measured points.
    pub forecasts: Vec<ForecastResult>,
    /// The forecast along an axis, for drawing.
    pub curves: Vec<Curve>,
    /// Where more workers stop being worth it.
    pub best_workers: Option<BestWorkers>,
    /// Time against cost, at the largest measured size.
    pub costs: Vec<CostRow>,
    /// The measurement that would sharpen the forecasts most.
    pub next: Option<NextMeasurement>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

impl ScaleResult {
    /// Returns the result as JSON of the schema `festina.scale/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.scale/1", self)
    }
}

/// Where a result came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The run's name in the state folder.
    pub run: String,
    /// The version of festina that measured.
    pub festina: String,
    /// The command as it was given.
    pub command: String,
    /// When, in seconds since the Unix epoch.
    pub created_at_unix_s: f64,
    /// The seed of the order of runs.
    pub seed: u64,
    /// The processor, kernel and available parallelism, in words.
    pub machine: String,
    /// How many runs there were.
    pub runs: usize,
    /// How many of the leading blocks were warm-up, which no estimate uses.
    pub warm_up_blocks: u32,
}

/// What was measured at a point. Times are medians, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct PointResult {
    /// The size; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: u32,
    /// The size on one worker that it grew from, in weak scaling; `None` elsewhere.
    pub grown_from: Option<f64>,
    /// How many runs there were.
    pub runs: usize,
    /// How many of them the estimates use.
    pub used: usize,
    /// How many finished runs were disturbed from outside.
    pub disturbed: usize,
    /// How many of the used runs lie far out; they stay in.
    pub outliers: usize,
    /// The elapsed time.
    pub time_s: Option<Estimate>,
    /// Each used run's elapsed time, in the order of execution.
    pub times_s: Vec<f64>,
    /// CPU time in user mode of all processes.
    pub user_s: Option<Estimate>,
    /// CPU time in the kernel of all processes.
    pub system_s: Option<Estimate>,
    /// The largest resident memory of all processes together, in bytes.
    pub peak_rss_bytes: Option<Estimate>,
    /// The speed-up over the base, paired within blocks; `None` where it is refused.
    pub speedup: Option<Estimate>,
    /// The speed-up by p.
    pub efficiency: Option<Estimate>,
    /// Why there is no speed-up.
    pub refusal: Option<String>,
    /// Whether the answers were the reference's.
    pub verdict: Verdict,
    /// Where p · T went, in worker-seconds.
    pub accounting: Option<AccountingResult>,
}

/// Where the worker-seconds p · T of a run went; the terms sum to p · T.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AccountingResult {
    /// CPU time in user mode.
    pub user_s: f64,
    /// CPU time in the kernel.
    pub system_s: f64,
    /// Threads were ready, and other processes had the CPU.
    pub run_delay_s: f64,
    /// The hypervisor had the CPU.
    pub steal_s: f64,
    /// Threads waited for something else: a lock, I/O, sleep.
    pub blocked_s: f64,
    /// There was no thread for the worker's CPU.
    pub unused_s: f64,
}

/// How the time of one size falls with the workers.
#[derive(Clone, Debug, Serialize)]
pub struct ScalingResult {
    /// The size; `None` where the workload has none. Where it grows with p, that on one worker if there are several.
    pub n: Option<f64>,
    /// Whether the size grows with the workers.
    pub weak: bool,
    /// The parameters of the fitted laws.
    pub parameters: Vec<crate::LawParameter>,
    /// The serial fraction after Karp and Flatt, and what its trend says.
    pub diagnosis: Option<Diagnosis>,
    /// The number of workers beyond which the time rises, where the data show that there is one.
    pub peak: Option<Estimate>,
}

/// How the time grows with the size.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthResult {
    /// The number of workers it was measured at.
    pub p: u32,
    /// The most likely term nᵃ · log₂ᵇ n.
    pub term: Term,
    /// The term in words.
    pub law: String,
    /// Its probability among those searched.
    pub probability: f64,
    /// The time that does not grow, in seconds.
    pub floor_s: Option<Estimate>,
    /// The slope of ln T over ln n: the exponent that was seen.
    pub exponent: Estimate,
    /// The growth in words, with the range it was seen over.
    pub description: String,
}

/// How the peak memory grows with the size.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryResult {
    /// The mean exponent c of n^c, each candidate counted by its weight; `None` where memory hardly grows over the
    /// measured sizes.
    pub exponent: Option<f64>,
    /// The memory limit asked about, in bytes.
    pub limit_bytes: Option<u64>,
    /// The largest size that stays within the limit with probability 0.95.
    pub largest_size: Option<f64>,
}

/// What was asked for at a point.
#[derive(Clone, Debug, Serialize)]
pub struct ForecastResult {
    /// The size; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: u32,
    /// The elapsed time in seconds, with its 90 % band; `None` where the data cannot carry a forecast.
    pub time_s: Option<Estimate>,
    /// The speed-up over the measured time on one worker at this size, with the band of the forecast.
    pub speedup: Option<Estimate>,
    /// Whether it lies outside of what was measured.
    pub extrapolated: bool,
    /// How many times beyond the measured sizes it lies.
    pub extrapolation_factor_n: f64,
    /// How many times beyond the measured workers it lies.
    pub extrapolation_factor_p: f64,
    /// The laws that it rests on, the heaviest first.
    pub basis: Vec<Member>,
    /// By what factor the leading laws differ there.
    pub disagreement: f64,
    /// The peak memory in bytes.
    pub peak_rss_bytes: Option<Estimate>,
    /// The probability that it needs more memory than the limit asked about.
    pub out_of_memory_probability: Option<f64>,
    /// Why there is no forecast.
    pub refusal: Option<String>,
}

/// Where more workers stop being worth it, at the largest measured size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BestWorkers {
    /// The largest number of workers that was looked at.
    pub limit: u32,
    /// The number of workers with the shortest time forecast up to the limit.
    pub fastest: u32,
    /// Where it lies with the level of bands, the limit standing for all beyond it; `None` where the measurements do
    /// not tell.
    pub fastest_interval: Option<Interval>,
    /// The largest number of workers with a forecast efficiency of at least one half.
    pub efficient: u32,
}

/// Time against cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostRow {
    /// The number of workers.
    pub p: u32,
    /// The elapsed time in seconds.
    pub time_s: f64,
    /// Its 90 % band.
    pub interval: Interval,
    /// p · T in core-hours.
    pub core_hours: f64,
    /// Core-hours times their price, where one was given.
    pub price: Option<f64>,
    /// Whether it lies outside of what was measured.
    pub extrapolated: bool,
}

/// A measurement that would sharpen a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextMeasurement {
    /// The size; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: u32,
    /// Why, in words.
    pub reason: String,
}

/// The forecast along one axis, through what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The size, where the axis is p and the workload has one; where it grows with p, that on one worker.
    pub n: Option<f64>,
    /// The number of workers, where the axis is n.
    pub p: Option<u32>,
    /// The curve, ascending.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The number of workers, or the size.
    pub at: f64,
    /// The elapsed time in seconds.
    pub time_s: f64,
    /// The lower end of the 90 % band.
    pub lower_s: f64,
    /// The upper end of the 90 % band.
    pub upper_s: f64,
    /// Whether it lies outside of what was measured.
    pub extrapolated: bool,
}
