//! `festina scale`: how a workload's time grows with its size and falls with its workers, and what it would be where it
//! was not measured.

mod options;
mod question;
mod request;
mod spec;
mod stored;

pub use options::ScaleOptions;
pub use question::{At, Questions};
pub use request::{ScaleRequest, questions};
pub use spec::parse_spec;
pub use stored::stored_times;
