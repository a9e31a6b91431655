//! The simulation against hand-worked schedules, Graham's anomalies, and a second implementation.

use proptest::prelude::*;

use super::*;

const POLICIES: [Policy; 3] = [Policy::Fifo, Policy::LongestFirst, Policy::CriticalPath];

fn workers(p: u32) -> Workers {
    Workers::new(p).unwrap()
}

/// Builds tasks from a list of (duration, dependencies).
fn tasks(list: &[(f64, &[u32])]) -> Tasks {
    let dependencies: Vec<u32> = list.iter().flat_map(|(_, waits_for)| waits_for.iter().copied()).collect();
    let ends: Vec<usize> = list
        .iter()
        .scan(0, |end, (_, waits_for)| {
            *end += waits_for.len();
            Some(*end)
        })
        .collect();
    Tasks::independent(list.iter().map(|(duration, _)| *duration).collect())
        .unwrap()
        .with_dependencies(&ends, &dependencies)
        .unwrap()
}

fn makespan(tasks: &Tasks, policy: Policy, p: u32) -> f64 {
    Simulator::new(tasks, Costs::default(), policy).unwrap().run(workers(p)).makespan.0
}

#[test]
fn grahams_anomaly_is_reproduced() {
    // R. L. Graham, Bounds on multiprocessing timing anomalies, times 3 2 2 2 4 4 4 4 9;
    // the first before the ninth, the fourth before the fifth to eighth.
    let graph = |shorter: f64| {
        tasks(&[
            (3.0 - shorter, &[]),
            (2.0 - shorter, &[]),
            (2.0 - shorter, &[]),
            (2.0 - shorter, &[]),
            (4.0 - shorter, &[3]),
            (4.0 - shorter, &[3]),
            (4.0 - shorter, &[3]),
            (4.0 - shorter, &[3]),
            (9.0 - shorter, &[0]),
        ])
    };
    assert_eq!(makespan(&graph(0.0), Policy::Fifo, 3), 12.0);
    // One worker more, or each task shorter by one, and it takes longer.
    assert_eq!(makespan(&graph(0.0), Policy::Fifo, 4), 15.0);
    assert_eq!(makespan(&graph(1.0), Policy::Fifo, 3), 13.0);
    // All the same, every policy stays inside the bounds.
    for policy in POLICIES {
        for (shorter, p) in [(0.0, 3), (0.0, 4), (1.0, 3)] {
            let graph = graph(shorter);
            let result = Simulator::new(&graph, Costs::default(), policy).unwrap().run(workers(p));
            assert!(result.bounds.contains(result.makespan), "{policy:?} {shorter} {p} {result:?}");
        }
    }
}

#[test]
fn graham_1969_longest_first_meets_its_worst_case() {
    // Times 3, 3, 2, 2, 2 on two workers: 7 where 6 is possible, the bound 4/3 − 1/(3p) = 7/6 met exactly.
    let tasks = Tasks::independent(vec![2.0, 3.0, 2.0, 3.0, 2.0]).unwrap();
    assert_eq!(makespan(&tasks, Policy::LongestFirst, 2), 7.0);
}

#[test]
fn overhead_and_transfer_are_part_of_a_task() {
    let tasks = Tasks::independent(vec![1.0; 4]).unwrap().with_bytes(vec![100, 0, 0, 300]).unwrap();
    let costs = Costs { per_task: Seconds(0.25), per_byte: Seconds(0.01) };
    let result = Simulator::new(&tasks, costs, Policy::Fifo).unwrap().run(workers(1));
    // 4 · 1.25 + 400 · 0.01.
    assert_eq!(result.makespan, Seconds(9.0));
    assert_eq!((result.speedup, result.utilisation), (1.0, 1.0));
    // The longest is 1 + 0.25 + 3.
    let result = Simulator::new(&tasks, costs, Policy::LongestFirst).unwrap().run(workers(4));
    assert_eq!(result.makespan, Seconds(4.25));
    assert_eq!(result.bounds.lower, Seconds(4.25));
}

#[test]
fn more_workers_than_tasks_are_idle() {
    let tasks = Tasks::independent(vec![2.0, 1.0]).unwrap();
    let mut simulator = Simulator::new(&tasks, Costs::default(), Policy::Fifo).unwrap();
    let result = simulator.run(workers(u32::MAX));
    assert_eq!((result.makespan, result.speedup), (Seconds(2.0), 1.5));
    assert!(!result.has_queued && result.utilisation < 1e-8);
    assert_eq!(simulator.busy(), [2.0, 1.0]);
}

#[test]
fn tasks_without_duration_take_no_time() {
    let tasks = tasks(&[(0.0, &[]), (0.0, &[0]), (0.0, &[1])]);
    let result = Simulator::new(&tasks, Costs::default(), Policy::CriticalPath).unwrap().run(workers(2));
    assert_eq!((result.makespan, result.speedup), (Seconds(0.0), 1.0));
}

#[test]
fn bad_costs_and_bad_tasks_are_refused() {
    let tasks = Tasks::independent(vec![1.0]).unwrap();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let costs = Costs { per_task: Seconds(bad), ..Costs::default() };
        assert!(Simulator::new(&tasks, costs, Policy::Fifo).is_err());
        assert!(matches!(Tasks::independent(vec![1.0, bad]), Err(LawError::Task { index: 1, .. })));
    }
    let huge = Tasks::independent(vec![f64::MAX, f64::MAX]).unwrap();
    assert!(Simulator::new(&huge, Costs::default(), Policy::Fifo).is_err());
    assert!(matches!(tasks.clone().with_bytes(vec![]), Err(LawError::Lengths { .. })));
    assert!(tasks.clone().with_dependencies(&[], &[]).is_err());
    assert!(tasks.clone().with_dependencies(&[2], &[0]).is_err());
    let unknown = tasks.clone().with_dependencies(&[1], &[7]);
    assert!(matches!(unknown, Err(LawError::UnknownDependency { index: 0, .. })));
    assert!(matches!(tasks.with_dependencies(&[1], &[0]), Err(LawError::Cycle { .. })));
}

#[test]
fn a_cycle_of_a_million_is_named_in_short() {
    let n = 1_000_000_u32;
    let ends: Vec<usize> = (1..=n as usize).collect();
    let dependencies: Vec<u32> = (0..n).map(|i| (i + 1) % n).collect();
    let tasks = Tasks::independent(vec![1.0; n as usize]).unwrap();
    let error = tasks.with_dependencies(&ends, &dependencies).unwrap_err();
    let expected = "tasks depend on each other: 0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → … → 0";
    assert_eq!(error.to_string(), expected);
}

/// The same schedule by the plainest means: scan all tasks and workers at every step. O(n²·p).
fn naive_makespan(durations: &[f64], waits_for: &[Vec<u32>], priority: &[f64], p: usize) -> f64 {
    let n = durations.len();
    let mut finish: Vec<Option<f64>> = vec![None; n];
    let mut worker_free = vec![0.0_f64; p];
    let mut now = 0.0;
    loop {
        while let Some(worker) = worker_free.iter().position(|&free| free <= now) {
            let is_done = |task: &u32| finish[*task as usize].is_some_and(|time| time <= now);
            let next = (0..n)
                .filter(|&task| finish[task].is_none() && waits_for[task].iter().all(is_done))
                .max_by(|&a, &b| priority[a].total_cmp(&priority[b]).then(b.cmp(&a)));
            let Some(task) = next else { break };
            finish[task] = Some(now + durations[task]);
            worker_free[worker] = now + durations[task];
        }
        match finish.iter().flatten().copied().filter(|&time| time > now).min_by(f64::total_cmp) {
            Some(time) => now = time,
            None => return now,
        }
    }
}

/// Durations and, for each task, some of those before it.
fn random_tasks() -> impl Strategy<Value = (Vec<f64>, Vec<Vec<u32>>)> {
    proptest::collection::vec((1_u32..20, proptest::collection::vec(any::<u32>(), 0..3)), 1..40).prop_map(
        |list| {
            let waits_for = |(i, (_, picks)): (usize, &(u32, Vec<u32>))| {
                picks.iter().filter(|_| i > 0).map(|pick| pick % i as u32).collect()
            };
            let dependencies = list.iter().enumerate().map(waits_for).collect();
            (list.iter().map(|(duration, _)| f64::from(*duration)).collect(), dependencies)
        },
    )
}

fn build(durations: &[f64], waits_for: &[Vec<u32>]) -> Tasks {
    let list: Vec<(f64, &[u32])> =
        durations.iter().copied().zip(waits_for.iter().map(Vec::as_slice)).collect();
    tasks(&list)
}

proptest! {
    #[test]
    fn equals_the_naive_simulation((durations, waits_for) in random_tasks(), p in 1_u32..9) {
        let tasks = build(&durations, &waits_for);
        let longest = naive_makespan(&durations, &waits_for, &durations, p as usize);
        prop_assert_eq!(makespan(&tasks, Policy::LongestFirst, p), longest);
        // The longest chain behind each task, by going through them backwards.
        let mut levels = durations.clone();
        for i in (0..levels.len()).rev() {
            let behind = (i + 1..levels.len()).filter(|&j| waits_for[j].contains(&(i as u32)));
            levels[i] += behind.map(|j| levels[j]).fold(0.0, f64::max);
        }
        let critical = naive_makespan(&durations, &waits_for, &levels, p as usize);
        prop_assert_eq!(makespan(&tasks, Policy::CriticalPath, p), critical);
        let flat = Tasks::independent(durations.clone()).unwrap();
        let fifo = naive_makespan(&durations, &vec![vec![]; durations.len()], &vec![0.0; durations.len()], p as usize);
        prop_assert_eq!(makespan(&flat, Policy::Fifo, p), fifo);
    }

    #[test]
    fn every_schedule_is_valid_greedy_and_within_the_bounds(
        (durations, waits_for) in random_tasks(), p in 1_u32..9, policy in 0_usize..3,
    ) {
        let tasks = build(&durations, &waits_for);
        let mut simulator = Simulator::new(&tasks, Costs::default(), POLICIES[policy]).unwrap();
        let mut placements = Vec::new();
        let result = simulator.run_observed(workers(p), |placement| placements.push(placement));
        prop_assert!(result.bounds.contains(result.makespan), "{:?}", result);
        prop_assert_eq!(placements.len(), durations.len());
        let finish_of = |task: u32| placements.iter().find(|placed| placed.task == task).unwrap().finish;
        for (i, a) in placements.iter().enumerate() {
            prop_assert!(a.worker < p && a.finish - a.start == durations[a.task as usize]);
            let ready = waits_for[a.task as usize].iter().map(|&task| finish_of(task)).fold(0.0, f64::max);
            prop_assert!(ready <= a.start);
            let overlaps = |b: &Placement| b.worker == a.worker && b.start < a.finish && a.start < b.finish;
            prop_assert!(!placements[i + 1..].iter().any(overlaps));
            // Greedy: while it was ready and waited, all workers were busy.
            if ready < a.start {
                let middle = f64::midpoint(ready, a.start);
                let running = placements.iter().filter(|b| b.start <= middle && middle < b.finish).count();
                prop_assert_eq!(running, p as usize);
            }
        }
        let busy: f64 = simulator.busy().iter().sum();
        prop_assert_eq!(busy, durations.iter().sum::<f64>());
        prop_assert!((result.utilisation - busy / (result.makespan.0 * f64::from(p))).abs() < 1e-12);
    }

    #[test]
    fn a_sweep_gives_what_single_runs_give((durations, waits_for) in random_tasks(), policy in 0_usize..3) {
        let tasks = build(&durations, &waits_for);
        let mut simulator = Simulator::new(&tasks, Costs::default(), POLICIES[policy]).unwrap();
        let sweep = simulator.sweep((1..60).map(workers));
        for result in sweep {
            let mut alone = Simulator::new(&tasks, Costs::default(), POLICIES[policy]).unwrap();
            prop_assert_eq!(alone.run(result.workers), result);
        }
    }
}

proptest! {
    #[test]
    fn a_spread_is_ascending_and_keeps_its_ends(first in 1_u32..5_000, last in 1_u32..5_000, count in 2_usize..50) {
        let chosen = spread(workers(first), workers(last), count);
        prop_assert!(chosen.len() <= count && chosen.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(chosen[0].get(), first.min(last));
        prop_assert_eq!(chosen[chosen.len() - 1].get(), first.max(last));
    }
}
