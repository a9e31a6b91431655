//! How much single runs scatter: start-up and what grows each have a noise of their own.
//!
//! ```text
//! σ²(T) = φ · σ_f² + (1 − φ) · σ_g²        φ = min(1, T₀ / T)
//! ```
//!
//! with the median `T₀` of the smallest size. A small run is imports on one core, and scatters by a few per cent; a large one
//! uses all cores and the memory bus, which others use as well. Small runs are cheap and repeated most: pooled with the large
//! ones, they would pass their steadiness on to forecasts that have nothing to do with start-up. So the squares of a repeated
//! size count by φ for the one and by 1 − φ for the other, beside a prior of a few usual runs for each.

use crate::Observation;
use crate::forecast::points::Place;

/// What the noise of a run is taken for before repeated runs tell: of start-up, and of what grows.
const USUAL: (f64, f64) = (0.04, 0.06);
/// How many runs that counts for.
const USUAL_RUNS: f64 = 3.0;

/// The noise of single runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// The variance of ln T of a run that is start-up.
    start_up: f64,
    /// That of a run of which start-up is no part.
    growing: f64,
    /// ln T₀.
    smallest: f64,
}

impl Noise {
    /// Returns the noise of `observations`, of which `places` are the medians by size.
    pub(super) fn of(observations: &[Observation], places: &[Place]) -> Self {
        let smallest = places.first().map_or(0.0, |place| place.ln_value);
        let prior = |usual: f64| (USUAL_RUNS * usual.powi(2), USUAL_RUNS);
        let (mut start_up, mut growing) = (prior(USUAL.0), prior(USUAL.1));
        for place in places {
            let same = observations.iter().filter(|o| o.n == Some(place.n));
            let logs: Vec<f64> = same.map(|o| o.time.ln()).collect();
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
            let share = share(smallest, place.ln_value);
            for (sum, share) in [(&mut start_up, share), (&mut growing, 1.0 - share)] {
                sum.0 += share * squares;
                sum.1 += share * (logs.len() as f64 - 1.0);
            }
        }
        Self { start_up: start_up.0 / start_up.1, growing: growing.0 / growing.1, smallest }
    }

    /// Returns the variance of ln T of a single run that takes about `ln_value`.
    pub(super) fn variance(&self, ln_value: f64) -> f64 {
        let share = share(self.smallest, ln_value);
        share * self.start_up + (1.0 - share) * self.growing
    }
}

fn share(smallest: f64, ln_value: f64) -> f64 {
    (smallest - ln_value).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::points::merge;

    #[test]
    fn steady_start_up_does_not_make_large_runs_steady() {
        let at = |n: f64, time: f64| Observation { n: Some(n), ..Observation::new(1.0, time) };
        // Three equal starts of 1 s; two runs of 10 s, a factor e^0.4 apart: squares 0.08, of which nine tenths are growth's.
        let apart = 0.2_f64.exp();
        let runs = [at(1.0, 1.0), at(1.0, 1.0), at(1.0, 1.0), at(9.0, 10.0 / apart), at(9.0, 10.0 * apart)];
        let noise = Noise::of(&runs, &merge(&runs));
        let share = 1.0 / (10.0 * 0.2_f64.cosh());
        let start_up = (3.0 * 0.0016 + share * 0.08) / (3.0 + 2.0 + share);
        let growing = (3.0 * 0.0036 + (1.0 - share) * 0.08) / (3.0 + (1.0 - share));
        assert!((noise.variance(0.0) - start_up).abs() < 1e-12, "{noise:?}");
        // The median of two is their arithmetic middle: 10 cosh 0.2.
        assert!((noise.variance(1e3) - growing).abs() < 1e-12, "{noise:?}");
        assert!(noise.variance(0.0).sqrt() < 0.05 && noise.variance(1e3).sqrt() > 0.14, "{noise:?}");
    }
}
