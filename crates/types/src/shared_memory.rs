//! What a graph algorithm runs its loops on: workers that see the same memory.

use crate::Workers;

/// Workers of one process, which share its memory.
///
/// A [`Backend`](crate::Backend) moves bytes, so that its workers may live anywhere. An algorithm whose steps read a few
/// bytes each of a graph of gigabytes cannot pay for that: its workers must see the graph where it lies. It is given this
/// instead, starts no thread itself, and runs on any number of them.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use festina_types::{SharedMemory, Workers};
///
/// /// One worker: the caller itself.
/// struct Serial;
///
/// impl SharedMemory for Serial {
///     fn workers(&self) -> Workers {
///         Workers::MIN
///     }
///     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
///         (0..n_tasks).for_each(task);
///     }
/// }
///
/// let sum = AtomicUsize::new(0);
/// Serial.for_each(5, &|i| { sum.fetch_add(i, Ordering::Relaxed); });
/// assert_eq!(sum.into_inner(), 10);
/// ```
pub trait SharedMemory: Sync {
    /// Returns how many tasks run at the same time.
    fn workers(&self) -> Workers;

    /// Calls `task` once with each number below `n_tasks`, in no particular order, and returns when all calls have ended.
    ///
    /// A panic of a task is the caller's.
    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync));
}
