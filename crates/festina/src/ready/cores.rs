//! What more cores give a command that was run on two numbers of them.
//!
//! ```text
//! T(n, p) = f + g(n) · (s + (1 − s) / p)
//! ```
//!
//! with the start-up `f`, what grows `g`, and its serial share `s` (Amdahl's law, without the start-up, which is serial in any case
//! and of which a large run sees little). From one size on `q` and on `p` cores, with `r = (T(p) − f) / (T(q) − f)`,
//!
//! ```text
//! s = (1/p − r/q) / (r (1 − 1/q) − (1 − 1/p))
//! ```

use festina_laws::floor::FloorGrowth;
use festina_laws::stats::median;
use festina_types::{Estimate, Interval, Method, Sample, Workers};

use super::Z90;

/// Below this share of the time, what grows cannot be told from the noise of the start-up.
const LEAST_GROWING: f64 = 0.25;
/// The relative noise of a run, at least.
const NOISE: f64 = 0.04;

/// A serial share, as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Serial {
    pub(super) share: f64,
    lower: f64,
    upper: f64,
    /// The cores of the runs that forecasts come from.
    cores: f64,
}

impl Serial {
    /// Returns the share that the runs of `samples` on fewer than `most` workers show; `None` without such runs, or where they
    /// are mostly start-up.
    pub(super) fn measured(samples: &[Sample], most: Workers, time: &FloorGrowth) -> Option<Self> {
        let finished = || samples.iter().filter(|sample| sample.status.is_finished());
        let fewer = finished()
            .filter(|s| s.point.p < most)
            .max_by(|a, b| a.point.n.partial_cmp(&b.point.n).expect("sizes are numbers"))?;
        let times = |p: Workers| -> Vec<f64> {
            let here = finished().filter(|s| s.point.p == p && s.point.n == fewer.point.n);
            here.map(|s| s.usage.wall.0).collect()
        };
        let (slow, fast) = (times(fewer.point.p), times(most));
        let floor = time.floor(0.9).value;
        let runs = slow.len().min(fast.len()) as f64;
        let (slow, fast) = (median(&slow).ok()?, median(&fast).ok()?);
        Self::of(
            (slow, fewer.point.workers()),
            (fast, f64::from(most.get())),
            floor,
            NOISE / runs.max(1.0).sqrt(),
        )
    }

    /// Returns the share that follows from the times `slow` and `fast` on so many cores each, and a start-up of `floor`.
    pub(super) fn of(
        (slow, few): (f64, f64),
        (fast, many): (f64, f64),
        floor: f64,
        noise: f64,
    ) -> Option<Self> {
        let (growing_slow, growing_fast) = (slow - floor, fast - floor);
        if growing_slow < LEAST_GROWING * slow || growing_fast <= 0.0 {
            return None;
        }
        let ratio = growing_fast / growing_slow;
        let spread = ratio * (noise * slow / growing_slow).hypot(noise * fast / growing_fast);
        let share = |ratio: f64| {
            let share = (1.0 / many - ratio / few) / (ratio * (1.0 - 1.0 / few) - (1.0 - 1.0 / many));
            // More than proportional, or slower with more cores: the ends of what the law knows.
            if ratio >= 1.0 { 1.0 } else { share.clamp(0.0, 1.0) }
        };
        Some(Self {
            share: share(ratio),
            lower: share(ratio - Z90 * spread),
            upper: share(ratio + Z90 * spread),
            cores: many,
        })
    }

    /// Returns the share with its interval.
    pub(super) fn estimate(&self) -> Estimate {
        let interval = Some(Interval { lower: self.lower, upper: self.upper, level: 0.9 });
        Estimate { value: self.share, interval, method: Method::Fit }
    }

    /// Returns the share in words.
    pub(super) fn words(&self) -> String {
        format!("{:.0} % ({:.0} – {:.0} %)", 100.0 * self.share, 100.0 * self.lower, 100.0 * self.upper)
    }

    /// Returns shares that stand for the distribution, with their weights: its middle and points 1.73 standard deviations off,
    /// which give the mean of any cubic.
    pub(super) fn likely(&self) -> [(f64, f64); 3] {
        let off = 3_f64.sqrt() / Z90;
        let low = self.share - (self.share - self.lower) * off;
        let high = self.share + (self.upper - self.share) * off;
        [(low.clamp(0.0, 1.0), 1.0 / 6.0), (self.share, 2.0 / 3.0), (high.clamp(0.0, 1.0), 1.0 / 6.0)]
    }

    /// Returns by what `cores` cores multiply the time of what grows, if its serial share is `share`.
    pub(super) fn factor(&self, share: f64, cores: f64) -> f64 {
        (share + (1.0 - share) / cores) / (share + (1.0 - share) / self.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_planted_program_is_found() {
        // 2 s of start-up, 20 s that grow, of which 30 % are serial: T(1) = 22, T(4) = 2 + 20 (0.3 + 0.7 / 4) = 11.5.
        let serial = Serial::of((22.0, 1.0), (11.5, 4.0), 2.0, 0.01).unwrap();
        assert!((serial.share - 0.3).abs() < 1e-9, "{serial:?}");
        assert!(serial.lower < 0.3 && serial.upper > 0.3);
        // From 2 and 4 cores: T(2) = 2 + 20 · 0.65 = 15.
        let serial = Serial::of((15.0, 2.0), (11.5, 4.0), 2.0, 0.01).unwrap();
        assert!((serial.share - 0.3).abs() < 1e-9, "{serial:?}");
        // On 16 cores what grows takes (0.3 + 0.7 / 16) / (0.3 + 0.7 / 4) = 0.7237 of what it takes on 4.
        assert!((serial.factor(0.3, 16.0) - 0.723_684).abs() < 1e-6);
    }

    #[test]
    fn noise_and_start_up_tell_nothing() {
        assert_eq!(Serial::of((2.2, 1.0), (2.1, 2.0), 2.0, 0.04), None);
        let slower = Serial::of((10.0, 1.0), (11.0, 2.0), 0.5, 0.04).unwrap();
        assert_eq!(slower.share, 1.0);
        let better = Serial::of((10.0, 1.0), (4.0, 2.0), 0.5, 0.01).unwrap();
        assert_eq!(better.share, 0.0);
    }
}
