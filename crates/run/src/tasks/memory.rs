//! How much memory tasks can be given.

use festina_machine::Source;
use festina_types::Bytes;

/// Returns the memory that the machine has available, or all that can be counted where it does not tell.
pub(super) fn available() -> Bytes {
    Source::live().parse("/proc/meminfo", parse).unwrap_or(Bytes(u64::MAX / 2))
}

/// Reads `MemAvailable` of `/proc/meminfo`.
fn parse(text: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib << 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_read() {
        let text = "MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n";
        assert_eq!(parse(text), Some(Bytes(20_480_000_000)));
        assert_eq!(parse("MemTotal: 1 kB\n"), None);
    }
}
