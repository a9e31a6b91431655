//! What every forecast promises, on random and on known curves.

use festina_laws::forecast::{Calibration, Model, Options, Structure};
use festina_laws::growth::{Growth, Term};
use festina_laws::identify::{Reach, next_point};
use festina_laws::joint::JointLaw;
use festina_laws::{LawError, Observation};
use proptest::prelude::*;

fn strong(points: &[(f64, f64)]) -> Vec<Observation> {
    points.iter().map(|&(p, time)| Observation::new(p, time)).collect()
}

fn sized(points: &[(f64, f64, f64)]) -> Vec<Observation> {
    points.iter().map(|&(n, p, time)| Observation { n: Some(n), ..Observation::new(p, time) }).collect()
}

fn curve(workers: &[f64], time: impl Fn(f64) -> f64) -> Vec<Observation> {
    workers.iter().map(|&p| Observation::new(p, time(p))).collect()
}

/// Random strong scaling: anything from superlinear to slower with every worker.
fn any_curve() -> impl Strategy<Value = Vec<Observation>> {
    let steps = prop::collection::vec((0.05..3.0_f64, -1.6..0.8_f64), 1..8);
    (1.0..64.0_f64, -12.0..12.0_f64, steps).prop_map(|(first, ln_time, steps)| {
        let mut place = (first, ln_time);
        let mut points = vec![(place.0, place.1.exp())];
        for (doublings, slope) in steps {
            place = (place.0 * doublings.exp2(), place.1 + slope * doublings * std::f64::consts::LN_2);
            points.push((place.0, place.1.exp()));
        }
        strong(&points)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forecasts_are_positive_and_lie_in_their_band(measured in any_curve(), p in 1.0..1e6_f64) {
        let forecast = Model::fit(&measured).expect("two points").forecast(None, p, 0.9).expect("p ≥ 1");
        prop_assert!(forecast.value > 0.0 && forecast.value.is_finite());
        prop_assert!(forecast.interval.lower > 0.0 && forecast.interval.lower.is_finite());
        prop_assert!(forecast.interval.contains(forecast.value) && forecast.interval.upper.is_finite());
        for member in &forecast.basis {
            prop_assert!(member.value > 0.0 && member.value.is_finite() && member.weight >= 0.0, "{member:?}");
        }
        prop_assert!(forecast.basis.iter().map(|member| member.weight).sum::<f64>() < 1.0 + 1e-9);
    }

    #[test]
    fn bands_widen_with_the_distance_and_with_the_level(measured in any_curve()) {
        let model = Model::fit(&measured).expect("two points");
        let last = measured.iter().map(|one| one.p).fold(0.0, f64::max);
        let width = |factor: f64, level: f64| {
            let forecast = model.forecast(None, last * factor, level).expect("p ≥ 1");
            forecast.interval.upper / forecast.interval.lower
        };
        let widths: Vec<f64> = [1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 64.0].map(|factor| width(factor, 0.9)).into();
        prop_assert!(widths.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-9)), "{widths:?}");
        prop_assert!(width(4.0, 0.5) < width(4.0, 0.9) && width(4.0, 0.9) < width(4.0, 0.99));
    }

    #[test]
    fn the_unit_of_time_does_not_matter(measured in any_curve(), unit in 1e-6..1e6_f64, p in 1.0..1e4_f64) {
        let scaled: Vec<Observation> =
            measured.iter().map(|one| Observation { time: one.time * unit, ..*one }).collect();
        let plain = Model::fit(&measured).expect("two points").forecast(None, p, 0.9).expect("p ≥ 1");
        let scaled = Model::fit(&scaled).expect("two points").forecast(None, p, 0.9).expect("p ≥ 1");
        prop_assert!((scaled.value / plain.value / unit - 1.0).abs() < 1e-6);
        prop_assert!((scaled.interval.upper / plain.interval.upper / unit - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_order_of_measurements_does_not_matter(measured in any_curve(), p in 1.0..1e4_f64) {
        let mut reversed = measured.clone();
        reversed.reverse();
        let forecast = |measured: &[Observation]| Model::fit(measured).expect("two points").forecast(None, p, 0.9);
        prop_assert_eq!(forecast(&measured), forecast(&reversed));
    }

    #[test]
    fn measured_points_are_given_back(measured in any_curve()) {
        let model = Model::fit(&measured).expect("two points");
        for one in &measured {
            let forecast = model.forecast(None, one.p, 0.9).expect("p ≥ 1");
            prop_assert!((forecast.value / one.time - 1.0).abs() < 1e-9);
            prop_assert!(!forecast.extrapolated);
        }
    }

    #[test]
    fn amdahls_law_is_forecast_within_its_band(one_worker in 1.0..1e4_f64, serial in 0.0..0.3_f64) {
        let time = |p: f64| one_worker * (serial + (1.0 - serial) / p);
        let model = Model::fit(&curve(&[1.0, 2.0, 4.0, 8.0, 16.0], time)).expect("five points");
        let forecast = model.forecast(None, 64.0, 0.9).expect("p ≥ 1");
        prop_assert!(forecast.interval.contains(time(64.0)), "{forecast:?} {}", time(64.0));
        // Shares near 0.02 are rarer in the prior than their neighbours: up to a seventh too high; most within 5 %.
        prop_assert!((forecast.value / time(64.0) - 1.0).abs() < 0.17, "{} {}", forecast.value, time(64.0));
    }

    #[test]
    fn growth_finds_the_textbook_terms(
        coefficient in 1e-9..1e-3_f64, start_up in 0.0..0.5_f64, textbook in 0..4_usize
    ) {
        let term = [(1.0, 0), (1.0, 1), (1.5, 0), (2.0, 0)].map(|(power, logarithm)| Term { power, logarithm })[textbook];
        let sizes = [1e3, 3e3, 1e4, 3e4, 1e5];
        // The start-up counts up to half of the time at the smallest size.
        let floor = start_up * coefficient * term.at(sizes[0]);
        let measured = sizes.map(|n| (n, 1.0, floor + coefficient * term.at(n)));
        let growth = Growth::fit(&sized(&measured)).expect("five sizes");
        prop_assert_eq!(growth.term(), term, "{:?}", growth.terms());
    }
}

#[test]
fn anchors_of_a_series_of_strong_scaling() {
    // T = 4 + 96 / p, the example on which a regression without negative exponents forecasts −45 s at 64.
    let model = Model::fit(&curve(&[1.0, 2.0, 4.0, 8.0, 16.0], |p| 4.0 + 96.0 / p)).expect("five points");
    let forecast = model.forecast(None, 64.0, 0.9).expect("p ≥ 1");
    assert!((forecast.value / 5.5 - 1.0).abs() < 0.1, "{}", forecast.value);
    assert_eq!(forecast.extrapolation_factor_p, 4.0);
    assert!(forecast.basis.iter().any(|member| member.law.starts_with("Amdahl")));
    assert_eq!(model.structure(), Structure::Strong);
}

#[test]
fn two_points_are_enough_and_never_make_a_peak() {
    let model = Model::fit(&strong(&[(1.0, 100.0), (2.0, 56.0)])).expect("two points");
    let forecast = model.forecast(None, 32.0, 0.9).expect("p ≥ 1");
    // Karp–Flatt says 12 % serial: 12 + 88 / 32 = 14.75 s.
    assert!(forecast.interval.contains(14.75) && (8.0..25.0).contains(&forecast.value), "{forecast:?}");
    assert_eq!(model.peak(0.9), None, "two points show no peak");
}

#[test]
fn a_peak_is_named_where_the_time_rises_and_only_there() {
    // T = 100 / p + 0.4 p: least at √250 = 15.8.
    let time = |p: f64| 100.0 / p + 0.4 * p;
    let model = Model::fit(&curve(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], time)).expect("six points");
    let peak = model.peak(0.9).expect("the time rises");
    let interval = peak.interval.expect("with an interval");
    assert!(interval.contains(15.8) || (peak.value / 15.8 - 1.0).abs() < 0.3, "{peak:?}");
    let best = model.best_p(None, 64).expect("max ≥ 1");
    assert!((12..=20).contains(&best), "{best}");

    let falling = Model::fit(&curve(&[1.0, 2.0, 4.0, 8.0], |p| 100.0 / p)).expect("four points");
    assert_eq!(falling.peak(0.9), None);
    assert_eq!(falling.best_p(None, 64).expect("max ≥ 1"), 64);
}

#[test]
fn best_p_of_a_coarse_grid_is_refined() {
    let time = |p: f64| 1000.0 / p + 0.025 * p;
    let workers: Vec<f64> = (0..=9).map(|i| f64::from(i).exp2()).collect();
    let best = Model::fit(&curve(&workers, time)).expect("ten points").best_p(None, 512).expect("max ≥ 1");
    // √40000 = 200; between measured points the forecast bends a little.
    assert!((150..=260).contains(&best), "{best}");
}

#[test]
fn a_superlinear_start_is_left_out() {
    // The data of one worker fit no cache; from 4 workers on they do.
    let measured = strong(&[(1.0, 376.9), (2.0, 168.1), (4.0, 52.1), (8.0, 26.5), (16.0, 13.6)]);
    let model = Model::fit(&measured).expect("five points");
    assert_eq!(model.superlinear_points(), 2);
    let forecast = model.forecast(None, 32.0, 0.9).expect("p ≥ 1");
    assert!((6.0..9.0).contains(&forecast.value), "{forecast:?}");
}

#[test]
fn no_curve_is_fitted_across_a_boundary_of_the_machine() {
    // Fast up to 8 physical cores; then hardware threads, which give little.
    let measured = strong(&[(1.0, 80.0), (2.0, 40.5), (4.0, 20.8), (8.0, 11.0), (12.0, 10.5), (16.0, 10.2)]);
    let options = Options { boundaries: vec![8.0] };
    let model = Model::fit_with(&measured, &options, &Calibration::published()).expect("valid");
    let forecast = model.forecast(None, 24.0, 0.9).expect("p ≥ 1");
    assert_eq!(forecast.crosses, None, "two points beyond the boundary carry it");
    assert!((8.5..10.5).contains(&forecast.value), "{forecast:?}");

    let one_side = Model::fit_with(&measured[..4], &options, &Calibration::published()).expect("valid");
    assert_eq!(one_side.forecast(None, 16.0, 0.9).expect("p ≥ 1").crosses, Some(8.0));
    assert_eq!(one_side.forecast(None, 6.0, 0.9).expect("p ≥ 1").crosses, None);
}

#[test]
fn weak_scaling_is_forecast_along_its_line() {
    let measured = sized(&[(1e4, 1.0, 10.0), (2e4, 2.0, 10.3), (4e4, 4.0, 10.5), (8e4, 8.0, 10.9)]);
    let model = Model::fit(&measured).expect("four points");
    assert_eq!(model.structure(), Structure::Weak);
    let forecast = model.forecast(None, 32.0, 0.9).expect("on the line");
    assert!((forecast.n.expect("has sizes") / 32e4 - 1.0).abs() < 1e-9);
    assert!((10.9..13.0).contains(&forecast.value), "{forecast:?}");
    assert_eq!(forecast.interval, model.forecast(Some(32e4), 32.0, 0.9).expect("on the line").interval);
    let off = model.forecast(Some(1e4), 32.0, 0.9);
    assert!(matches!(off, Err(LawError::NotIdentifiable(_))));
}

#[test]
fn sizes_are_forecast_and_say_what_they_saw() {
    let time = |n: f64| 0.2 + 3e-8 * n * n.log2();
    let measured = [1e4, 1e5, 1e6, 1e7].map(|n| (n, 2.0, time(n)));
    let model = Model::fit(&sized(&measured)).expect("four sizes");
    let forecast = model.forecast(Some(1e8), 2.0, 0.9).expect("measured on 2");
    assert!((forecast.value / time(1e8) - 1.0).abs() < 0.15 && forecast.interval.contains(time(1e8)));
    assert_eq!(forecast.extrapolation_factor_n, 10.0);
    let growth = model.growth().expect("sizes were varied");
    assert_eq!(growth.term().to_string(), "n · log n");
    assert!(growth.describe().starts_with("n^"), "{}", growth.describe());
    assert!(matches!(model.forecast(Some(1e8), 4.0, 0.9), Err(LawError::NotIdentifiable(_))));
}

#[test]
fn constants_at_small_sizes_do_not_poison_growth() {
    // Start-up of 1 s hides a quadratic up to n = 1000.
    let measured = [10.0, 100.0, 1e3, 1e4, 3e4, 1e5].map(|n| (n, 1.0, 1.0 + 1e-8 * n * n));
    let forecast =
        Model::fit(&sized(&measured)).expect("six sizes").forecast(Some(1e6), 1.0, 0.9).expect("in n");
    assert!((forecast.value / 10_001.0 - 1.0).abs() < 0.25, "{}", forecast.value);
}

#[test]
fn noise_that_goes_up_and_down_still_gives_a_forecast() {
    let measured = [(100.0, 1.0, 1.02), (200.0, 1.0, 0.97), (400.0, 1.0, 1.05)];
    let forecast =
        Model::fit(&sized(&measured)).expect("three sizes").forecast(Some(4e3), 1.0, 0.9).expect("in n");
    assert!(forecast.value > 0.5 && forecast.interval.upper > forecast.value);
}

#[test]
fn a_grid_is_composed_from_its_rows_and_columns() {
    let time = |n: f64, p: f64| 1.0 + 2e-5 * n / p + 1e-6 * n;
    let mut points = Vec::new();
    for n in [1e5, 1e6, 1e7] {
        points.extend([1.0, 2.0, 4.0].map(|p| (n, p, time(n, p))));
    }
    let model = Model::fit(&sized(&points)).expect("nine points");
    assert_eq!(model.structure(), Structure::Grid);
    let forecast = model.forecast(Some(1e8), 16.0, 0.9).expect("a grid");
    assert!((forecast.value / time(1e8, 16.0) - 1.0).abs() < 0.2, "{} {}", forecast.value, time(1e8, 16.0));
    assert!(forecast.interval.contains(time(1e8, 16.0)));
    assert_eq!(forecast.basis.len(), 3);
    let measured = model.forecast(Some(1e6), 2.0, 0.9).expect("measured");
    assert!((measured.value / time(1e6, 2.0) - 1.0).abs() < 1e-9 && !measured.extrapolated);
}

#[test]
fn a_cross_of_one_row_and_one_column_carries_both_directions() {
    let time = |n: f64, p: f64| 2.0 + 1e-4 * n / p + 5e-6 * n;
    let points = [(1e4, 1.0), (1e5, 1.0), (1e6, 1.0), (1e6, 2.0), (1e6, 4.0), (1e6, 8.0)];
    let measured: Vec<(f64, f64, f64)> = points.map(|(n, p)| (n, p, time(n, p))).into();
    let model = Model::fit(&sized(&measured)).expect("a cross");
    assert_eq!(model.structure(), Structure::Grid);
    let forecast = model.forecast(Some(1e7), 32.0, 0.9).expect("a grid");
    assert!((forecast.value / time(1e7, 32.0) - 1.0).abs() < 0.2, "{} {}", forecast.value, time(1e7, 32.0));
    let law = model.joint_law().expect("a grid has one");
    assert!((law.start_up - 2.0).abs() < 0.1 && (law.serial / 5e-6 - 1.0).abs() < 0.1, "{law}");
}

#[test]
fn isoefficiency_inverts_the_joint_law() {
    let law = JointLaw {
        work: Term { power: 1.0, logarithm: 0 },
        start_up: 0.0,
        parallel: 1e-6,
        serial: 0.0,
        communication: 0.01,
    };
    // E = W / (W + 0.01 p log₂ p) with W = 10⁻⁶ n: at p = 16 and E = 0.8, W = 4 · 0.64 = 2.56 s.
    let n = law.isoefficiency(16.0, 0.8).expect("overhead does not grow with n");
    assert!((n / 2.56e6 - 1.0).abs() < 1e-9, "{n}");
    let serial = JointLaw { serial: 1e-6, ..law };
    assert_eq!(serial.isoefficiency(16.0, 0.8), None, "half of the work is serial");
}

#[test]
fn the_next_point_is_the_farthest_that_can_be_had() {
    let model = Model::fit(&strong(&[(1.0, 100.0), (2.0, 56.0), (4.0, 33.0)])).expect("three points");
    let reach = |p| Reach { n: None, p };
    let next = next_point(&model, (None, 128.0), reach(16.0)).expect("valid").expect("laws disagree");
    assert!((8.0..=16.0).contains(&next.p) && next.shrinkage < 0.9 && next.disagreement > 1.2, "{next:?}");
    assert_eq!(next_point(&model, (None, 128.0), reach(4.0)).expect("valid"), None, "all measured already");
    assert_eq!(next_point(&model, (None, 3.0), reach(16.0)).expect("valid"), None, "not extrapolated");
}

#[test]
fn repeats_count_as_their_median() {
    let repeated = strong(&[(1.0, 100.0), (1.0, 101.0), (1.0, 250.0), (2.0, 52.0), (4.0, 28.0)]);
    let model = Model::fit(&repeated).expect("three points");
    assert!((model.forecast(None, 1.0, 0.9).expect("measured").value - 101.0).abs() < 1e-9);
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_reason() {
    assert!(matches!(Model::fit(&[]), Err(LawError::TooFew { .. })));
    assert!(matches!(Model::fit(&strong(&[(1.0, 5.0)])), Err(LawError::TooFew { .. })));
    let bad = Model::fit(&strong(&[(1.0, 5.0), (2.0, f64::NAN)]));
    assert!(matches!(bad, Err(LawError::Observation { index: 1, .. })));
    let mixed = [Observation::new(1.0, 5.0), Observation { n: Some(3.0), ..Observation::new(2.0, 3.0) }];
    assert!(matches!(Model::fit(&mixed), Err(LawError::Observation { index: 1, name: "n", .. })));
    let model = Model::fit(&strong(&[(1.0, 5.0), (2.0, 3.0)])).expect("two points");
    assert!(matches!(model.forecast(None, 0.5, 0.9), Err(LawError::Parameter { .. })));
    assert!(matches!(model.forecast(None, 4.0, 1.0), Err(LawError::Parameter { .. })));
    assert!(matches!(model.forecast(Some(1e3), 4.0, 0.9), Err(LawError::NotIdentifiable(_))));
    assert!(matches!(model.best_p(None, 0), Err(LawError::Parameter { .. })));
}
