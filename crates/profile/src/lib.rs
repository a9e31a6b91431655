//! Where the time of a running program goes, and what it would gain to fix it.
//!
//! [`profile_command`] starts a program and records it from outside, without stopping it and without any set-up:
//! [`Recording`]. [`analyse`] says where the time went, what ran alone, and what it would gain to fix it: [`Profile`]; it
//! computes only, and so do the exports [`collapsed`], [`firefox`], [`speedscope`] and [`pprof`].
//!
//! ```
//! use festina_profile::{Options, Target, analyse, profile_command};
//! use festina_types::CancelToken;
//!
//! let target = Target {
//!     program: "sh".into(),
//!     arguments: vec!["-c".into(), "sleep 0.1".into()],
//!     environment: [("PATH", "/usr/bin:/bin")].into_iter().collect(),
//! };
//! let recording = profile_command(&target, &Options::default(), None, &CancelToken::new(), &mut ())?;
//! let profile = analyse(&recording, 2);
//! assert!(profile.elapsed_s >= 0.1);
//! # Ok::<(), festina_profile::ProfileError>(())
//! ```

mod analysis;
mod elf;
mod error;
mod export;
mod findings;
mod native;
mod python;
mod record;
mod recording;
mod session;

pub use analysis::{
    Comparison, Cores, LEVEL, MemoryPeak, Profile, Spot, SpotChange, StateTimes, ThreadSummary, Timeline,
    Together, Whole, analyse, compare, timelines,
};
pub use error::ProfileError;
pub use export::{Call, call_tree, collapsed, firefox, pprof, speedscope};
pub use record::{Observer, Options, RATES};
pub use recording::{
    Catalogue, Change, Frame, Function, Kind, Local, MemoryPoint, Process, Recording, RecordingError,
    RecordingWriter, Sampling, SourceLine, Stack, State, Thread, read_recording,
};
pub use session::{Target, profile_command, profile_process};
