//! Which CPUs each slot gets, and what its programs are told about them.

use festina_machine::CpuSet;
use festina_types::Workers;
use rustix::thread::CpuSet as KernelSet;

use super::TaskError;

/// The variables by which libraries and runtimes are told how many threads to use; one that the user sets stays.
pub const THREAD_VARIABLES: [&str; 18] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "FLEXIBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "GOMAXPROCS",
    "JULIA_NUM_THREADS",
    "PYTHON_CPU_COUNT",
    "LOKY_MAX_CPU_COUNT",
];

/// How the CPUs are shared out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The number of slots.
    pub slots: u32,
    /// The cores of each.
    pub cores_per_task: u32,
    /// The CPUs of each slot; empty where slots are not bound.
    pub of_slots: Vec<CpuSet>,
    /// Whether slots are to be bound where they fit, on other hosts too.
    pub pin: bool,
}

impl Shares {
    /// Shares `cpus` out among `slots` slots of `cores` each; what is `None` follows from the other.
    pub(crate) fn new(cpus: &CpuSet, slots: Option<Workers>, cores: Option<Workers>, pin: bool) -> Self {
        // A quota may leave less than all of them.
        let quota = std::thread::available_parallelism().map_or(u32::MAX, |n| n.get() as u32);
        Self::of(cpus, quota, slots, cores, pin)
    }

    fn of(cpus: &CpuSet, quota: u32, slots: Option<Workers>, cores: Option<Workers>, pin: bool) -> Self {
        let n_cpus = (cpus.len() as u32).min(quota).max(1);
        let slots = slots.map_or_else(|| (n_cpus / cores.map_or(1, Workers::get)).max(1), Workers::get);
        let cores_per_task = cores.map_or_else(|| (n_cpus / slots).max(1), Workers::get);
        let fit = u64::from(slots) * u64::from(cores_per_task) <= u64::from(n_cpus);
        let numbers: Vec<u32> = cpus.iter().collect();
        let share = |slot: u32| {
            let first = (slot * cores_per_task) as usize;
            numbers[first..first + cores_per_task as usize].iter().copied().collect()
        };
        let of_slots =
            if pin && fit && !cpus.is_empty() { (0..slots).map(share).collect() } else { Vec::new() };
        Self { slots, cores_per_task, of_slots, pin }
    }
}

/// Returns the CPUs that this thread may use.
pub(crate) fn usable() -> CpuSet {
    let set = rustix::thread::sched_getaffinity(None).unwrap_or_else(|_| KernelSet::new());
    (0..KernelSet::MAX_CPU as u32).filter(|&cpu| set.is_set(cpu as usize)).collect()
}

/// Binds this thread, and the processes that it starts from now on, to `cpus`.
///
/// # Errors
///
/// [`TaskError::Bind`] if none of them is there, or allowed.
pub fn bind(cpus: &CpuSet) -> Result<(), TaskError> {
    let mut set = KernelSet::new();
    for cpu in cpus.iter().filter(|&cpu| (cpu as usize) < KernelSet::MAX_CPU) {
        set.set(cpu as usize);
    }
    rustix::thread::sched_setaffinity(None, &set)
        .map_err(|error| TaskError::Bind { cpus: cpus.to_string(), source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(cpus: &str, slots: Option<u32>, cores: Option<u32>) -> (u32, u32, Vec<String>) {
        let workers = |n: Option<u32>| n.and_then(Workers::new);
        let shares = Shares::of(&cpus.parse().unwrap(), 99, workers(slots), workers(cores), true);
        (shares.slots, shares.cores_per_task, shares.of_slots.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn cpus_are_shared_out_without_overlap() {
        let text = |sets: &[&str]| sets.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shares("0-3", None, None), (4, 1, text(&["0", "1", "2", "3"])));
        assert_eq!(shares("0-3", Some(1), None), (1, 4, text(&["0-3"])), "one task at a time has them all");
        assert_eq!(shares("1,3,5,7,9", None, Some(2)), (2, 2, text(&["1,3", "5,7"])));
        assert_eq!(shares("0-1", Some(8), None), (8, 1, text(&[])), "more slots than CPUs are not bound");
        assert_eq!(shares("0-1", Some(2), Some(4)), (2, 4, text(&[])));
        assert_eq!(shares("0-1", None, Some(4)), (1, 4, text(&[])));
    }
}
