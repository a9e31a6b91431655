//! Where p · T went: the worker-seconds of a run, split without rest.

use festina_types::{Seconds, Usage, Workers};

/// The worker-seconds p · T of a run, split into what its slots (one a worker) did. No term is negative, and the
/// six of them sum to p · T.
///
/// ```text
/// p · T = user + system + steal + run_delay + blocked + unused
/// ```
///
/// Each term takes what the ones before it left:
///
/// - `user`, `system`: CPU time of the process tree.
/// - `steal`: what the hypervisor took from its CPUs.
/// - `run_delay`: slots that stood ready for the program but were taken by other processes, while a thread of it
///   waited for a CPU.
/// - `blocked`: slots that were idle while a thread of the program was alive and waited for something other than a
///   CPU: a lock, I/O, sleep.
/// - `unused`: slots for which the program had no thread.
///
/// *More threads than slots*: threads that wait for each other's slot lose nothing, for the slot is at work; their
/// run delay is longer than all idle time. Only so much of it is charged as the slots were not used, which is
/// exactly what others took: two threads of a program on one quiet CPU run all the time, and `run_delay` is 0 here
/// although [`Usage::run_delay`] is T.
///
/// *More CPU time than slots* (p was understated, or the counters' resolution exceeds a very short run): user and
/// system are scaled to p · T, and what does not fit is told in `excess`.
///
/// This is the exact identity behind "loss" in parallel runs; Cilkview, POP and others name the same parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accounting {
    /// CPU time in user mode.
    pub user: Seconds,
    /// CPU time in the kernel.
    pub system: Seconds,
    /// Time that slots were taken by other processes while a thread was ready.
    pub run_delay: Seconds,
    /// Time that the hypervisor took.
    pub steal: Seconds,
    /// Time that slots were idle because threads waited for something else.
    pub blocked: Seconds,
    /// Time that slots had no thread.
    pub unused: Seconds,
    /// CPU time beyond p · T, which is in none of the terms.
    pub excess: Seconds,
}

impl Accounting {
    /// Splits p · T of a run on `workers` slots, of whose CPUs the hypervisor took `steal`; counters that are not
    /// known count as 0, and their time as `unused`.
    ///
    /// ```
    /// use festina_run::Accounting;
    /// use festina_types::{Seconds, Usage, Workers};
    /// let usage = Usage {
    ///     wall: Seconds(10.0),
    ///     user: Seconds(11.0),
    ///     system: Seconds(1.0),
    ///     run_delay: Some(Seconds(0.5)),
    ///     blocked: Some(Seconds(2.5)),
    ///     ..Usage::default()
    /// };
    /// let two = Workers::new(2).unwrap();
    /// let accounting = Accounting::new(&usage, Some(Seconds(1.0)), two);
    /// // 20 worker-seconds − 12 on a CPU − 1 stolen − 0.5 − 2.5.
    /// assert_eq!(accounting.unused, Seconds(4.0));
    /// assert_eq!(accounting.total(), Seconds(20.0));
    /// ```
    pub fn new(usage: &Usage, steal: Option<Seconds>, workers: Workers) -> Self {
        let slots = f64::from(workers.get()) * positive(usage.wall);
        let (user, system) = (positive(usage.user), positive(usage.system));
        let fits = if user + system > slots { slots / (user + system) } else { 1.0 };
        let mut left = (slots - (user + system) * fits).max(0.0);
        let mut take = |wanted: Option<Seconds>| {
            let taken = wanted.map_or(0.0, positive).min(left);
            left -= taken;
            Seconds(taken)
        };
        let steal = take(steal);
        let run_delay = take(usage.run_delay);
        let blocked = take(usage.blocked);
        Self {
            user: Seconds(user * fits),
            system: Seconds(system * fits),
            run_delay,
            steal,
            blocked,
            unused: Seconds(left),
            excess: Seconds((user + system - slots).max(0.0)),
        }
    }

    /// Returns the sum of the six terms, p · T.
    pub fn total(&self) -> Seconds {
        let terms = [self.user, self.system, self.run_delay, self.steal, self.blocked, self.unused];
        Seconds(terms.iter().map(|term| term.0).sum())
    }
}

/// Returns the seconds, or 0 for what is negative or not a number.
fn positive(seconds: Seconds) -> f64 {
    if seconds.0 > 0.0 { seconds.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usage(wall: f64, user: f64, run_delay: f64, blocked: f64) -> Usage {
        Usage {
            wall: Seconds(wall),
            user: Seconds(user),
            run_delay: Some(Seconds(run_delay)),
            blocked: Some(Seconds(blocked)),
            ..Usage::default()
        }
    }

    #[test]
    fn threads_that_share_their_own_slot_lose_nothing() {
        let one = Workers::MIN;
        // Two threads on one quiet CPU: each waits half of the time, and the CPU is never idle.
        assert_eq!(Accounting::new(&usage(10.0, 10.0, 10.0, 0.0), None, one).run_delay, Seconds(0.0));
        // With a stranger on the CPU each of the three gets a third: two thirds are ours.
        let shared = Accounting::new(&usage(9.0, 6.0, 12.0, 0.0), None, one);
        assert_eq!((shared.run_delay, shared.unused), (Seconds(3.0), Seconds(0.0)));
    }

    #[test]
    fn cpu_time_beyond_the_slots_is_told() {
        let accounting = Accounting::new(&usage(10.0, 15.0, 1.0, 1.0), None, Workers::MIN);
        assert_eq!((accounting.user, accounting.excess), (Seconds(10.0), Seconds(5.0)));
        assert_eq!(accounting.total(), Seconds(10.0));
    }

    proptest! {
        #[test]
        fn no_term_is_negative_and_all_sum_to_the_worker_seconds(
            wall in -1.0..100.0_f64, user in -1.0..300.0_f64, system in -1.0..300.0_f64,
            delay in prop::option::of(-1.0..300.0_f64), blocked in prop::option::of(-1.0..300.0_f64),
            steal in prop::option::of(-1.0..300.0_f64), workers in 1_u32..64,
        ) {
            let usage = Usage {
                wall: Seconds(wall), user: Seconds(user), system: Seconds(system),
                run_delay: delay.map(Seconds), blocked: blocked.map(Seconds), ..Usage::default()
            };
            let workers = Workers::new(workers).unwrap();
            let a = Accounting::new(&usage, steal.map(Seconds), workers);
            for term in [a.user, a.system, a.run_delay, a.steal, a.blocked, a.unused, a.excess] {
                prop_assert!(term.0 >= 0.0, "{a:?}");
            }
            let slots = f64::from(workers.get()) * wall.max(0.0);
            prop_assert!((a.total().0 - slots).abs() <= 1e-9 * slots.max(1.0), "{a:?}");
        }
    }
}
