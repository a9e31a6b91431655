//! The evidence of one run.

use festina_types::{Conditions, Contamination, Seconds, Usage, Workers};
use serde::{Deserialize, Serialize};

/// From which evidence on a run counts as disturbed. Fractions are of p · T, the CPU time that the run could use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// CPU time that the hypervisor took.
    pub steal: f64,
    /// Time that the run's threads waited for a CPU because of others.
    pub run_delay: f64,
    /// CPU time that others used where the run could have used it.
    pub other_load: f64,
    /// A shorter suspension is an artefact of reading two clocks.
    pub suspended: Seconds,
}

impl Default for Thresholds {
    /// 1 % steal, 2 % run delay, 5 % other load, 1 ms suspension.
    fn default() -> Self {
        Self { steal: 0.01, run_delay: 0.02, other_load: 0.05, suspended: Seconds(1e-3) }
    }
}

/// What has to be known about a run to judge its evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunContext {
    /// The number of workers of the point.
    pub workers: Workers,
    /// How many CPUs the run was allowed to use: p where it was pinned.
    pub cpus: u32,
    /// The major page faults of the reference run at this size: what is new disturbs.
    pub usual_major_faults: u64,
}

impl RunContext {
    /// How many of the run's workers can run at once.
    fn slots(&self) -> f64 {
        f64::from(self.workers.get().min(self.cpus.max(1)))
    }
}

/// Returns the evidence that a run was disturbed from outside; nothing for a clean run.
///
/// - *Steal*: the hypervisor's share of the CPUs, less what the clock's ticks leave open, over its threshold.
/// - *Other load*: CPU time of others beyond what the CPUs that the run left idle could give, likewise.
/// - *Run delay*: what the kernel says that the run's threads waited for a CPU, as far as others explain it. The
///   threads of a program with more of them than CPUs wait for each other; they wait for others at most as long
///   as others ran, times the number of threads a CPU.
/// - *Throttling, major faults* that the reference did not have, and *suspension*.
///
/// ```
/// # use festina_measure::{RunContext, Thresholds, classify};
/// # use festina_types::{Conditions, Contamination, Seconds, Usage, Workers};
/// let context = RunContext { workers: Workers::MIN, cpus: 1, usual_major_faults: 0 };
/// let usage = Usage { wall: Seconds(2.0), peak_threads: 1, ..Usage::default() };
/// let conditions = Conditions { steal: Some(Seconds(0.1)), ..Conditions::default() };
/// let found = classify(&usage, &conditions, &context, &Thresholds::default());
/// assert_eq!(found, [Contamination::Steal { fraction: 0.05 }]);
/// ```
pub fn classify(
    usage: &Usage,
    conditions: &Conditions,
    context: &RunContext,
    thresholds: &Thresholds,
) -> Vec<Contamination> {
    let mut found = Vec::new();
    let capacity = context.slots() * usage.wall.0;
    let resolution = conditions.resolution.map_or(0.0, |r| r.0);
    let share = |seconds: f64| if capacity > 0.0 { seconds / capacity } else { 0.0 };

    // Steal has a clock of its own; runs stored before it was written down have the other's.
    let steal_resolution = conditions.steal_resolution.map_or(resolution, |r| r.0);
    if let Some(steal) = conditions.steal
        && share(steal.0 - steal_resolution) > thresholds.steal
    {
        found.push(Contamination::Steal { fraction: share(steal.0) });
    }
    let delay = outside_delay(usage, conditions, context);
    if share(delay) > thresholds.run_delay {
        found.push(Contamination::RunDelay { fraction: share(delay) });
    }
    if let Some(other) = conditions.other_cpu {
        let idle = (f64::from(context.cpus) - context.slots()).max(0.0) * usage.wall.0;
        let competing = other.0 - idle;
        if share(competing - resolution) > thresholds.other_load {
            found.push(Contamination::OtherLoad { fraction: share(competing) });
        }
    }
    if let Some(periods) = conditions.throttled_periods.filter(|periods| *periods > 0) {
        found.push(Contamination::Throttled { periods });
    }
    if usage.major_faults > 0 && context.usual_major_faults == 0 {
        found.push(Contamination::MajorFaults { count: usage.major_faults });
    }
    if let Some(duration) = conditions.suspended.filter(|s| *s > thresholds.suspended) {
        found.push(Contamination::Suspended { duration });
    }
    found
}

/// The part of the run delay that others explain, in seconds.
fn outside_delay(usage: &Usage, conditions: &Conditions, context: &RunContext) -> f64 {
    let Some(delay) = usage.run_delay else { return 0.0 };
    let resolution = conditions.resolution.map_or(0.0, |r| r.0);
    let threads_per_cpu = f64::from(usage.peak_threads) / f64::from(context.cpus.max(1));
    match conditions.other_cpu {
        None if threads_per_cpu <= 1.0 => delay.0,
        None => 0.0,
        Some(other) if threads_per_cpu <= 1.0 => delay.0.min(other.0 + resolution),
        Some(other) => delay.0.min((other.0 - resolution).max(0.0) * threads_per_cpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(workers: u32, cpus: u32) -> RunContext {
        RunContext { workers: Workers::new(workers).unwrap(), cpus, usual_major_faults: 0 }
    }

    fn usage(wall: f64, run_delay: f64, peak_threads: u32) -> Usage {
        Usage { wall: Seconds(wall), run_delay: Some(Seconds(run_delay)), peak_threads, ..Usage::default() }
    }

    fn others(other_cpu: f64, resolution: f64) -> Conditions {
        Conditions {
            other_cpu: Some(Seconds(other_cpu)),
            resolution: Some(Seconds(resolution)),
            ..Conditions::default()
        }
    }

    fn judge(usage: &Usage, conditions: &Conditions, context: &RunContext) -> Vec<Contamination> {
        classify(usage, conditions, context, &Thresholds::default())
    }

    #[test]
    fn a_hog_on_the_cpu_of_the_run_is_seen() {
        // Half of 2 s: the run waits 1 s while the hog runs 1 s.
        let found = judge(&usage(2.0, 1.0, 1), &others(1.0, 0.02), &context(1, 1));
        let half = Contamination::RunDelay { fraction: 0.5 };
        assert_eq!(found, [half, Contamination::OtherLoad { fraction: 0.5 }]);
    }

    #[test]
    fn a_hog_on_a_cpu_that_the_run_leaves_idle_does_not_disturb() {
        assert!(judge(&usage(2.0, 0.0, 1), &others(2.0, 0.02), &context(1, 2)).is_empty());
        // Two workers on the two CPUs have to share with it.
        assert!(!judge(&usage(2.0, 1.0, 2), &others(1.0, 0.02), &context(2, 2)).is_empty());
    }

    #[test]
    fn threads_that_wait_for_each_other_are_not_noise() {
        // Four threads on one CPU for 1 s wait 3 s in all, and nobody else ran.
        assert!(judge(&usage(1.0, 3.0, 4), &others(0.01, 0.01), &context(1, 1)).is_empty());
        // Where others cannot be known, oversubscription is given the benefit of the doubt, one thread is not.
        assert!(judge(&usage(1.0, 3.0, 4), &Conditions::default(), &context(1, 1)).is_empty());
        assert!(!judge(&usage(1.0, 0.1, 1), &Conditions::default(), &context(1, 1)).is_empty());
        // Of 3.4 s, others explain 0.1 s a thread.
        let found = judge(&usage(1.0, 3.4, 4), &others(0.11, 0.01), &context(1, 1));
        assert_eq!(found[0], Contamination::RunDelay { fraction: 0.4 });
    }

    #[test]
    fn one_tick_is_not_evidence() {
        let tick = Seconds(0.01);
        let one = Conditions { steal: Some(tick), resolution: Some(tick), ..Conditions::default() };
        assert!(judge(&usage(0.2, 0.0, 1), &one, &context(1, 1)).is_empty());
        let three = Conditions { steal: Some(Seconds(0.03)), ..one };
        assert_eq!(judge(&usage(0.2, 0.0, 1), &three, &context(1, 1)).len(), 1);
    }

    #[test]
    fn faults_throttling_and_suspension_are_seen() {
        let usage = Usage { wall: Seconds(1.0), major_faults: 3, ..Usage::default() };
        let conditions =
            Conditions { throttled_periods: Some(2), suspended: Some(Seconds(5.0)), ..Conditions::default() };
        let found = judge(&usage, &conditions, &context(1, 1));
        let expected = [
            Contamination::Throttled { periods: 2 },
            Contamination::MajorFaults { count: 3 },
            Contamination::Suspended { duration: Seconds(5.0) },
        ];
        assert_eq!(found, expected);
        let used_to_it = RunContext { usual_major_faults: 1, ..context(1, 1) };
        assert_eq!(judge(&usage, &conditions, &used_to_it).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn fractions_are_finite_and_no_more_noise_flags_less(
            wall in 0.0_f64..100.0, steal in 0.0_f64..10.0, delay in 0.0_f64..100.0, threads in 0_u32..9,
            other in 0.0_f64..100.0, more in 0.0_f64..10.0, workers in 1_u32..5, cpus in 0_u32..5,
        ) {
            let context = context(workers, cpus);
            let with = |extra: f64| {
                let mut conditions = others(other + extra, 0.01);
                conditions.steal = Some(Seconds(steal + extra));
                judge(&usage(wall, delay, threads), &conditions, &context)
            };
            let (less, more) = (with(0.0), with(more));
            proptest::prop_assert!(less.len() <= more.len());
            for contamination in more {
                if let Contamination::Steal { fraction } | Contamination::RunDelay { fraction }
                    | Contamination::OtherLoad { fraction } = contamination {
                    proptest::prop_assert!(fraction.is_finite() && fraction > 0.0);
                }
            }
        }
    }
}
