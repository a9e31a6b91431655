//! The procedure: calibrate, set up, find the sizes, run the references, run the blocks, stop.
//!
//! Everything that ends is written down before the next thing starts, so that whatever happens loses the run in
//! flight at most.

mod blocks;
mod estimate;
mod growth;
mod run;
mod sizes;

pub use growth::measure_growth;

use std::cell::Cell;

use festina_types::{CancelToken, Finding, Point, Sample, Seconds, Severity, Workers};

use crate::checker::Checker;
use crate::design::{Design, Sizes};
use crate::error::MeasureError;
use crate::executor::Executor;
use crate::measurement::{Measurements, describe, shown};
use crate::plan::{Event, Observer, Plan, distinct_sizes};
use crate::store::{EndReason, Note, Request, RunFolder};
use estimate::PointState;
use run::Ran;

/// Measures what `request` asks for, writing every run into `folder` as it ends.
///
/// A first request on `cancel` ends the measurement after the run in flight, a second one at once; either way what
/// was measured is returned, and stays in `folder`.
///
/// # Errors
///
/// [`MeasureError::Design`], [`MeasureError::Workload`] and [`MeasureError::Check`] before anything runs;
/// [`MeasureError::Start`] and [`MeasureError::Step`] if the workload, its set-up or its preparation does not work
/// at all; [`MeasureError::NoSpace`] and [`MeasureError::File`] if the journal cannot be written. What was written
/// before an error stays, and [`Measurements::from_stored`] analyses it.
pub fn measure(
    request: &Request,
    folder: &mut RunFolder,
    executor: &mut dyn Executor,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<Measurements, MeasureError> {
    let mut procedure = Procedure::new(request, folder, executor, observer, cancel)?;
    let reason = procedure.run()?;
    procedure.finish(reason)
}

/// A measurement under way.
struct Procedure<'a> {
    request: &'a Request,
    folder: &'a mut RunFolder,
    executor: &'a mut dyn Executor,
    observer: &'a dyn Observer,
    cancel: &'a CancelToken,
    checker: Checker<'a>,
    started: Seconds,
    samples: Vec<Sample>,
    notes: Vec<Note>,
    points: Vec<PointState>,
    /// The major page faults of the first run at each size.
    usual_major_faults: Vec<(Option<f64>, u64)>,
    overhead: Overhead,
    requeues: Requeues,
    /// After how many samples the warm-up was judged, and its blocks.
    judged_warm_up: Cell<(usize, u32)>,
    /// How many runs were started.
    runs: u32,
}

/// What runs cost beside their own time: preparing, checking, writing down.
#[derive(Default)]
struct Overhead {
    total: f64,
    runs: u32,
}

impl Overhead {
    fn each(&self) -> f64 {
        self.total / f64::from(self.runs.max(1))
    }
}

/// Runs that took the place of disturbed ones.
#[derive(Default)]
struct Requeues {
    total: u32,
    disturbed_again: u32,
}

impl Requeues {
    /// Whether running again is likely to help: not on a machine that is never quiet.
    fn are_worthwhile(&self) -> bool {
        self.total < 6 || 3 * self.disturbed_again < 2 * self.total
    }
}

/// Ends a step early.
enum Stop {
    Canceled,
    Budget,
}

impl<'a> Procedure<'a> {
    fn new(
        request: &'a Request,
        folder: &'a mut RunFolder,
        executor: &'a mut dyn Executor,
        observer: &'a dyn Observer,
        cancel: &'a CancelToken,
    ) -> Result<Self, MeasureError> {
        request.design.validate()?;
        if request.design.sizes.known().is_empty() {
            let adaptive = Plan::new(&request.design).is_adaptive;
            request.workload.validate(if adaptive { &[1.0, 2.0] } else { &[] })?;
        } else {
            request.workload.validate(request.design.sizes.known())?;
        }
        let checker = Checker::new(&request.check, folder.reference(), request.design.seed)?;
        let started = executor.now();
        Ok(Self {
            request,
            folder,
            executor,
            observer,
            cancel,
            checker,
            started,
            samples: Vec::new(),
            notes: Vec::new(),
            points: Vec::new(),
            usual_major_faults: Vec::new(),
            overhead: Overhead::default(),
            requeues: Requeues::default(),
            judged_warm_up: Cell::default(),
            runs: 0,
        })
    }

    /// Writes down why it ended, and returns what the samples say.
    fn finish(mut self, reason: EndReason) -> Result<Measurements, MeasureError> {
        self.note(Note::Ended { reason })?;
        self.observer.observe(&Event::Ended(reason));
        let Procedure { request, samples, notes, .. } = self;
        Ok(Measurements::new(request.clone(), samples, &notes))
    }
}

impl Procedure<'_> {
    fn run(&mut self) -> Result<EndReason, MeasureError> {
        self.begin()?;
        let sizes = match self.find_sizes()? {
            Ok(sizes) => sizes,
            Err(stop) => return Ok(stop.reason()),
        };
        self.points = self.design().points(&sizes).into_iter().map(PointState::new).collect();
        if let Err(stop) = self.run_references()? {
            return Ok(stop.reason());
        }
        let plan = Plan::with_sizes(self.design(), &sizes, self.eta());
        self.observer.observe(&Event::Planned(&plan));
        let reason = self.run_blocks()?;
        let has_finished = self.samples.iter().any(|sample| sample.status.is_finished());
        let is_nothing = reason == EndReason::Complete && !has_finished;
        Ok(if is_nothing { EndReason::NothingRuns } else { reason })
    }

    /// Tells what would disturb it, calibrates, and runs the set-up.
    fn begin(&mut self) -> Result<(), MeasureError> {
        for finding in self.design().findings(self.executor.available()) {
            self.notice(finding)?;
        }
        let most = self.design().workers.last().copied().unwrap_or(Workers::MIN);
        for finding in self.executor.preflight(most) {
            self.notice(finding)?;
        }
        let calibration = self.executor.calibrate(self.cancel)?;
        self.note(Note::Calibrated(calibration))?;
        self.observer.observe(&Event::Planned(&Plan::new(self.design())));
        self.set_up()
    }

    fn design(&self) -> &Design {
        &self.request.design
    }

    /// Runs the set-up once, for the largest point that is known; where sizes are to be found, that is the first.
    fn set_up(&mut self) -> Result<(), MeasureError> {
        let design = &self.request.design;
        let n = match design.sizes {
            Sizes::Adaptive { start } => Some(start),
            _ => design.sizes.known().last().copied(),
        };
        let p = design.workers.last().copied().unwrap_or(Workers::MIN);
        let Some(command) = self.request.workload.fill_setup(Point { n, p }, design.seed) else {
            return Ok(());
        };
        self.shell_step("the set-up", &command)
    }

    /// Runs every size on one worker, twice where an output is compared: the second run tells a reference that
    /// varies from a wrong parallel run. They are samples of block 0.
    fn run_references(&mut self) -> Result<Result<(), Stop>, MeasureError> {
        let points: Vec<Point> = self.points.iter().map(|state| state.point).collect();
        let mut is_verified = false;
        for n in distinct_sizes(&points) {
            let point = Point { n, p: Workers::MIN };
            if !self.is_reference_wanted(point) || self.is_given_up(point) {
                continue;
            }
            if !self.checker.has_reference(n) {
                if !self.can_end(point) {
                    self.skip_size(point)?;
                    continue;
                }
                match self.run_point(point, 0)? {
                    Ran::Stopped => return Ok(Err(Stop::Canceled)),
                    Ran::Ended(_) if !self.checker.has_reference(n) => continue,
                    Ran::Ended(_) => {}
                }
            }
            // The larger sizes of a program that was the same twice need not cost a tenth of the budget each.
            let cost = self.expected(point).map_or(0.0, |time| time.0);
            let is_dear = cost > 0.1 * self.design().budget.0;
            let is_second_wanted =
                self.request.check.has_output() && !(is_verified && is_dear) && self.can_end(point);
            if is_second_wanted {
                if let Ran::Stopped = self.run_point(point, 0)? {
                    return Ok(Err(Stop::Canceled));
                }
                is_verified = true;
            }
        }
        Ok(Ok(()))
    }

    /// One worker is run for a size if it is a point of the design or its answer is needed.
    fn is_reference_wanted(&self, point: Point) -> bool {
        let is_checked = self.request.check.target != crate::check::Target::None;
        is_checked || self.points.iter().any(|state| state.point == point)
    }

    /// Tells that a size cannot end within the budget, and gives up its points.
    fn skip_size(&mut self, point: Point) -> Result<(), MeasureError> {
        self.not_started(point)?;
        for state in self.points.iter_mut().filter(|state| state.point.n == point.n) {
            state.is_given_up = true;
        }
        Ok(())
    }

    /// Gives up `point` after a run that ended with what its last sample says; larger sizes too where they can only
    /// end the same way.
    fn give_up(&mut self, point: Point, sample: &Sample, last_line: &str) -> Result<(), MeasureError> {
        let is_limit =
            matches!(sample.status, festina_types::Status::TimedOut | festina_types::Status::OutOfMemory);
        let larger = |other: Point| is_limit && other.p == point.p && other.n > point.n;
        let mut also = 0;
        for state in &mut self.points {
            let is_larger = larger(state.point) && !state.is_given_up;
            also += usize::from(is_larger);
            state.is_given_up |= is_larger || state.point == point;
        }
        let said = if last_line.is_empty() { String::new() } else { format!(", saying '{last_line}'") };
        let more =
            if also > 0 { format!("; {also} larger sizes were left out as well") } else { String::new() };
        let message = format!("at {} {}{said}{more}", shown(point), describe(sample.status));
        self.notice(Finding::new(Severity::Warning, "run-failed", message))
    }

    fn is_given_up(&self, point: Point) -> bool {
        self.points.iter().any(|state| state.point == point && state.is_given_up)
    }

    fn notice(&mut self, finding: Finding) -> Result<(), MeasureError> {
        let is_known =
            self.notes.iter().any(|note| matches!(note, Note::Finding { finding: f } if *f == finding));
        if is_known {
            return Ok(());
        }
        self.observer.observe(&Event::Noticed(&finding));
        self.note(Note::Finding { finding })
    }

    /// Tells `finding` unless one of its kind was told: of what happens in every run, the first is enough.
    fn notice_first(&mut self, finding: &Finding) -> Result<(), MeasureError> {
        let is_known = self
            .notes
            .iter()
            .any(|note| matches!(note, Note::Finding { finding: f } if f.code == finding.code));
        if is_known { Ok(()) } else { self.notice(finding.clone()) }
    }

    fn note(&mut self, note: Note) -> Result<(), MeasureError> {
        self.folder.note(&note)?;
        self.notes.push(note);
        Ok(())
    }

    /// What is left of the budget.
    fn left(&self) -> Seconds {
        Seconds((self.design().budget.0 - self.elapsed().0).max(0.0))
    }

    fn elapsed(&self) -> Seconds {
        Seconds(self.executor.now().0 - self.started.0)
    }
}

impl Stop {
    fn reason(&self) -> EndReason {
        match self {
            Self::Canceled => EndReason::Canceled,
            Self::Budget => EndReason::Budget,
        }
    }
}

#[cfg(test)]
mod tests;
