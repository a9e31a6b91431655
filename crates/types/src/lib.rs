//! The nouns and units that all of festina shares: values, no logic.
//!
//! Everything here is plain data that serialises. Times are [`Seconds`], amounts of memory and of I/O
//! are [`Bytes`]; where a plain float crosses a boundary (JSON, CSV, Python), its name ends in its unit:
//! `elapsed_s`, `peak_rss_bytes`.

mod backend;
mod cancel;
mod estimate;
mod exit;
mod finding;
mod place;
mod point;
mod run_id;
mod sample;
mod shared_memory;
mod units;

pub use backend::{Backend, BackendError, Function};
pub use cancel::CancelToken;
pub use estimate::{Estimate, Interval, Method};
pub use exit::Exit;
pub use finding::{Finding, Severity};
pub use place::Place;
pub use point::{Point, Workers};
pub use run_id::RunId;
pub use sample::{CheckOutcome, Conditions, Contamination, Sample, Status, Usage};
pub use shared_memory::SharedMemory;
pub use units::{Bytes, ParseQuantityError, Seconds};
