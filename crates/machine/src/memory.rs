//! `/proc/meminfo`: how much memory there is.

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

/// The memory of the machine, whatever limits leave of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it that the kernel manages.
    pub total: Option<Bytes>,
    /// What could be given to new programs now without swapping, by the kernel's estimate.
    pub available: Option<Bytes>,
    /// Swap space, used or not.
    pub swap: Option<Bytes>,
}

impl Memory {
    /// Returns what the text of `/proc/meminfo` tells.
    pub(crate) fn parse(text: &str) -> Self {
        let free = || Some(Bytes(field(text, "MemFree")?.0.saturating_add(field(text, "Cached")?.0)));
        Self {
            total: field(text, "MemTotal"),
            // Kernels before 3.14 don't tell what is available.
            available: field(text, "MemAvailable").or_else(free),
            swap: field(text, "SwapTotal"),
        }
    }
}

/// Returns the amount in the line `name:  123 kB`.
pub(crate) fn field(text: &str, name: &str) -> Option<Bytes> {
    // A node's file has `Node 0 MemTotal:` where the machine's has `MemTotal:`.
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.rsplit(' ').next() == Some(name)).then_some(value)
    })?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_old_and_new_are_read() {
        let text = "MemTotal:       1000 kB\nMemFree:  100 kB\nMemAvailable:  600 kB\nCached: 50 kB\nSwapTotal: 0 kB\n";
        let memory = Memory::parse(text);
        assert_eq!(memory.total, Some(Bytes(1_024_000)));
        assert_eq!(memory.available, Some(Bytes(614_400)));
        assert_eq!(memory.swap, Some(Bytes(0)));
        let old = Memory::parse("MemTotal: 1000 kB\nMemFree: 100 kB\nSwapCached: 7 kB\nCached: 50 kB\n");
        assert_eq!(old.available, Some(Bytes(150 * 1024)));
    }

    #[test]
    fn a_nodes_file_and_garbage_are_read() {
        assert_eq!(field("Node 1 MemTotal:  64 kB\n", "MemTotal"), Some(Bytes(65_536)));
        let garbage = "MemTotal: lots\nMemFree 3\nMemAvailable: 99999999999999999999 kB\nSwapTotal: 18446744073709551615 kB";
        assert_eq!(Memory::parse(garbage), Memory::default());
    }
}
