//! `festina cores`: how many cores there really are.

mod effective;

use festina_machine::{
    Allocation, Cache, CacheKind, GpuVendor, Machine, Source, Surroundings, Topology, detect,
};
use festina_report::{Block, Report};
use festina_types::Bytes;
use serde::Serialize;

pub(crate) use effective::design;
pub use effective::{KernelCores, MeasuredCores, measure_cores};

use crate::{Versioned, versioned};

/// What `festina cores` tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoresResult<'a> {
    /// The machine.
    #[serde(flatten)]
    pub machine: &'a Machine,
    /// What its cores do together, where that was measured.
    #[serde(flatten)]
    pub measured: Option<&'a MeasuredCores>,
}

/// Returns the machine that this program runs on, as a program started from here would find it.
///
/// Libraries don't read the environment: the caller hands it in.
pub fn cores(surroundings: &Surroundings) -> Machine {
    detect(&Source::live(), surroundings)
}

/// Returns `machine`, and what was `measured`, as JSON of the schema `festina.cores/1`.
pub fn cores_json<'a>(
    machine: &'a Machine,
    measured: Option<&'a MeasuredCores>,
) -> Versioned<CoresResult<'a>> {
    versioned("festina.cores/1", CoresResult { machine, measured })
}

/// Returns what `machine` has, what is left of it, and what was `measured`, for people.
pub fn cores_report(machine: &Machine, measured: Option<&MeasuredCores>) -> Report {
    let advice = &machine.workers;
    let noun = if advice.workers == 1 { "worker" } else { "workers" };
    let title = format!("Use {} {noun}: {}", advice.workers, advice);
    let mut report = Report::new(title).with_subtitle(advice.advice.join("; "));
    report.push(Block::key_values(hardware(machine)));
    let limits = limits(machine);
    if !limits.is_empty() {
        report.push(Block::heading("What limits leave"));
        report.push(Block::key_values(limits));
    }
    report.push(Block::heading("Engines"));
    report.push(Block::key_values(engines(machine)));
    let mut findings = machine.findings.clone();
    if let Some(measured) = measured {
        report.push(Block::heading(
            "Effective cores: the work of several workers, as a multiple of what one does alone",
        ));
        report.push(effective::table(measured));
        findings.extend(measured.effective_findings.iter().cloned());
    }
    if !findings.is_empty() {
        report.push(findings);
    }
    report
}

type Pairs = Vec<(String, String)>;

fn hardware(machine: &Machine) -> Pairs {
    let topology = &machine.topology;
    let mut pairs: Pairs = Vec::new();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    add("processor", machine.model.clone().unwrap_or_else(|| "not told".to_owned()));
    add("sockets", topology.sockets.len().to_string());
    if topology.numa_nodes.len() > 1 {
        add("NUMA nodes", topology.numa_nodes.len().to_string());
    }
    add("physical cores", physical_cores(topology));
    add("hardware threads", hardware_threads(topology));
    if !topology.caches.is_empty() {
        add("caches", topology.caches.iter().map(cache).collect::<Vec<_>>().join(", "));
    }
    add("memory", memory(machine));
    if let Some(hypervisor) = &machine.hypervisor {
        add("virtual machine", hypervisor.clone());
    }
    if let Some(container) = &machine.container {
        add("container", container.clone());
    }
    pairs
}

fn physical_cores(topology: &Topology) -> String {
    let count = topology.cores.len().to_string();
    if topology.kinds.len() < 2 {
        return count;
    }
    let kinds: Vec<_> = topology.kinds.iter().map(|kind| format!("{} {}", kind.cores, kind.name)).collect();
    format!("{count} ({})", kinds.join(", "))
}

fn hardware_threads(topology: &Topology) -> String {
    let mut text = format!("{} (CPUs {})", topology.hardware_threads(), topology.online);
    for (cpus, what) in [(&topology.offline, "offline"), (&topology.isolated, "isolated")] {
        if !cpus.is_empty() {
            text += &format!(", {what}: {cpus}");
        }
    }
    text
}

fn cache(cache: &Cache) -> String {
    let kind = match cache.kind {
        CacheKind::Data => "d",
        CacheKind::Instruction => "i",
        CacheKind::Unified => "",
    };
    let times = if cache.instances == 1 { String::new() } else { format!("{} × ", cache.instances) };
    format!("L{}{kind} {times}{}", cache.level, cache.size)
}

fn memory(machine: &Machine) -> String {
    let told = |bytes: Option<Bytes>| bytes.map_or_else(|| "not told".to_owned(), |bytes| bytes.to_string());
    format!("{}, {} available", told(machine.memory.total), told(machine.memory.available))
}

fn limits(machine: &Machine) -> Pairs {
    let binding = machine.limits.binding().map(|limit| ("binds".to_owned(), limit.evidence.clone()));
    let others = machine.limits.list.iter().filter(|limit| !limit.binds);
    let others = others.map(|limit| ("does not bind".to_owned(), limit.evidence.clone()));
    let mut pairs: Pairs = binding.chain(others).collect();
    if machine.limits.cpus != machine.topology.online {
        pairs.insert(
            0,
            ("CPUs left".to_owned(), format!("{} ({})", machine.limits.cpus.len(), machine.limits.cpus)),
        );
    }
    if let (Some(limit), Some(total)) = (machine.limits.memory, machine.memory.total)
        && limit < total
    {
        pairs.insert(0, ("memory left".to_owned(), limit.to_string()));
    }
    pairs
}

fn engines(machine: &Machine) -> Pairs {
    let gpus: Vec<_> = machine
        .gpus
        .iter()
        .map(|gpu| {
            let vendor = match gpu.vendor {
                GpuVendor::Nvidia => "NVIDIA",
                GpuVendor::Amd => "AMD",
                GpuVendor::Intel => "Intel",
            };
            gpu.memory.map_or_else(
                || format!("{vendor} {}", gpu.model),
                |memory| format!("{vendor} {} ({memory})", gpu.model),
            )
        })
        .collect();
    let launchers: Vec<_> =
        machine.launchers.iter().map(|launcher| launcher.path.display().to_string()).collect();
    let mut pairs =
        vec![("GPUs".to_owned(), listed(&gpus)), ("MPI launchers".to_owned(), listed(&launchers))];
    if let Some(job) = &machine.allocation {
        pairs.push((format!("{} job", job.engine.name()), allocation(job)));
    }
    if let Some(hyperqueue) = &machine.hyperqueue {
        let place = hyperqueue.server.as_ref().or(hyperqueue.program.as_ref());
        pairs.push((
            "HyperQueue".to_owned(),
            place.map_or_else(String::new, |path| path.display().to_string()),
        ));
    }
    pairs
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn allocation(job: &Allocation) -> String {
    let mut text = job.job.clone();
    let mut add = |value: Option<String>, what: &str| {
        if let Some(value) = value {
            text += &format!(", {value} {what}");
        }
    };
    add(job.nodes.map(|count| count.to_string()), "nodes");
    add(job.tasks.map(|count| count.to_string()), "tasks");
    add(job.cpus_here.map(|count| count.to_string()), "CPUs here");
    add(job.memory_here.map(|bytes| bytes.to_string()), "here");
    add(job.gpus_here.map(|count| count.to_string()), "GPUs here");
    text
}
