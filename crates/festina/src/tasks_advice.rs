//! What would make a run faster: the one change worth most, reckoned from where its time went.
//!
//! ```text
//! losses             a term of the slots' time over the number of slots: what the elapsed time would be shorter by
//! longest first      makespan in the order of the inputs − makespan with the longest task first
//! shorter tasks      makespan in the order of the inputs − work / P
//! ```
//!
//! More workers are named only where nothing that costs nothing would bring a twentieth.

use festina_laws::simulate::{Policy, Simulator, Tasks};
use festina_run::tasks::Summary;
use festina_types::{Finding, Seconds, Severity, Workers};

use crate::tasks::{MakespanForecast, costs};

/// What saves less of the elapsed time is not worth a change.
const WORTH: f64 = 0.05;

/// The share of the tasks' time from which on it is said that they took the CPUs from each other.
const OVERSUBSCRIBED: f64 = 0.1;

/// Where the order of the tasks gains so much of what shorter tasks would, it is the order that is named.
const MOST_OF_IT: f64 = 0.7;

struct Change {
    what: String,
    hint: &'static str,
    saved_s: f64,
}

/// Returns the change that is worth most, and a warning where tasks took the CPUs from each other.
pub(crate) fn advice(summary: &Summary, forecasts: &[MakespanForecast]) -> Vec<Finding> {
    if summary.durations_s.is_empty() || summary.wall_s <= 0.0 {
        return Vec::new();
    }
    oversubscribed(summary).into_iter().chain(worth_most(summary, forecasts)).collect()
}

fn oversubscribed(summary: &Summary) -> Option<Finding> {
    let share = summary.time.oversubscription_s / summary.time.tasks_s();
    let message = format!(
        "for {:.0} % of their time tasks waited for CPUs that other tasks or threads had",
        100.0 * share
    );
    (share > OVERSUBSCRIBED).then(|| {
        Finding::new(Severity::Warning, "oversubscribed", message)
            .with_hint("fewer slots (-j), or as many cores a task as it has threads (--cores-per-task)")
    })
}

fn worth_most(summary: &Summary, forecasts: &[MakespanForecast]) -> Option<Finding> {
    let wall = summary.wall_s;
    let best = changes(summary).into_iter().max_by(|a, b| a.saved_s.total_cmp(&b.saved_s))?;
    let best = if best.saved_s >= WORTH * wall { best } else { more_workers(summary, forecasts)? };
    let message = format!(
        "worth most: {}, {} of {} less ({:.0} %)",
        best.what,
        Seconds(best.saved_s),
        Seconds(wall),
        100.0 * best.saved_s / wall
    );
    Some(Finding::new(Severity::Note, "worth-most", message).with_hint(best.hint))
}

/// Returns what can be changed without more workers.
fn changes(summary: &Summary) -> Vec<Change> {
    let time = &summary.time;
    let slots = f64::from(summary.slots.max(1));
    let loss = |what: &str, hint: &'static str, lost_s: f64| Change {
        what: what.to_owned(),
        hint,
        saved_s: lost_s / slots,
    };
    let mut changes = vec![
        loss(
            "less between the tasks",
            "give each task several inputs, so that fewer processes start",
            time.dispatch_s,
        ),
        loss("inputs that come sooner", "write them to a file before the run", time.inputs_s),
        loss(
            "tasks that need less memory",
            "a smaller --memory-per-task lets more run at once",
            time.memory_s,
        ),
        loss(
            "tasks that do not fail at first",
            "see what failed: festina run --report latest",
            time.retries_s + time.back_off_s,
        ),
        loss("a machine without other programs", "run when it is quiet", time.others_s),
        loss("a machine whose CPUs nobody else has", "see festina cores", time.steal_s),
        loss("a larger CPU quota", "see festina cores", time.throttled_s),
    ];
    changes.extend(even_ends(summary));
    changes
}

/// Returns what would have all slots end at the same time.
fn even_ends(summary: &Summary) -> Option<Change> {
    let workers = Workers::new(summary.slots)?;
    let tasks = Tasks::independent(summary.durations_s.iter().map(|time| f64::from(*time)).collect()).ok()?;
    let makespan = |policy| {
        let mut simulator = Simulator::new(&tasks, costs(summary), policy).ok()?;
        Some(simulator.run(workers))
    };
    let (fifo, longest_first) = (makespan(Policy::Fifo)?, makespan(Policy::LongestFirst)?);
    let by_order = fifo.makespan.0 - longest_first.makespan.0;
    let by_splitting = fifo.makespan.0 * (1.0 - fifo.utilisation);
    Some(if by_order >= MOST_OF_IT * by_splitting {
        Change {
            what: "the longest tasks first".to_owned(),
            hint: "sort the inputs, those of long tasks first",
            saved_s: by_order,
        }
    } else {
        let (number, longest) = summary.longest.first().copied().unwrap_or_default();
        Change {
            what: format!("shorter tasks; the longest is task {number} with {}", Seconds(longest)),
            hint: "split the longest tasks, or let them use several cores (--cores-per-task)",
            saved_s: by_splitting,
        }
    })
}

/// Returns what twice the workers would save.
fn more_workers(summary: &Summary, forecasts: &[MakespanForecast]) -> Option<Change> {
    let twice = forecasts.iter().find(|forecast| forecast.workers == 2 * summary.slots)?;
    let saved_s = summary.wall_s - twice.makespan_s;
    (saved_s >= WORTH * summary.wall_s).then(|| Change {
        what: format!("{} workers, each with cores of its own", twice.workers),
        hint: "a machine with more cores, or several: --on mpi",
        saved_s,
    })
}

#[cfg(test)]
mod tests {
    use festina_run::tasks::SlotTime;

    use super::*;

    fn summary(slots: u32, durations_s: &[f32], time: SlotTime) -> Summary {
        let longest = durations_s.iter().copied().fold(0.0, f32::max);
        let at = durations_s.iter().position(|time| *time == longest).unwrap_or(0) as u64 + 1;
        let wall_s = time.total().0 / f64::from(slots);
        let longest = vec![(at, longest.into())];
        Summary { slots, wall_s, time, durations_s: durations_s.to_vec(), longest, ..Summary::default() }
    }

    fn message(summary: &Summary) -> String {
        let twice = MakespanForecast {
            workers: 2 * summary.slots,
            makespan_s: 0.5 * summary.wall_s,
            lower_s: 0.0,
            upper_s: 0.0,
        };
        let findings = advice(summary, &[twice]);
        assert!(findings.iter().all(|finding| finding.hint.is_some()));
        findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_change_worth_most_by_hand() {
        // 1, 1, 1, 1, 4 on two slots: 6 s, with the longest first 4 s.
        let time = SlotTime { work_s: 8.0, idle_tail_s: 4.0, ..SlotTime::default() };
        let uneven = summary(2, &[1.0, 1.0, 1.0, 1.0, 4.0], time);
        assert_eq!(message(&uneven), "worth most: the longest tasks first, 2.00 s of 6.00 s less (33 %)");
        // 1 and 7: no order helps, pieces would take 4 s.
        let time = SlotTime { work_s: 8.0, idle_tail_s: 6.0, ..SlotTime::default() };
        let one_long = summary(2, &[1.0, 7.0], time);
        let expected =
            "worth most: shorter tasks; the longest is task 2 with 7.00 s, 3.00 s of 7.00 s less (43 %)";
        assert_eq!(message(&one_long), expected);
        // A second of six between the tasks of two slots.
        let time = SlotTime { work_s: 10.0, dispatch_s: 2.0, ..SlotTime::default() };
        let slow = summary(2, &[5.0, 5.0], time);
        assert_eq!(message(&slow), "worth most: less between the tasks, 1.00 s of 6.00 s less (17 %)");
        // Nothing is lost: only more workers help.
        let even = summary(2, &[5.0, 5.0], SlotTime { work_s: 10.0, ..SlotTime::default() });
        assert_eq!(
            message(&even),
            "worth most: 4 workers, each with cores of its own, 2.50 s of 5.00 s less (50 %)"
        );
    }

    #[test]
    fn tasks_that_take_cpus_from_each_other_are_told() {
        let time = SlotTime { work_s: 6.0, oversubscription_s: 4.0, ..SlotTime::default() };
        let crowded = summary(4, &[2.5; 4], time);
        assert!(message(&crowded).starts_with("for 40 % of their time tasks waited for CPUs"));
        assert!(advice(&Summary::default(), &[]).is_empty());
    }
}
