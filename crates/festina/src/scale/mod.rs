//! `festina scale`: how a workload's time grows with its size and falls with its workers, and what it would be where it
//! was not measured.

mod analysis;
mod options;
mod question;
mod report;
mod request;
mod result;
mod run;
mod spec;
mod stored;

pub use festina_measure::{Event, Observer, Plan, Progress};
pub use options::ScaleOptions;
pub use question::{At, Questions};
pub use report::{scale_provenance, scale_report};
pub use request::{ScaleRequest, questions};
pub use result::*;
pub use run::{Site, scale, scale_from};
pub use spec::parse_spec;
pub use stored::stored_times;
