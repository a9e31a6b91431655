//! Before a measurement: would this machine give honest numbers now? It is only looked at, never altered.

use std::time::{Duration, Instant};

use festina_types::{Finding, Seconds, Severity};
use serde::{Deserialize, Serialize};

use super::Probe;
use crate::detect::Machine;
use crate::source::Source;
use crate::topology::CPUS;

/// Signs of noise; what the machine does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// Share of the last 10 s in which some task waited for a CPU, in `[0, 1]` (PSI `some avg10`).
    pub cpu_pressure: Option<f64>,
    /// Share of the last 10 s in which some task waited for memory.
    pub memory_pressure: Option<f64>,
    /// Share of the last 10 s in which some task waited for storage.
    pub io_pressure: Option<f64>,
    /// Share of the available CPUs that the hypervisor took while they were watched.
    pub steal: Option<f64>,
    /// Share of the available CPUs that other programs used while they were watched.
    pub other_cpu: Option<f64>,
    /// The 1-minute load average.
    pub load_1m: Option<f64>,
    /// The frequency governor of the first available CPU, such as `powersave`.
    pub governor: Option<String>,
    /// The driver behind it, such as `intel_pstate`.
    pub frequency_driver: Option<String>,
    /// Whether cores may run faster while others idle.
    pub turbo: Option<bool>,
}

/// Shares from which noise is worth a warning.
const PRESSURE: f64 = 0.10;
const STEAL: f64 = 0.01;
const OTHER_CPU: f64 = 0.05;

impl Signals {
    /// Looks at `machine` for the time `watch` (some 200 ms tell enough), sleeping meanwhile.
    pub fn observe(source: &Source, machine: &Machine, watch: Duration) -> Self {
        let cpus = machine.available_cpus();
        let mut probe = Probe::open(source);
        probe.start(cpus);
        let start = Instant::now();
        std::thread::sleep(watch);
        let seen = probe.finish(Seconds(0.0));
        let elapsed = if watch.is_zero() { 0.0 } else { start.elapsed().as_secs_f64() };
        let capacity = elapsed * cpus.len() as f64;
        // What is within the clock's error is no evidence.
        let share = |time: Option<Seconds>, error: Seconds| {
            time.filter(|_| capacity > 0.0).map(|time| ((time.0 - error.0) / capacity).clamp(0.0, 1.0))
        };
        let pressure = |name: &str| source.parse(&format!("/proc/pressure/{name}"), parse_average);
        let frequency = |name: &str| source.read(&format!("{CPUS}/cpu{}/cpufreq/{name}", cpus.first()?));
        Self {
            cpu_pressure: pressure("cpu"),
            memory_pressure: pressure("memory"),
            io_pressure: pressure("io"),
            steal: share(seen.steal, seen.steal_resolution.unwrap_or_default()),
            other_cpu: share(seen.other_cpu, seen.resolution.unwrap_or_default()),
            load_1m: seen.load_1m,
            governor: frequency("scaling_governor"),
            frequency_driver: frequency("scaling_driver"),
            turbo: read_turbo(source),
        }
    }

    /// Returns what of it would disturb a measurement on `machine` with up to `workers` workers.
    pub fn findings(&self, machine: &Machine, workers: u32) -> Vec<Finding> {
        [
            self.steal_finding(),
            self.load_finding(machine),
            self.pressure_finding("memory-pressure", "memory", self.memory_pressure),
            self.pressure_finding("io-pressure", "storage", self.io_pressure),
            quota_finding(machine, workers),
            self.frequency_finding(),
            self.turbo_finding(workers),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn steal_finding(&self) -> Option<Finding> {
        let steal = self.steal.filter(|&steal| steal > STEAL)?;
        let message = format!("the hypervisor takes {} of the CPUs' time", percent(steal));
        let hint = "runs that lost more than 1 % will be repeated; a machine with dedicated cores needs none of that";
        Some(Finding::new(Severity::Warning, "steal", message).with_hint(hint))
    }

    fn load_finding(&self, machine: &Machine) -> Option<Finding> {
        let hint = "see who it is with: top -o %CPU";
        let busy = self.other_cpu.filter(|&other| other > OTHER_CPU);
        let waiting = self.cpu_pressure.filter(|&pressure| pressure > PRESSURE);
        let message = match (busy, waiting) {
            (Some(busy), _) => format!("other programs use {} of the available CPUs", percent(busy)),
            (None, Some(waiting)) => {
                format!(
                    "in {} of the last 10 s some program waited for a CPU (PSI cpu some avg10)",
                    percent(waiting)
                )
            }
            (None, None) => {
                // The load average is slow and counts waiting for storage: it only speaks where nothing better does.
                let is_better_known = self.other_cpu.is_some() || self.cpu_pressure.is_some();
                let load = self.load_1m.filter(|_| !is_better_known)?;
                if load <= 0.5 * f64::from(machine.available_parallelism()) {
                    return None;
                }
                format!("the load average is {load} on {} CPUs", machine.available_parallelism())
            }
        };
        Some(Finding::new(Severity::Warning, "busy-machine", message).with_hint(hint))
    }

    fn pressure_finding(&self, code: &str, what: &str, pressure: Option<f64>) -> Option<Finding> {
        let pressure = pressure.filter(|&pressure| pressure > PRESSURE)?;
        let message =
            format!("in {} of the last 10 s some program waited for {what} (PSI)", percent(pressure));
        Some(Finding::new(Severity::Warning, code, message))
    }

    fn frequency_finding(&self) -> Option<Finding> {
        let governor = self.governor.as_deref()?;
        // Under these drivers `powersave` lets the hardware choose, and is the normal setting.
        let is_autonomous = self
            .frequency_driver
            .as_deref()
            .is_some_and(|driver| matches!(driver, "intel_pstate" | "amd-pstate-epp"));
        if governor == "performance" || (governor == "powersave" && is_autonomous) {
            return None;
        }
        let message =
            format!("the frequency governor is '{governor}': short runs may begin at a low frequency");
        let hint = "as root: cpupower frequency-set -g performance; set it back afterwards";
        Some(Finding::new(Severity::Note, "frequency-governor", message).with_hint(hint))
    }

    fn turbo_finding(&self, workers: u32) -> Option<Finding> {
        self.turbo.filter(|&turbo| turbo && workers > 1)?;
        let message = "turbo is on: a run on one worker may have a higher frequency than one on many, which lowers speed-up";
        Some(Finding::new(Severity::Note, "turbo", message))
    }
}

/// Looks at `machine` for the time `watch` and returns what would disturb a measurement with up to `workers` workers.
pub fn preflight(source: &Source, machine: &Machine, workers: u32, watch: Duration) -> Vec<Finding> {
    Signals::observe(source, machine, watch).findings(machine, workers)
}

fn quota_finding(machine: &Machine, workers: u32) -> Option<Finding> {
    let cpus = machine.available_cpus().len() as u32;
    if let Some(quota) = machine.limits.quota.filter(|&quota| quota < f64::from(workers.min(cpus))) {
        let message = format!(
            "a quota of {quota} CPUs is below {workers} workers: they are throttled in periods of 100 ms, which measures the \
             quota and not the program"
        );
        let hint = format!("measure up to --p {}", machine.available_parallelism());
        return Some(Finding::new(Severity::Warning, "quota-below-workers", message).with_hint(hint));
    }
    (workers > cpus).then(|| {
        let message = format!("{workers} workers share {cpus} CPUs: that measures time-slicing, not scaling");
        Finding::new(Severity::Warning, "oversubscribed", message)
            .with_hint(format!("measure up to --p {cpus}"))
    })
}

/// Reads `avg10` of the line `some` as a share.
fn parse_average(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let percent: f64 = line.split(' ').find_map(|field| field.strip_prefix("avg10="))?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn read_turbo(source: &Source) -> Option<bool> {
    let no_turbo = source.number::<u8>(&format!("{CPUS}/intel_pstate/no_turbo"));
    let boost = || source.number::<u8>(&format!("{CPUS}/cpufreq/boost"));
    no_turbo.map(|off| off == 0).or_else(|| boost().map(|on| on != 0))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
