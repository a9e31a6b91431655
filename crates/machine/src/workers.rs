//! How many workers to use, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::allocation::Allocation;
use crate::limits::{Amount, Limit, LimitSource, Limits};
use crate::topology::{Core, Topology};

/// The number of workers to use, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersAdvice {
    /// How many.
    pub workers: u32,
    /// Of how many hardware threads that are online.
    pub of: u32,
    /// What decides, in words: `the container's quota of 2 CPUs (…/cpu.max 200000 100000)`.
    pub reason: String,
    /// When another number would be right, in words: what there is to know about hardware threads, slow cores, a quota.
    pub advice: Vec<String>,
}

impl fmt::Display for WorkersAdvice {
    /// Writes `2 of 64: the container's quota of 2 CPUs (…)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.workers, self.of, self.reason)
    }
}

/// Decides on one worker a physical core, as far as limits leave that many.
///
/// The second hardware thread of a core shares its execution units: compute-bound programs seldom gain by it and
/// often lose, so it is advice, not the default.
pub(crate) fn advise(
    topology: &Topology,
    limits: &Limits,
    allocation: Option<&Allocation>,
    container: Option<&str>,
) -> WorkersAdvice {
    let threads = limits.cpus.len() as u32;
    let of = topology.hardware_threads().max(threads);
    let cores = topology.cores_in(&limits.cpus).clamp(1, threads.max(1));
    let parallelism = allocated(limits)
        .map_or(limits.available_parallelism(), |given| limits.available_parallelism().min(given));
    let workers = cores.min(parallelism);
    let decisive = limits.binding().find(|limit| limit.cpus().is_some());
    let owner = Owner { allocation, container };

    let reason = match decisive {
        Some(limit) if cores < parallelism => {
            format!("one for each physical core; {} leaves {parallelism} CPUs", owner.describe(limit))
        }
        Some(limit) => owner.describe(limit),
        None if cores < threads => "one for each physical core".to_owned(),
        None => "all of them, nothing limits this program".to_owned(),
    };
    let advice = [
        advise_on_threads(cores, parallelism),
        advise_on_slow_cores(topology, limits, workers),
        advise_on_quota(limits, workers, threads),
    ];
    WorkersAdvice { workers, of, reason, advice: advice.into_iter().flatten().collect() }
}

fn allocated(limits: &Limits) -> Option<u32> {
    let given =
        limits.list.iter().find(|limit| limit.source == LimitSource::Allocation && limit.cpus().is_some());
    given.and_then(Limit::cpus).map(|cpus| cpus as u32)
}

fn advise_on_threads(cores: u32, parallelism: u32) -> Option<String> {
    (cores < parallelism).then(|| {
        let noun = if cores == 1 { "core" } else { "cores" };
        format!(
            "{parallelism} hardware threads on {cores} physical {noun}: a second thread on a core helps programs \
             that wait for memory and seldom those that compute; measure with --p {cores},{parallelism}"
        )
    })
}

fn advise_on_slow_cores(topology: &Topology, limits: &Limits, workers: u32) -> Option<String> {
    let is_allowed = |core: &&Core| !core.cpus.intersection(&limits.cpus).is_empty();
    let allowed = || topology.cores.iter().filter(is_allowed);
    let fastest = allowed().map(|core| core.kind).min()?;
    let slow = allowed().filter(|core| core.kind > fastest).count() as u32;
    let fast = allowed().count() as u32 - slow;
    (slow > 0 && workers > fast).then(|| {
        format!(
            "{slow} of the cores are slower: equal shares of work wait for them; share work in small pieces, or measure \
             with --p {fast},{workers}"
        )
    })
}

fn advise_on_quota(limits: &Limits, workers: u32, threads: u32) -> Option<String> {
    limits.quota.filter(|&quota| quota < f64::from(threads)).map(|quota| {
        format!(
            "programs that count CPUs without looking at quotas start {threads} threads and are throttled to \
             {quota} CPUs: tell them {workers}"
        )
    })
}

/// Who sets limits, for naming it.
struct Owner<'a> {
    allocation: Option<&'a Allocation>,
    container: Option<&'a str>,
}

impl Owner<'_> {
    fn describe(&self, limit: &Limit) -> String {
        let group = if self.container.is_some() { "the container's" } else { "the control group's" };
        let evidence = &limit.evidence;
        match (&limit.source, &limit.amount) {
            (LimitSource::Quota, Amount::Cpus(cpus)) => {
                let unit = if *cpus == 1.0 { "CPU" } else { "CPUs" };
                format!("{group} quota of {} {unit} ({evidence})", rounded(*cpus))
            }
            (LimitSource::Cpuset, _) => format!("{group} cpuset ({evidence})"),
            (LimitSource::Allocation, _) => match self.allocation {
                Some(job) => format!("what {} gave to job {} ({evidence})", job.engine.name(), job.job),
                None => format!("the allocation ({evidence})"),
            },
            _ => format!("the {evidence}"),
        }
    }
}

/// Returns `cpus` with at most two decimals.
fn rounded(cpus: f64) -> f64 {
    (cpus * 100.0).round() / 100.0
}
