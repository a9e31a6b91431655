//! How much memory limits leave: control groups, NUMA nodes, `ulimit -v`, batch systems.

use festina_types::Bytes;

use crate::affinity;
use crate::cgroup::{Chain, Groups};
use crate::cpu_set::CpuSet;
use crate::limits::{Amount, Known, Limit, LimitSource, evidence};
use crate::source::Source;
use crate::topology::Topology;

/// What limits leave of the memory.
#[derive(Default)]
pub(crate) struct MemoryLimits {
    /// The tightest that kills or refuses, or else the machine's memory.
    pub(crate) limit: Option<Bytes>,
    /// How much of that is free for use now.
    pub(crate) available: Option<Bytes>,
    /// All that were found.
    pub(crate) list: Vec<Limit>,
}

impl MemoryLimits {
    fn add(&mut self, source: LimitSource, bytes: Bytes, evidence: String) {
        self.list.push(Limit::new(source, Amount::Memory(bytes), evidence));
    }

    /// Takes notice that of `limit`, `used` is gone already.
    fn take_used(&mut self, limit: Bytes, used: Option<Bytes>) {
        let left = used.map(|used| Bytes(limit.0.saturating_sub(used.0)));
        self.available = [self.available, left].into_iter().flatten().min();
    }

    fn tightest(&self) -> Option<Bytes> {
        self.list.iter().filter_map(Limit::memory).min()
    }
}

pub(crate) fn read(source: &Source, groups: &Groups, known: &Known<'_>) -> MemoryLimits {
    let total = known.memory.total;
    let mut limits = MemoryLimits { available: known.memory.available, ..MemoryLimits::default() };
    add_group_limits(source, groups, &mut limits);
    add_other_limits(source, known, &mut limits);
    limits.limit = [limits.tightest(), total].into_iter().flatten().min();
    limits.available = limits.available.map(|available| limits.limit.map_or(available, |l| l.min(available)));

    // A throttle slows what goes beyond it, but does not kill: it is listed, and is no limit to count on.
    for found in groups.unified.each(source, "memory.high", parse_bytes) {
        limits.add(LimitSource::MemoryHigh, found.value, evidence(&found));
    }
    let tightest = limits.tightest().filter(|&bytes| total.is_none_or(|total| bytes < total));
    for limit in &mut limits.list {
        limit.binds = tightest.is_some() && limit.memory() == tightest;
    }
    limits
}

fn add_group_limits(source: &Source, groups: &Groups, limits: &mut MemoryLimits) {
    for found in groups.unified.each(source, "memory.max", parse_bytes) {
        limits.take_used(found.value, used(source, &found.folder, "memory.current", "inactive_file"));
        limits.add(LimitSource::MemoryMax, found.value, evidence(&found));
    }
    let used_of_version_1 =
        |folder: &str| used(source, folder, "memory.usage_in_bytes", "total_inactive_file");
    for found in groups.memory.each(source, "memory.limit_in_bytes", parse_bytes) {
        limits.take_used(found.value, used_of_version_1(&found.folder));
        limits.add(LimitSource::MemoryMax, found.value, evidence(&found));
    }
    if let Some((bytes, folder)) = limit_of_ancestors(source, &groups.memory)
        && limits.tightest().is_none_or(|seen| bytes < seen)
    {
        limits.take_used(bytes, used_of_version_1(&folder));
        let evidence = format!("{folder}/memory.stat {ANCESTORS} {}", bytes.0);
        limits.add(LimitSource::MemoryMax, bytes, evidence);
    }
}

fn add_other_limits(source: &Source, known: &Known<'_>, limits: &mut MemoryLimits) {
    if let Some((bytes, nodes)) = memory_of_allowed_nodes(source, known.topology) {
        limits.add(LimitSource::MemoryNodes, bytes, format!("memory of NUMA nodes {nodes}"));
    }
    if let Some(bytes) = source.parse("/proc/self/limits", parse_address_space) {
        let evidence = format!("/proc/self/limits Max address space {}", bytes.0);
        limits.add(LimitSource::AddressSpace, bytes, evidence);
    }
    if let Some((job, bytes)) = known.allocation.and_then(|job| Some((job, job.memory_here?))) {
        limits.add(LimitSource::Allocation, bytes, format!("{} job {}", job.engine.name(), job.job));
    }
}

/// From here on a limit of version 1 means none: its default is the largest multiple of the page size.
const NO_LIMIT: u64 = 1 << 60;

fn parse_bytes(text: &str) -> Option<Bytes> {
    text.trim().parse().ok().filter(|&bytes| bytes < NO_LIMIT).map(Bytes)
}

/// Returns what a group uses, less the file pages that the kernel drops first: the *working set* of Kubernetes.
fn used(source: &Source, folder: &str, usage: &str, cache: &str) -> Option<Bytes> {
    let used: u64 = source.number(&format!("{folder}/{usage}"))?;
    let inactive =
        source.parse(&format!("{folder}/memory.stat"), |text| stat_field(text, cache)).unwrap_or(0);
    Some(Bytes(used.saturating_sub(inactive)))
}

fn stat_field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The field by which version 1 tells even of limits of ancestors that can't be seen.
const ANCESTORS: &str = "hierarchical_memory_limit";

fn limit_of_ancestors(source: &Source, chain: &Chain) -> Option<(Bytes, String)> {
    let parse = |text: &str| stat_field(text, ANCESTORS).filter(|&bytes| bytes < NO_LIMIT).map(Bytes);
    let found = chain.each(source, "memory.stat", parse).next()?;
    Some((found.value, found.folder))
}

/// Returns the memory of the NUMA nodes that may be used, if some may not.
fn memory_of_allowed_nodes(source: &Source, topology: &Topology) -> Option<(Bytes, CpuSet)> {
    let status = affinity::status(source)?;
    let allowed: CpuSet = affinity::status_field(&status, "Mems_allowed_list")?.parse().ok()?;
    let (inside, outside): (Vec<_>, Vec<_>) =
        topology.numa_nodes.iter().partition(|node| allowed.contains(node.id));
    let bytes = inside.iter().map(|node| node.memory.map(|memory| memory.0)).sum::<Option<u64>>()?;
    (!outside.is_empty() && bytes > 0).then_some((Bytes(bytes), allowed))
}

/// Reads the soft limit of the line `Max address space  8589934592  unlimited  bytes`.
fn parse_address_space(text: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    parse_bytes(line.split_whitespace().next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_is_no_limit() {
        assert_eq!(parse_bytes("9223372036854771712"), None);
        assert_eq!(parse_bytes("max"), None);
        assert_eq!(parse_bytes("536870912"), Some(Bytes(512 << 20)));
        assert_eq!(
            parse_address_space("Max address space         unlimited            unlimited   bytes"),
            None
        );
        assert_eq!(
            parse_address_space("Max address space         4096   unlimited   bytes"),
            Some(Bytes(4096))
        );
    }
}
