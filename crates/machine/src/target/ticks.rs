//! Whether the kernel counts the time of running threads at every tick: `/sys/devices/system/cpu/nohz_full`.

use crate::Source;

/// Returns whether the times in a thread's `schedstat` grow at least at every tick while it is on a CPU; not so on CPUs that are
/// kept free of ticks (`nohz_full`), where a thread that runs alone is counted once a second.
pub fn counts_at_ticks(source: &Source) -> bool {
    let cpus = source.read("/sys/devices/system/cpu/nohz_full").unwrap_or_default();
    matches!(cpus.trim(), "" | "(null)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_without_ticks_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let cpus = folder.path().join("sys/devices/system/cpu");
        std::fs::create_dir_all(&cpus).unwrap();
        let told = || counts_at_ticks(&Source::at(folder.path()));
        assert!(told());
        for (text, expected) in [("\n", true), ("(null)\n", true), ("2-63\n", false)] {
            std::fs::write(cpus.join("nohz_full"), text).unwrap();
            assert_eq!(told(), expected, "{text:?}");
        }
    }
}
