//! Quantiles with intervals that know that requests in a queue are not independent.

use festina_types::{Estimate, Interval, Method};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Serialize;

use crate::record::{Quantiles, Times};

/// A latency distribution in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many requests.
    pub count: u64,
    /// The mean in seconds.
    pub mean_s: Option<f64>,
    /// Quantiles in seconds, by their probability.
    pub quantiles: Vec<Quantile>,
    /// The longest in seconds.
    pub max_s: Option<f64>,
}

/// A quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// The share of requests that took no longer.
    pub probability: f64,
    /// In seconds.
    pub estimate: Estimate,
    /// Whether requests that were given up make it a lower bound.
    pub is_at_least: bool,
}

/// The probabilities that are always told.
pub(crate) const PROBABILITIES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
/// The level of the intervals.
const LEVEL: f64 = 0.95;
const RESAMPLES: usize = 400;

/// Summarises `all`, with intervals from the differences between `parts` of the run.
///
/// The intervals are those of a block bootstrap: parts of the run, each long against the memory of a queue, are drawn with
/// replacement and put together, and the quantiles of each such run spread as those of new runs would. An interval that
/// took the requests for independent would be far too short.
///
/// Source: H. R. Künsch, *The jackknife and the bootstrap for general stationary observations*, Annals of Statistics 1989.
pub(crate) fn summarise(
    all: &Times,
    parts: &[&Times],
    least_unfinished: Option<f64>,
    extra: &[f64],
) -> Summary {
    let mut probabilities = PROBABILITIES.to_vec();
    probabilities
        .extend(extra.iter().filter(|p| !PROBABILITIES.iter().any(|known| (known - **p).abs() < 1e-9)));
    probabilities.sort_by(f64::total_cmp);
    let intervals = intervals(parts, &probabilities);
    let quantile = |(index, probability): (usize, &f64)| {
        let value = all.quantile(*probability)?;
        let interval = intervals.as_ref().map(|found| {
            let (lower, upper) = found[index];
            Interval { lower: lower.min(value), upper: upper.max(value), level: LEVEL }
        });
        let is_at_least = least_unfinished.is_some_and(|least| value >= least * 0.999);
        Some(Quantile {
            probability: *probability,
            estimate: Estimate { value, interval, method: Method::Bootstrap },
            is_at_least,
        })
    };
    Summary {
        count: all.len(),
        mean_s: all.mean(),
        quantiles: probabilities.iter().enumerate().filter_map(quantile).collect(),
        max_s: all.max(),
    }
}

impl Summary {
    /// Returns the quantile of `probability`, if it was computed.
    pub fn quantile(&self, probability: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|quantile| (quantile.probability - probability).abs() < 1e-9)
    }
}

/// Returns the interval of each quantile; `None` with fewer than five parts.
fn intervals(parts: &[&Times], probabilities: &[f64]) -> Option<Vec<(f64, f64)>> {
    let parts: Vec<&&Times> = parts.iter().filter(|part| part.len() > 0).collect();
    if parts.len() < 5 {
        return None;
    }
    let bins: Vec<Vec<(f64, f64, u64)>> = parts.iter().map(|part| part.bins()).collect();
    let mut edges: Vec<f64> = bins.iter().flatten().map(|bin| bin.1).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let place = |upper: f64| edges.partition_point(|edge| *edge < upper);
    let counts: Vec<Vec<(usize, u64)>> =
        bins.iter().map(|part| part.iter().map(|bin| (place(bin.1), bin.2)).collect()).collect();
    let mut random = Pcg64::seed_from_u64(1);
    let mut draws: Vec<Vec<f64>> = vec![Vec::with_capacity(RESAMPLES); probabilities.len()];
    let mut sums = vec![0_u64; edges.len()];
    for _ in 0..RESAMPLES {
        sums.fill(0);
        for _ in 0..parts.len() {
            for (bin, count) in &counts[random.random_range(0..parts.len())] {
                sums[*bin] += count;
            }
        }
        let quantiles = quantiles_of(&sums, &edges, probabilities);
        quantiles.into_iter().zip(&mut draws).for_each(|(quantile, draws)| draws.push(quantile));
    }
    let tail = (1.0 - LEVEL) / 2.0;
    let ends = |draws: &mut Vec<f64>| {
        draws.sort_by(f64::total_cmp);
        let at = |share: f64| draws[((share * RESAMPLES as f64) as usize).min(RESAMPLES - 1)];
        (at(tail), at(1.0 - tail))
    };
    Some(draws.iter_mut().map(ends).collect())
}

/// Returns the quantiles of `probabilities`, which are in order, of so many counts up to each edge.
fn quantiles_of(counts: &[u64], edges: &[f64], probabilities: &[f64]) -> Vec<f64> {
    let total: u64 = counts.iter().sum();
    let (mut seen, mut bin) = (counts.first().copied().unwrap_or(0), 0);
    let quantile = |probability: &f64| {
        let rank = ((probability * total as f64).ceil() as u64).max(1);
        while seen < rank && bin + 1 < counts.len() {
            bin += 1;
            seen += counts[bin];
        }
        edges.get(bin).copied().unwrap_or(0.0)
    };
    probabilities.iter().map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, Exp1};

    use super::*;

    fn parts(seed: u64, is_slow: impl Fn(usize) -> bool) -> (Times, Vec<Times>) {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut all = Times::new();
        let parts = (0..20).map(|part| {
            let mut times = Times::new();
            for _ in 0..200 {
                let time: f64 = Exp1.sample(&mut random);
                let nanoseconds = (time * if is_slow(part) { 1e8 } else { 1e6 }) as u64;
                times.record(nanoseconds);
                all.record(nanoseconds);
            }
            times
        });
        let parts: Vec<Times> = parts.collect();
        (all, parts)
    }

    #[test]
    fn quantiles_are_found_in_one_pass() {
        // Ten of 1, none of 2, eighty of 3, ten of 4.
        let found = quantiles_of(&[10, 0, 80, 10], &[1.0, 2.0, 3.0, 4.0], &[0.0, 0.1, 0.11, 0.9, 0.91, 1.0]);
        assert_eq!(found, [1.0, 1.0, 3.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn intervals_cover_the_truth() {
        // The median of an exponential with mean 1 ms is ln 2 ms.
        let truth = std::f64::consts::LN_2 * 1e-3;
        let covers = |seed: u64| {
            let (all, parts) = parts(seed, |_| false);
            let summary = summarise(&all, &parts.iter().collect::<Vec<_>>(), None, &[]);
            summary.quantile(0.5).unwrap().estimate.interval.unwrap().contains(truth)
        };
        let covered = (0..100).filter(|seed| covers(*seed)).count();
        assert!((85..=100).contains(&covered), "{covered} of 100");
    }

    #[test]
    fn a_stall_in_one_part_widens_the_tail_and_not_the_median() {
        let (all, parts) = parts(3, |part| part == 7);
        let summary = summarise(&all, &parts.iter().collect::<Vec<_>>(), None, &[]);
        let width = |p: f64| {
            let estimate = summary.quantile(p).unwrap().estimate;
            estimate.interval.unwrap().relative_half_width(estimate.value)
        };
        assert!(width(0.99) > 0.3, "{}", width(0.99));
        assert!(width(0.5) < 0.25, "{}", width(0.5));
    }

    #[test]
    fn given_up_requests_make_the_tail_a_lower_bound() {
        let (mut all, _) = parts(1, |_| false);
        (0..10).for_each(|_| all.record(500_000_000));
        let summary = summarise(&all, &[], Some(0.5), &[0.9999]);
        assert!(!summary.quantile(0.99).unwrap().is_at_least);
        assert!(
            summary.quantile(0.999).unwrap().is_at_least && summary.quantile(0.9999).unwrap().is_at_least
        );
        assert_eq!(summary.quantile(0.5).unwrap().estimate.interval, None);
    }
}
