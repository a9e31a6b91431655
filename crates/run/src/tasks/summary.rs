//! Where the time of the slots went: what was achieved, what was lost, and what more workers would have brought.

use festina_types::{Conditions, Seconds};
use serde::{Deserialize, Serialize};

/// Where the time of all slots went. The terms sum to the number of slots times the elapsed time.
///
/// What tasks did is their work without what kept them from their CPUs: a hypervisor, a quota, other programs, and other
/// tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlotTime {
    /// Before a slot's first task: making its processes, opening journal and inputs.
    pub start_up_s: f64,
    /// Tasks that ran, in their last attempts, and were not kept from their CPUs.
    pub work_s: f64,
    /// Within the tasks: a hypervisor took the CPU.
    #[serde(default)]
    pub steal_s: f64,
    /// Within the tasks: a quota of a control group was used up.
    #[serde(default)]
    pub throttled_s: f64,
    /// Within the tasks: programs that are none of them had the CPU.
    #[serde(default)]
    pub others_s: f64,
    /// Within the tasks: other tasks or other threads of their own had the CPU.
    #[serde(default)]
    pub oversubscription_s: f64,
    /// Attempts that failed and were made again.
    pub retries_s: f64,
    /// Between tasks: filling in commands, collecting processes, journal, outputs.
    pub dispatch_s: f64,
    /// Waiting for inputs to be read.
    pub inputs_s: f64,
    /// Waiting for memory.
    pub memory_s: f64,
    /// Waiting for the next attempt of a task that failed.
    pub back_off_s: f64,
    /// Nothing left to do while other slots still ran: imbalance and stragglers.
    pub idle_tail_s: f64,
}

impl SlotTime {
    /// Returns the sum of all terms.
    pub fn total(&self) -> Seconds {
        Seconds(self.work_s + self.losses().iter().map(|(_, loss)| loss).sum::<f64>())
    }

    /// Returns what was lost, by name.
    pub fn losses(&self) -> [(&'static str, f64); 11] {
        [
            ("start-up", self.start_up_s),
            ("dispatch", self.dispatch_s),
            ("waiting for inputs", self.inputs_s),
            ("waiting for memory", self.memory_s),
            ("retries", self.retries_s),
            ("waiting to retry", self.back_off_s),
            ("idle at the end", self.idle_tail_s),
            ("CPU stolen by the hypervisor", self.steal_s),
            ("throttled by a quota", self.throttled_s),
            ("CPU taken by other programs", self.others_s),
            ("oversubscription", self.oversubscription_s),
        ]
    }

    /// Returns the time of the tasks' last attempts, with what kept them from their CPUs.
    pub fn tasks_s(&self) -> f64 {
        self.work_s + self.steal_s + self.throttled_s + self.others_s + self.oversubscription_s
    }

    /// Takes out of the work what kept tasks from their CPUs: each in this order what the ones before left.
    ///
    /// `waited_s` is the time that tasks were ready to run and waited for a CPU; what other programs used of the CPUs
    /// explains it first, and the rest is oversubscription.
    pub(super) fn charge(&mut self, waited_s: f64, conditions: &Conditions) {
        let seconds = |time: Option<Seconds>| time.map_or(0.0, |time| time.0.max(0.0));
        let mut take = |wanted: f64| {
            let taken = wanted.clamp(0.0, self.work_s);
            self.work_s -= taken;
            taken
        };
        self.steal_s = take(seconds(conditions.steal));
        self.throttled_s = take(seconds(conditions.throttled));
        // A throttled thread waits for its CPU as well.
        let waited = (waited_s - self.throttled_s).max(0.0);
        self.others_s = take(waited.min(seconds(conditions.other_cpu)));
        self.oversubscription_s = take(waited - self.others_s);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.start_up_s += other.start_up_s;
        self.work_s += other.work_s;
        self.steal_s += other.steal_s;
        self.throttled_s += other.throttled_s;
        self.others_s += other.others_s;
        self.oversubscription_s += other.oversubscription_s;
        self.retries_s += other.retries_s;
        self.dispatch_s += other.dispatch_s;
        self.inputs_s += other.inputs_s;
        self.memory_s += other.memory_s;
        self.back_off_s += other.back_off_s;
        self.idle_tail_s += other.idle_tail_s;
    }
}

/// What a session of a run achieved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of slots.
    pub slots: u32,
    /// Elapsed time.
    pub wall_s: f64,
    /// Where the slots' time went.
    pub time: SlotTime,
    /// Time within the tasks that their threads waited for a CPU: too many of them at once, other programs, or a
    /// hypervisor that took the CPU.
    pub run_delay_s: f64,
    /// CPU time of the tasks.
    pub cpu_s: f64,
    /// CPU time that a hypervisor took from the CPUs during the session; `None` where it cannot be told.
    pub steal_s: Option<f64>,
    /// CPU time that other programs used on them.
    pub other_cpu_s: Option<f64>,
    /// The elapsed times of the tasks' last attempts, in the order of the inputs.
    pub durations_s: Vec<f32>,
    /// The longest tasks, by number, the longest first.
    pub longest: Vec<(u64, f64)>,
}

impl Summary {
    /// Returns the speed-up: the work, without what kept tasks from their CPUs, over the elapsed time.
    pub fn speed_up(&self) -> f64 {
        if self.wall_s > 0.0 { self.time.work_s / self.wall_s } else { 0.0 }
    }

    /// Returns the speed-up over the number of slots.
    pub fn efficiency(&self) -> f64 {
        self.speed_up() / f64::from(self.slots.max(1))
    }

    /// Returns the best speed-up that these tasks allow on these slots: none can end before its longest task has.
    pub fn ideal(&self) -> f64 {
        match self.longest.first() {
            Some((_, longest)) if *longest > 0.0 => {
                (self.time.tasks_s() / longest).min(f64::from(self.slots))
            }
            _ => f64::from(self.slots),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_up_is_work_over_time() {
        let time = SlotTime { work_s: 6.0, start_up_s: 0.5, idle_tail_s: 1.5, ..SlotTime::default() };
        let summary = Summary { slots: 2, wall_s: 4.0, time, longest: vec![(3, 4.0)], ..Summary::default() };
        assert_eq!((summary.speed_up(), summary.efficiency(), summary.ideal()), (1.5, 0.75, 1.5));
        assert_eq!(summary.time.total(), Seconds(8.0));
    }

    #[test]
    fn what_kept_tasks_from_their_cpus_is_no_work() {
        let mut time = SlotTime { work_s: 10.0, dispatch_s: 1.0, ..SlotTime::default() };
        let seconds = |time| Some(Seconds(time));
        let conditions = Conditions {
            steal: seconds(1.0),
            throttled: seconds(0.5),
            other_cpu: seconds(0.25),
            ..Conditions::default()
        };
        // 3.5 s of waiting: 0.5 s throttled, 0.25 s for other programs, the rest for each other.
        time.charge(3.5, &conditions);
        assert_eq!((time.work_s, time.steal_s, time.throttled_s), (5.5, 1.0, 0.5));
        assert_eq!((time.others_s, time.oversubscription_s), (0.25, 2.75));
        assert_eq!((time.tasks_s(), time.total()), (10.0, Seconds(11.0)));
        // More than there was cannot be taken.
        let mut short = SlotTime { work_s: 1.0, ..SlotTime::default() };
        short.charge(9.0, &conditions);
        assert_eq!((short.work_s, short.steal_s, short.tasks_s()), (0.0, 1.0, 1.0));
    }
}
