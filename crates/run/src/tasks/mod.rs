//! Runs a command for every input, on all cores, and loses nothing.
//!
//! A [`RunRequest`] says what to run, as plain data; [`run`] runs it; a [`RunResult`] says how it ended, and where the
//! time went:
//!
//! ```
//! use festina_run::Environment;
//! use festina_run::tasks::{Inputs, RunRequest, Source, Streams, run};
//!
//! let folder = tempfile::tempdir()?;
//! let inputs = Inputs::new().product(Source::Values(vec!["slowly".into(), "hasten".into()]));
//! let environment = Environment::from_iter([("PATH", "/usr/bin:/bin")]);
//! let mut request = RunRequest::new(vec!["echo".into(), "{#}".into(), "{}".into()], inputs, environment);
//! request.keep_order = true;
//! request.state = folder.path().join(".festina");
//! let (mut output, mut errors) = (Vec::new(), Vec::new());
//! let result = run(&request, Streams { output: &mut output, errors: &mut errors }, &mut (), &Default::default())?;
//! assert_eq!(output, b"1 slowly\n2 hasten\n");
//! assert_eq!((result.finished, result.failed), (2, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod cpus;
mod emit;
mod engine;
mod error;
mod folder;
mod halt;
mod inputs;
mod journal;
mod key;
mod memory;
mod observer;
mod parse;
mod pipe;
mod request;
mod shell;
mod summary;
mod table;
mod template;

pub use backend::{AheadRunner, CommandBackend, CommandRunner, LocalCores};
pub(crate) use cpus::usable as usable_cpus;
pub use cpus::{Shares, THREAD_VARIABLES, bind};
pub use emit::Streams;
pub(crate) use engine::with_thread_variables;
pub use engine::{RunResult, run, run_on};
pub use error::TaskError;
pub use folder::RunFolder;
pub use halt::{Ending, Halt, Threshold};
pub use inputs::{Inputs, Origin, Range, Row, Rows, Source, TableFormat};
pub use journal::{Damage, JOURNAL_VERSION, Reading, Record, Session, TaskEnd};
pub use key::TaskKey;
pub(crate) use memory::available as available_memory;
pub use observer::{Progress, TaskObserver};
pub use pipe::Pipe;
pub use request::{Collect, Resume, RunRequest};
pub use summary::{SlotTime, Summary};
pub use table::{ResultFormat, Table};
pub use template::{Given, Template};

pub use crate::stdio::widen as widen_pipe;
