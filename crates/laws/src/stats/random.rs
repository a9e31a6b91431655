//! Seeded random numbers for resampling.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A stream of random numbers that depends on its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Random(Pcg64);

impl Random {
    /// Returns the stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Returns a whole number below `bound`, each equally likely to within 2⁻³² for bounds below 2³².
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Returns a number in `(0, 1)`.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
impl Random {
    /// Returns a number with a standard normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        super::normal_quantile(self.uniform())
    }
}
