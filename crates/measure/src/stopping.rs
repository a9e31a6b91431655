//! When a point has been measured often enough, and where the rest of the budget does most good.
//!
//! A point is measured in at least six blocks, since of five samples even the whole range is only a 93.75 % interval
//! of the median, of six a 96.9 % one. It is finished when the half-width of its interval, as a fraction of the
//! median, is within the target; never because a difference became significant, which would bias what is
//! reported. Stopping at a width leaves an interval a little optimistic: of normal log t with a standard deviation of
//! 3 %, intervals of nominally 95 % covered 93.6 % in 20,000 simulated points. So intervals are taken at a level with
//! 0.7 times the error, 96.5 % for 95 %, and then cover 95.3 % or more at every standard deviation from 0.5 to 5 %.
//!
//! Source: T. Hoefler, R. Belli, *Scientific benchmarking of parallel computing systems*, SC 2015, §4.2.2.

use festina_laws::LawError;
use festina_laws::stats::{median_estimate, paired_speedup};
use festina_types::{Estimate, Interval, Seconds};
use serde::{Deserialize, Serialize};

use crate::error::MeasureError;

/// When a point has been measured often enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoppingRule {
    /// The fewest blocks, not counting those dropped as warm-up.
    pub min_blocks: u32,
    /// The most blocks.
    pub max_blocks: u32,
    /// The half-width of the interval of the median to reach, as a fraction of the median.
    pub target: f64,
    /// The level of the interval.
    pub level: f64,
}

impl Default for StoppingRule {
    /// 6 to 30 blocks, until the 95 % interval is within 2 %.
    fn default() -> Self {
        Self { min_blocks: 6, max_blocks: 30, target: 0.02, level: 0.95 }
    }
}

/// Whether to measure a point again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its interval is too wide, or its samples are too few.
    Continue,
    /// Its interval is as narrow as asked for.
    Precise,
    /// It has had the most blocks that are allowed.
    Exhausted,
}

impl StoppingRule {
    /// Decides about a point with `samples` usable samples in `blocks` blocks, the interval of whose median has
    /// `half_width` as a fraction of the median; `None` if there is no interval yet.
    ///
    /// ```
    /// # use festina_measure::{Decision, StoppingRule};
    /// let rule = StoppingRule::default();
    /// assert_eq!(rule.decide(5, 5, Some(0.001)), Decision::Continue);
    /// assert_eq!(rule.decide(6, 6, Some(0.019)), Decision::Precise);
    /// assert_eq!(rule.decide(29, 30, Some(0.1)), Decision::Exhausted);
    /// ```
    pub fn decide(&self, samples: u32, blocks: u32, half_width: Option<f64>) -> Decision {
        if samples >= self.min_blocks && half_width.is_some_and(|width| width <= self.target) {
            Decision::Precise
        } else if blocks >= self.max_blocks {
            Decision::Exhausted
        } else {
            Decision::Continue
        }
    }

    /// Returns the median of `values` with an interval that holds it with the rule's level although its width
    /// decided when to stop.
    ///
    /// # Errors
    ///
    /// [`LawError`] if there is no value, or one is not finite.
    pub fn median(&self, values: &[f64]) -> Result<Estimate, LawError> {
        Ok(self.at_level(median_estimate(values, self.widened())?))
    }

    /// Returns the ratio of paired times, as [`StoppingRule::median`].
    pub(crate) fn paired(&self, reference: &[f64], times: &[f64], seed: u64) -> Result<Estimate, LawError> {
        Ok(self.at_level(paired_speedup(reference, times, self.widened(), seed)?))
    }

    /// The level of an interval of a fixed number of samples that covers with the rule's after stopping.
    fn widened(&self) -> f64 {
        1.0 - 0.7 * (1.0 - self.level)
    }

    fn at_level(&self, estimate: Estimate) -> Estimate {
        let interval = estimate.interval.map(|interval| Interval { level: self.level, ..interval });
        Estimate { interval, ..estimate }
    }

    /// Refuses a rule that cannot be followed.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Design`], with what would be right.
    pub fn validate(&self) -> Result<(), MeasureError> {
        let invalid =
            |reason: String, hint: &str| Err(MeasureError::Design { reason, hint: hint.to_owned() });
        if self.min_blocks == 0 || self.max_blocks < self.min_blocks {
            let reason = format!("asks for {} to {} blocks", self.min_blocks, self.max_blocks);
            return invalid(reason, "at least 1, and no fewer at the most than at the least");
        }
        if !(self.target > 0.0 && self.target < 1.0) {
            let reason = format!("has the target half-width {}", self.target);
            return invalid(reason, "give a fraction such as 0.02");
        }
        if !(self.level > 0.5 && self.level < 1.0) {
            return invalid(format!("has the level {}", self.level), "give a fraction such as 0.95");
        }
        Ok(())
    }
}

/// A point that could be measured once more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its size; 1 where the workload has none.
    pub n: f64,
    /// Its number of workers.
    pub p: f64,
    /// The standard deviation of log t.
    pub spread: f64,
    /// How many usable samples it has.
    pub samples: u32,
    /// What one more run costs.
    pub cost: Seconds,
}

/// Returns the indices of `candidates`, the one whose next run most reduces the variance of the forecast, for
/// its cost, first.
///
/// The forecast is taken four times as far out as the measurements reach, in n and in p, along the least-squares
/// plane log t = a + b·log n + c·log p; with its leverage ∂ log forecast / ∂ log t at each point, one more sample
/// reduces the variance by leverage² · s² · (1/m − 1/(m + 1)). What a law that was fitted later weighs differently,
/// it still shares: far corners count most.
pub fn by_gain(candidates: &[Candidate]) -> Vec<usize> {
    let leverages = leverages(candidates);
    let gain = |i: usize| {
        let Candidate { spread, samples, cost, .. } = candidates[i];
        let m = f64::from(samples.max(1));
        leverages[i].powi(2) * spread * spread * (1.0 / m - 1.0 / (m + 1.0)) / cost.0.max(1e-6)
    };
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|a, b| gain(*b).total_cmp(&gain(*a)));
    order
}

/// Returns ∂ log forecast / ∂ log t for each candidate: `x₀ᵀ (XᵀX)⁻¹ xᵢ`, with centred logarithms, a slightly ridged
/// `XᵀX` where all points lie on a line.
fn leverages(candidates: &[Candidate]) -> Vec<f64> {
    let count = candidates.len().max(1) as f64;
    let logs: Vec<[f64; 2]> = candidates.iter().map(|c| [c.n.ln(), c.p.ln()]).collect();
    let mean = [0, 1].map(|k| logs.iter().map(|row| row[k]).sum::<f64>() / count);
    let far = [0, 1].map(|k| {
        let largest = logs.iter().map(|row| row[k]).fold(f64::NEG_INFINITY, f64::max);
        let varies = logs.iter().any(|row| row[k] != largest);
        if varies { largest + 4_f64.ln() - mean[k] } else { 0.0 }
    });
    let sum =
        |a: usize, b: usize| -> f64 { logs.iter().map(|row| (row[a] - mean[a]) * (row[b] - mean[b])).sum() };
    let (nn, np, pp) = (sum(0, 0) + 1e-9, sum(0, 1), sum(1, 1) + 1e-9);
    let determinant = nn * pp - np * np;
    let direction = [(pp * far[0] - np * far[1]) / determinant, (nn * far[1] - np * far[0]) / determinant];
    logs.iter()
        .map(|row| 1.0 / count + direction[0] * (row[0] - mean[0]) + direction[1] * (row[1] - mean[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64;
    use rand_pcg::rand_core::Rng;

    use super::*;

    fn candidate(n: f64, p: f64) -> Candidate {
        Candidate { n, p, spread: 0.05, samples: 6, cost: Seconds(1.0) }
    }

    #[test]
    fn leverages_are_those_of_the_least_squares_plane() {
        // On a line, p = 1, 2, 4: the forecast at 16 in log2 units is at 4, the mean at 1, Σ(x − 1)² = 2:
        // 1/3 + 3·(x − 1)/2 = −7/6, 1/3, 11/6.
        let found = leverages(&[candidate(1.0, 1.0), candidate(1.0, 2.0), candidate(1.0, 4.0)]);
        for (found, expected) in found.iter().zip([-7.0 / 6.0, 1.0 / 3.0, 11.0 / 6.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        // They sum to 1: a common factor on all times is the same factor on the forecast.
        let grid: Vec<_> =
            [1.0, 3.0].iter().flat_map(|n| [1.0, 2.0, 5.0].map(|p| candidate(*n, p))).collect();
        assert!((leverages(&grid).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn noisy_cheap_and_far_points_come_first() {
        let even = [candidate(1.0, 1.0), candidate(1.0, 2.0), candidate(1.0, 4.0)];
        assert_eq!(by_gain(&even), [2, 0, 1]);
        let mut noisy = even;
        noisy[1].spread = 1.0;
        assert_eq!(by_gain(&noisy)[0], 1);
        let mut dear = even;
        dear[2].cost = Seconds(100.0);
        assert_eq!(by_gain(&dear)[0], 0);
        let mut known = even;
        known[2].samples = 60;
        assert_eq!(by_gain(&known)[0], 0);
        assert_eq!(by_gain(&[candidate(5.0, 1.0)]), [0]);
        assert!(by_gain(&[]).is_empty());
    }

    /// Measures one point by the default rule; returns whether its interval holds the true median, and how many
    /// samples it took.
    fn measure_one(random: &mut Pcg64, deviation: f64) -> (bool, u32) {
        let rule = StoppingRule::default();
        let mut logs = Vec::new();
        loop {
            // The sum of twelve uniform numbers, less six, is nearly normal.
            let sum: f64 = (0..12).map(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).sum();
            logs.push(deviation * (sum - 6.0));
            let count = logs.len() as u32;
            let interval = rule.median(&logs).unwrap().interval;
            let half_width = interval.map(|i| (i.upper - i.lower) / 2.0);
            if rule.decide(count, count, half_width) != Decision::Continue {
                return (interval.unwrap().contains(0.0), count);
            }
        }
    }

    #[test]
    fn intervals_of_stopped_points_cover_as_they_say() {
        const POINTS: u32 = 2500;
        let mut random = Pcg64::new(1, 1);
        for (deviation, blocks) in [(0.005, 6.0..6.1), (0.02, 10.5..11.8), (0.03, 18.0..19.6)] {
            let measured: Vec<_> = (0..POINTS).map(|_| measure_one(&mut random, deviation)).collect();
            let covered = measured.iter().filter(|(covered, _)| *covered).count() as f64 / f64::from(POINTS);
            let mean = measured.iter().map(|(_, count)| f64::from(*count)).sum::<f64>() / f64::from(POINTS);
            // Two standard errors of 2,500 draws are 0.9 %.
            assert!(covered > 0.95 - 0.009, "{deviation}: {covered}");
            assert!(blocks.contains(&mean), "{deviation}: {mean}");
        }
    }

    #[test]
    fn rules_that_cannot_be_followed_are_refused() {
        let rule = StoppingRule::default();
        assert!(rule.validate().is_ok());
        assert!(StoppingRule { min_blocks: 0, ..rule }.validate().is_err());
        assert!(StoppingRule { max_blocks: 3, ..rule }.validate().is_err());
        assert!(StoppingRule { target: f64::NAN, ..rule }.validate().is_err());
        assert!(StoppingRule { level: 1.0, ..rule }.validate().is_err());
    }
}
