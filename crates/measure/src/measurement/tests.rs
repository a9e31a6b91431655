use festina_types::{Bytes, CheckOutcome, Conditions, Contamination, Status, Usage};

use super::*;
use crate::design::{Design, parse_workers};
use crate::workload::Workload;
use crate::{Check, Target};

fn request(workers: &str) -> Request {
    let design = Design::new(Sizes::None, parse_workers(workers).unwrap());
    Request::new(Workload::new(["work"]).unwrap(), design, Check::default(), 1e9)
}

fn sample(p: u32, block: u32, wall: f64) -> Sample {
    Sample {
        point: Point::new(None, p),
        block,
        order: block * 10 + p,
        started_at_unix_s: 1e9,
        status: Status::Finished,
        usage: Usage {
            wall: Seconds(wall),
            user: Seconds(0.9 * wall * f64::from(p)),
            peak_rss: Bytes(1000 * u64::from(p)),
            ..Usage::default()
        },
        conditions: Conditions::default(),
        contamination: vec![],
        check: Some(CheckOutcome::Identical),
    }
}

/// Eight blocks of one and two workers, a little apart from block to block.
fn blocks() -> Vec<Sample> {
    let factors = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01];
    (0..).zip(factors).flat_map(|(block, f)| [sample(1, block, f), sample(2, block, 0.6 * f)]).collect()
}

fn analyse(samples: Vec<Sample>, notes: &[Note]) -> Measurements {
    Measurements::new(request("1,2"), samples, notes)
}

fn codes(measurements: &Measurements) -> Vec<&str> {
    measurements.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn estimates_are_medians_and_speedups_ratios_within_blocks() {
    let measured = analyse(blocks(), &[]);
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert!((two.wall.unwrap().value - 0.6).abs() < 1e-12);
    assert_eq!(two.peak_rss.unwrap().value, 2000.0);
    let speedup = two.speedup.clone().unwrap();
    // Whatever a block did to both, their ratio is the same in each.
    assert!((speedup.speedup.value - 1.0 / 0.6).abs() < 1e-12);
    let interval = speedup.speedup.interval.unwrap();
    assert!(interval.upper - interval.lower < 1e-12 && interval.level == 0.95);
    assert!((speedup.efficiency.value - 0.5 / 0.6).abs() < 1e-12);
    let one = measured.at(Point::new(None, 1)).unwrap().speedup.clone().unwrap();
    assert_eq!(one.speedup, Estimate::exact(1.0));
    // 2 · 0.6 s: nine tenths on a CPU, the rest without a thread.
    let accounting = two.accounting.unwrap();
    let total = accounting.total().0;
    assert!(
        (accounting.user.0 / total - 0.9).abs() < 1e-12 && (accounting.unused.0 / total - 0.1).abs() < 1e-12
    );
    assert_eq!(measured.verdict, Verdict::Same { compared: 16 });
    assert!(codes(&measured).is_empty(), "{:?}", measured.findings);
}

#[test]
fn far_runs_are_marked_and_stay() {
    let mut samples = blocks();
    samples[7].usage.wall = Seconds(3.0);
    let measured = analyse(samples, &[]);
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert_eq!((two.outliers.as_slice(), two.used.len()), (&[7][..], 8));
    assert!(codes(&measured).contains(&"outliers"));
}

#[test]
fn the_run_that_took_a_disturbed_ones_place_is_paired() {
    let mut samples = blocks();
    samples[9].contamination = vec![Contamination::Steal { fraction: 0.3 }];
    samples[9].usage.wall = Seconds(9.0);
    samples.push(sample(2, 4, 0.6 * 1.02));
    let measured = analyse(samples, &[]);
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert_eq!((two.samples.len(), two.used.len(), two.disturbed), (9, 8, 1));
    let speedup = two.speedup.clone().unwrap();
    assert_eq!(speedup.pairs, 8);
    assert!((speedup.speedup.value - 1.0 / 0.6).abs() < 1e-12);
}

#[test]
fn points_without_a_base_or_without_runs_have_no_speedup() {
    let without_base: Vec<Sample> = blocks().into_iter().filter(|s| s.point.p.get() == 2).collect();
    let measured = analyse(without_base, &[]);
    assert_eq!(measured.at(Point::new(None, 2)).unwrap().speedup, Err(Refusal::NoBase));
    let nothing = analyse(vec![], &[]);
    assert!(matches!(nothing.points[0].speedup, Err(Refusal::NothingFinished { .. })));
    assert_eq!((nothing.points.len(), nothing.verdict), (2, Verdict::Unchecked));
}

#[test]
fn wrong_answers_count_and_those_before_the_reference_was_known_to_vary_do_not() {
    let mut samples = blocks();
    for index in [3, 5] {
        samples[index].check = Some(CheckOutcome::Different { first_difference: "line 1".to_owned() });
    }
    let wrong = Verdict::Different { first_difference: "line 1".to_owned(), runs: 2 };
    assert_eq!(analyse(samples.clone(), &[]).verdict, wrong);
    let varies = |runs_before| Note::ReferenceVaries { n: None, places: "line 2".to_owned(), runs_before };
    // Samples 3 and 5 have the orders 12 and 22.
    assert_eq!(analyse(samples.clone(), &[varies(12)]).verdict, wrong);
    assert!(matches!(analyse(samples.clone(), &[varies(23)]).verdict, Verdict::Unsure { .. }));
    let mut unchecked = request("1,2");
    unchecked.check.target = Target::None;
    assert_eq!(Measurements::new(unchecked, samples, &[]).verdict, Verdict::Unchecked);
}

#[test]
fn commands_that_ignore_p_are_suspected() {
    let with_cpus = |one: f64, two: f64, wall: f64| {
        let mut samples = blocks();
        for sample in &mut samples {
            let cpus = if sample.point.p.get() == 1 { one } else { two };
            if sample.point.p.get() == 2 {
                sample.usage.wall = Seconds(wall);
            }
            sample.usage.user = Seconds(cpus * sample.usage.wall.0);
        }
        analyse(samples, &[])
    };
    assert!(codes(&with_cpus(1.0, 1.0, 1.0)).contains(&"ignores-workers"));
    assert!(codes(&with_cpus(2.0, 2.0, 1.0)).contains(&"base-not-serial"));
    assert!(codes(&with_cpus(1.0, 1.8, 0.6)).is_empty());
    // Two threads that others keep from their CPUs are still two threads.
    let mut crowded = blocks();
    for sample in &mut crowded {
        let factor = if sample.point.p.get() == 2 { 0.96 / 0.6 } else { 1.0 };
        sample.usage.wall.0 *= factor;
        sample.usage.user = Seconds(0.5);
        sample.usage.run_delay = Some(Seconds(1.2));
    }
    assert!(!codes(&analyse(crowded, &[])).contains(&"ignores-workers"));
    // Sleeping in parallel needs no CPU, and is a speed-up all the same.
    assert!(codes(&with_cpus(0.0, 0.0, 0.5)).is_empty());
}

#[test]
fn short_times_two_modes_and_more_than_p_are_told() {
    let calibration = Calibration { spawn_deviation: Seconds(0.1), ..Calibration::default() };
    let short = analyse(blocks(), &[Note::Calibrated(calibration)]);
    let finding = short.findings.iter().find(|f| f.code == "too-short").unwrap();
    assert!(finding.message.starts_with("2 of 2 points take less than 5.00 s, p = 1"), "{}", finding.message);

    let two_modes = (0..24).map(|block| {
        let jitter = f64::from(block * 7 % 11) / 1000.0;
        sample(1, block, if block * 5 % 8 < 4 { 1.0 } else { 1.5 } + jitter)
    });
    let measured = analyse(two_modes.collect(), &[]);
    assert!(codes(&measured).contains(&"two-modes"), "{:?}", codes(&measured));

    let fast = blocks().into_iter().map(|mut s| {
        s.usage.wall.0 *= if s.point.p.get() == 2 { 0.5 } else { 1.0 };
        s
    });
    assert!(codes(&analyse(fast.collect(), &[])).contains(&"superlinear"));
}

#[test]
fn the_findings_of_the_way_and_the_end_are_kept() {
    let finding = Finding::new(Severity::Note, "left-running", "one process");
    let notes = [Note::Finding { finding }, Note::Ended { reason: EndReason::Budget }];
    let measured = analyse(blocks(), &notes);
    assert_eq!((codes(&measured), measured.end), (vec!["left-running"], Some(EndReason::Budget)));
}
