//! The randomised blocks.

use festina_types::{Finding, Point, Severity, Workers};

use super::run::Ran;
use super::{Procedure, Stop};
use crate::design::{Scaling, block_order};
use crate::error::MeasureError;
use crate::stopping::by_gain;
use crate::store::EndReason;

impl Procedure<'_> {
    /// Runs block after block until every point is precise enough, the budget is used or the user asks to stop.
    pub(super) fn run_blocks(&mut self) -> Result<EndReason, MeasureError> {
        for block in 0.. {
            let chosen = match self.choose(block) {
                Choice::Points(chosen) => chosen,
                Choice::Complete => return Ok(EndReason::Complete),
                Choice::OutOfBudget(open) => {
                    self.budget_used(&open)?;
                    return Ok(EndReason::Budget);
                }
            };
            match self.run_block(block, &chosen)? {
                Ok(()) => {}
                Err(stop) => return Ok(stop.reason()),
            }
        }
        Ok(EndReason::Complete)
    }

    /// Chooses the points of the next block: all that are not finished and what they are compared with; where the
    /// budget leaves less than that, those that most reduce the variance of the forecast.
    fn choose(&self, block: u32) -> Choice {
        let open: Vec<usize> = (0..self.points.len()).filter(|i| !self.is_done(&self.points[*i])).collect();
        if open.is_empty() {
            return Choice::Complete;
        }
        let candidates: Vec<_> = open.iter().map(|i| self.candidate(&self.points[*i])).collect();
        let mut chosen: Vec<usize> = Vec::new();
        let mut cost = 0.0;
        let left = self.left().0;
        for k in by_gain(&candidates) {
            let more = self.with_base(open[k]).into_iter().filter(|i| !chosen.contains(i));
            let more: Vec<usize> = more.filter(|i| !self.has_run_in(*i, block)).collect();
            let price: f64 = more.iter().map(|i| self.cost(self.points[*i].point)).sum();
            if left > 0.0 && cost + price <= left {
                cost += price;
                chosen.extend(more);
            }
        }
        if chosen.is_empty() {
            let all_ran = open.iter().all(|i| self.has_run_in(*i, block));
            if left > 0.0 && all_ran {
                return Choice::Points(Vec::new());
            }
            return Choice::OutOfBudget(open.iter().map(|i| self.points[*i].point).collect());
        }
        // The order of the block is drawn from the order of the design.
        chosen.sort_unstable();
        Choice::Points(chosen)
    }

    /// A point, and the point that its speed-up is over: they belong into the same block.
    fn with_base(&self, index: usize) -> Vec<usize> {
        let point = self.points[index].point;
        let position =
            |wanted: Point| self.points.iter().position(|state| state.point == wanted && !state.is_given_up);
        let base = match self.design().scaling {
            Scaling::Strong => position(Point { p: Workers::MIN, ..point }),
            // Points of a series are neighbours, one worker first.
            Scaling::Weak { .. } => {
                let width = self.design().workers.len();
                let first = index / width * width;
                (self.points[first].point.p.get() == 1).then_some(first)
            }
        };
        let base = base.filter(|base| *base != index && !self.points[*base].is_given_up);
        [Some(index), base].into_iter().flatten().collect()
    }

    /// Whether the point at `index` finished a run in `block`: its reference was one of block 0.
    fn has_run_in(&self, index: usize, block: u32) -> bool {
        self.points[index].last_block == Some(block)
    }

    fn run_block(&mut self, block: u32, chosen: &[usize]) -> Result<Result<(), Stop>, MeasureError> {
        let first = self.samples.len();
        let seed = self.design().seed;
        for k in block_order(chosen.len(), seed, block) {
            let point = self.points[chosen[k]].point;
            if self.points[chosen[k]].is_given_up {
                continue;
            }
            if !self.can_end(point) {
                self.not_started(point)?;
                if self.left().0 <= 0.0 {
                    return Ok(Err(Stop::Budget));
                }
                continue;
            }
            if let Ran::Stopped = self.run_point(point, block)? {
                return Ok(Err(Stop::Canceled));
            }
        }
        for state in &mut self.points {
            state.blocks = state.blocks.max(if state.last_block == Some(block) { block + 1 } else { 0 });
        }
        self.run_disturbed_again(first, block)
    }

    /// Runs again, once, what was disturbed in the block that starts at sample `first`.
    fn run_disturbed_again(&mut self, first: usize, block: u32) -> Result<Result<(), Stop>, MeasureError> {
        if self.design().accept_noise {
            return Ok(Ok(()));
        }
        let disturbed: Vec<Point> = self.samples[first..]
            .iter()
            .filter(|s| s.status.is_finished() && !s.contamination.is_empty())
            .map(|s| s.point)
            .collect();
        for point in disturbed {
            if !self.requeues.are_worthwhile() {
                return self.never_quiet().map(Ok);
            }
            if !self.can_end(point) {
                break;
            }
            match self.run_point(point, block)? {
                Ran::Stopped => return Ok(Err(Stop::Canceled)),
                Ran::Ended(index) => {
                    let is_disturbed = !self.samples[index].contamination.is_empty();
                    self.requeues.total += 1;
                    self.requeues.disturbed_again += u32::from(is_disturbed);
                }
            }
        }
        Ok(Ok(()))
    }

    fn never_quiet(&mut self) -> Result<(), MeasureError> {
        let message = "the machine is hardly ever quiet: disturbed runs are no longer run again";
        let hint = "stop what else runs here; or accept it with --accept-noise, and trust the numbers less";
        self.notice(Finding::new(Severity::Warning, "noisy-machine", message).with_hint(hint))
    }
}

/// What the next block is made of.
enum Choice {
    Points(Vec<usize>),
    Complete,
    OutOfBudget(Vec<Point>),
}
