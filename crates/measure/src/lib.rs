//! Measures T(n, p): the time that a command takes at problem size n on p workers.

mod error;
mod template;
mod threads;
mod workload;

pub use error::MeasureError;
pub use template::{Placeholder, Template, TemplateError, Values, format_size};
pub use threads::THREAD_VARIABLES;
pub use workload::{Pinning, Stdin, Task, Workload};
