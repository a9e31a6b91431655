//! Why a program doesn't scale, read off the trend of its serial fraction.
//!
//! The fraction e(p) after Karp and Flatt is flat where a serial part limits the program, rises where an overhead grows
//! with the workers, and is negative where many workers are faster than they could be. Its slope in p is the
//! unbounded coherency of the universal scalability law, `e(p) = α + β·p`, so both are estimated from the times, and the
//! error of T₁, which all e(p) share, is in the interval.

use festina_types::{Estimate, Finding, Interval, Method, Severity, Workers};
use serde::{Deserialize, Serialize};

use crate::fit::MODEL_FLOOR;
use crate::fit::observed::fit_in_time;
use crate::metrics::{experimentally_determined_serial_fraction, serial_fraction_standard_error};
use crate::stats::{median, normal_quantile};
use crate::{LawError, Observation, usl};

/// What the trend of the serial fraction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Flat, above 0: a part of the program is serial.
    SerialPart,
    /// Rising: communication, locks, memory bandwidth or imbalance grow with the workers.
    GrowingOverhead,
    /// Falling, above 0: a cost of going parallel at all, or a run on one worker that is another program.
    FallingFraction,
    /// Below 0: caches that fit, less work done, or a run on one worker that was slowed down.
    Superlinear,
    /// Flat, not distinguishable from 0 and small.
    NearIdeal,
    /// The data don't tell.
    Unsure,
}

/// The cause with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What limits the program.
    pub cause: Cause,
    /// The serial fraction at each number of workers above one, ascending.
    pub fractions: Vec<(f64, Estimate)>,
    /// The intercept α of the fraction; `None` with fewer than three numbers of workers.
    pub serial: Option<Estimate>,
    /// The slope β of the fraction, a worker; `None` with fewer than three numbers of workers.
    pub slope: Option<Estimate>,
}

/// The serial fraction below which a program is as good as ideal: it halves the efficiency at 50 workers.
const SMALL_FRACTION: f64 = 0.02;

/// Returns the diagnosis of a strong-scaling series that includes one worker.
///
/// ```
/// # use festina_laws::{Observation, diagnosis::{Cause, diagnose}};
/// // T = 5 + 95/p: a serial part. T = 100/p + 2·(p − 1): an overhead a worker.
/// let serial = [(1.0, 100.0), (2.0, 52.5), (4.0, 28.75), (8.0, 16.875)];
/// let overhead = [(1.0, 100.0), (2.0, 52.0), (4.0, 31.0), (8.0, 26.5)];
/// let cause = |data: [(f64, f64); 4]| {
///     diagnose(&data.map(|(p, time)| Observation::new(p, time)), 0.95).map(|diagnosis| diagnosis.cause)
/// };
/// assert_eq!(cause(serial)?, Cause::SerialPart);
/// assert_eq!(cause(overhead)?, Cause::GrowingOverhead);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] with fewer than two distinct numbers of workers or none at one worker;
/// [`LawError::Observation`] and [`LawError::Parameter`] for values out of range, or a p that is not whole.
pub fn diagnose(observations: &[Observation], level: f64) -> Result<Diagnosis, LawError> {
    crate::error::require_level(level)?;
    let fractions = fractions(observations, level)?;
    let trend = trend(observations, level)?;
    let cause = cause(&fractions, trend);
    let (serial, slope) = trend.unzip();
    Ok(Diagnosis { cause, fractions, serial, slope })
}

/// Returns e(p) at each p above one, from the medians of the times there.
fn fractions(observations: &[Observation], level: f64) -> Result<Vec<(f64, Estimate)>, LawError> {
    Observation::check(observations)?;
    let mut sorted = observations.to_vec();
    sorted.sort_by(|a, b| a.p.total_cmp(&b.p));
    let groups: Vec<&[Observation]> = sorted.chunk_by(|a, b| a.p == b.p).collect();
    let Some((base, others)) = groups.split_first().filter(|(base, _)| base[0].p == 1.0) else {
        return Err(LawError::TooFew {
            what: "a diagnosis",
            needed: 1,
            unit: "runs on one worker",
            given: 0,
        });
    };
    if others.is_empty() {
        let (what, unit) = ("a diagnosis", "distinct numbers of workers");
        return Err(LawError::TooFew { what, needed: 2, unit, given: 1 });
    }
    let (base_time, base_error) = location(base)?;
    let quantile = normal_quantile(f64::midpoint(1.0, level));
    let fraction = |group: &&[Observation]| {
        let workers = whole(group[0].p)?;
        let (time, error) = location(group)?;
        let speedup = base_time / time;
        let value = experimentally_determined_serial_fraction(speedup, workers)?;
        let half = quantile * serial_fraction_standard_error(speedup, workers, base_error, error)?;
        // Times hundreds of orders of magnitude apart are a mistake, and their fraction in per cent is no number.
        let is_told = (100.0 * (value.abs() + half)).is_finite();
        crate::error::require(is_told, "the serial fraction", "within the range of numbers", value)?;
        let interval = Some(Interval { lower: value - half, upper: value + half, level });
        Ok((group[0].p, Estimate { value, interval, method: Method::Fit }))
    };
    others.iter().map(fraction).collect()
}

fn whole(p: f64) -> Result<Workers, LawError> {
    let is_whole = p.fract() == 0.0 && p <= f64::from(u32::MAX);
    crate::error::require(is_whole, "the number of workers", "whole", p)?;
    Ok(Workers::new(p as u32).expect("checked observations have at least one worker"))
}

/// Returns the median time of a group and its relative error: what the observations say of themselves or what their
/// spread says of the median, whichever is more, and never below the floor.
fn location(group: &[Observation]) -> Result<(f64, f64), LawError> {
    /// √(π/2): the standard error of a median of normal values, in units of that of their mean.
    const MEDIAN_PER_MEAN: f64 = 1.253_314_137_315_500_3;
    let times: Vec<f64> = group.iter().map(|observation| observation.time).collect();
    let count = group.len() as f64;
    let stated = group.iter().map(|observation| observation.log_sd.powi(2)).sum::<f64>().sqrt() / count;
    let mean = times.iter().map(|time| time.ln()).sum::<f64>() / count;
    let squares = times.iter().map(|time| (time.ln() - mean).powi(2)).sum::<f64>();
    let spread = MEDIAN_PER_MEAN * (squares / (count - 1.0).max(1.0) / count).sqrt();
    Ok((median(&times)?, stated.max(spread).hypot(MODEL_FLOOR)))
}

/// Returns α and β without their bounds, or nothing where three numbers of workers are not to be had.
fn trend(observations: &[Observation], level: f64) -> Result<Option<(Estimate, Estimate)>, LawError> {
    if Observation::distinct_workers(observations) < 3 {
        return Ok(None);
    }
    // At least the floor's noise: three exact points would leave none to judge by.
    let least = MODEL_FLOOR / 10.0;
    let noisy: Vec<Observation> = observations.iter().map(|o| o.with_log_sd(o.log_sd.max(least))).collect();
    let fit = fit_in_time(&noisy, 3, "a diagnosis", usl::terms)?;
    let ratio = |numerator| fit.unbounded_ratio(numerator, [1.0, 0.0, 0.0], level);
    Ok(ratio([0.0, 1.0, 0.0])?.zip(ratio([0.0, 0.0, 1.0])?))
}

fn cause(fractions: &[(f64, Estimate)], trend: Option<(Estimate, Estimate)>) -> Cause {
    let lower = |estimate: &Estimate| estimate.interval.map_or(f64::NEG_INFINITY, |i| i.lower);
    let upper = |estimate: &Estimate| estimate.interval.map_or(f64::INFINITY, |i| i.upper);
    if fractions.iter().any(|(_, e)| upper(e) < 0.0) {
        return Cause::Superlinear;
    }
    if let Some((_, slope)) = trend {
        if lower(&slope) > 0.0 {
            return Cause::GrowingOverhead;
        }
        if upper(&slope) < 0.0 {
            return Cause::FallingFraction;
        }
    }
    // No straight trend. A fraction that falls as 1/p is none, but its ends tell; the sharpest is that of most workers.
    let [(_, first), .., (_, last)] = fractions else { return Cause::Unsure };
    match trend {
        Some(_) if lower(first) > upper(last) => Cause::FallingFraction,
        Some(_) if upper(first) < lower(last) => Cause::GrowingOverhead,
        Some(_) if lower(last) > 0.0 => Cause::SerialPart,
        Some(_) if upper(last) < SMALL_FRACTION => Cause::NearIdeal,
        _ => Cause::Unsure,
    }
}

impl Diagnosis {
    /// Returns the diagnosis in words, with its evidence and what to do.
    pub fn finding(&self) -> Finding {
        let at =
            |(p, fraction): &(f64, Estimate)| format!("serial fraction {} at p = {p}", percent(fraction));
        let evidence = match &self.fractions[..] {
            [] => "no run on more than one worker".to_owned(),
            [only] => at(only),
            [first, .., last] => format!("{}, {} at p = {}", at(first), percent(&last.1), last.0),
        };
        let (severity, code, mut claim, hint) = self.cause.words();
        if self.cause == Cause::Unsure && self.slope.is_none() {
            claim = "the cause needs three numbers of workers to be told";
        }
        Finding::new(severity, code, format!("{claim}: {evidence}")).with_hint(hint)
    }
}

fn percent(estimate: &Estimate) -> String {
    match estimate.interval {
        Some(interval) => {
            let half = (interval.upper - interval.lower) / 2.0 * 100.0;
            format!("{:.1} ± {half:.1} %", estimate.value * 100.0)
        }
        None => format!("{:.1} %", estimate.value * 100.0),
    }
}

impl Cause {
    fn words(self) -> (Severity, &'static str, &'static str, &'static str) {
        match self {
            Self::SerialPart => (
                Severity::Note,
                "serial-part",
                "a serial part limits the speed-up",
                "see what runs on one core, and what mending it would gain: festina profile -- COMMAND",
            ),
            Self::GrowingOverhead => (
                Severity::Warning,
                "growing-overhead",
                "an overhead grows with the workers",
                "look for locks, communication, memory bandwidth and imbalance before adding workers",
            ),
            Self::FallingFraction => (
                Severity::Note,
                "falling-fraction",
                "going parallel has a cost that more workers share",
                "check that the run on one worker is the same program as the others",
            ),
            Self::Superlinear => (
                Severity::Warning,
                "superlinear",
                "the speed-up exceeds the number of workers",
                "measure one worker again, and compare the work done and the memory used",
            ),
            Self::NearIdeal => (
                Severity::Note,
                "near-ideal",
                "no serial part can be seen",
                "measure more workers: the limit lies beyond",
            ),
            Self::Unsure => (
                Severity::Note,
                "unsure",
                "the serial fraction is too uncertain to name a cause",
                "measure at more numbers of workers, or more often",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    fn with_noise(law: impl Fn(f64) -> f64, noise: f64, random: &mut Random) -> Vec<Observation> {
        [1.0, 2.0, 4.0, 8.0, 16.0]
            .map(|p| {
                Observation::new(p, law(p) * (noise * random.normal()).exp()).with_log_sd(noise.max(1e-6))
            })
            .to_vec()
    }

    #[test]
    fn planted_causes_are_named_in_spite_of_noise() {
        let mut random = Random::new(21);
        type Law = fn(f64) -> f64;
        let cases: [(Law, Cause); 4] = [
            (|p| 10.0 + 90.0 / p, Cause::SerialPart),
            (|p| 100.0 / p + 1.5 * (p - 1.0), Cause::GrowingOverhead),
            (|p| 100.0 / p.powf(1.2), Cause::Superlinear),
            (|p| 100.0 / p, Cause::NearIdeal),
        ];
        for (law, expected) in cases {
            let named = (0..200)
                .filter(|_| diagnose(&with_noise(law, 0.01, &mut random), 0.95).unwrap().cause == expected)
                .count();
            // A flat trend is called rising or falling one time of twenty, by definition of the level.
            assert!(named >= 180, "{expected:?}: {named} of 200");
        }
    }

    #[test]
    fn a_cost_of_going_parallel_falls() {
        let mut random = Random::new(1);
        let law = |p: f64| if p == 1.0 { 100.0 } else { 140.0 / p };
        let diagnosis = diagnose(&with_noise(law, 0.0, &mut random), 0.95).unwrap();
        assert_eq!(diagnosis.cause, Cause::FallingFraction);
        assert!(diagnosis.finding().message.contains("serial fraction 40.0 ± "), "{diagnosis:?}");
    }

    #[test]
    fn two_points_name_no_cause_and_say_so() {
        let two = [Observation::new(1.0, 100.0), Observation::new(2.0, 60.0)];
        let diagnosis = diagnose(&two, 0.95).unwrap();
        assert_eq!((diagnosis.cause, diagnosis.slope), (Cause::Unsure, None));
        // 2 · 0.6 − 1 = 20 %, ± 1.96 · 2 · √2 · 1 % · 0.6.
        let message = diagnosis.finding().message;
        assert!(message.contains("20.0 ± 3.3 % at p = 2"), "{message}");
    }

    #[test]
    fn runs_that_scatter_widen_the_fractions() {
        let half_width = |scatter: f64| {
            let runs = [1.0, 1.0 + scatter, 1.0 - scatter, 1.0];
            let at = |p: f64, time: f64| runs.map(|factor| Observation::new(p, time * factor));
            let observations = [at(1.0, 100.0), at(2.0, 55.0)].concat();
            let interval = diagnose(&observations, 0.95).unwrap().fractions[0].1.interval.unwrap();
            (interval.upper - interval.lower) / 2.0
        };
        assert!((half_width(0.0) - 1.96 * 2.0 * 0.55 * 0.01 * 2_f64.sqrt()).abs() < 1e-4);
        // sd of the logarithms 0.1 · √(2/3), of their median 1.2533 / 2 of that, for both points.
        let error = (1.2533 / 2.0 * 0.1 * (2.0_f64 / 3.0).sqrt()).hypot(0.01);
        assert!((half_width(0.1) / (1.96 * 2.0 * 0.55 * error * 2_f64.sqrt()) - 1.0).abs() < 0.01);
    }

    #[test]
    fn series_without_a_base_are_refused() {
        let no_base = [Observation::new(2.0, 60.0), Observation::new(4.0, 40.0)];
        assert!(matches!(diagnose(&no_base, 0.95), Err(LawError::TooFew { .. })));
        assert!(diagnose(&[Observation::new(1.0, 60.0)], 0.95).is_err());
        assert!(diagnose(&[Observation::new(1.0, 60.0), Observation::new(1.5, 40.0)], 0.95).is_err());
        assert!(diagnose(&no_base, 1.0).is_err());
    }
}
