//! How much memory tasks can be given.

use festina_machine::{Source, Surroundings, detect};
use festina_types::Bytes;

/// Returns the memory that the machine and its control groups have available, or all that can be counted where they
/// do not tell.
pub(crate) fn available() -> Bytes {
    let machine = detect(&Source::live(), &Surroundings::default());
    machine.limits.memory_available.or(machine.memory.available).unwrap_or(Bytes(u64::MAX / 2))
}
