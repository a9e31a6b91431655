//! Speed-up, paired within blocks: T(1) and T(p) of one block saw the same machine.

use festina_types::{Estimate, Point, Workers};

use super::{Context, Measurement, Refusal, Speedup, Verdict};
use crate::design::Scaling;

/// Fewer undisturbed runs than this carry no speed-up where most were disturbed.
const FEWEST_CLEAN: usize = 3;

impl Context<'_> {
    /// Returns the speed-up of `measurement`, or why there is none.
    pub(super) fn speedup(&self, measurement: &Measurement, all: &[Measurement]) -> Result<Speedup, Refusal> {
        if let Verdict::Different { first_difference, .. } = &measurement.verdict {
            return Err(Refusal::Different { first_difference: first_difference.clone() });
        }
        if measurement.used.is_empty() {
            return measurement.speedup.clone();
        }
        let in_design = |base: &Point| self.request.design.points(self.sizes).contains(base);
        let base_point = self.base_of(measurement.point).filter(in_design).ok_or(Refusal::NoBase)?;
        let base = all.iter().find(|m| m.point == base_point && !m.used.is_empty()).ok_or(Refusal::NoBase)?;
        if let Verdict::Different { first_difference, .. } = &base.verdict {
            return Err(Refusal::Different { first_difference: first_difference.clone() });
        }
        if let Some(refusal) = self.disturbed(measurement, base) {
            return Err(refusal);
        }
        let (ones, many): (Vec<f64>, Vec<f64>) = self.pairs(base, measurement).into_iter().unzip();
        let pairs = ones.len();
        let design = &self.request.design;
        let ratio = design.stopping.paired(&ones, &many, design.seed);
        let ratio = ratio.map_err(|_| Refusal::NoBase)?;
        let ratio = if base_point == measurement.point { Estimate::exact(1.0) } else { ratio };
        let workers = measurement.point.workers();
        let (speedup, efficiency) = match self.request.design.scaling {
            Scaling::Strong => (ratio, ratio.scaled(1.0 / workers)),
            Scaling::Weak { .. } => (ratio.scaled(workers), ratio),
        };
        Ok(Speedup { base: base_point, speedup, efficiency, pairs })
    }

    /// The point with the same work for each worker (weak) or in all (strong), on one worker.
    fn base_of(&self, point: Point) -> Option<Point> {
        match self.request.design.scaling {
            Scaling::Strong => Some(Point { p: Workers::MIN, ..point }),
            Scaling::Weak { .. } => {
                let of_size = |n: &f64| self.request.design.points(&[*n]).contains(&point);
                let size = self.sizes.iter().find(|n| of_size(n))?;
                Some(Point { n: Some(*size), p: Workers::MIN })
            }
        }
    }

    fn disturbed(&self, measurement: &Measurement, base: &Measurement) -> Option<Refusal> {
        if self.request.design.accept_noise {
            return None;
        }
        let is_spoilt = |m: &Measurement| {
            let clean = m.used.iter().filter(|i| !self.is_disturbed(**i)).count();
            clean == 0 || (clean < FEWEST_CLEAN && m.disturbed > clean)
        };
        let is_same = measurement.point == base.point;
        let both = || [measurement, base].into_iter().take(if is_same { 1 } else { 2 });
        both().any(is_spoilt).then(|| Refusal::Disturbed {
            disturbed: both().map(|m| m.disturbed).sum(),
            runs: both().map(|m| m.samples.len()).sum(),
        })
    }

    /// Returns the times of the base and of the point in each block in which both have a used run: of several, the
    /// last, since what was run again took the place of what was disturbed.
    fn pairs(&self, base: &Measurement, measurement: &Measurement) -> Vec<(f64, f64)> {
        let last_in = |m: &Measurement, block: u32| {
            let in_block = m.used.iter().rev().find(|i| self.samples[**i].block == block);
            in_block.map(|i| self.samples[*i].usage.wall.0)
        };
        let mut blocks: Vec<u32> = measurement.used.iter().map(|i| self.samples[*i].block).collect();
        blocks.dedup();
        blocks.into_iter().filter_map(|b| Some((last_in(base, b)?, last_in(measurement, b)?))).collect()
    }
}
