//! What a solver maps its tasks over: threads, worker processes, MPI ranks, all behind one small trait.

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
    /// panicked; [`BackendError::Lost`] if workers went away and the tasks could not be run elsewhere.
    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError>;
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
    /// The workers went away.
    #[error("workers of the backend were lost: {message}")]
    Lost {
        /// What is known about it.
        message: String,
    },
}
