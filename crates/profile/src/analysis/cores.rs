//! The cores over which work could be spread, and what that saves.

use festina_types::Estimate;
use serde::{Deserialize, Serialize};

use super::QUANTILE;
use super::charge::Charge;

/// How much what cores do together differs from one program to another, as a relative standard deviation. It is measured with one kind of
/// work, and hardware threads of a core, caches and clocks are worth more to some programs than to others: where two did 1.75 times
/// the work of one there, loops of `CPython` did 1.5 times (`docs/benchmarks.md`).
pub(super) const BETWEEN_PROGRAMS: f64 = 0.1;

/// What some cores do together, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// How many workers worked at the same time, each on a CPU of its own.
    pub workers: u32,
    /// How often the work of one alone they did: `workers` where cores share nothing.
    pub effective: Estimate,
}

/// The cores for which gains are told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cores {
    /// How many.
    pub count: u32,
    /// What cores such as these do together; `None` takes as many times the work of one as there are cores.
    pub together: Option<Together>,
}

impl From<u32> for Cores {
    fn from(count: u32) -> Self {
        Self { count, together: None }
    }
}

impl Cores {
    /// Returns how often the work of one core alone `p` cores do: along a line up to the number that was measured, and in
    /// proportion beyond.
    fn speed(&self, p: f64) -> f64 {
        let Some(Together { workers, effective }) = self.together.filter(|together| together.workers > 1)
        else {
            return p;
        };
        let workers = f64::from(workers);
        // More than there are, or less than one, is chance.
        let effective = effective.value.clamp(1.0, workers);
        if p <= workers {
            1.0 + (p - 1.0) * (effective - 1.0) / (workers - 1.0)
        } else {
            effective * p / workers
        }
    }

    /// Returns the part of the time that is saved when what `busy` cores do is spread over `p`.
    pub(super) fn saved(&self, busy: f64, p: u32) -> f64 {
        (1.0 - self.speed(busy) / self.speed(f64::from(p))).max(0.0)
    }

    /// Returns the relative standard deviation of what cores do together for the program.
    pub(super) fn unsure(&self) -> f64 {
        let Some(Together { effective, .. }) = self.together else { return 0.0 };
        let measured = effective.interval.map_or(0.0, |i| i.relative_half_width(effective.value) / QUANTILE);
        measured.hypot(BETWEEN_PROGRAMS)
    }
}

/// What spreading saves, in sum.
#[derive(Clone, Debug, Default)]
pub(super) struct Saved {
    charge: Charge,
    /// What is left of what was spread: as unsure as what cores do together.
    left_ns: f64,
}

impl Saved {
    /// Adds that `part` of a round is spread, which saves `saved` of it.
    pub(super) fn add(&mut self, round: u32, weight: f64, part: f64, saved: f64) {
        self.charge.add(round, weight, part * saved);
        if saved > 0.0 {
            self.left_ns += weight * part * (1.0 - saved);
        }
    }

    /// Returns the sum as a share of `elapsed_ns`, with the uncertainty of the sampling and of `cores`.
    pub(super) fn share(&self, elapsed_ns: f64, cores: &Cores) -> Estimate {
        self.charge.share_beside(elapsed_ns, cores.unsure() * self.left_ns)
    }
}

#[cfg(test)]
mod tests {
    use festina_types::{Interval, Method};

    use super::*;

    fn cores(workers: u32, effective: f64) -> Cores {
        let interval = Some(Interval { lower: 0.9 * effective, upper: 1.1 * effective, level: 0.95 });
        let effective = Estimate { value: effective, interval, method: Method::OrderStatistics };
        Cores { count: workers, together: Some(Together { workers, effective }) }
    }

    #[test]
    fn cores_that_share_nothing_save_what_amdahl_says() {
        let cores = Cores::from(4);
        assert_eq!((cores.saved(1.0, 4), cores.saved(2.0, 4), cores.saved(4.0, 4)), (0.75, 0.5, 0.0));
        assert_eq!(cores.unsure(), 0.0);
    }

    #[test]
    fn what_cores_lose_together_is_not_saved() {
        // Two hardware threads of a core: 1.25 times the work of one, so that 20 % of the time is saved, not 50 %.
        let two = cores(2, 1.25);
        assert!((two.saved(1.0, 2) - 0.2).abs() < 1e-12);
        // Eight such threads are four such cores: 5 times the work of one.
        assert!((two.saved(1.0, 8) - 0.8).abs() < 1e-12);
        // Of four cores that do the work of 2.5, two do that of 1.5.
        assert!((cores(4, 2.5).saved(2.0, 4) - (1.0 - 1.5 / 2.5)).abs() < 1e-12);
        // Less than the work of one, or more than that of two, is chance.
        assert_eq!(cores(2, 0.9).saved(1.0, 2), 0.0);
        assert_eq!(cores(2, 2.3).saved(1.0, 2), 0.5);
    }

    #[test]
    fn what_is_unsure_of_the_cores_is_unsure_of_what_they_save() {
        let two = cores(2, 1.25);
        let mut saved = Saved::default();
        (0..1000).for_each(|round| saved.add(round, 1e6, 1.0, two.saved(1.0, 2)));
        let share = saved.share(1e9, &two);
        assert!((share.value - 0.2).abs() < 1e-12);
        // 1.25 ± 10 %, and what programs differ by: the time that is left is 0.8 ± 0.08 and 0.8 ± 0.157 to the first order.
        let interval = share.interval.unwrap();
        let half = 0.8 * f64::hypot(0.1, QUANTILE * BETWEEN_PROGRAMS);
        assert!((interval.lower - (0.2 - half)).abs() < 0.002, "{interval:?}");
        assert!((interval.upper - (0.2 + half)).abs() < 0.002, "{interval:?}");
    }
}
