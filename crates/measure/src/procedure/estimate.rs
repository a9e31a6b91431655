//! What is known of each point while measuring: how long, how precisely, how often.

use festina_laws::stats::median;
use festina_types::{Point, Sample, Seconds, Status};

use super::Procedure;
use crate::design::expected_duration;
use crate::stopping::{Candidate, Decision};
use crate::warm_up::warm_up_blocks;

/// A point while it is measured.
pub(super) struct PointState {
    pub(super) point: Point,
    /// How many runs failed.
    pub(super) failures: u32,
    /// It is not run any more: it fails, or cannot end within the budget.
    pub(super) is_given_up: bool,
    /// The last block in which it finished a run.
    pub(super) last_block: Option<u32>,
    /// In how many blocks it was run.
    pub(super) blocks: u32,
}

impl PointState {
    pub(super) fn new(point: Point) -> Self {
        Self { point, failures: 0, is_given_up: false, last_block: None, blocks: 0 }
    }
}

impl Procedure<'_> {
    /// Returns the elapsed times of the runs of `point` that the estimate will use.
    fn usable(&self, point: Point) -> Vec<f64> {
        let warm_up = self.warm_up();
        let accepted = self.design().accept_noise;
        let is_usable = |s: &&Sample| {
            s.point == point
                && s.block >= warm_up
                && s.status.is_finished()
                && (accepted || s.contamination.is_empty())
        };
        self.samples.iter().filter(is_usable).map(|s| s.usage.wall.0).collect()
    }

    /// Judges the warm-up anew after each run, and once.
    fn warm_up(&self) -> u32 {
        let (count, warm_up) = self.judged_warm_up.get();
        if count == self.samples.len() {
            return warm_up;
        }
        let warm_up = self.judge_warm_up();
        self.judged_warm_up.set((self.samples.len(), warm_up));
        warm_up
    }

    fn judge_warm_up(&self) -> u32 {
        let accepted = self.design().accept_noise;
        let counted: Vec<_> =
            self.samples.iter().filter(|s| accepted || s.contamination.is_empty()).collect();
        warm_up_blocks(&counted)
    }

    /// Returns the half-width of the interval of the median at `point` as a fraction of the median, and the number
    /// of samples.
    fn precision(&self, point: Point) -> (Option<f64>, u32) {
        let times = self.usable(point);
        let logs: Vec<f64> = times.iter().map(|time| time.max(1e-9).ln()).collect();
        let interval = self.design().stopping.median(&logs).ok().and_then(|estimate| estimate.interval);
        (interval.map(|i| (i.upper - i.lower) / 2.0), times.len() as u32)
    }

    fn decide(&self, state: &PointState) -> Decision {
        let (half_width, samples) = self.precision(state.point);
        self.design().stopping.decide(samples, state.blocks, half_width)
    }

    pub(super) fn is_done(&self, state: &PointState) -> bool {
        state.is_given_up || self.decide(state) != Decision::Continue
    }

    /// Returns how long a run of `point` takes, as far as is known.
    pub(super) fn expected(&self, point: Point) -> Option<Seconds> {
        expected_duration(point, &self.known())
    }

    /// The median time at each point that ran; that of a run that was stopped is at least what it took.
    fn known(&self) -> Vec<(Point, Seconds)> {
        let mut points: Vec<Point> = Vec::new();
        for sample in &self.samples {
            if !points.contains(&sample.point) {
                points.push(sample.point);
            }
        }
        let times = |point: Point| -> Vec<f64> {
            let counts = |status: Status| status.is_finished() || status == Status::TimedOut;
            let of_point = self.samples.iter().filter(|s| s.point == point && counts(s.status));
            of_point.map(|s| s.usage.wall.0).collect()
        };
        points.into_iter().filter_map(|p| Some((p, Seconds(median(&times(p)).ok()?)))).collect()
    }

    /// Returns what a run of `point` costs of the budget.
    pub(super) fn cost(&self, point: Point) -> f64 {
        self.expected(point).map_or(0.0, |time| time.0) + self.overhead.each().max(0.0)
    }

    /// Returns whether a run of `point` can end within the budget, as far as is known.
    pub(super) fn can_end(&self, point: Point) -> bool {
        let left = self.left().0;
        left > 0.0 && self.cost(point) <= left
    }

    /// Returns how long the rest will take: the blocks that each point still needs by the width of its interval,
    /// but no more than the budget leaves.
    pub(super) fn eta(&self) -> Option<Seconds> {
        let rule = self.design().stopping;
        let known = self.known();
        let mut rest = 0.0;
        for state in self.points.iter().filter(|state| !state.is_given_up) {
            let time = expected_duration(state.point, &known)?;
            let (half_width, samples) = self.precision(state.point);
            if rule.decide(samples, state.blocks, half_width) != Decision::Continue {
                continue;
            }
            // The width shrinks with the root of the number of samples.
            let by_width = half_width.map_or(0.0, |w| f64::from(samples) * (w / rule.target).powi(2));
            let needed = by_width.clamp(f64::from(rule.min_blocks), f64::from(rule.max_blocks));
            let runs = (needed - f64::from(samples)).clamp(1.0, f64::from(rule.max_blocks));
            rest += runs * (time.0 + self.overhead.each().max(0.0));
        }
        Some(Seconds(rest.min(self.left().0)))
    }

    /// Returns `state` as a candidate for another run.
    pub(super) fn candidate(&self, state: &PointState) -> Candidate {
        let logs: Vec<f64> = self.usable(state.point).iter().map(|time| time.max(1e-9).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
        // One sample says nothing about the spread: it is then taken for large.
        let spread = if logs.len() < 2 { 1.0 } else { (squares / (logs.len() - 1) as f64).sqrt() };
        Candidate {
            n: state.point.n.unwrap_or(1.0),
            p: state.point.workers(),
            spread: spread.max(1e-4),
            samples: logs.len() as u32,
            cost: Seconds(self.cost(state.point)),
        }
    }
}
