//! What is going to happen, and what happens: for whoever shows it.

use festina_types::{Finding, Point, Sample, Seconds};

use crate::design::{Design, Sizes};
use crate::store::EndReason;

/// What is going to be run: shown before anything runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The points; without their sizes as long as those are to be found.
    pub points: Vec<Point>,
    /// Whether the sizes are still to be found.
    pub is_adaptive: bool,
    /// The fewest runs, references included.
    pub fewest_runs: u64,
    /// The most runs, without those run again.
    pub most_runs: u64,
    /// The limit of the whole measurement.
    pub budget: Seconds,
    /// How long it will take, as far as the runs so far tell; never above what is left of the budget.
    pub eta: Option<Seconds>,
}

impl Plan {
    /// Returns the plan of `design` before anything ran.
    ///
    /// ```
    /// # use festina_measure::{Design, Plan, parse_workers};
    /// let design = Design::new("1e3..1e5:10".parse()?, parse_workers("1,2")?);
    /// let plan = Plan::new(&design);
    /// // Three sizes: two references each, and six blocks, of whose first the references are a part.
    /// assert_eq!((plan.points.len(), plan.fewest_runs), (6, 3 * 2 + 6 * 6 - 3));
    /// # Ok::<(), festina_measure::MeasureError>(())
    /// ```
    pub fn new(design: &Design) -> Self {
        Self::with_sizes(design, design.sizes.known(), None)
    }

    /// Returns the plan once the sizes are known.
    pub fn with_sizes(design: &Design, sizes: &[f64], eta: Option<Seconds>) -> Self {
        let points = design.points(sizes);
        let references = distinct_sizes(&points).len() as u64;
        let in_design = points.iter().filter(|point| point.p.get() == 1).count() as u64;
        let runs = |blocks: u32| u64::from(blocks) * points.len() as u64 + 2 * references - in_design;
        Self {
            is_adaptive: matches!(design.sizes, Sizes::Adaptive { .. }) && sizes.is_empty(),
            fewest_runs: runs(design.stopping.min_blocks),
            most_runs: runs(design.stopping.max_blocks),
            budget: design.budget,
            eta,
            points,
        }
    }
}

/// Returns the sizes of `points`, each once, growing; one `None` where there is none.
pub(crate) fn distinct_sizes(points: &[Point]) -> Vec<Option<f64>> {
    let mut sizes: Vec<_> = points.iter().map(|point| point.n).collect();
    sizes.sort_by(|a, b| a.partial_cmp(b).expect("sizes are numbers"));
    sizes.dedup();
    sizes
}

/// How far a measurement is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// How long it has taken.
    pub elapsed: Seconds,
    /// How long it will still take, never above what is left of the budget; `None` before anything is known.
    pub eta: Option<Seconds>,
    /// The number of runs that have ended.
    pub runs: u64,
    /// How many points are finished.
    pub finished_points: usize,
    /// How many points there are.
    pub points: usize,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The plan was made, or became more precise.
    Planned(&'a Plan),
    /// A run is about to start.
    Started {
        /// Where.
        point: Point,
        /// In which block.
        block: u32,
        /// How many runs were before it.
        order: u32,
    },
    /// A run has ended.
    Finished {
        /// The run.
        sample: &'a Sample,
        /// How far the measurement is.
        progress: Progress,
    },
    /// Something was noticed.
    Noticed(&'a Finding),
    /// The measurement has ended.
    Ended(EndReason),
}

/// Is told what happens.
pub trait Observer {
    /// `event` has happened.
    fn observe(&self, event: &Event<'_>);
}

/// Nobody wants to know.
impl Observer for () {
    fn observe(&self, _event: &Event<'_>) {}
}
