//! Measures T(n, p): the time that a command takes at problem size n on p workers.

mod check;
mod checker;
mod design;
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
mod threads;
mod warm_up;
mod workload;

pub use check::{Check, Comparison, Format, Place, Rules, Target, Tolerance, Variation, compare, variation};
pub use design::{
    DEFAULT_BUDGET, Design, Scaling, Sizes, block_order, default_workers, expected_duration, parse_workers,
};
pub use error::MeasureError;
pub use executor::{Execution, Executor, ShellOutcome};
pub use measurement::{Measurement, Measurements, Refusal, Speedup, Verdict};
pub use noise::{RunContext, Thresholds, classify};
pub use plan::{Event, Observer, Plan, Progress};
pub use procedure::measure;
pub use processes::Processes;
pub use stopping::{Candidate, Decision, StoppingRule, by_gain};
pub use store::{Calibration, EndReason, FORMAT_VERSION, Note, Request, RunFolder, RunId, Store, StoredRun};
pub use template::{Placeholder, Template, TemplateError, Values, format_size};
pub use threads::THREAD_VARIABLES;
pub use warm_up::warm_up_blocks;
pub use workload::{Pinning, Stdin, Task, Workload};
