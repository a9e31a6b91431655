//! What to run, and how: plain data.

use std::ffi::OsString;
use std::path::PathBuf;

use festina_types::{Bytes, Seconds, Workers};

use super::{Halt, Inputs, Pipe, Table, TaskError};
use crate::{Environment, RunError};

/// A command, its inputs, and all that is wanted of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRequest {
    /// The command with its placeholders; see [`Template`](super::Template).
    pub command: Vec<OsString>,
    /// Whether a shell reads the command.
    pub shell: bool,
    /// What the tasks are run on.
    pub inputs: Inputs,
    /// Splits one text into blocks, a task each, which read them as standard input; `inputs` is then not used.
    pub pipe: Option<Pipe>,
    /// The environment that tasks inherit.
    pub environment: Environment,
    /// Variables that are set for the tasks. They are part of a task's identity; `environment` is not.
    pub variables: Vec<(OsString, OsString)>,
    /// The working directory of the tasks; `None` is that of this process.
    pub directory: Option<PathBuf>,
    /// How many tasks run at the same time; `None` is as many as fit on the CPUs.
    pub slots: Option<Workers>,
    /// The cores of a task; `None` is an equal share of the CPUs, 1 at least.
    pub cores_per_task: Option<Workers>,
    /// Whether tasks are bound to their cores where all slots together fit on the CPUs.
    pub pin: bool,
    /// The time after which an attempt is stopped.
    pub timeout: Option<Seconds>,
    /// The memory that a task is given: it starts only when so much is left of `memory`, and is killed above it.
    pub memory_per_task: Option<Bytes>,
    /// The memory of all tasks together; `None` is what the machine has available.
    pub memory: Option<Bytes>,
    /// By how much the memory of a task grows with each attempt that is killed for memory.
    pub memory_growth: f64,
    /// The niceness of the tasks.
    pub nice: Option<i32>,
    /// How often a task that fails is started again.
    pub retries: u32,
    /// The time before the first retry; it doubles with each, up to a minute.
    pub retry_delay: Seconds,
    /// When to stop because tasks failed or succeeded.
    pub halt: Halt,
    /// The seed from which `{seed}` is derived.
    pub seed: u64,
    /// Whether outputs come in the order of the inputs, not in that in which tasks end.
    pub keep_order: bool,
    /// The folder in which each task gets a folder with its outputs; nothing is then passed on.
    pub outputs: Option<PathBuf>,
    /// What is captured of a task's output.
    pub collect: Collect,
    /// The table of results.
    pub table: Option<Table>,
    /// The folder that holds the state of runs.
    pub state: PathBuf,
    /// The name of the run; `None` is the time at which it starts.
    pub name: Option<String>,
    /// Whether tasks with a recorded outcome are left out, and of which run.
    pub resume: Resume,
    /// Whether resuming runs again the tasks whose recorded outcome is a failure.
    pub retry_failed: bool,
}

/// Whether tasks with a recorded outcome are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// All tasks run.
    #[default]
    No,
    /// Those of the latest run of the same command; there may be none.
    Latest,
    /// Those of this run.
    Run(String),
}

/// What is captured of a task's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collect {
    /// Nothing.
    Nothing,
    /// The last line that is not empty.
    #[default]
    LastLine,
    /// The last line as JSON; the keys of an object become columns of the table.
    Json,
}

impl RunRequest {
    /// Looks for values that no task can be run with.
    pub(super) fn check(&self) -> Result<(), TaskError> {
        if let Some(nice) = self.nice.filter(|nice| !(-20..=19).contains(nice)) {
            return Err(RunError::NiceRange { nice }.into());
        }
        let is_folder = |name: &&str| !["", ".", ".."].contains(name) && !name.contains(['/', '\0']);
        if let Some(name) = self.name.as_deref().filter(|name| !is_folder(name)) {
            return Err(TaskError::RunName { name: name.to_owned() });
        }
        if !(self.memory_growth >= 1.0 && self.memory_growth.is_finite()) {
            return Err(TaskError::MemoryGrowth { growth: self.memory_growth });
        }
        Ok(())
    }

    /// Returns the request to run `command` on `inputs`, with everything else as by default.
    pub fn new(command: Vec<OsString>, inputs: Inputs, environment: Environment) -> Self {
        Self {
            command,
            shell: false,
            inputs,
            pipe: None,
            environment,
            variables: Vec::new(),
            directory: None,
            slots: None,
            cores_per_task: None,
            pin: true,
            timeout: None,
            memory_per_task: None,
            memory: None,
            memory_growth: 2.0,
            nice: None,
            retries: 0,
            retry_delay: Seconds(1.0),
            halt: Halt::Never,
            seed: 0,
            keep_order: false,
            outputs: None,
            collect: Collect::default(),
            table: None,
            state: PathBuf::from(".festina"),
            name: None,
            resume: Resume::No,
            retry_failed: false,
        }
    }
}
