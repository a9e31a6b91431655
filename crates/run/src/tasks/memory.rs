//! How much memory tasks can be given.

use festina_machine::{Source, Surroundings, detect};
use festina_types::Bytes;

/// Returns the memory that the machine has available within the limits of this process, or all that can be counted where
/// it does not tell.
pub(super) fn available() -> Bytes {
    let machine = detect(&Source::live(), &Surroundings::default());
    machine.limits.memory_available.or(machine.memory.available).unwrap_or(Bytes(u64::MAX / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_no_more_than_the_machine_has() {
        let machine = detect(&Source::live(), &Surroundings::default());
        if let Some(total) = machine.memory.total {
            assert!(available().0 > 0 && available() <= total);
        }
    }
}
