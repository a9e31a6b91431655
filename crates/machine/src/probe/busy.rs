//! Clocks of how long each CPU was busy, finer than the ticks of `/proc/stat`.

use std::fs::File;
use std::os::unix::fs::FileExt;

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
                text::schedstat(read_all(file, buffer), cpus, busy_ns);
            }
        }
    }

    /// Returns how long its text may be for each CPU: schedstat has lines for the scheduling domains as well.
    pub(super) fn bytes_per_cpu(&self) -> usize {
        if self.lags() { 4096 } else { 24 }
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

/// Returns the whole text of `file`, as far as the buffer reaches. Files of many records, such as schedstat, give but a
/// page a read.
fn read_all<'b>(file: &File, buffer: &'b mut [u8]) -> &'b [u8] {
    let mut length = 0;
    while let Ok(more) = file.read_at(&mut buffer[length..], length as u64)
        && more > 0
    {
        length += more;
    }
    &buffer[..length]
}

/// Returns all CPUs that a kernel can have in practice.
fn everything() -> CpuSet {
    (0..8192).collect()
}
