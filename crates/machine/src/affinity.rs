//! The CPUs that the calling thread may run on.

use crate::cpu_set::CpuSet;
use crate::source::Source;

/// Returns the affinity of the calling thread.
///
/// On the live machine the kernel is asked itself: unlike the file, its answer has only CPUs that are online, and
/// no container filters it.
pub(crate) fn read(source: &Source) -> Option<CpuSet> {
    let live = || source.is_live().then(ask_kernel).flatten();
    live().or_else(|| {
        let cpus: CpuSet = status_field(&status(source)?, "Cpus_allowed_list")?.parse().ok()?;
        (!cpus.is_empty()).then_some(cpus)
    })
}

/// Returns the text of the `status` of the calling thread.
pub(crate) fn status(source: &Source) -> Option<String> {
    source.read("/proc/thread-self/status").or_else(|| source.read("/proc/self/status"))
}

/// Returns the value of the line `name:\tvalue` of a `status` file.
pub(crate) fn status_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn ask_kernel() -> Option<CpuSet> {
    // Fails where the kernel has more CPUs than the 1,024 of this type; the file then tells.
    let mask = rustix::thread::sched_getaffinity(None).ok()?;
    let cpus: CpuSet = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| mask.is_set(cpu))
        .filter_map(|cpu| u32::try_from(cpu).ok())
        .collect();
    (!cpus.is_empty()).then_some(cpus)
}
