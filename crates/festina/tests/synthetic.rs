//! Runs whose law is known, analysed from the state folder as any stored run is: estimates must cover the truth as often
//! as their level says, and no forecast may be anything but a positive time inside its band.

use festina::scale::{At, Questions, ScaleResult, scale_from};
use festina_measure::{Check, Design, EndReason, Note, Request, Scaling, Sizes, Store, Workload};
use festina_types::{Bytes, Conditions, Point, Sample, Seconds, Status, Usage, Workers};
use proptest::prelude::*;

/// Random numbers of `SplitMix64`; normal ones as a sum of twelve.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// What is measured, and how well.
struct World<'a> {
    sizes: &'a str,
    workers: &'a [u32],
    blocks: u32,
    noise: f64,
    seed: u64,
}

/// A law of n and p of which noise leaves the communication alone: nothing on one worker.
#[test]
fn a_law_that_is_zero_on_one_worker_takes_no_part_there() {
    let law = |n: f64, p: f64| {
        1e-3 + n.powf(2.372_554_477_091_897) * 1e-6 * (1.0 / p + 0.132_336_169_886_030_45 * p)
    };
    let (noise, seed) = (0.808_345_100_715_953_6, 11_311_322_667_726_416_351);
    let world = World { sizes: "1e3..1e5:10", workers: &[1, 2, 4], blocks: 3, noise, seed };
    let result = world.analyse(&[on(Some(1.0), 1)], law);
    let forecast = &result.forecasts[0];
    assert!(forecast.time_s.is_some_and(|time| time.value > 0.0), "{forecast:?}");
    assert!(forecast.basis.iter().all(|member| member.value > 0.0) && forecast.basis.len() == 2);
}

#[test]
fn sizes_that_grow_with_the_workers_from_several_bases_are_series_of_their_own() {
    // Gustafson: 20 % serial in the parallel run, the work of a worker in proportion to the base.
    let law = |n: f64, p: f64| n / p * 1e-3 * (0.2 * p + 0.8);
    let world = World { sizes: "1000,2000", workers: &[1, 2, 4, 8], blocks: 8, noise: 0.005, seed: 3 };
    let result = world.analyse_weak(&[on(None, 16), on(Some(1000.0), 4)], law);
    let bases: Vec<Option<f64>> = result.scaling.iter().map(|scaling| scaling.n).collect();
    assert_eq!(bases, [Some(1000.0), Some(2000.0)]);
    assert!(result.scaling.iter().all(|scaling| scaling.weak));
    // The chart follows the larger base, and holds its four points.
    let curve = result.curves.iter().find(|curve| curve.p.is_none()).unwrap();
    assert_eq!(curve.n, Some(2000.0));
    assert_eq!(result.points.iter().filter(|point| point.grown_from == curve.n).count(), 4);
    let at = |p: f64| curve.points.iter().find(|point| (point.at - p).abs() < 1e-9).unwrap().time_s;
    assert!((at(8.0) / law(16_000.0, 8.0) - 1.0).abs() < 0.02, "{}", at(8.0));
    // On the line: 32,000 on 16 workers; off it: what the points of both bases say together.
    assert!(forecast_holds(&result, law(32_000.0, 16.0)), "{:?}", result.forecasts[0]);
    assert_eq!(result.forecasts[0].n, Some(32_000.0));
    assert!(result.forecasts[1].time_s.is_some(), "{:?}", result.forecasts[1]);
}

impl World<'_> {
    /// Stores runs that take `law(n, p)` times a noise, and analyses them.
    fn analyse(&self, at: &[At], law: impl Fn(f64, f64) -> f64) -> ScaleResult {
        self.analyse_as(Scaling::Strong, at, law)
    }

    /// The same, the sizes growing with the workers.
    fn analyse_weak(&self, at: &[At], law: impl Fn(f64, f64) -> f64) -> ScaleResult {
        self.analyse_as(Scaling::Weak { growth: 1.0 }, at, law)
    }

    fn analyse_as(&self, scaling: Scaling, at: &[At], law: impl Fn(f64, f64) -> f64) -> ScaleResult {
        let sizes: Sizes = if self.sizes.is_empty() { Sizes::None } else { self.sizes.parse().unwrap() };
        let command: &[&str] =
            if self.sizes.is_empty() { &["solve", "{p}"] } else { &["solve", "{n}", "{p}"] };
        let workers = self.workers.iter().filter_map(|p| Workers::new(*p)).collect();
        let design = Design { scaling, ..Design::new(sizes.clone(), workers) };
        let points = design.points(sizes.known());
        let request = Request::new(Workload::new(command).unwrap(), design, Check::default(), 1e9);
        let folder = tempfile::tempdir().unwrap();
        let mut run = Store::new(folder.path()).create(&request, &()).unwrap();
        let mut random = Random(self.seed);
        for block in 0..self.blocks {
            for (index, point) in points.iter().enumerate() {
                let time =
                    law(point.n.unwrap_or(1.0), point.workers()) * (self.noise * random.normal()).exp();
                let order = block * points.len() as u32 + index as u32;
                run.append(&sample(*point, block, order, time)).unwrap();
            }
        }
        run.note(&Note::Ended { reason: EndReason::Complete }).unwrap();
        let questions = Questions { at: at.to_vec(), ..Questions::default() };
        scale_from(folder.path(), "latest", &questions).unwrap()
    }
}

fn sample(point: Point, block: u32, order: u32, time: f64) -> Sample {
    let usage = Usage { wall: Seconds(time), peak_rss: Bytes(64 << 20), ..Usage::default() };
    Sample {
        point,
        block,
        order,
        started_at_unix_s: 1e9 + f64::from(order),
        status: Status::Finished,
        usage,
        conditions: Conditions::default(),
        contamination: Vec::new(),
        check: Some(festina_types::CheckOutcome::Identical),
    }
}

fn on(n: Option<f64>, p: u32) -> At {
    At { n, p: Workers::new(p) }
}

/// How many of `count` seeds give an interval that holds the truth.
fn covered(count: u64, holds: impl Fn(u64) -> bool) -> u64 {
    (0..count).filter(|seed| holds(*seed)).count() as u64
}

fn parameter_holds(result: &ScaleResult, law: &str, name: &str, truth: f64) -> bool {
    let parameters = &result.scaling[0].parameters;
    let parameter = parameters.iter().find(|p| p.law == law && p.name == name).expect("the law is fitted");
    parameter.estimate.interval.expect("it has an interval").contains(truth)
}

fn forecast_holds(result: &ScaleResult, truth: f64) -> bool {
    let time = result.forecasts[0].time_s.expect("there is a forecast");
    time.interval.expect("it has a band").contains(truth)
}

const SERIES: u64 = 40;

#[test]
fn the_serial_fraction_of_amdahls_law_is_covered_and_so_is_its_forecast() {
    let law = |_: f64, p: f64| 2.0 * (0.08 + 0.92 / p);
    let analysed = |seed| {
        let world = World { sizes: "", workers: &[1, 2, 4, 8], blocks: 8, noise: 0.02, seed };
        world.analyse(&[on(None, 32)], law)
    };
    // Of 40 intervals of 95 %, fewer than 34 hold with a probability of 1 in 2,000; of 90 % fewer than 30 as seldom.
    let fractions =
        covered(SERIES, |seed| parameter_holds(&analysed(seed), "Amdahl", "serial fraction", 0.08));
    assert!(fractions >= 34, "{fractions} of {SERIES}");
    let forecasts = covered(SERIES, |seed| forecast_holds(&analysed(seed), law(1.0, 32.0)));
    assert!(forecasts >= 30, "{forecasts} of {SERIES}");
}

#[test]
fn the_coherency_of_the_usl_is_covered() {
    let law = |_: f64, p: f64| 2.0 / p * (1.0 + 0.03 * (p - 1.0) + 0.004 * p * (p - 1.0));
    let held = covered(SERIES, |seed| {
        let world = World { sizes: "", workers: &[1, 2, 4, 8, 16], blocks: 8, noise: 0.02, seed };
        parameter_holds(&world.analyse(&[], law), "USL", "coherency", 0.004)
    });
    assert!(held >= 34, "{held} of {SERIES}");
}

#[test]
fn linearithmic_growth_is_forecast_within_its_band() {
    let law = |n: f64, _: f64| 0.05 + 2e-7 * n * n.log2();
    let held = covered(SERIES, |seed| {
        let world = World { sizes: "1e4..1e6", workers: &[1], blocks: 8, noise: 0.02, seed };
        forecast_holds(&world.analyse(&[on(Some(1e7), 1)], law), law(1e7, 1.0))
    });
    assert!(held >= 30, "{held} of {SERIES}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the law and however bad the noise: a forecast is a positive time inside its band, or a refusal in words.
    #[test]
    fn forecasts_are_positive_or_refused(
        serial in 0.0..1.0_f64,
        contention in 0.0..0.2_f64,
        exponent in 0.0..3.0_f64,
        noise in 0.0..1.0_f64,
        far in 0..7,
        seed: u64,
    ) {
        let law = |n: f64, p: f64| 1e-3 + n.powf(exponent) * 1e-6 * (serial + (1.0 - serial) / p + contention * p);
        let world = World { sizes: "1e3..1e5:10", workers: &[1, 2, 4], blocks: 3, noise, seed };
        let result = world.analyse(&[on(Some(10_f64.powi(far)), 1 << far), on(None, 64), on(Some(5e3), 3)], law);
        for forecast in &result.forecasts {
            match (&forecast.time_s, &forecast.refusal) {
                (Some(time), None) => {
                    let band = time.interval.unwrap();
                    prop_assert!(time.value > 0.0 && time.value.is_finite(), "{forecast:?}");
                    prop_assert!(0.0 < band.lower && band.lower <= time.value && time.value <= band.upper);
                }
                (None, Some(_)) => {}
                _ => prop_assert!(false, "{forecast:?}"),
            }
        }
    }
}
