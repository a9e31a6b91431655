//! Measures T(n, p): the time that a command takes at problem size n on p workers.

mod check;
mod design;
mod error;
mod noise;
mod stopping;
mod store;
mod template;
mod threads;
mod workload;

pub use check::{Check, Comparison, Format, Place, Rules, Target, Tolerance, Variation, compare, variation};
pub use design::{
    DEFAULT_BUDGET, Design, Scaling, Sizes, block_order, default_workers, expected_duration, parse_workers,
};
pub use error::MeasureError;
pub use noise::{RunContext, Thresholds, classify};
pub use stopping::{Candidate, Decision, StoppingRule, by_gain};
pub use store::{Calibration, EndReason, FORMAT_VERSION, Note, Request, RunFolder, RunId, Store, StoredRun};
pub use template::{Placeholder, Template, TemplateError, Values, format_size};
pub use threads::THREAD_VARIABLES;
pub use workload::{Pinning, Stdin, Task, Workload};
