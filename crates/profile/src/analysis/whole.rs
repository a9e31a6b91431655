//! The program as a whole.

use festina_types::Estimate;
use serde::{Deserialize, Serialize};

use super::sweep::{CORES, Sweep};
use super::{Cores, StateTimes, gain};
use crate::recording::Recording;

/// The program as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// The share of the elapsed time in which at most one thread was ready to run.
    pub serial_fraction: Estimate,
    /// The number of threads that were ready to run, on average over the time in which any was.
    pub average_parallelism: f64,
    /// The number of threads on CPUs, on average over the elapsed time.
    pub cores_used: f64,
    /// The share of the elapsed time in which no thread was ready: all waited.
    pub idle_share: f64,
    /// Thread time by state, in seconds.
    pub states_s: StateTimes,
    /// The speed-up if all that needs a CPU were spread over so many cores.
    pub speedups: Vec<(u32, Option<Estimate>)>,
}

pub(super) fn whole(sweep: &Sweep, recording: &Recording, cores: &Cores) -> Whole {
    let elapsed = sweep.elapsed_ns;
    let mut states_s = [0.0; 9];
    for stack in &sweep.stacks {
        for (sum, time) in states_s.iter_mut().zip(stack) {
            *sum += time * 1e-9;
        }
    }
    let speedups = CORES.iter().zip(&sweep.spread_all);
    let is_empty = recording.rounds.is_empty();
    Whole {
        serial_fraction: sweep.serial.share(elapsed),
        average_parallelism: if sweep.busy_ns > 0.0 { sweep.ready_ns / sweep.busy_ns } else { 0.0 },
        cores_used: sweep.on_cpu_ns / elapsed,
        idle_share: if is_empty { 0.0 } else { (1.0 - sweep.busy_ns / elapsed).clamp(0.0, 1.0) },
        states_s,
        speedups: speedups.map(|(p, saved)| (*p, gain(&saved.share(elapsed, cores)))).collect(),
    }
}
