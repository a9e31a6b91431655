//! When the program is looked at: once in each period, at a random time of it.
//!
//! A program in step with the period is then not seen always at the same place. That chance decides where it is seen costs
//! little: of sixty-four successive looks, one each is in the first 64th of its period, in the second, and so on, in random order. So
//! the share of a part of a program in step is as near to the truth as with many times as many looks.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// So many looks are spread over the parts of their periods.
const BLOCK: usize = 64;
/// Looks are at least this part of a period apart.
const NEAREST: f64 = 0.1;

/// The times of looks.
#[derive(Debug)]
pub(super) struct Schedule {
    random: Pcg64Mcg,
    /// The parts of their periods that the looks of this block have yet to come in.
    left: Vec<usize>,
    /// The beginning of the next period.
    begin_ns: f64,
}

impl Schedule {
    /// Returns the times of looks from `start_ns` on.
    pub(super) fn new(start_ns: u64, seed: u64) -> Self {
        Self { random: Pcg64Mcg::seed_from_u64(seed), left: Vec::new(), begin_ns: start_ns as f64 }
    }

    /// Returns the time of the next look, not before `now_ns`.
    pub(super) fn next(&mut self, now_ns: u64, period_ns: f64) -> u64 {
        let now = now_ns as f64;
        // What was missed is not made up for.
        if now > self.begin_ns + period_ns {
            self.begin_ns = now;
        }
        let due = self.begin_ns + self.place() * period_ns;
        self.begin_ns += period_ns;
        due.max(now + NEAREST * period_ns) as u64
    }

    /// Returns where in its period the next look is, in 0 to 1.
    fn place(&mut self) -> f64 {
        if self.left.is_empty() {
            self.left.extend(0..BLOCK);
        }
        let index = self.random.next_u64() as usize % self.left.len();
        let part = self.left.swap_remove(index);
        let within = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        (part as f64 + within) / BLOCK as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the times of `count` looks with a period of 1 000, each of which takes `cost`.
    fn looks(count: usize, cost: u64, seed: u64) -> Vec<u64> {
        let mut schedule = Schedule::new(0, seed);
        let mut now = 0;
        let next = |_| {
            now = schedule.next(now, 1_000.0) + cost;
            now - cost
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn looks_are_one_a_period_and_some_time_apart() {
        let times = looks(1_000, 0, 1);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 99), "{times:?}");
        // A look may be pushed out of its period by the one before.
        assert!((0..1_000).all(|index| times[index].abs_diff(1_000 * index as u64 + 500) <= 650));
        assert_ne!(times, looks(1_000, 0, 2));
        assert_eq!(times, looks(1_000, 0, 1));
        // Where a look takes longer than a period, looks are fewer.
        assert!(*looks(100, 5_000, 1).last().unwrap() >= 99 * 5_000);
    }

    #[test]
    fn the_share_of_a_part_in_step_is_nearer_than_chance_alone_would_be() {
        // 300 looks at what takes 30 % of each period, for many seeds; independent looks would be off by 2.6 points.
        let error = |seed| {
            let seen = looks(300, 0, seed).iter().filter(|time| **time % 1_000 < 300).count();
            seen as f64 / 300.0 - 0.3
        };
        let squares: f64 = (0..200).map(|seed| f64::powi(error(seed), 2)).sum();
        let deviation = (squares / 200.0).sqrt();
        assert!(deviation < 0.008, "{deviation}");
    }
}
