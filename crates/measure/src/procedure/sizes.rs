//! Finding the sizes that use the budget well.

use festina_types::{Point, Seconds, Workers};

use super::estimate::PointState;
use super::run::Ran;
use super::{Procedure, Stop};
use crate::design::{Sizes, expected_duration};
use crate::error::MeasureError;
use crate::store::Note;

/// As long as a run is within this factor of the first, it is start-up that is measured.
const FLOOR: f64 = 1.2;
/// How sizes grow while only start-up is measured, and afterwards.
const STRIDE: f64 = 4.0;
const STEP: f64 = 2.0;
/// How many sizes are measured, the smallest one for the floor not counted: a range of 32 and more.
const MOST_SIZES: i32 = 6;
/// Doubling from any start ends by here.
const MOST_STEPS: usize = 200;

impl Procedure<'_> {
    /// Returns the sizes: those of the design, or those found.
    pub(super) fn find_sizes(&mut self) -> Result<Result<Vec<f64>, Stop>, MeasureError> {
        let design = self.design();
        let Sizes::Adaptive { start } = design.sizes else { return Ok(Ok(design.sizes.known().to_vec())) };
        let sizes = match self.grow(start)? {
            Ok(largest) => sizes_up_to(start, largest, self.is_floor(start, largest)),
            Err(stop) => return Ok(Err(stop)),
        };
        self.note(Note::Sizes { sizes: sizes.clone() })?;
        Ok(Ok(sizes))
    }

    /// Lets n grow on one worker until one more step would leave too little of the budget for the blocks; returns
    /// the last size. What it runs are the first references.
    fn grow(&mut self, start: f64) -> Result<Result<f64, Stop>, MeasureError> {
        let longest = self.longest_run();
        let mut size = start;
        let mut floor = None;
        for _ in 0..MOST_STEPS {
            let point = Point { n: Some(size), p: Workers::MIN };
            if self.points.iter().all(|state| state.point != point) {
                self.points.push(PointState::new(point));
            }
            let Ran::Ended(index) = self.run_point(point, 0)? else { return Ok(Err(Stop::Canceled)) };
            let sample = &self.samples[index];
            if !sample.status.is_finished() {
                // What is too large for memory or time limits the search from above.
                return Ok(Ok(if size > start { self.largest_finished().unwrap_or(start) } else { start }));
            }
            let wall = sample.usage.wall.0;
            let is_floor = wall < FLOOR * *floor.get_or_insert(wall);
            let next = size * if is_floor { STRIDE } else { STEP };
            if self.expected_next(next, is_floor).0 > longest || next > 1e15 {
                return Ok(Ok(size));
            }
            size = next;
        }
        Ok(Ok(size))
    }

    /// The elapsed time of one run with which all points in the fewest blocks use the budget, when each size takes
    /// twice as long as the one before and more workers do not help.
    fn longest_run(&self) -> f64 {
        let design = self.design();
        let blocks = f64::from(design.stopping.min_blocks + 2);
        design.budget.0 / (blocks * 2.0 * design.workers.len().max(1) as f64)
    }

    fn expected_next(&self, next: f64, is_floor: bool) -> Seconds {
        let known: Vec<(Point, Seconds)> =
            self.samples.iter().filter(|s| s.status.is_finished()).map(|s| (s.point, s.usage.wall)).collect();
        let point = Point { n: Some(next), p: Workers::MIN };
        match known.last() {
            Some((_, wall)) if is_floor => *wall,
            _ => expected_duration(point, &known).unwrap_or_default(),
        }
    }

    fn largest_finished(&self) -> Option<f64> {
        let finished = self.samples.iter().filter(|s| s.status.is_finished());
        finished.filter_map(|s| s.point.n).max_by(f64::total_cmp)
    }

    /// Whether the smallest size shows start-up and little else.
    fn is_floor(&self, start: f64, largest: f64) -> bool {
        let wall = |n: f64| {
            let sample = self.samples.iter().find(|s| s.point.n == Some(n) && s.status.is_finished());
            sample.map(|s| s.usage.wall.0)
        };
        wall(start).zip(wall(largest)).is_some_and(|(floor, largest)| largest > 2.0 * floor)
    }
}

/// Returns halves of `largest` down to six sizes, and `start` before them where it shows the floor.
fn sizes_up_to(start: f64, largest: f64, keeps_floor: bool) -> Vec<f64> {
    let mut sizes: Vec<f64> = (0..MOST_SIZES)
        .map(|k| largest / STEP.powi(k))
        .map(|size| if start.fract() == 0.0 { size.round() } else { size })
        .filter(|size| *size > start * STEP.sqrt())
        .collect();
    if keeps_floor || sizes.len() < 3 {
        sizes.push(start);
    }
    sizes.reverse();
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_halves_of_the_largest_with_the_floor_apart() {
        assert_eq!(sizes_up_to(1.0, 4096.0, true), [1.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0]);
        assert_eq!(sizes_up_to(1.0, 4096.0, false), [128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0]);
        assert_eq!(sizes_up_to(100.0, 400.0, false), [100.0, 200.0, 400.0]);
        assert_eq!(sizes_up_to(5.0, 5.0, false), [5.0]);
    }
}
