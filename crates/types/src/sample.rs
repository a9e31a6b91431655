//! One raw run, and what was so on the machine while it ran.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Point, Seconds};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Status {
    /// With exit code 0.
    Finished,
    /// With another exit code.
    Failed {
        /// The exit code.
        code: i32,
    },
    /// By a signal that festina did not send.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// Killed by festina after its time limit.
    TimedOut,
    /// Killed for memory, by the kernel or by festina's limit.
    OutOfMemory,
    /// Stopped because the user asked to.
    Canceled,
}

impl Status {
    /// Returns whether the run ended with exit code 0.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Finished)
    }
}

/// What a run's whole process tree used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Elapsed time from just before the start to the exit.
    pub wall: Seconds,
    /// CPU time in user mode.
    pub user: Seconds,
    /// CPU time in the kernel.
    pub system: Seconds,
    /// Time that threads were ready to run and waited for a CPU; `None` where the kernel does not tell.
    pub run_delay: Option<Seconds>,
    /// Time that threads were alive but neither ran nor waited for a CPU (locks, I/O, sleep), counting at most
    /// as many threads at once as there are idle slots; `None` where it could not be sampled.
    pub blocked: Option<Seconds>,
    /// The largest resident memory of the tree at any one time (shared pages counted once where PSS is known).
    pub peak_rss: Bytes,
    /// The largest number of processes alive at once, as sampled.
    pub peak_processes: u32,
    /// The largest number of threads alive at once, as sampled.
    pub peak_threads: u32,
    /// Context switches because the thread waited.
    pub voluntary_switches: u64,
    /// Context switches because the thread was preempted.
    pub involuntary_switches: u64,
    /// Page faults that needed I/O.
    pub major_faults: u64,
    /// Page faults that did not.
    pub minor_faults: u64,
    /// Bytes read from storage or passed through read calls; `None` where the kernel does not tell.
    pub read: Option<Bytes>,
    /// Bytes written; `None` where the kernel does not tell.
    pub written: Option<Bytes>,
}

impl Usage {
    /// Returns user plus system time.
    pub fn cpu(&self) -> Seconds {
        Seconds(self.user.0 + self.system.0)
    }
}

/// What was so on the machine during a run: the independent evidence for or against the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// CPU time that the hypervisor took from the CPUs that the run was allowed to use.
    pub steal: Option<Seconds>,
    /// How far off `steal` may be: it is shown in ticks, of 10 ms as a rule.
    pub steal_resolution: Option<Seconds>,
    /// CPU time that other processes used on the CPUs that the run was allowed to use.
    pub other_cpu: Option<Seconds>,
    /// How far off `other_cpu` may be: the clock behind it ticks too, in 4 ms or 10 ms as a rule.
    pub resolution: Option<Seconds>,
    /// Time in which some task of the system waited for a CPU (PSI `some`).
    pub cpu_pressure: Option<Seconds>,
    /// Time in which some task of the system waited for memory to be freed or read back (PSI `some`).
    pub memory_pressure: Option<Seconds>,
    /// Time in which some task of the system waited for storage (PSI `some`).
    pub io_pressure: Option<Seconds>,
    /// Number of scheduling periods in which a cgroup quota throttled us.
    pub throttled_periods: Option<u64>,
    /// Time in which a cgroup quota kept our CPUs from us, summed over CPUs.
    #[serde(default)]
    pub throttled: Option<Seconds>,
    /// Mean frequency of the allowed CPUs at the end of the run, in MHz.
    pub frequency_mhz: Option<f64>,
    /// The 1-minute load average at the start.
    pub load_1m: Option<f64>,
    /// How long the machine was suspended; zero for nearly every run.
    pub suspended: Option<Seconds>,
}

/// Independent evidence that a run was disturbed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Contamination {
    /// The hypervisor took CPU time, as a fraction of p · wall.
    Steal {
        /// The fraction.
        fraction: f64,
    },
    /// Its threads waited for a CPU, as a fraction of p · wall, more than its own threads explain.
    RunDelay {
        /// The fraction.
        fraction: f64,
    },
    /// Other processes used its CPUs, as a fraction of p · wall.
    OtherLoad {
        /// The fraction.
        fraction: f64,
    },
    /// A cgroup quota throttled it.
    Throttled {
        /// The number of periods.
        periods: u64,
    },
    /// It had to read its pages from storage, where the reference did not.
    MajorFaults {
        /// The number of faults.
        count: u64,
    },
    /// The machine was suspended while it ran.
    Suspended {
        /// For how long.
        duration: Seconds,
    },
}

/// Whether a run gave the reference's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CheckOutcome {
    /// Byte for byte.
    Identical,
    /// The same records in another order.
    Reordered,
    /// Equal within the tolerances; the largest differences are kept.
    WithinTolerance {
        /// The largest relative difference.
        max_relative: f64,
        /// The largest absolute difference.
        max_absolute: f64,
        /// The largest distance in units in the last place.
        max_ulps: u64,
    },
    /// It differs.
    Different {
        /// Where and how it first differs, for people.
        first_difference: String,
    },
}

impl CheckOutcome {
    /// Returns whether the run gave the reference's answer, within the tolerances.
    pub fn is_same(&self) -> bool {
        !matches!(self, Self::Different { .. })
    }
}

/// One run of a workload at a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Where.
    pub point: Point,
    /// The randomised block that it belongs to, counted from 0.
    pub block: u32,
    /// Its position in the order of execution, counted from 0 over the whole measurement.
    pub order: u32,
    /// When it started, in seconds since the Unix epoch.
    pub started_at_unix_s: f64,
    /// How it ended.
    pub status: Status,
    /// What it used.
    pub usage: Usage,
    /// What was so on the machine.
    pub conditions: Conditions,
    /// Independent evidence that it was disturbed; empty for a clean run.
    #[serde(default)]
    pub contamination: Vec<Contamination>,
    /// Whether its answer was the reference's; `None` where nothing was compared.
    #[serde(default)]
    pub check: Option<CheckOutcome>,
}

impl Sample {
    /// Returns whether the sample may enter a fit: it finished, undisturbed, with the right answer.
    pub fn is_usable(&self) -> bool {
        self.status.is_finished()
            && self.contamination.is_empty()
            && self.check.as_ref().is_none_or(CheckOutcome::is_same)
    }
}
