//! What deserves less trust than it looks.

use festina_laws::stats::{lag_one_autocorrelation, mann_kendall, modes};
use festina_types::{Contamination, Finding, Sample, Seconds, Severity};

use super::{Context, Measurement, Verdict, series, shown, walls};
use crate::store::Calibration;
use crate::warm_up::block_residuals;

/// A trend or a second mode with a smaller p-value is told: with many points, one in twenty would be told for nothing.
const SIGNIFICANCE: f64 = 0.01;
/// Fewer times than this have no modes, and modes that are closer do not matter.
const FEWEST_FOR_MODES: usize = 12;
const NEGLIGIBLE_GAP: f64 = 0.02;
/// Fewer blocks say nothing about trend or dependence.
const FEWEST_BLOCKS: usize = 6;
/// A drift below this over all blocks does not matter.
const NEGLIGIBLE_DRIFT: f64 = 0.01;

impl Context<'_> {
    pub(super) fn findings(&self, points: &[Measurement], calibration: Option<Calibration>) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.disturbances());
        findings.extend(self.warm_up());
        findings.extend(self.drift());
        findings.extend(calibration.and_then(|calibration| too_short(points, calibration)));
        findings.extend(points.iter().filter_map(|measurement| self.two_modes(measurement)));
        findings.extend(points.iter().filter_map(|measurement| self.far_out(measurement)));
        findings.extend(points.iter().filter_map(different));
        findings.extend(self.ignored_workers(points));
        findings.extend(points.iter().filter_map(superlinear));
        findings
    }

    fn disturbances(&self) -> Option<Finding> {
        let finished = self.samples.iter().filter(|s| s.status.is_finished()).count();
        let disturbed = (0..self.samples.len()).filter(|i| self.is_disturbed(*i)).count();
        if disturbed == 0 {
            return None;
        }
        let severity = if 2 * disturbed > finished { Severity::Warning } else { Severity::Note };
        let what =
            if self.request.design.accept_noise { "they count, as asked" } else { "they do not count" };
        let message = format!(
            "{disturbed} of {finished} runs were disturbed from outside ({}): {what}",
            self.evidence().join(", ")
        );
        let hint = if self.request.design.accept_noise {
            "stop what else runs here, and trust the numbers less"
        } else {
            "stop what else runs here, or accept it with --accept-noise"
        };
        Some(Finding::new(severity, "disturbed-runs", message).with_hint(hint))
    }

    /// The kinds of disturbance, each with the number of runs that show it, the most frequent first.
    fn evidence(&self) -> Vec<String> {
        let finished = self.samples.iter().filter(|s| s.status.is_finished());
        let words = finished.flat_map(|s| &s.contamination).map(disturbance);
        let mut counts = std::collections::BTreeMap::new();
        for word in words {
            *counts.entry(word).or_insert(0) += 1;
        }
        let mut counts: Vec<(&str, u32)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.into_iter().map(|(word, count)| format!("{word} in {count}")).collect()
    }

    fn warm_up(&self) -> Option<Finding> {
        let count = self.warm_up_blocks;
        let blocks = if count == 1 { "block is" } else { "blocks are" };
        let message = format!("the first {count} {blocks} unlike the later ones: warm-up, left out");
        (count > 0).then(|| Finding::new(Severity::Note, "warm-up", message))
    }

    /// The runs that count towards drift: finished, past the warm-up.
    fn steady(&self) -> Vec<&Sample> {
        self.samples.iter().filter(|s| s.status.is_finished() && s.block >= self.warm_up_blocks).collect()
    }

    fn drift(&self) -> Vec<Finding> {
        let residuals: Vec<f64> = block_residuals(&self.steady()).into_iter().map(|(_, r)| r).collect();
        let count = residuals.len();
        if count < FEWEST_BLOCKS {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if let Ok(trend) = mann_kendall(&residuals) {
            let total = trend.slope * (count - 1) as f64;
            if trend.p_value < SIGNIFICANCE && total.abs() > NEGLIGIBLE_DRIFT {
                let how = if total > 0.0 { "slower" } else { "faster" };
                let message = format!(
                    "runs became {:.1} % {how} over {count} blocks (p = {:.4}): temperature, clock or other load",
                    100.0 * total.abs(),
                    trend.p_value
                );
                let finding = Finding::new(Severity::Warning, "drift", message);
                findings.push(finding.with_hint("ratios within blocks are not touched; absolute times are"));
            }
        }
        // Beyond 2.58/√m with a probability of 1 % if blocks are independent.
        let correlation = lag_one_autocorrelation(&residuals).unwrap_or(0.0);
        if findings.is_empty() && correlation > 2.58 / (count as f64).sqrt() {
            let message = format!(
                "neighbouring blocks are alike (autocorrelation {correlation:.2} over {count} blocks): intervals are \
                 somewhat too narrow"
            );
            findings.push(Finding::new(Severity::Note, "autocorrelation", message));
        }
        findings
    }

    fn two_modes(&self, measurement: &Measurement) -> Option<Finding> {
        let times = walls(self.samples, &measurement.used);
        let found = modes(&times).ok()??;
        let is_clear = found.p_value < SIGNIFICANCE && found.upper > (1.0 + NEGLIGIBLE_GAP) * found.lower;
        if times.len() < FEWEST_FOR_MODES || !is_clear {
            return None;
        }
        let message = format!(
            "the times at {} have two modes: {} in {} runs, {} in {}",
            shown(measurement.point),
            Seconds(found.lower),
            found.lower_count,
            Seconds(found.upper),
            found.upper_count
        );
        Some(Finding::new(Severity::Warning, "two-modes", message))
    }

    fn far_out(&self, measurement: &Measurement) -> Option<Finding> {
        let times: Vec<String> = walls(self.samples, &measurement.outliers)
            .iter()
            .map(|wall| Seconds(*wall).to_string())
            .collect();
        let message = format!(
            "at {}, {} of {} runs lie far out ({}); they count",
            shown(measurement.point),
            times.len(),
            measurement.used.len(),
            times.join(", ")
        );
        (!times.is_empty()).then(|| Finding::new(Severity::Note, "outliers", message))
    }

    /// Compares the CPUs that were used, or waited for, with those that were to be. Where no speed-up can be told, nobody is accused of
    /// having none.
    fn ignored_workers(&self, points: &[Measurement]) -> Vec<Finding> {
        let used_cpus = |m: &Measurement| {
            let accounting = m.accounting?;
            let wall = accounting.total().0 / m.point.workers();
            let cpu = accounting.user.0 + accounting.system.0 + accounting.excess.0;
            let waited = accounting.run_delay.0 + accounting.steal.0;
            (wall > 0.02).then_some((cpu / wall, (cpu + waited) / wall))
        };
        let mut findings = Vec::new();
        for n in series(points) {
            let of_size = || points.iter().filter(move |m| m.point.n == n);
            let one = of_size().find(|m| m.point.p.get() == 1);
            if let Some((cpus, _)) = one.and_then(used_cpus).filter(|(cpus, _)| *cpus > 1.2) {
                let message = format!("on one worker {cpus:.1} CPUs were in use: p = 1 is not what it says");
                let hint = "put {p} where the command takes its number of threads";
                findings.push(Finding::new(Severity::Warning, "base-not-serial", message).with_hint(hint));
                break;
            }
            let many = || of_size().filter(|m| m.point.p.get() > 1);
            let speedups = || many().filter_map(|m| m.speedup.as_ref().ok()).map(|s| s.speedup.value);
            let is_told = speedups().next().is_some();
            let gains = speedups().any(|speedup| speedup > 1.15);
            let most = many().filter_map(used_cpus).map(|(_, wanted)| wanted).fold(f64::NAN, f64::max);
            if most < 1.1 && is_told && !gains {
                let message = "more workers did not help, and on the average no more than one CPU was in use";
                let hint = if self.request.workload.mentions_workers() {
                    "the command may ignore p: see that {p} is where it takes its number of threads"
                } else {
                    "the command may be serial, or take its number of threads from an option: put {p} there"
                };
                findings.push(Finding::new(Severity::Warning, "ignores-workers", message).with_hint(hint));
                break;
            }
        }
        findings
    }
}

fn too_short(points: &[Measurement], calibration: Calibration) -> Option<Finding> {
    let shortest = calibration.shortest_time();
    let short: Vec<&Measurement> =
        points.iter().filter(|m| m.wall.is_some_and(|wall| wall.value < shortest.0)).collect();
    let first = short.first()?;
    let message = format!(
        "{} of {} points take less than {shortest}, {} the first of them: start-up is much of what is measured",
        short.len(),
        points.len(),
        shown(first.point)
    );
    let hint = match first.point.n {
        Some(_) => "measure larger sizes",
        None => "give the command more to do: what lasts a tenth of a second says more",
    };
    Some(Finding::new(Severity::Warning, "too-short", message).with_hint(hint))
}

/// Names a kind of disturbance.
fn disturbance(found: &Contamination) -> &'static str {
    match found {
        Contamination::Steal { .. } => "stolen by the hypervisor",
        Contamination::RunDelay { .. } => "waiting for a CPU",
        Contamination::OtherLoad { .. } => "other load",
        Contamination::Throttled { .. } => "throttled by a CPU quota",
        Contamination::MajorFaults { .. } => "reading pages from storage",
        Contamination::Suspended { .. } => "suspended",
    }
}

fn different(measurement: &Measurement) -> Option<Finding> {
    let Verdict::Different { first_difference, runs } = &measurement.verdict else { return None };
    let message = format!(
        "{runs} of {} runs at {} gave another answer: {first_difference}",
        measurement.samples.len(),
        shown(measurement.point)
    );
    Some(Finding::new(Severity::Error, "different-result", message))
}

fn superlinear(measurement: &Measurement) -> Option<Finding> {
    let speedup = measurement.speedup.as_ref().ok()?;
    let lower = speedup.efficiency.interval?.lower;
    let message = format!(
        "at {} the speed-up is above p (efficiency at least {lower:.2}): a larger cache, a slow base or less work",
        shown(measurement.point)
    );
    (lower > 1.01).then(|| Finding::new(Severity::Note, "superlinear", message))
}
