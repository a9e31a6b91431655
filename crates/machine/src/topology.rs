//! Sockets, NUMA nodes, physical cores and hardware threads.
//!
//! Sources: the kernel's `ABI/stable/sysfs-devices-system-cpu` and `admin-guide/cputopology.rst`.

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use crate::cache::{self, Cache};
use crate::core_kind::{self, CoreKind};
use crate::cpu_set::CpuSet;
use crate::cpuinfo::{CpuInfo, Processor};
use crate::memory;
use crate::source::Source;

/// Where sysfs keeps the CPUs.
pub(crate) const CPUS: &str = "/sys/devices/system/cpu";

/// What the CPUs are and how they hang together. Only CPUs that are online have a core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// Where this is known from.
    pub evidence: Evidence,
    /// The hardware threads that the kernel schedules on.
    pub online: CpuSet,
    /// The hardware threads that are there but switched off.
    pub offline: CpuSet,
    /// The hardware threads kept from ordinary programs at boot (`isolcpus`).
    pub isolated: CpuSet,
    /// The sockets (packages).
    pub sockets: Vec<Socket>,
    /// The NUMA nodes; empty where the kernel tells none.
    pub numa_nodes: Vec<NumaNode>,
    /// The physical cores, in the order of their first hardware thread.
    pub cores: Vec<Core>,
    /// The kinds of cores, the fastest first; one unless the machine is hybrid.
    pub kinds: Vec<CoreKind>,
    /// The caches, one entry a level and kind; empty where the kernel tells none.
    pub caches: Vec<Cache>,
}

/// Where a topology is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// `/sys/devices/system/cpu`.
    Sysfs,
    /// `/proc/cpuinfo`, which names cores and sockets.
    Cpuinfo,
    /// CPUs were only counted: each is taken for a core, all for one socket.
    Counted,
}

/// A socket: a package of cores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// The kernel's number for it.
    pub id: u32,
    /// Its hardware threads that are online.
    pub cpus: CpuSet,
}

/// A NUMA node: CPUs and the memory that is near to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumaNode {
    /// The kernel's number for it.
    pub id: u32,
    /// Its hardware threads; none for a node that is only memory.
    pub cpus: CpuSet,
    /// Its memory.
    pub memory: Option<Bytes>,
}

/// A physical core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Its hardware threads that are online.
    pub cpus: CpuSet,
    /// The `id` of its socket.
    pub socket: u32,
    /// The `id` of its NUMA node, where the kernel tells one.
    pub numa_node: Option<u32>,
    /// Its kind, as an index into [`Topology::kinds`].
    pub kind: usize,
}

impl Topology {
    /// Returns the number of hardware threads online.
    pub fn hardware_threads(&self) -> u32 {
        self.online.len() as u32
    }

    /// Returns the number of physical cores that have a hardware thread in `cpus`. A CPU of which the topology doesn't
    /// know, as in containers whose `/sys` is filtered, counts as a core.
    pub fn cores_in(&self, cpus: &CpuSet) -> u32 {
        let (mut count, mut unknown) = (0, cpus.clone());
        for core in &self.cores {
            count += u32::from(!core.cpus.intersection(cpus).is_empty());
            unknown = unknown.difference(&core.cpus);
        }
        count + unknown.len() as u32
    }

    /// Returns the topology of `source`. `affinity`, the CPUs this thread may use, is the last resort where
    /// nothing else tells which CPUs there are.
    pub(crate) fn read(source: &Source, info: &CpuInfo, affinity: Option<&CpuSet>) -> Self {
        let list = |name: &str| source.cpus(&format!("{CPUS}/{name}"));
        let counted = CpuSet::from_iter(info.processors.iter().map(|processor| processor.cpu));
        let online = list("online")
            .or_else(|| Some(counted).filter(|cpus| !cpus.is_empty()))
            .or_else(|| source.parse("/proc/stat", |text| Some(cpus_of_stat(text))))
            .filter(|cpus| !cpus.is_empty())
            .or_else(|| affinity.cloned())
            // A program that asks runs on a CPU.
            .unwrap_or_else(|| CpuSet::from_iter([0]));
        let offline = list("present").unwrap_or_default().difference(&online);

        let numa_nodes = read_numa_nodes(source);
        let (evidence, mut cores) = read_cores(source, info, &online);
        for core in &mut cores {
            let near = |node: &&NumaNode| core.cpus.first().is_some_and(|cpu| node.cpus.contains(cpu));
            core.numa_node = numa_nodes.iter().find(near).map(|node| node.id);
        }
        let kinds = core_kind::classify(source, &mut cores);
        Self {
            evidence,
            offline,
            isolated: list("isolated").unwrap_or_default(),
            sockets: sockets_of(&cores),
            numa_nodes,
            caches: cache::read(source, &cores),
            cores,
            kinds,
            online,
        }
    }
}

/// Returns the CPUs that have a line of their own in the text of `/proc/stat`.
fn cpus_of_stat(text: &str) -> CpuSet {
    text.lines().filter_map(|line| line.strip_prefix("cpu")?.split(' ').next()?.parse().ok()).collect()
}

fn read_numa_nodes(source: &Source) -> Vec<NumaNode> {
    let folder = "/sys/devices/system/node";
    let mut nodes: Vec<NumaNode> = source
        .list(folder)
        .iter()
        .filter_map(|name| {
            let id = name.strip_prefix("node")?.parse().ok()?;
            let cpus = source.cpus(&format!("{folder}/{name}/cpulist"))?;
            let memory = source.parse(&format!("{folder}/{name}/meminfo"), |t| memory::field(t, "MemTotal"));
            Some(NumaNode { id, cpus, memory })
        })
        .collect();
    nodes.sort_unstable_by_key(|node| node.id);
    nodes
}

fn read_cores(source: &Source, info: &CpuInfo, online: &CpuSet) -> (Evidence, Vec<Core>) {
    if let Some(cores) = cores_of_sysfs(source, online) {
        return (Evidence::Sysfs, cores);
    }
    let named = |processor: &Processor| processor.core.is_some() && online.contains(processor.cpu);
    if info.processors.iter().filter(|processor| named(processor)).count() == online.len() {
        return (Evidence::Cpuinfo, cores_of_cpuinfo(&info.processors, online));
    }
    let single = |cpu| Core { cpus: CpuSet::from_iter([cpu]), socket: 0, numa_node: None, kind: 0 };
    (Evidence::Counted, online.iter().map(single).collect())
}

/// Reads one file a core and two a socket: siblings name each other, so none is asked twice.
fn cores_of_sysfs(source: &Source, online: &CpuSet) -> Option<Vec<Core>> {
    let mut cores: Vec<Core> = Vec::new();
    let (mut seen, mut sockets) = (CpuSet::new(), Vec::<Socket>::new());
    let mut is_told = false;
    for cpu in online.iter() {
        if seen.contains(cpu) {
            continue;
        }
        let folder = format!("{CPUS}/cpu{cpu}/topology");
        // The second name is that of kernels before 5.2.
        let list = |names: [&str; 2]| {
            let read = |name: &&str| source.cpus(&format!("{folder}/{name}"));
            names.iter().find_map(|name| read(name).filter(|cpus| !cpus.is_empty()))
        };
        let siblings = list(["core_cpus_list", "thread_siblings_list"]).map(|cpus| cpus.intersection(online));
        is_told |= siblings.is_some();
        let own = CpuSet::from_iter([cpu]);
        let cpus = siblings.unwrap_or_default().difference(&seen).union(&own);
        seen = seen.union(&cpus);

        let known = sockets.iter().find(|socket| socket.cpus.contains(cpu)).map(|socket| socket.id);
        let socket = known.unwrap_or_else(|| {
            // -1 where the firmware does not tell: one socket.
            let id = source.number::<i64>(&format!("{folder}/physical_package_id"));
            let id = id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
            let cpus = list(["package_cpus_list", "core_siblings_list"]).unwrap_or(own);
            sockets.push(Socket { id, cpus });
            id
        });
        cores.push(Core { cpus, socket, numa_node: None, kind: 0 });
    }
    is_told.then_some(cores)
}

fn cores_of_cpuinfo(processors: &[Processor], online: &CpuSet) -> Vec<Core> {
    let mut cores: Vec<(Option<u32>, Core)> = Vec::new();
    for processor in processors.iter().filter(|processor| online.contains(processor.cpu)) {
        let socket = processor.socket.unwrap_or(0);
        let own = CpuSet::from_iter([processor.cpu]);
        match cores.iter_mut().find(|(id, core)| *id == processor.core && core.socket == socket) {
            Some((_, core)) => core.cpus = core.cpus.union(&own),
            None => cores.push((processor.core, Core { cpus: own, socket, numa_node: None, kind: 0 })),
        }
    }
    cores.into_iter().map(|(_, core)| core).collect()
}

fn sockets_of(cores: &[Core]) -> Vec<Socket> {
    let mut sockets: Vec<Socket> = Vec::new();
    for core in cores {
        match sockets.iter_mut().find(|socket| socket.id == core.socket) {
            Some(socket) => socket.cpus = socket.cpus.union(&core.cpus),
            None => sockets.push(Socket { id: core.socket, cpus: core.cpus.clone() }),
        }
    }
    sockets.sort_unstable_by_key(|socket| socket.id);
    sockets
}
