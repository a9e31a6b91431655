//! Measuring growth for a forecast far beyond: from a size that is all start-up upwards, as far as the budget goes.
//!
//! [`measure`](super::measure) spends a budget on precise medians at a few sizes. A forecast over a factor of a hundred needs
//! other runs: some of the start-up alone, one at each size of a wide range, the largest that the budget allows, one of that on
//! fewer workers, and again what was largest. Before them comes one that does not count: the first run of a program finds on
//! the disk what all others find in memory, and would eat a part of the budget that has nothing to do with growth.

use festina_types::{CancelToken, Point, Sample, Workers};

use super::Procedure;
use super::estimate::PointState;
use super::run::{Ran, WarmUp};
use crate::design::{Sizes, round_like};
use crate::error::MeasureError;
use crate::executor::Executor;
use crate::measurement::Measurements;
use crate::plan::Observer;
use crate::store::{EndReason, Note, Request, RunFolder};

/// How often the smallest size is run: start-up is the noisiest part of a short run.
const FLOOR_RUNS: u32 = 3;
/// All runs of it together take at most this share of the budget, the first apart.
const FLOOR_SHARE: f64 = 0.25;
/// Factors from one size to the next: the second where the budget does not allow the first.
const FACTORS: [f64; 2] = [3.0, 2.0];
/// A size is run if the budget then leaves as much again, for the runs that follow; the second one if it can end at all, since
/// there is no forecast without it, and the growth that is feared of it is mostly start-up.
const RESERVE: f64 = 2.0;
/// A size at which runs take this many times as long as the start-up tells how they grow.
const ABOVE_FLOOR: f64 = 3.0;
/// The share of the budget that a run on the fewest workers may take.
const COMPARISON: f64 = 0.3;
/// How often a size is run at most.
const MOST_RUNS: usize = 3;

/// Measures how the workload of `request` grows, from the smallest size of its adaptive design up to `largest`, on the most
/// workers of the design, and once or twice on the fewest.
///
/// The first run counts for nothing but the time until this returns, unless it fails. Every other run is written into `folder` as it ends. `is_known` is asked after each run, once times have risen well above the
/// start-up, whether the question is answered: then the rest of the budget stays unused.
///
/// # Errors
///
/// Those of [`measure`](super::measure), and [`MeasureError::Design`] for a design that is not adaptive.
pub fn measure_growth(
    request: &Request,
    largest: f64,
    folder: &mut RunFolder,
    executor: &mut dyn Executor,
    observer: &dyn Observer,
    cancel: &CancelToken,
    is_known: &mut dyn FnMut(&[Sample]) -> bool,
) -> Result<Measurements, MeasureError> {
    let Sizes::Adaptive { start } = request.design.sizes else {
        return Err(MeasureError::Design {
            reason: "has its sizes given, and growth finds them itself".to_owned(),
            hint: "let the sizes be adaptive".to_owned(),
        });
    };
    let mut procedure = Procedure::new(request, folder, executor, observer, cancel)?;
    procedure.begin()?;
    let reason = procedure.grow_to(start, largest, is_known)?;
    let mut sizes: Vec<f64> = procedure.points.iter().filter_map(|state| state.point.n).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    procedure.note(Note::Sizes { sizes })?;
    procedure.finish(reason)
}

/// What became of a size.
enum Grown {
    /// It ran.
    Yes,
    /// It ended badly: larger sizes are not tried.
    Failed,
    /// The question is answered.
    Known,
    /// The user asked to stop.
    Stopped,
}

impl Procedure<'_> {
    fn grow_to(
        &mut self,
        start: f64,
        largest: f64,
        is_known: &mut dyn FnMut(&[Sample]) -> bool,
    ) -> Result<EndReason, MeasureError> {
        let most = self.design().workers.last().copied().unwrap_or(Workers::MIN);
        let at = |n: f64| Point { n: Some(n), p: most };
        match self.warm_up_at(at(start))? {
            WarmUp::Done => {}
            WarmUp::Failed => return Ok(EndReason::NothingRuns),
            WarmUp::Stopped => return Ok(EndReason::Canceled),
        }
        for run in 0..FLOOR_RUNS {
            let floor = self.expected(at(start)).unwrap_or_default();
            if floor.0 * f64::from(run + 1) > FLOOR_SHARE * self.design().budget.0 {
                break;
            }
            match self.grow_at(at(start), is_known)? {
                Grown::Yes | Grown::Known => {}
                Grown::Failed => return Ok(EndReason::NothingRuns),
                Grown::Stopped => return Ok(EndReason::Canceled),
            }
        }
        let mut size = start;
        while let Some(next) = self.next_size(size, largest, most) {
            match self.grow_at(at(next), is_known)? {
                Grown::Yes => size = next,
                Grown::Known => return self.compare_workers(next).map(|()| EndReason::Complete),
                Grown::Failed => break,
                Grown::Stopped => return Ok(EndReason::Canceled),
            }
        }
        self.compare_workers(size)?;
        self.repeat(is_known)
    }

    /// Runs `point` once; each run is a block of its own.
    fn grow_at(
        &mut self,
        point: Point,
        is_known: &mut dyn FnMut(&[Sample]) -> bool,
    ) -> Result<Grown, MeasureError> {
        if self.points.iter().all(|state| state.point != point) {
            self.points.push(PointState::new(point));
        }
        let Ran::Ended(index) = self.run_point(point, self.runs)? else { return Ok(Grown::Stopped) };
        if !self.samples[index].status.is_finished() {
            return Ok(Grown::Failed);
        }
        let floor = self.samples[0].usage.wall.0;
        let has_risen = self.samples[index].usage.wall.0 > ABOVE_FLOOR * floor;
        Ok(if has_risen && is_known(&self.samples) { Grown::Known } else { Grown::Yes })
    }

    /// Returns the next size that the budget allows.
    fn next_size(&self, size: f64, largest: f64, p: Workers) -> Option<f64> {
        let left = self.left().0;
        let reserve = if self.points.len() > 1 { RESERVE } else { 1.0 };
        let sizes = FACTORS.iter().map(|factor| round_like(size, (size * factor).min(largest)));
        sizes.filter(|next| *next > size).find(|next| {
            let expected = self.expected(Point { n: Some(*next), p }).unwrap_or_default();
            expected.0 * reserve <= left
        })
    }

    /// Runs the largest size that the budget allows on the fewest workers, twice if it can.
    fn compare_workers(&mut self, largest: f64) -> Result<(), MeasureError> {
        let workers = &self.request.design.workers;
        let (fewest, most) = (workers[0], workers[workers.len() - 1]);
        if fewest == most {
            return Ok(());
        }
        let slower = f64::from(most.get()) / f64::from(fewest.get());
        let mut sizes: Vec<f64> =
            self.points.iter().filter_map(|state| state.point.n).filter(|n| *n <= largest).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let left = self.left().0.min(COMPARISON * self.design().budget.0);
        let affordable = sizes.into_iter().find(|n| {
            let expected = self.expected(Point { n: Some(*n), p: most }).unwrap_or_default();
            expected.0 * slower <= left
        });
        let Some(n) = affordable else { return Ok(()) };
        self.grow_at(Point { n: Some(n), p: fewest }, &mut |_| false).map(drop)
    }

    /// Repeats runs, the largest size first, while the budget lasts.
    fn repeat(&mut self, is_known: &mut dyn FnMut(&[Sample]) -> bool) -> Result<EndReason, MeasureError> {
        loop {
            let runs = |point: Point| self.samples.iter().filter(|s| s.point == point).count();
            let open = |state: &&PointState| {
                !state.is_given_up && runs(state.point) < MOST_RUNS && self.can_end(state.point)
            };
            // What was run least, and of these the largest.
            let next = self.points.iter().filter(open).map(|state| state.point).min_by(|a, b| {
                runs(*a).cmp(&runs(*b)).then(b.n.unwrap_or(0.0).total_cmp(&a.n.unwrap_or(0.0)))
            });
            let Some(point) = next else { return Ok(EndReason::Budget) };
            match self.grow_at(point, is_known)? {
                Grown::Yes | Grown::Failed => {}
                Grown::Known => return Ok(EndReason::Complete),
                Grown::Stopped => return Ok(EndReason::Canceled),
            }
        }
    }
}
