//! Measures T(n, p): the time that a command takes at problem size n on p workers.
//!
//! A [`Workload`] is a command with `{n}` and `{p}` in it; a [`Design`] says at which points, within which budget; a
//! [`Check`], how results are compared. [`measure`] runs them by one [`Executor`] (on this machine, [`Processes`]),
//! writes every run into a [`RunFolder`] of the [`Store`] as it ends, and returns [`Measurements`], which a
//! [`StoredRun`] gives again without running anything.
//!
//! ```
//! use festina_machine::{Source, Surroundings, detect};
//! use festina_measure::{Check, Design, Processes, Request, Sizes, Store, Workload, measure, parse_workers};
//! use festina_types::{CancelToken, Point};
//!
//! let mut design = Design::new(Sizes::None, parse_workers("1")?);
//! (design.stopping.min_blocks, design.stopping.max_blocks) = (3, 3);
//! let request = Request::new(Workload::new(["echo", "42"])?, design, Check::default(), 0.0);
//!
//! let machine = detect(&Source::live(), &Surroundings::default());
//! # let folder = tempfile::tempdir().unwrap();
//! # let state_folder = folder.path();
//! let mut run = Store::new(state_folder).create(&request, &machine)?;
//! let mut executor = Processes::new(&machine, [("PATH", "/usr/bin:/bin")].into_iter().collect())?;
//! let measured = measure(&request, &mut run, &mut executor, &(), &CancelToken::new())?;
//! assert!(measured.at(Point::new(None, 1)).unwrap().wall.unwrap().value < 1.0);
//! # Ok::<(), festina_measure::MeasureError>(())
//! ```
//!
//! What is pure: the design, the order, the stopping rule, the evidence of noise, the comparison of results and all
//! of the analysis. What does I/O: [`Processes`], the store, and the part of the check that reads outputs.
//! `docs/concepts/measurement.md` and `docs/concepts/check.md` tell the procedure and its reasons.

mod check;
mod checker;
mod design;
mod effective_cores;
mod error;
mod executor;
mod measurement;
mod noise;
mod plan;
mod procedure;
mod processes;
mod stopping;
mod store;
mod template;
mod warm_up;
mod workload;

pub use check::{Check, Comparison, Format, Place, Rules, Target, Tolerance, Variation, compare, variation};
pub use design::{
    DEFAULT_BUDGET, Design, Scaling, Sizes, block_order, default_workers, expected_duration, parse_workers,
};
pub use effective_cores::{EffectiveCores, EffectiveCoresDesign, Kernel, effective_cores};
pub use error::MeasureError;
pub use executor::{Execution, Executor, ShellOutcome};
pub use festina_run::tasks::THREAD_VARIABLES;
pub use measurement::{Measurement, Measurements, Refusal, Speedup, Verdict};
pub use noise::{RunContext, Thresholds, classify};
pub use plan::{Event, Observer, Plan, Progress};
pub use procedure::{measure, measure_growth};
pub use processes::Processes;
pub use stopping::{Candidate, Decision, StoppingRule, by_gain};
pub use store::{Calibration, EndReason, FORMAT_VERSION, Note, Request, RunFolder, RunId, Store, StoredRun};
pub use template::{Placeholder, Template, TemplateError, Values, format_size};
pub use warm_up::warm_up_blocks;
pub use workload::{Pinning, Stdin, Task, Workload};
