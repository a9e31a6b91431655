//! What affinity, control groups, batch systems and `ulimit` leave of a machine.

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use crate::allocation::Allocation;
use crate::cgroup::{Found, Groups};
use crate::cpu_set::CpuSet;
use crate::memory::Memory;
use crate::memory_limits;
use crate::source::Source;
use crate::topology::Topology;

/// What a program may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The hardware threads that the program may run on.
    pub cpus: CpuSet,
    /// The tightest quota in CPUs, if there is one: 1.5 is 150 ms of CPU time in each 100 ms.
    pub quota: Option<f64>,
    /// The memory beyond which a program is killed or refused more; the machine's, if nothing is tighter.
    pub memory: Option<Bytes>,
    /// How much of `memory` is free for use now.
    pub memory_available: Option<Bytes>,
    /// Every limit that was found, whether it binds or not.
    pub list: Vec<Limit>,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What sets it.
    pub source: LimitSource,
    /// What it leaves.
    pub amount: Amount,
    /// The file or variable that says so, with what it says.
    pub evidence: String,
    /// Whether nothing else of its kind is tighter, so that lifting this limit would change the answer.
    pub binds: bool,
}

/// What sets a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitSource {
    /// The affinity of the thread: `taskset`, a parent's choice.
    Affinity,
    /// The cpuset of a control group.
    Cpuset,
    /// The CPU quota of a control group.
    Quota,
    /// The memory limit of a control group: beyond it, the kernel kills.
    MemoryMax,
    /// The memory throttle of a control group (version 2): beyond it, programs are slowed and reclaimed from.
    MemoryHigh,
    /// The NUMA nodes that memory may come from.
    MemoryNodes,
    /// The limit on address space: `ulimit -v`.
    AddressSpace,
    /// What the batch system gave.
    Allocation,
}

/// What a limit leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// These hardware threads.
    CpuSet(CpuSet),
    /// CPU time of so many CPUs.
    Cpus(f64),
    /// So much memory.
    Memory(Bytes),
}

impl Limits {
    /// Returns the number of CPUs that a program can keep busy at once: the hardware threads left, and no more
    /// than the whole CPUs of the quota, but at least one. This is what [`std::thread::available_parallelism`]
    /// means on Linux.
    pub fn available_parallelism(&self) -> u32 {
        let quota = self.quota.map_or(u32::MAX, |quota| quota.floor() as u32);
        (self.cpus.len() as u32).min(quota).max(1)
    }

    /// Returns the limits that bind.
    pub fn binding(&self) -> impl Iterator<Item = &Limit> {
        self.list.iter().filter(|limit| limit.binds)
    }

    pub(crate) fn read(source: &Source, groups: &Groups, known: &Known<'_>) -> Self {
        let mut list = Vec::new();
        let cpus = read_cpus(source, groups, known, &mut list);
        let quotas = read_quotas(source, groups);
        let quota = quotas.iter().filter_map(Limit::cpus).reduce(f64::min);
        list.extend(quotas);
        let allocation = known.allocation.and_then(allocated_cpus);
        list.extend(allocation);
        mark_binding_cpus(&mut list, known.topology, &cpus);

        let memory = memory_limits::read(source, groups, known);
        list.extend(memory.list);
        Self { cpus, quota, memory: memory.limit, memory_available: memory.available, list }
    }
}

/// What is known already when limits are read.
pub(crate) struct Known<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) memory: &'a Memory,
    pub(crate) affinity: Option<&'a CpuSet>,
    pub(crate) allocation: Option<&'a Allocation>,
}

impl Limit {
    pub(crate) fn new(source: LimitSource, amount: Amount, evidence: String) -> Self {
        Self { source, amount, evidence, binds: false }
    }

    /// Returns the CPUs that it leaves, as a number.
    pub(crate) fn cpus(&self) -> Option<f64> {
        match &self.amount {
            Amount::CpuSet(cpus) => Some(cpus.len() as f64),
            Amount::Cpus(cpus) => Some(*cpus),
            Amount::Memory(_) => None,
        }
    }

    pub(crate) fn memory(&self) -> Option<Bytes> {
        match self.amount {
            Amount::Memory(bytes) => Some(bytes),
            _ => None,
        }
    }
}

pub(crate) fn evidence<T>(found: &Found<T>) -> String {
    format!("{} {}", found.path, found.text)
}

fn read_cpus(source: &Source, groups: &Groups, known: &Known<'_>, list: &mut Vec<Limit>) -> CpuSet {
    let mut cpus = known.topology.online.clone();
    let files = [
        (&groups.unified, "cpuset.cpus.effective"),
        (&groups.cpuset, "cpuset.effective_cpus"),
        (&groups.cpuset, "cpuset.cpus"),
        // Mounted with `noprefix`, as on Android.
        (&groups.cpuset, "effective_cpus"),
        (&groups.cpuset, "cpus"),
    ];
    // The innermost group that tells already has what its ancestors leave.
    let innermost = files.into_iter().find_map(|(chain, name)| {
        let parse = |text: &str| text.parse::<CpuSet>().ok().filter(|cpus| !cpus.is_empty());
        chain.each(source, name, parse).next()
    });
    if let Some(found) = innermost {
        cpus = narrow(&cpus, &found.value);
        list.push(Limit::new(LimitSource::Cpuset, Amount::CpuSet(cpus.clone()), evidence(&found)));
    }
    if let Some(affinity) = known.affinity {
        let affinity = narrow(&known.topology.online, affinity);
        cpus = narrow(&cpus, &affinity);
        let evidence = format!("affinity mask {affinity}");
        list.push(Limit::new(LimitSource::Affinity, Amount::CpuSet(affinity), evidence));
    }
    cpus
}

/// Returns the CPUs in both, or `tighter` alone if they have none in common: then the wider one is a fiction, as
/// in containers whose `/sys` is filtered.
fn narrow(wider: &CpuSet, tighter: &CpuSet) -> CpuSet {
    let both = wider.intersection(tighter);
    if both.is_empty() { tighter.clone() } else { both }
}

fn read_quotas(source: &Source, groups: &Groups) -> Vec<Limit> {
    let limit = |cpus: f64, evidence: String| Limit::new(LimitSource::Quota, Amount::Cpus(cpus), evidence);
    let unified = groups.unified.each(source, "cpu.max", parse_quota);
    let unified = unified.map(|found| limit(found.value, evidence(&found)));

    let version_1 = groups.cpu.each(source, "cpu.cfs_quota_us", |text| text.parse().ok());
    let version_1 = version_1.filter_map(|found| {
        let period = source.number(&format!("{}/cpu.cfs_period_us", found.folder))?;
        let cpus = cpus_of_quota(found.value, period)?;
        Some(limit(cpus, format!("{} of {period}", evidence(&found))))
    });
    unified.chain(version_1).collect()
}

/// Returns the folders of the groups that have a quota, and thus may throttle.
pub(crate) fn folders_with_quota(source: &Source, groups: &Groups) -> Vec<String> {
    let unified = groups.unified.each(source, "cpu.max", parse_quota).map(|found| found.folder);
    let is_quota = |text: &str| text.parse::<u64>().ok();
    let version_1 = groups.cpu.each(source, "cpu.cfs_quota_us", is_quota).map(|found| found.folder);
    unified.chain(version_1).collect()
}

/// Reads `cpu.max`: `200000 100000` is 2 CPUs, `max 100000` no limit. The period may be left out.
fn parse_quota(text: &str) -> Option<f64> {
    let mut fields = text.split_whitespace();
    let quota = fields.next()?.parse().ok()?;
    cpus_of_quota(quota, fields.next().map_or(Some(100_000), |period| period.parse().ok())?)
}

fn cpus_of_quota(quota_us: u64, period_us: u64) -> Option<f64> {
    (quota_us > 0 && period_us > 0).then(|| quota_us as f64 / period_us as f64)
}

fn allocated_cpus(allocation: &Allocation) -> Option<Limit> {
    let cpus = f64::from(allocation.cpus_here?);
    let evidence = allocation.cpus_here_from.clone().unwrap_or_default();
    Some(Limit::new(LimitSource::Allocation, Amount::Cpus(cpus), evidence))
}

/// Marks what leaves the fewest CPUs, if that is fewer than there are. A cpuset shows in the affinity as well: then
/// the cpuset is the cause.
fn mark_binding_cpus(list: &mut [Limit], topology: &Topology, cpus: &CpuSet) {
    let whole = |cpus: f64| cpus.floor().max(1.0);
    let counts = list.iter().filter_map(Limit::cpus).map(whole);
    let fewest = counts.fold(cpus.len() as f64, f64::min);
    if fewest >= topology.online.len() as f64 {
        return;
    }
    let has_cpuset = list.iter().any(|limit| {
        limit.source == LimitSource::Cpuset
            && matches!(&limit.amount, Amount::CpuSet(set) if set.is_subset(cpus))
    });
    for limit in list {
        let is_echo = limit.source == LimitSource::Affinity && has_cpuset;
        limit.binds = !is_echo && limit.cpus().is_some_and(|cpus| whole(cpus) <= fewest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        assert_eq!(parse_quota("200000 100000"), Some(2.0));
        assert_eq!(parse_quota("150000"), Some(1.5));
        for text in ["max 100000", "max", "", "0 100000", "100000 0", "x y", "-1 100000"] {
            assert_eq!(parse_quota(text), None, "{text}");
        }
    }

    #[test]
    fn fractional_quotas_count_whole_cpus() {
        let limits = |quota| Limits {
            cpus: "0-7".parse().unwrap(),
            quota,
            memory: None,
            memory_available: None,
            list: Vec::new(),
        };
        let cases = [(None, 8), (Some(2.9), 2), (Some(0.5), 1), (Some(100.0), 8)];
        for (quota, cpus) in cases {
            assert_eq!(limits(quota).available_parallelism(), cpus, "{quota:?}");
        }
    }
}
