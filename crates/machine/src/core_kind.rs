//! Kinds of cores: fast and slow ones in one machine (hybrid x86, big.LITTLE).

use serde::{Deserialize, Serialize};

use crate::cpu_set::CpuSet;
use crate::source::Source;
use crate::topology::{CPUS, Core};

/// Cores of one speed class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreKind {
    /// Its name for people: `performance`, `efficiency`, …; `uniform` where all cores are alike.
    pub name: String,
    /// How many cores are of this kind.
    pub cores: u32,
    /// Their speed relative to the fastest core's 1024, where the kernel tells.
    pub capacity: Option<u32>,
}

/// The PMUs that hybrid x86 kernels name after their kinds of cores.
const PMUS: [(&str, &str); 3] =
    [("cpu_core", "performance"), ("cpu_atom", "efficiency"), ("cpu_lowpower", "low-power")];

/// Capacities closer than this are one kind: favoured cores of one design differ by a few percent.
const SAME_KIND: f64 = 0.9;

/// Sets the kind of each core, and returns the kinds, the fastest first.
pub(crate) fn classify(source: &Source, cores: &mut [Core]) -> Vec<CoreKind> {
    let mut kinds = by_pmu(source, cores);
    if kinds.len() < 2 {
        kinds = by_capacity(source, cores);
    }
    if kinds.len() < 2 {
        let capacity = kinds.first().and_then(|kind| kind.capacity);
        kinds = vec![CoreKind { name: "uniform".into(), cores: 0, capacity }];
        cores.iter_mut().for_each(|core| core.kind = 0);
    }
    for core in cores {
        kinds[core.kind].cores += 1;
    }
    kinds
}

fn by_pmu(source: &Source, cores: &mut [Core]) -> Vec<CoreKind> {
    let sets =
        PMUS.map(|(pmu, name)| (source.cpus(&format!("/sys/devices/{pmu}/cpus")).unwrap_or_default(), name));
    let holds = |cpus: &CpuSet, core: &Core| !core.cpus.intersection(cpus).is_empty();
    let used: Vec<_> = sets.iter().filter(|(cpus, _)| cores.iter().any(|core| holds(cpus, core))).collect();
    if used.is_empty() {
        return Vec::new();
    }
    for core in cores.iter_mut() {
        // A core that no PMU names is counted to the slowest kind: nothing is promised for it.
        core.kind = used.iter().position(|(cpus, _)| holds(cpus, core)).unwrap_or(used.len() - 1);
    }
    let first_of = |kind: usize| cores.iter().find(|core| core.kind == kind);
    let capacity = |kind: usize| first_of(kind).and_then(|core| capacity_of(source, core));
    used.iter()
        .enumerate()
        .map(|(kind, (_, name))| CoreKind { name: (*name).to_owned(), cores: 0, capacity: capacity(kind) })
        .collect()
}

fn by_capacity(source: &Source, cores: &mut [Core]) -> Vec<CoreKind> {
    let capacities: Option<Vec<u32>> = cores.iter().map(|core| capacity_of(source, core)).collect();
    let Some(capacities) = capacities else { return Vec::new() };
    let mut classes = capacities.clone();
    classes.sort_unstable_by(|a, b| b.cmp(a));
    classes.dedup_by(|slower, faster| f64::from(*slower) >= SAME_KIND * f64::from(*faster));
    for (core, &capacity) in cores.iter_mut().zip(&capacities) {
        // The slowest class whose head is not slower than the core.
        core.kind = classes.iter().rposition(|&head| head >= capacity).unwrap_or(0);
    }
    let name = |class: usize| match class {
        0 => "performance",
        last if last + 1 == classes.len() => "efficiency",
        _ => "middle",
    };
    let kind = |(class, &head)| CoreKind { name: name(class).to_owned(), cores: 0, capacity: Some(head) };
    classes.iter().enumerate().map(kind).collect()
}

fn capacity_of(source: &Source, core: &Core) -> Option<u32> {
    source.number(&format!("{CPUS}/cpu{}/cpu_capacity", core.cpus.first()?))
}
