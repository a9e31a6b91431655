//! Sums over rounds, with the variance that the places of the rounds give them.
//!
//! Rounds are one random time in each stretch of time, so a sum's variance is that within stretches, which neighbouring
//! rounds tell: `Σ w² (x − x′)² / 2` over successive rounds (the estimator of successive differences). Phases of the program,
//! which are no chance, add nothing to it but at their edges.
//!
//! Source: K. M. Wolter, *Introduction to Variance Estimation*, 2nd ed. 2007, section 8.2.

use super::share;
use festina_types::Estimate;

/// A sum `Σ w x` over rounds; rounds that are not added have x = 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Charge {
    pub(super) sum_ns: f64,
    variance: f64,
    /// x in the round before `round`.
    before: f64,
    /// The round that is being added.
    round: u32,
    value: f64,
    weight: f64,
}

impl Charge {
    /// Adds `x` in `round` of weight `w`, in the order of rounds; several times in a round add up.
    pub(super) fn add(&mut self, round: u32, weight: f64, x: f64) {
        self.sum_ns += weight * x;
        if round != self.round || self.weight == 0.0 {
            self.variance = self.settled();
            let is_next = self.weight > 0.0 && round == self.round + 1;
            if !is_next {
                // In between it was nothing.
                self.variance += (self.weight * self.value).powi(2) / 2.0;
            }
            self.before = if is_next { self.value } else { 0.0 };
            (self.round, self.value, self.weight) = (round, 0.0, weight);
        }
        self.value += x;
    }

    /// Returns the variance with the step to the round that is being added.
    fn settled(&self) -> f64 {
        self.variance + (self.weight * (self.value - self.before)).powi(2) / 2.0
    }

    /// Returns the sum as a share of `elapsed_ns`.
    pub(super) fn share(&self, elapsed_ns: f64) -> Estimate {
        self.share_beside(elapsed_ns, 0.0)
    }

    /// Returns the sum as a share of `elapsed_ns`, where it has another standard deviation, `other_ns`, beside the sampling's.
    pub(super) fn share_beside(&self, elapsed_ns: f64, other_ns: f64) -> Estimate {
        share(self.sum_ns / elapsed_ns, self.settled().sqrt().hypot(other_ns) / elapsed_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_changes_has_no_variance_but_its_first_step() {
        let mut steady = Charge::default();
        (0..100).for_each(|round| steady.add(round, 1.0, 1.0));
        assert_eq!((steady.sum_ns, steady.settled()), (100.0, 0.5));
    }

    #[test]
    fn rounds_that_differ_tell_the_variance_of_chance() {
        // Present in every second round: each of 50 steps up and 49 down is 1.
        let mut every_second = Charge::default();
        (0..100).step_by(2).for_each(|round| every_second.add(round, 2.0, 1.0));
        assert_eq!((every_second.sum_ns, every_second.settled()), (100.0, 99.0 * 4.0 / 2.0));
        // Twice in a round is once with the sum.
        let mut halves = Charge::default();
        (0..100).step_by(2).for_each(|round| {
            halves.add(round, 2.0, 0.5);
            halves.add(round, 2.0, 0.5);
        });
        assert_eq!(halves.settled(), every_second.settled());
    }

    #[test]
    fn the_interval_covers_a_share_that_chance_decides() {
        use rand_pcg::Pcg64Mcg;
        use rand_pcg::rand_core::{Rng, SeedableRng};
        // A function that runs 30 % of the time, in spells far shorter than a round.
        let covered = (0..400)
            .filter(|seed| {
                let mut random = Pcg64Mcg::seed_from_u64(*seed);
                let mut charge = Charge::default();
                for round in 0..2_000 {
                    if random.next_u64() % 10 < 3 {
                        charge.add(round, 1.0, 1.0);
                    }
                }
                charge.share(2_000.0).interval.unwrap().contains(0.3)
            })
            .count();
        assert!((370..=400).contains(&covered), "{covered}");
    }
}
