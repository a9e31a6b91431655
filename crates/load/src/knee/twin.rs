//! A queue that behaves as the service was seen to: first in, first out, c servers, resampled service times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_pcg::Pcg64;

use super::Target;

/// A model of a service: `G/G/c` with Poisson arrivals.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Twin {
    servers: usize,
    /// Service times in seconds, each as often as it was seen.
    times: Vec<f64>,
}

/// Arrivals of a simulation: enough for the share beyond a p99 to have a standard error of a tenth of itself.
const ARRIVALS: usize = 40_000;
/// The first tenth, in which the queue fills, does not count.
const WARM_UP: usize = ARRIVALS / 10;
/// Steps of a bisection, from 0 and from nearby.
const STEPS: u32 = 12;
const STEPS_NEAR: u32 = 7;

impl Twin {
    /// Returns the model whose `servers` servers give `capacity` requests a second together, with service times of the
    /// shape of `times`: `(seconds, count)`.
    ///
    /// The mean of the times and the capacity fix the number of servers, which is whole: what is left is put into the
    /// times, so that the model has the capacity that was measured.
    pub(crate) fn new(times: &[(f64, u64)], capacity: f64) -> Option<Self> {
        let n: u64 = times.iter().map(|time| time.1).sum();
        let mean = times.iter().map(|(value, count)| value * *count as f64).sum::<f64>() / n.max(1) as f64;
        if n == 0 || mean <= 0.0 || capacity <= 0.0 {
            return None;
        }
        let servers = (capacity * mean).round().max(1.0);
        let factor = servers / (capacity * mean);
        let times =
            times.iter().flat_map(|(value, count)| std::iter::repeat_n(value * factor, *count as usize));
        Some(Self { servers: servers as usize, times: times.collect() })
    }

    /// Returns the model of `replicas` such services with one queue before all of them.
    pub(crate) fn replicated(&self, replicas: u32) -> Self {
        Self { servers: self.servers * replicas as usize, ..self.clone() }
    }

    /// Returns the highest Poisson rate below `capacity` that meets `target`, found by bisection; 0 if even an idle service is
    /// too slow.
    pub(crate) fn knee(&self, capacity: f64, target: Target, seed: u64) -> f64 {
        self.bisect((0.0, capacity), STEPS, target, seed)
    }

    /// Returns what [`Self::knee`] does, in fewer steps if it lies above three quarters of `guess`.
    pub(crate) fn knee_near(&self, guess: f64, capacity: f64, target: Target, seed: u64) -> f64 {
        let near = 0.75 * guess;
        if near < capacity && self.holds(near, target, seed) {
            self.bisect((near, capacity), STEPS_NEAR, target, seed)
        } else {
            self.bisect((0.0, near.min(capacity)), STEPS_NEAR, target, seed)
        }
    }

    fn bisect(&self, (mut low, mut high): (f64, f64), steps: u32, target: Target, seed: u64) -> f64 {
        for _ in 0..steps {
            let middle = f64::midpoint(low, high);
            if self.holds(middle, target, seed) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    fn holds(&self, rate: f64, target: Target, seed: u64) -> bool {
        self.share_above(rate, target.limit, seed) <= target.allowed
    }

    /// Returns the share of requests that take longer than `limit` at `rate`, once the queue has filled.
    pub(crate) fn share_above(&self, rate: f64, limit: f64, seed: u64) -> f64 {
        let mut above = 0;
        self.simulate(rate, ARRIVALS, seed, |index, latency| {
            above += usize::from(index >= WARM_UP && latency > limit);
        });
        above as f64 / (ARRIVALS - WARM_UP) as f64
    }

    /// Returns the latency in seconds that a share `probability` of requests does not exceed at `rate`, once the queue has
    /// filled.
    pub(crate) fn quantile(&self, rate: f64, probability: f64, seed: u64) -> Option<f64> {
        let mut latencies = Vec::with_capacity(ARRIVALS - WARM_UP);
        self.simulate(rate, ARRIVALS, seed, |index, latency| {
            if index >= WARM_UP {
                latencies.push(latency);
            }
        });
        let rank = (probability * latencies.len() as f64).ceil().max(1.0) as usize - 1;
        (rank < latencies.len()).then(|| *latencies.select_nth_unstable_by(rank, f64::total_cmp).1)
    }

    /// Returns the share of `arrivals` requests to an empty service that take longer than `limit`.
    pub(crate) fn share_of_window(&self, rate: f64, arrivals: usize, limit: f64, seed: u64) -> f64 {
        let mut above = 0;
        self.simulate(rate, arrivals, seed, |_, latency| above += usize::from(latency > limit));
        above as f64 / arrivals.max(1) as f64
    }

    /// Hands the number and the latency of each of `arrivals` requests to `take`.
    fn simulate(&self, rate: f64, arrivals: usize, seed: u64, mut take: impl FnMut(usize, f64)) {
        let mut random = Pcg64::seed_from_u64(seed);
        // When each server is free; times are not negative, so that their bits stand in their order.
        let mut free: BinaryHeap<Reverse<u64>> = (0..self.servers).map(|_| Reverse(0)).collect();
        let mut now = 0.0;
        for index in 0..arrivals {
            let gap: f64 = Exp1.sample(&mut random);
            now += gap / rate;
            let service = self.times[random.random_range(0..self.times.len())];
            let Some(mut first) = free.peek_mut() else { return };
            let done = now.max(f64::from_bits(first.0)) + service;
            *first = Reverse(done.to_bits());
            drop(first);
            take(index, done - now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target { limit: 0.1, allowed: 0.01 };

    #[test]
    fn m_d_1_has_its_known_tail() {
        // p99 of M/D/1 at ρ = 0.8 and S = 1 ms is 11.25 ms (the series of Erlang, computed apart).
        let twin = Twin::new(&[(1e-3, 1)], 1000.0).unwrap();
        let shares: Vec<f64> = (0..10).map(|seed| twin.share_above(800.0, 11.25e-3, seed)).collect();
        let mean = shares.iter().sum::<f64>() / 10.0;
        assert!((mean - 0.01).abs() < 0.003, "{mean}");
        let tails = (0..10).filter_map(|seed| twin.quantile(800.0, 0.99, seed));
        let mean = tails.sum::<f64>() / 10.0;
        assert!((mean / 11.25e-3 - 1.0).abs() < 0.08, "{mean}");
    }

    #[test]
    fn m_m_1_has_its_known_knee() {
        // Of M/M/1, P(T > t) = exp(−(μ − λ)t): with μ = 100, t = 0.1 and 1 %, λ = 100 − ln(100)/0.1 = 53.95.
        let times: Vec<(f64, u64)> =
            (0..2000).map(|k| (-(1.0 - (f64::from(k) + 0.5) / 2000.0).ln() / 100.0, 1)).collect();
        let twin = Twin::new(&times, 100.0).unwrap();
        let knees: Vec<f64> = (0..8).map(|seed| twin.knee(100.0, TARGET, seed)).collect();
        let mean = knees.iter().sum::<f64>() / 8.0;
        assert!((mean / 53.95 - 1.0).abs() < 0.03, "{knees:?}");
        // From wherever it is looked for nearby, the same rate is found, but for the steps.
        for guess in [20.0, 54.0, 70.0, 300.0] {
            let near = twin.knee_near(guess, 100.0, TARGET, 3);
            assert!((near - knees[3]).abs() < 1.0, "{near} from {guess}, {}", knees[3]);
        }
    }

    #[test]
    fn the_servers_are_counted_from_what_they_do() {
        let twin = Twin::new(&[(0.01, 5)], 390.0).unwrap();
        assert_eq!(twin.servers, 4);
        assert!(Twin::new(&[], 10.0).is_none() && Twin::new(&[(0.01, 1)], 0.0).is_none());
        assert_eq!(Twin::new(&[(0.2, 1)], 5.0).unwrap().knee(5.0, TARGET, 1), 0.0);
    }
}
