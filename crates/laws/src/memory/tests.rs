//! Planted growths, coverage of bands, and the risk at the limit.

use super::*;
use crate::stats::random::Random;

fn observe(n: f64, p: f64, bytes: f64) -> MemoryObservation {
    MemoryObservation { n: Some(n), p, peak: Bytes(bytes.round() as u64) }
}

#[test]
fn the_exponent_is_found_where_the_data_show_it() {
    for exponent in [0.5, 1.0, 2.0] {
        let observations: Vec<_> =
            [10.0, 30.0, 100.0, 300.0].map(|n: f64| observe(n, 1.0, 1e6 + 1e5 * n.powf(exponent))).to_vec();
        let model = MemoryModel::fit(&observations).unwrap();
        assert!((model.exponent().unwrap() - exponent).abs() < 0.06, "{exponent} {:?}", model.exponent());
    }
}

#[test]
fn bands_cover_new_runs_and_widen_with_distance() {
    let truth = |n: f64| 2e8 + 50.0 * n;
    let mut random = Random::new(4);
    let (mut covered, rounds) = (0, 400);
    let mut widths = [0.0; 2];
    for _ in 0..rounds {
        let noisy = |n: f64, random: &mut Random| truth(n) * (1.0 + 0.01 * random.normal());
        let observations: Vec<_> = [1e6, 2e6, 4e6, 8e6, 16e6]
            .into_iter()
            .flat_map(|n| [n, n])
            .map(|n| observe(n, 1.0, noisy(n, &mut random)))
            .collect();
        let model = MemoryModel::fit(&observations).unwrap();
        let far = model.forecast(Some(64e6), 1.0, 0.9).unwrap();
        covered += usize::from(far.interval.unwrap().contains(noisy(64e6, &mut random)));
        let near = model.forecast(Some(8e6), 1.0, 0.9).unwrap();
        for (width, forecast) in widths.iter_mut().zip([near, far]) {
            *width += forecast.interval.unwrap().relative_half_width(forecast.value);
        }
    }
    assert!(widths[0] * 1.3 < widths[1], "{widths:?}");
    let share = covered as f64 / f64::from(rounds);
    assert!((0.88..0.99).contains(&share), "{share}");
}

#[test]
fn the_risk_crosses_the_limit_with_the_size() {
    let observations: Vec<_> = [1e6, 3e6, 1e7].map(|n| observe(n, 2.0, 1e8 + 64.0 * n)).to_vec();
    let model = MemoryModel::fit(&observations).unwrap();
    let limit = Bytes(6_500_000_000);
    let risk = |n: f64| model.out_of_memory(Some(n), 2.0, limit).unwrap();
    assert!(risk(1e7) < 0.001 && risk(1e9) > 0.999);
    assert!((0.2..0.8).contains(&risk(1e8)), "{}", risk(1e8));
    let largest = model.largest_size(2.0, limit, 0.9).unwrap();
    assert!((risk(largest) - 0.1).abs() < 1e-6);
    assert_eq!(model.largest_size(2.0, Bytes(1_000), 0.9), Ok(0.0));
}

#[test]
fn memory_for_each_worker_is_told_from_that_for_all() {
    let observations: Vec<_> = [1.0, 2.0, 4.0]
        .map(|p| MemoryObservation { n: None, p, peak: Bytes((1e8 + 2e7 * p) as u64) })
        .to_vec();
    let model = MemoryModel::fit(&observations).unwrap();
    let forecast = model.forecast(None, 32.0, 0.9).unwrap();
    assert!((forecast.value / 7.4e8 - 1.0).abs() < 1e-6, "{forecast:?}");
    assert!(matches!(model.largest_size(1.0, Bytes(1 << 30), 0.9), Err(LawError::NotIdentifiable(_))));
}

#[test]
fn bad_input_is_refused() {
    assert!(MemoryModel::fit(&[]).is_err());
    assert!(MemoryModel::fit(&[observe(-1.0, 1.0, 1e6)]).is_err());
    assert!(MemoryModel::fit(&[observe(1.0, 0.0, 1e6)]).is_err());
    assert!(MemoryModel::fit(&[observe(1.0, 1.0, 0.0)]).is_err());
    let mixed = [observe(1.0, 1.0, 1e6), MemoryObservation { n: None, p: 1.0, peak: Bytes(1) }];
    assert!(MemoryModel::fit(&mixed).is_err());
    let model = MemoryModel::fit(&[observe(1.0, 1.0, 1e6), observe(2.0, 1.0, 2e6)]).unwrap();
    assert!(model.forecast(None, 1.0, 0.9).is_err());
    assert!(model.forecast(Some(0.0), 1.0, 0.9).is_err());
    assert!(model.forecast(Some(1.0), 0.5, 0.9).is_err());
    assert!(model.largest_size(1.0, Bytes(1), 1.0).is_err());
}
