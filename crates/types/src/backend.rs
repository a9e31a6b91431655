//! What a solver maps its tasks over: threads, worker processes, MPI ranks, all behind one small trait.

use std::ops::ControlFlow;

use thiserror::Error;

use crate::Workers;

/// A pure function from bytes to bytes that every worker of a [`Backend`] can call.
///
/// Plain bytes are what threads, worker processes and MPI ranks have in common. A worker in another process of
/// the same binary finds the function by its name; a worker in this process calls it directly.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name under which another process of the same binary looks the function up, such as
    /// `festina-route/improve`: unique in the binary, the same in every process of it.
    pub name: &'static str,
    /// The function. It has no side effects, and gives the same output for the same input in every process.
    ///
    /// An `Err` is a message for people; it reaches the caller as [`BackendError::Task`].
    pub call: fn(&[u8]) -> Result<Vec<u8>, String>,
}

/// Workers over which tasks are mapped.
///
/// A solver never talks to threads, processes or MPI: it is given a backend, and runs on every one of them.
///
/// ```
/// use festina_types::{Backend, BackendError, Function, Workers};
///
/// /// One worker: the caller itself.
/// struct Serial;
///
/// impl Backend for Serial {
///     fn workers(&self) -> Workers {
///         Workers::MIN
///     }
///     fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
///         let call = |(task, input): (usize, Vec<u8>)| {
///             (function.call)(&input).map_err(|message| BackendError::Task { task, message })
///         };
///         inputs.into_iter().enumerate().map(call).collect()
///     }
/// }
///
/// let double = Function { name: "double", call: |bytes| Ok(bytes.iter().map(|b| b * 2).collect()) };
/// assert_eq!(Serial.map(double, vec![vec![1, 2], vec![3]])?, [vec![2, 4], vec![6]]);
/// # Ok::<(), BackendError>(())
/// ```
pub trait Backend {
    /// Returns how many tasks run at the same time.
    fn workers(&self) -> Workers;

    /// Calls `function` once on each of `inputs` and returns the outputs in the order of the inputs.
    ///
    /// Returns when all tasks have ended; there may be more inputs than workers, or fewer.
    ///
    /// # Errors
    ///
    /// [`BackendError::Task`] for the first task, in the order of the inputs, whose function returned an error or
    /// panicked, or that killed its workers; [`BackendError::Lost`] if workers went away and the tasks could not be
    /// run elsewhere; [`BackendError::Canceled`] if the user did not want to wait for the end.
    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError>;

    /// Calls `function` once on each of `inputs`, and gives `take` each task's index and outcome as soon as it is
    /// there, in whatever order, on the calling thread.
    ///
    /// Inputs are pulled as they are needed, a few batches ahead of the workers: neither all inputs nor all outputs
    /// need to be in memory at the same time. A task that fails is an outcome like any other, an error that names it.
    /// After `take` has broken off nothing more is handed out, and what still runs is not told.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use festina_types::{Backend, BackendError, Function, Workers};
    /// # struct Serial;
    /// # impl Backend for Serial {
    /// #     fn workers(&self) -> Workers { Workers::MIN }
    /// #     fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
    /// #         Ok(inputs.iter().map(|input| (function.call)(input).unwrap()).collect())
    /// #     }
    /// # }
    /// let double = Function { name: "double", call: |bytes| Ok(bytes.iter().map(|b| b * 2).collect()) };
    /// let mut sum = 0;
    /// Serial.stream(double, &mut (1..=100).map(|n| vec![n]), &mut |_, outcome| {
    ///     sum += outcome.map_or(0, |output| u32::from(output[0]));
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(sum, 10_100);
    /// # Ok::<(), BackendError>(())
    /// ```
    ///
    /// Provided for backends that have nothing better: one map an input.
    ///
    /// # Errors
    ///
    /// [`BackendError::Lost`] and [`BackendError::Canceled`], as [`map`](Self::map).
    fn stream(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        take: &mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    ) -> Result<(), BackendError> {
        for (task, input) in inputs.enumerate() {
            let outcome = match self.map(function, vec![input]) {
                Ok(mut outputs) => Ok(outputs.pop().unwrap_or_default()),
                Err(error) => Err(error.of_task(task)?),
            };
            if take(task, outcome).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Mapping tasks over a backend failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BackendError {
    /// A task failed by itself: running it again would fail again.
    #[error("task {task} failed: {message}")]
    Task {
        /// The index of the task's input.
        task: usize,
        /// What the function said.
        message: String,
    },
    /// A task ended its worker, a process, each time that it was tried: by a crash, or for want of memory.
    #[error("task {task} ended its worker {times} times: {how}")]
    Deadly {
        /// The index of the task's input.
        task: usize,
        /// How often it was tried.
        times: u32,
        /// How the worker ended the last time.
        how: String,
    },
    /// The workers went away.
    #[error("workers of the backend were lost: {message}")]
    Lost {
        /// What is known about it.
        message: String,
    },
    /// The user asked to stop at once.
    #[error("stopped on request")]
    Canceled,
}

impl BackendError {
    /// Returns the error of a map of a single input as that of task `task`.
    ///
    /// # Errors
    ///
    /// The error itself, if it is not a task's.
    fn of_task(self, task: usize) -> Result<Self, Self> {
        match self {
            Self::Task { message, .. } => Ok(Self::Task { task, message }),
            Self::Deadly { times, how, .. } => Ok(Self::Deadly { task, times, how }),
            Self::Lost { .. } | Self::Canceled => Err(self),
        }
    }
}
