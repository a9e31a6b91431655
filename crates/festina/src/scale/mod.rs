//! `festina scale`: how a workload's time grows with its size and falls with its workers, and what it would be where it
//! was not measured.

mod analysis;
mod compare;
mod csv;
mod memory;
mod options;
mod question;
mod report;
mod request;
mod result;
mod run;
mod self_timed;
mod simulate;
mod spec;
mod stored;

pub(crate) use analysis::describe_machine;
pub use compare::{CompareResult, PointChange, SMALLEST_CHANGE, compare, compare_report};
pub use csv::scale_csv;
pub use festina_laws::simulate::{Costs, Policy};
pub use festina_measure::{Event, Observer, Plan, Progress, parse_workers};
pub use options::ScaleOptions;
pub use question::{At, Questions};
pub use report::{scale_provenance, scale_report};
pub use request::{ScaleRequest, questions};
pub use result::*;
pub use run::{Site, preflight, scale, scale_from, scale_self_timed};
pub use simulate::{SimulateRequest, SimulateResult, simulate, simulate_report};
pub use spec::parse_spec;
pub use stored::stored_times;
