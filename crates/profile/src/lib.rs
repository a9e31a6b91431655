//! Where the time of a running program goes, and what it would gain to fix it.

mod elf;
mod error;
mod python;
mod record;
mod recording;

pub use error::ProfileError;
pub use record::{Observer, Options, RATES};
pub use recording::*;
mod session;
pub use session::{profile_command, profile_process, Target};
