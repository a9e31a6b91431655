//! What is known about a scaling curve before it is measured.
//!
//! A curve of strong scaling is, relative to its first point p₁ with x = p / p₁,
//!
//! ```text
//! f(x) = (1 − s) / x + s + c · g(x)        g = log₂ x  |  √x − 1  |  x − 1
//! ```
//!
//! with a serial share `s` and an overhead of one kind `g` and amount `c`: Amdahl's law where `c` is 0, tree-like
//! communication with log₂, contention with √, the coherency of the USL with x. From few points these cannot be
//! told apart by fitting; [`ShapePrior`] holds how often each was met, so that few points are weighed against
//! experience. The weights are estimated by expectation–maximisation ([`ShapePrior::refine`]); those shipped come
//! from published measurements (see `docs/concepts/forecast.md`), each application counting with the square root
//! of its number of series.

use crate::forecast::averaging::Drift;
use crate::forecast::strong::Scaling;
use crate::{LawError, Observation};

/// The serial shares that are considered: none, and a geometric grid fine enough that a share between two of them is
/// forecast as well as one of them.
pub(crate) const SERIAL_SHARES: [f64; 25] = [
    0.0, 0.003, 0.0039, 0.005, 0.0064, 0.0082, 0.011, 0.014, 0.017, 0.022, 0.029, 0.037, 0.048, 0.061, 0.079,
    0.1, 0.13, 0.17, 0.22, 0.28, 0.36, 0.46, 0.59, 0.76, 0.95,
];

/// The standard deviations of a curve's wandering over one doubling that are considered.
pub(crate) const DRIFT_RATES: [f64; 3] = [0.015, 0.05, 0.2];

const AMOUNTS: usize = 6;
pub(crate) const OVERHEADS: usize = 1 + 3 * AMOUNTS;

/// How an overhead grows with the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    None,
    Logarithm,
    Root,
    Linear,
}

impl Growth {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Logarithm, Self::Root, Self::Linear];

    /// Returns the overhead at `x` times the first number of workers; 0 at 1.
    pub(crate) fn at(self, x: f64) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Logarithm => x.log2(),
            Self::Root => x.sqrt() - 1.0,
            Self::Linear => x - 1.0,
        }
    }

    /// Returns where `(1 − s) / x + c · g(x)` is least; `None` if it falls for ever.
    pub(crate) fn minimum(self, serial: f64, amount: f64) -> Option<f64> {
        let ratio = (1.0 - serial) / amount;
        match self {
            Self::None => None,
            Self::Logarithm => Some(ratio * std::f64::consts::LN_2),
            Self::Root => Some((2.0 * ratio).powf(2.0 / 3.0)),
            Self::Linear => Some(ratio.sqrt()),
        }
    }
}

/// Returns the kind and amount of the overhead with `index` below [`OVERHEADS`].
pub(crate) fn overhead(index: usize) -> (Growth, f64) {
    const SLOW: [f64; AMOUNTS] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
    const FAST: [f64; AMOUNTS] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1];
    let Some(index) = index.checked_sub(1) else { return (Growth::None, 0.0) };
    match index / AMOUNTS {
        0 => (Growth::Logarithm, SLOW[index % AMOUNTS]),
        1 => (Growth::Root, SLOW[index % AMOUNTS]),
        _ => (Growth::Linear, FAST[index % AMOUNTS]),
    }
}

/// How often each serial share, each overhead and each rate of wandering is met.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapePrior {
    pub(crate) serial: [f64; SERIAL_SHARES.len()],
    pub(crate) overhead: [f64; OVERHEADS],
    pub(crate) drift: [f64; DRIFT_RATES.len()],
}

impl ShapePrior {
    /// Returns the prior under which everything considered is equally likely.
    pub fn flat() -> Self {
        Self {
            serial: [1.0 / SERIAL_SHARES.len() as f64; SERIAL_SHARES.len()],
            overhead: [1.0 / OVERHEADS as f64; OVERHEADS],
            drift: [1.0 / DRIFT_RATES.len() as f64; DRIFT_RATES.len()],
        }
    }

    /// Returns the prior learned from published measurements of strong scaling.
    pub fn published() -> Self {
        crate::published::SHAPE_PRIOR.clone()
    }

    /// Returns the prior after one step of expectation–maximisation over `applications`, each a list of measured
    /// series of strong scaling.
    ///
    /// A step replaces each weight by the mean posterior weight; repeated, it converges to the most likely prior.
    /// An application counts with the square root of its number of series, and one pseudo-series spreads evenly
    /// over each set of weights, so that nothing becomes impossible.
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] for a measurement that is not positive, [`LawError::TooFew`] for a series with
    /// fewer than two points.
    pub fn refine(&self, applications: &[Vec<Vec<Observation>>]) -> Result<Self, LawError> {
        let mut sums = Self {
            serial: [0.0; SERIAL_SHARES.len()],
            overhead: [0.0; OVERHEADS],
            drift: [0.0; DRIFT_RATES.len()],
        };
        for application in applications {
            let weight = 1.0 / (application.len() as f64).sqrt();
            for series in application {
                Scaling::whole(series, self)?.add_responsibilities(&mut sums, weight);
            }
        }
        smooth(&mut sums.serial);
        smooth(&mut sums.overhead);
        smooth(&mut sums.drift);
        Ok(sums)
    }

    /// Returns the weights of serial shares, of overheads, and of rates of wandering, each summing to 1.
    pub fn weights(&self) -> (&[f64], &[f64], &[f64]) {
        (&self.serial, &self.overhead, &self.drift)
    }

    /// Returns the logarithm of the weight of every shape, serial shares major.
    pub(crate) fn ln_shapes(&self) -> Vec<f64> {
        let overheads = self.overhead.map(f64::ln);
        self.serial.iter().flat_map(|serial| overheads.map(|overhead| serial.ln() + overhead)).collect()
    }

    pub(crate) fn drifts(&self) -> Vec<Drift> {
        DRIFT_RATES
            .iter()
            .zip(self.drift)
            .map(|(&rate, weight)| Drift { rate, ln_weight: weight.ln() })
            .collect()
    }
}

/// Makes sums of weights sum to 1, with one pseudo-count spread over them.
fn smooth(weights: &mut [f64]) {
    let total: f64 = weights.iter().sum::<f64>() + 1.0;
    let even = 1.0 / weights.len() as f64;
    for weight in weights {
        *weight = (*weight + even) / total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overheads_vanish_at_the_first_point_and_have_their_minimum_where_said() {
        for index in 1..OVERHEADS {
            let (growth, amount) = overhead(index);
            assert_eq!(growth.at(1.0), 0.0);
            let time = |x: f64| 0.9 / x + amount * growth.at(x);
            let at = growth.minimum(0.1, amount).expect("an overhead turns the curve");
            assert!(time(at) <= time(at * 1.01) && time(at) <= time(at * 0.99), "{growth:?} {amount}");
        }
    }

    #[test]
    fn refining_learns_that_curves_are_ideal() {
        let ideal: Vec<Observation> =
            [1.0, 2.0, 4.0, 8.0, 16.0].map(|p| Observation::new(p, 100.0 / p)).into();
        let mut prior = ShapePrior::flat();
        for _ in 0..5 {
            prior = prior.refine(&[vec![ideal.clone(); 4], vec![ideal.clone(); 4]]).expect("valid series");
        }
        let (serial, overhead, drift) = prior.weights();
        assert!(serial[0] + serial[1] > 0.7, "{serial:?}");
        assert!(drift[0] > 0.7, "{drift:?}");
        for weights in [serial, overhead, drift] {
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(weights.iter().all(|&weight| weight > 0.0));
        }
    }
}
