//! Any input is answered or refused: no panic, no NaN in an answer, no time below zero.

use festina_laws::memory::{MemoryModel, MemoryObservation};
use festina_laws::simulate::{Costs, Policy, Simulator, Tasks};
use festina_laws::{Law, Observation, amdahl::Amdahl, diagnosis, gustafson::Gustafson, stats, usl::Usl};
use festina_types::{Bytes, Estimate, Seconds, Workers};
use proptest::prelude::*;

/// Numbers of all sizes, and some that are none.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        30 => (-300.0..300.0_f64).prop_map(|exponent| 10_f64.powf(exponent)),
        60 => 0.001..1e4_f64,
        1 => prop::sample::select(vec![0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324]),
    ]
}

fn any_observations() -> impl Strategy<Value = Vec<Observation>> {
    let workers = prop_oneof![60 => (1_u32..5000).prop_map(f64::from), 1 => any_number()];
    let noise = prop_oneof![30 => Just(0.0), 30 => 1e-6..1.0_f64, 1 => any_number()];
    let observation =
        (workers, any_number(), noise).prop_map(|(p, time, log_sd)| Observation { n: None, p, time, log_sd });
    prop::collection::vec(observation, 0..8)
}

fn is_sound(estimate: &Estimate) -> bool {
    let holds = |interval: festina_types::Interval| interval.contains(estimate.value);
    estimate.value.is_finite() && estimate.value >= 0.0 && estimate.interval.is_none_or(holds)
}

fn is_sound_law(law: &impl Law) -> bool {
    [1, 2, 7, 4096].into_iter().all(|p| law.time_at(f64::from(p)) > 0.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_fit_or_refuse(observations in any_observations(), level in prop_oneof![4 => Just(0.95), 1 => any_number()]) {
        if let Ok(fit) = Amdahl::fit(&observations, level) {
            prop_assert!(is_sound(&fit.one_worker) && is_sound(&fit.serial_fraction), "{fit:?}");
            prop_assert!(is_sound_law(&fit.law), "{fit:?}");
        }
        if let Ok(fit) = Gustafson::fit_weak(&observations, level) {
            prop_assert!(is_sound(&fit.one_worker) && is_sound(&fit.serial_fraction), "{fit:?}");
        }
        for fit in [Usl::fit(&observations, level), Usl::fit_throughput(&observations, level)].into_iter().flatten() {
            prop_assert!(is_sound(&fit.one_worker), "{fit:?}");
            prop_assert!(is_sound(&fit.contention) && is_sound(&fit.coherency), "{fit:?}");
            prop_assert!(fit.peak.as_ref().is_none_or(is_sound), "{fit:?}");
            prop_assert!(is_sound_law(&fit.law), "{fit:?}");
        }
    }

    #[test]
    fn diagnoses_are_given_or_refused(observations in any_observations()) {
        if let Ok(diagnosis) = diagnosis::diagnose(&observations, 0.95) {
            let text = diagnosis.finding().message;
            prop_assert!(!text.contains("NaN"), "{text}");
        }
    }

    #[test]
    fn diagnoses_of_any_two_times_are_given_or_refused(first in any_number(), second in any_number()) {
        let observations = [Observation::new(1.0, first), Observation::new(2.0, second)];
        if let Ok(diagnosis) = diagnosis::diagnose(&observations, 0.95) {
            let text = diagnosis.finding().message;
            prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn statistics_are_given_or_refused(
        first in prop::collection::vec(any_number(), 0..12),
        second in prop::collection::vec(any_number(), 0..12),
        level in prop_oneof![4 => Just(0.95), 1 => any_number()],
    ) {
        let estimates = [stats::median_estimate(&first, level), stats::quantile_estimate(&first, 0.99, level)];
        for estimate in estimates.into_iter().flatten() {
            prop_assert!(estimate.value.is_finite());
        }
        let _ = stats::outliers(&first);
        let _ = stats::mann_kendall(&first);
        let _ = stats::lag_one_autocorrelation(&first);
        let _ = stats::hodges_lehmann(&first, &second, level);
        let _ = stats::paired_speedup(&first, &second, level, 1);
        if let Ok(change) = stats::compare(&first, &second, level, 0.01) {
            prop_assert!((0.0..=1.0).contains(&change.p_value));
            prop_assert!(!change.ratio.value.is_nan());
        }
    }

    #[test]
    fn memory_is_forecast_or_refused(
        points in prop::collection::vec((prop::option::of(any_number()), 0.0..64.0_f64, any::<u64>()), 0..6),
        n in prop::option::of(any_number()),
    ) {
        let observations: Vec<MemoryObservation> = points
            .into_iter()
            .map(|(n, p, peak)| MemoryObservation { n, p: p.ceil(), peak: Bytes(peak) })
            .collect();
        if let Ok(model) = MemoryModel::fit(&observations) {
            if let Ok(forecast) = model.forecast(n, 4.0, 0.9) {
                prop_assert!(!forecast.value.is_nan() && forecast.value >= 0.0, "{forecast:?}");
            }
            if let Ok(risk) = model.out_of_memory(n, 4.0, Bytes(1 << 30)) {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&risk), "{risk}");
            }
            if let Ok(size) = model.largest_size(2.0, Bytes(1 << 30), 0.95) {
                prop_assert!(size >= 0.0);
            }
        }
    }

    #[test]
    fn tasks_run_or_are_refused(
        durations in prop::collection::vec(any_number(), 0..20),
        per_task in any_number(),
        dependencies in prop::collection::vec(0_u32..25, 0..20),
        p in 1_u32..=u32::MAX,
    ) {
        let Ok(tasks) = Tasks::independent(durations) else { return Ok(()) };
        let ends: Vec<usize> = (1..=tasks.len()).map(|i| i * dependencies.len() / tasks.len()).collect();
        let tasks = tasks.clone().with_dependencies(&ends, &dependencies).unwrap_or(tasks);
        let costs = Costs { per_task: Seconds(per_task), per_byte: Seconds(0.0) };
        for policy in [Policy::Fifo, Policy::LongestFirst, Policy::CriticalPath] {
            if let Ok(mut simulator) = Simulator::new(&tasks, costs, policy) {
                let result = simulator.run(Workers::new(p).unwrap());
                prop_assert!(result.bounds.contains(result.makespan), "{result:?}");
                prop_assert!(result.speedup >= 0.0 && result.utilisation <= 1.0 + 1e-9, "{result:?}");
            }
        }
    }
}
