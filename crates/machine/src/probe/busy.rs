//! Clocks of how long each CPU was busy, finer than the ticks of `/proc/stat`.

use std::fs::File;

use festina_types::Seconds;

use super::{read, text};
use crate::cgroup::Groups;
use crate::cpu_set::CpuSet;
use crate::source::Source;

/// A clock that counts nanoseconds.
#[derive(Debug)]
pub(super) enum BusyClock {
    /// `cpuacct.usage_percpu` of the root group: counted at each context switch and scheduler tick.
    Accounting(File),
    /// `/proc/schedstat`: counted at each context switch only.
    Schedstat(File),
}

impl BusyClock {
    /// Opens the best clock of `source`. `total` is the busy time of all CPUs since boot, by which a group that only
    /// looks like the root (for a namespace hides what is above) is told from the root.
    pub(super) fn open(
        source: &Source,
        groups: &Groups,
        total: Option<Seconds>,
        buffer: &mut [u8],
    ) -> Option<Self> {
        let accounting = Self::accounting(source, groups, total, buffer);
        accounting.or_else(|| source.open("/proc/schedstat").map(Self::Schedstat))
    }

    fn accounting(
        source: &Source,
        groups: &Groups,
        total: Option<Seconds>,
        buffer: &mut [u8],
    ) -> Option<Self> {
        let file = source.open(&format!("{}/cpuacct.usage_percpu", groups.cpuacct.folders.last()?))?;
        let mut busy_ns = Vec::new();
        text::usage_per_cpu(read(Some(&file), buffer)?, &everything(), &mut busy_ns);
        let counted = busy_ns.iter().map(|&busy| busy as f64 / 1e9).sum::<f64>();
        // Both count the same, by other means: sampled ticks are right to a few percent.
        (counted >= 0.8 * total?.0).then_some(Self::Accounting(file))
    }

    /// Appends the busy time of each of `cpus` in nanoseconds.
    pub(super) fn read(&self, cpus: &CpuSet, buffer: &mut [u8], busy_ns: &mut Vec<u64>) {
        match self {
            Self::Accounting(file) => {
                if let Some(bytes) = read(Some(file), buffer) {
                    text::usage_per_cpu(bytes, cpus, busy_ns);
                }
            }
            Self::Schedstat(file) => {
                if let Some(bytes) = read(Some(file), buffer) {
                    text::schedstat(bytes, cpus, busy_ns);
                }
            }
        }
    }

    /// Returns whether time is not counted while a task runs on without a switch.
    pub(super) fn lags(&self) -> bool {
        matches!(self, Self::Schedstat(_))
    }

    /// Returns how far off it may be for one CPU: a scheduler tick, of which kernels have 100 to 1000 a second and most
    /// 250; for a clock that lags, the tick of `/proc/stat` that bounds it.
    pub(super) fn resolution(&self) -> Seconds {
        if self.lags() { Seconds(0.01) } else { Seconds(0.004) }
    }
}

/// Returns all CPUs that a kernel can have in practice.
fn everything() -> CpuSet {
    (0..8192).collect()
}
