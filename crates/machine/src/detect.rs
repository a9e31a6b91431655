//! One look at the whole machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use festina_types::{Bytes, Finding, Severity};
use serde::{Deserialize, Serialize};

use crate::allocation::{self, Allocation};
use crate::cgroup::Groups;
use crate::cpu_set::CpuSet;
use crate::cpuinfo::CpuInfo;
use crate::gpu::{self, Gpu};
use crate::hyperqueue::{self, HyperQueue};
use crate::launcher::{self, Launcher};
use crate::limits::{Known, Limits};
use crate::memory::Memory;
use crate::placement::{Placement, RegimeEdge};
use crate::source::Source;
use crate::topology::{Evidence, Topology};
use crate::workers::{self, WorkersAdvice};
use crate::{affinity, system};

/// What the caller knows of where it runs: libraries don't read the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// `HyperQueue`'s server folder, `~/.hq-server` by default.
    pub hyperqueue_folder: Option<PathBuf>,
}

/// A machine as a program finds it: what it has, and what is left to this program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the CPUs.
    pub model: Option<String>,
    /// The release of the kernel.
    pub kernel: Option<String>,
    /// The hypervisor that this is a guest of.
    pub hypervisor: Option<String>,
    /// The engine of the container around the program.
    pub container: Option<String>,
    /// Sockets, NUMA nodes, cores, hardware threads, caches.
    pub topology: Topology,
    /// The memory of the machine.
    pub memory: Memory,
    /// What is left to this program.
    pub limits: Limits,
    /// How many workers to use, and why.
    pub workers: WorkersAdvice,
    /// Where performance may bend as p grows.
    pub regimes: Vec<RegimeEdge>,
    /// The GPUs.
    pub gpus: Vec<Gpu>,
    /// The MPI launchers on the search path.
    pub launchers: Vec<Launcher>,
    /// What a batch system gave to this job.
    pub allocation: Option<Allocation>,
    /// Traces of `HyperQueue`.
    pub hyperqueue: Option<HyperQueue>,
    /// What else to know, such as that cores may be virtual.
    pub findings: Vec<Finding>,
}

impl Machine {
    /// Returns the CPUs that this program may run on.
    pub fn available_cpus(&self) -> &CpuSet {
        &self.limits.cpus
    }

    /// Returns the number of CPUs that a program can keep busy at once, quotas included.
    pub fn available_parallelism(&self) -> u32 {
        self.limits.available_parallelism()
    }

    /// Returns the placement of workers on the available CPUs.
    pub fn placement(&self) -> Placement {
        Placement::new(&self.topology, &self.limits.cpus)
    }
}

/// Returns the machine that `source` shows to a program in `surroundings`.
///
/// Nothing fails: what a machine does not tell is `None`, empty, or in [`Topology::evidence`]. Takes some ten file
/// reads and a few more a core.
pub fn detect(source: &Source, surroundings: &Surroundings) -> Machine {
    let info = source.parse("/proc/cpuinfo", |text| Some(CpuInfo::parse(text))).unwrap_or_default();
    let affinity = affinity::read(source);
    let topology = Topology::read(source, &info, affinity.as_ref());
    let memory = source.parse("/proc/meminfo", |text| Some(Memory::parse(text))).unwrap_or_default();
    let groups = Groups::read(source);
    let allocation = allocation::read(source, &surroundings.environment);
    let known = Known {
        topology: &topology,
        memory: &memory,
        affinity: affinity.as_ref(),
        allocation: allocation.as_ref(),
    };
    let limits = Limits::read(source, &groups, &known);
    let container = system::container(source, &groups.paths);
    let hypervisor = system::hypervisor(source, &info);
    let search_path = surroundings.environment.get("PATH").map_or("", String::as_str);
    Machine {
        model: info.model,
        kernel: system::kernel(source),
        workers: workers::advise(&topology, &limits, allocation.as_ref(), container.as_deref()),
        regimes: Placement::new(&topology, &limits.cpus).regime_edges().to_vec(),
        findings: findings(&topology, &memory, hypervisor.as_deref(), surroundings),
        gpus: gpu::read(source),
        launchers: launcher::find(source, search_path),
        hyperqueue: hyperqueue::find(source, surroundings.hyperqueue_folder.as_deref(), search_path),
        hypervisor,
        container,
        topology,
        memory,
        limits,
        allocation,
    }
}

fn findings(
    topology: &Topology,
    memory: &Memory,
    hypervisor: Option<&str>,
    surroundings: &Surroundings,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(hypervisor) = hypervisor {
        let cores = topology.cores.len();
        let name = if hypervisor == "unknown" { String::new() } else { format!(" ({hypervisor})") };
        let message = format!(
            "this is a virtual machine{name}: each of its {cores} cores may be one hardware thread of the host, shared \
             with other guests"
        );
        findings.push(Finding::new(Severity::Note, "virtual-cores", message));
    }
    if topology.evidence == Evidence::Counted {
        let message = "CPUs could only be counted: each is taken for a core, all for one socket";
        findings.push(Finding::new(Severity::Warning, "topology-unknown", message));
    }
    if let Some((nodes, total)) = memory_of_nodes(topology).zip(memory.total)
        && (nodes.0 as f64) < 0.9 * total.0 as f64
    {
        let message =
            format!("the NUMA nodes have {nodes} of memory together, of the {total} that the machine claims");
        let hint = "memory may be added while programs run (a balloon): they can be killed before the claim is reached";
        findings.push(Finding::new(Severity::Warning, "memory-disagrees", message).with_hint(hint));
    }
    for name in ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"] {
        if let Some(value) = surroundings.environment.get(name) {
            let message = format!("programs see only the GPUs that {name}='{value}' names");
            findings.push(Finding::new(Severity::Note, "gpu-visibility", message));
        }
    }
    findings
}

fn memory_of_nodes(topology: &Topology) -> Option<Bytes> {
    let nodes = topology.numa_nodes.iter().map(|node| node.memory);
    nodes.reduce(|sum, memory| Some(Bytes(sum?.0.saturating_add(memory?.0)))).flatten()
}
