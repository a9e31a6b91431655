//! The procedure in a world of its own: no process is started and no real time passes.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::Path;

use festina_types::{Bytes, Conditions, Contamination, Status, Usage};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

use super::*;
use crate::design::{Scaling, Sizes, parse_workers};
use crate::executor::{Execution, ShellOutcome};
use crate::measurement::{Refusal, Verdict};
use crate::store::{Calibration, Store};
use crate::workload::{Task, Workload};
use crate::{Check, Event};

/// What a run does in the world.
struct Run {
    wall: f64,
    status: Status,
    output: String,
    conditions: Conditions,
}

impl Run {
    fn of(wall: f64) -> Self {
        Self { wall, status: Status::Finished, output: "42\n".into(), conditions: Conditions::default() }
    }

    fn disturbed(self) -> Self {
        let conditions = Conditions { steal: Some(Seconds(self.wall / 2.0)), ..Conditions::default() };
        Self { conditions, ..self }
    }

    fn ending(self, status: Status) -> Self {
        Self { status, ..self }
    }

    fn writing(self, output: &str) -> Self {
        Self { output: output.to_owned(), ..self }
    }
}

/// A world with a clock that only runs move.
struct World<F> {
    now: f64,
    run: F,
    shell: Vec<String>,
    shell_status: Status,
    is_busy: bool,
}

impl<F: FnMut(Point, f64) -> Run> World<F> {
    fn new(run: F) -> Self {
        Self { now: 1000.0, run, shell: Vec::new(), shell_status: Status::Finished, is_busy: false }
    }
}

impl<F: FnMut(Point, f64) -> Run> Executor for World<F> {
    fn now(&self) -> Seconds {
        Seconds(self.now)
    }

    fn available(&self) -> Workers {
        Workers::new(4).unwrap()
    }

    fn preflight(&mut self, workers: Workers) -> Vec<Finding> {
        let finding =
            Finding::new(Severity::Warning, "busy-machine", format!("others run; {workers} asked for"));
        self.is_busy.then_some(finding).into_iter().collect()
    }

    fn calibrate(&mut self, _cancel: &CancelToken) -> Result<Calibration, MeasureError> {
        Ok(Calibration::default())
    }

    fn execute(
        &mut self,
        task: &Task,
        output: Option<&Path>,
        _cancel: &CancelToken,
    ) -> Result<Execution, MeasureError> {
        let run = (self.run)(task.point, self.now);
        if let Some(path) = output {
            std::fs::write(path, &run.output).unwrap();
        }
        let started_at_unix_s = self.now;
        self.now += run.wall;
        let cpu = run.wall * task.point.workers();
        Ok(Execution {
            status: run.status,
            started_at_unix_s,
            usage: Usage {
                wall: Seconds(run.wall),
                user: Seconds(cpu),
                peak_rss: Bytes(1 << 20),
                ..Usage::default()
            },
            conditions: run.conditions,
            cpus: task.point.p.get(),
            last_error_line: String::new(),
            findings: Vec::new(),
        })
    }

    fn shell(
        &mut self,
        command: &OsStr,
        _directory: Option<&Path>,
        _cancel: &CancelToken,
    ) -> Result<ShellOutcome, MeasureError> {
        self.shell.push(command.to_string_lossy().into_owned());
        Ok(ShellOutcome { status: self.shell_status, last_line: "said so".to_owned() })
    }
}

/// A stored measurement, in a folder that lives as long as it.
struct Measured {
    measurements: Measurements,
    store: Store,
    _folder: tempfile::TempDir,
}

fn design(sizes: &str, workers: &str) -> Design {
    let sizes = if sizes.is_empty() { Sizes::None } else { sizes.parse().unwrap() };
    Design::new(sizes, parse_workers(workers).unwrap())
}

fn request(design: Design) -> Request {
    let command: &[&str] = if design.sizes == Sizes::None { &["work"] } else { &["work", "{n}"] };
    Request::new(Workload::new(command).unwrap(), design, Check::default(), 1e9)
}

fn run_request<F: FnMut(Point, f64) -> Run>(
    request: &Request,
    world: &mut World<F>,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<Measured, MeasureError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut run = store.create(request, &()).unwrap();
    let measurements = measure(request, &mut run, world, observer, cancel)?;
    Ok(Measured { measurements, store, _folder: folder })
}

fn run(design: Design, world: impl FnMut(Point, f64) -> Run) -> Measurements {
    run_request(&request(design), &mut World::new(world), &(), &CancelToken::new()).unwrap().measurements
}

fn codes(measurements: &Measurements) -> Vec<&str> {
    measurements.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn amdahl(point: Point) -> f64 {
    0.1 * point.n.unwrap_or(1.0) * (0.2 + 0.8 / point.workers())
}

/// Returns numbers that scatter as exp(σ · N(0, 1)) does.
fn noise(seed: u64, deviation: f64) -> impl FnMut() -> f64 {
    let mut random = Pcg64::new(u128::from(seed), 0);
    move || {
        // The sum of twelve uniform numbers, less six, is nearly normal.
        let sum: f64 = (0..12).map(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).sum();
        ((sum - 6.0) * deviation).exp()
    }
}

#[test]
fn every_block_runs_every_point_once_in_an_order_of_its_own() {
    let measured = run(design("1,2,4", "1,2"), |point, _| Run::of(amdahl(point)));
    let samples = &measured.samples;
    // Two references for each of three sizes; the first of them stands for block 0.
    assert!(samples[..6].iter().all(|s| s.point.p.get() == 1 && s.block == 0));
    let orders: Vec<Vec<Point>> =
        (1..6).map(|block| samples.iter().filter(|s| s.block == block).map(|s| s.point).collect()).collect();
    for order in &orders {
        let mut sorted: Vec<_> = order.iter().map(|p| (p.n.unwrap() as u32, p.p.get())).collect();
        sorted.sort_unstable();
        assert_eq!(sorted, [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2)]);
    }
    assert!(orders.windows(2).any(|pair| pair[0] != pair[1]));
    // Nothing scatters: the fewest blocks do.
    assert_eq!(samples.len() as u64, Plan::new(&measured.request.design).fewest_runs);
    assert!(samples.iter().enumerate().all(|(i, s)| s.order == i as u32));
    assert_eq!(measured.end, Some(EndReason::Complete));
    assert_eq!(measured.verdict, Verdict::Same { compared: samples.len() });
    let two = measured.at(Point::new(Some(4.0), 2)).unwrap().speedup.clone().unwrap();
    assert!((two.speedup.value - 1.0 / 0.6).abs() < 1e-9);
    assert!((two.efficiency.value - 0.5 / 0.6).abs() < 1e-9);
    assert_eq!(two.pairs, 6);
}

#[test]
fn what_would_disturb_is_told_before_anything_runs_and_stays_told() {
    let mut world = World::new(|point, _| Run::of(amdahl(point)));
    world.is_busy = true;
    let measured = run_request(&request(design("", "1,2")), &mut world, &(), &CancelToken::new()).unwrap();
    let id = measured.measurements.findings.iter().find(|f| f.code == "busy-machine").unwrap();
    assert_eq!(id.message, "others run; 2 asked for");
    let stored = Measurements::from_stored(measured.store.open("latest").unwrap());
    assert!(codes(&stored).contains(&"busy-machine"));
}

#[test]
fn what_is_stored_says_the_same_as_what_was_measured() {
    let mut scatter = noise(1, 0.05);
    let mut world = World::new(move |point, _| Run::of(amdahl(point) * scatter()));
    let measured =
        run_request(&request(design("1,2", "1,2,4")), &mut world, &(), &CancelToken::new()).unwrap();
    let stored = measured.store.open("latest").unwrap();
    assert_eq!(Measurements::from_stored(stored), measured.measurements);
}

#[test]
fn scattered_points_get_more_blocks_than_quiet_ones() {
    let mut scatter = noise(2, 0.04);
    let mut loud = design("", "1,2,4");
    loud.budget = Seconds(1e4);
    let measured =
        run(loud, move |point, _| Run::of(amdahl(point) * if point.p.get() == 2 { scatter() } else { 1.0 }));
    let count = |p| measured.at(Point::new(None, p)).unwrap().samples.len();
    assert!(count(2) > 10 && count(4) <= 7, "{} {}", count(2), count(4));
    // The base belongs into every block of what is compared with it.
    assert!(count(1) >= count(2));
    let wall = measured.at(Point::new(None, 2)).unwrap().wall.unwrap();
    let interval = wall.interval.unwrap();
    assert!(interval.relative_half_width(wall.value) < 0.021 || count(2) == 30);
    assert!(interval.contains(0.06));
}

#[test]
fn drift_biases_a_sequential_order_and_not_ours() {
    // The machine slows by 0.5 % a second: as it warms up, or as another user comes.
    let slowing = |start: f64| move |point: Point, now: f64| amdahl(point) * (1.0 + 0.005 * (now - start));
    let truth = 1.0 / 0.6;
    let mut now = 0.0;
    let mut sequential = |p: u32, count: usize| {
        let mut times: Vec<f64> = (0..count)
            .map(|_| {
                let wall = slowing(0.0)(Point::new(Some(20.0), p), now);
                now += wall;
                wall
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[count / 2]
    };
    let biased = sequential(1, 11) / sequential(2, 11);
    assert!((biased / truth - 1.0).abs() > 0.05, "{biased}");

    let mut patient = design("20", "1,2");
    patient.stopping.min_blocks = 11;
    let measured = run(patient, move |point, now| Run::of(slowing(1000.0)(point, now)));
    let ours = measured.at(Point::new(Some(20.0), 2)).unwrap().speedup.clone().unwrap().speedup;
    assert!((ours.value / truth - 1.0).abs() < 0.01, "{ours:?}");
    assert!(ours.interval.unwrap().contains(truth), "{ours:?}");
    assert!(codes(&measured).contains(&"drift"));
}

#[test]
fn the_first_block_is_dropped_only_if_it_is_unlike_the_others() {
    let cold = |first: f64| {
        let mut runs = 0;
        let mut scatter = noise(3, 0.002);
        run(design("", "1,2"), move |point, _| {
            runs += 1;
            Run::of(amdahl(point) * scatter() * if runs <= 3 { first } else { 1.0 })
        })
    };
    let warm = cold(1.0);
    assert_eq!((warm.warm_up_blocks, codes(&warm).contains(&"warm-up")), (0, false));
    let slow = cold(1.5);
    assert_eq!((slow.warm_up_blocks, codes(&slow).contains(&"warm-up")), (1, true));
    // The dropped block is replaced.
    assert!(slow.at(Point::new(None, 2)).unwrap().used.len() >= 6);
}

#[test]
fn nothing_is_started_that_cannot_end_within_the_budget() {
    let mut short = design("1,10,100,1000", "1,2");
    short.budget = Seconds(30.0);
    let measured = run(short, |point, _| Run::of(amdahl(point)));
    let total: f64 = measured.samples.iter().map(|s| s.usage.wall.0).sum();
    assert!(total <= 30.0, "{total}");
    assert!(measured.at(Point::new(Some(1000.0), 1)).unwrap().samples.is_empty());
    assert!(codes(&measured).contains(&"beyond-budget"), "{:?}", codes(&measured));
    let missing = &measured.at(Point::new(Some(1000.0), 2)).unwrap().speedup;
    assert_eq!(*missing, Err(Refusal::NothingFinished { reason: "none was started".to_owned() }));
    assert!(measured.at(Point::new(Some(10.0), 2)).unwrap().speedup.is_ok());
}

#[test]
fn a_wrong_parallel_answer_has_no_speedup() {
    let measured = run(design("", "1,2,4"), |point, _| {
        let run = Run::of(amdahl(point));
        if point.p.get() == 4 { run.writing("43\n") } else { run }
    });
    let first_difference = "line 1, column 1: 43 instead of 42".to_owned();
    let four = measured.at(Point::new(None, 4)).unwrap();
    assert_eq!(four.speedup, Err(Refusal::Different { first_difference: first_difference.clone() }));
    assert!(four.wall.is_some(), "its time is shown");
    assert!(measured.at(Point::new(None, 2)).unwrap().speedup.is_ok());
    assert_eq!(measured.verdict, Verdict::Different { first_difference, runs: four.samples.len() });
    assert!(codes(&measured).contains(&"different-result"));
    // Both outputs are kept, for whoever wants to see all of the difference.
    let kept = measured.findings.iter().find(|f| f.code == "outputs-kept").unwrap();
    let hint = kept.hint.as_ref().unwrap();
    assert!(hint.starts_with("diff ") && hint.ends_with("p=4.different.stdout"), "{hint}");
}

#[test]
fn a_reference_that_varies_is_no_wrong_parallel_run() {
    let mut runs = 0;
    let mut with_pid = |sum: u32| {
        runs += 1;
        format!("sum {sum}\npid {runs}\n")
    };
    let unsure = run(design("", "1,2"), |point, _| Run::of(amdahl(point)).writing(&with_pid(7)));
    assert!(matches!(unsure.verdict, Verdict::Unsure { .. }), "{:?}", unsure.verdict);
    assert!(codes(&unsure).contains(&"reference-varies"));
    assert!(unsure.at(Point::new(None, 2)).unwrap().speedup.is_ok(), "it is not known to be wrong");

    let mut request = request(design("", "1,2"));
    request.check.ignore = vec!["^pid [0-9]+$".to_owned()];
    let mut world = World::new(|point: Point, _| Run::of(amdahl(point)).writing(&with_pid(7)));
    let sure = run_request(&request, &mut world, &(), &CancelToken::new()).unwrap().measurements;
    assert!(matches!(sure.verdict, Verdict::Same { .. }), "{:?}", sure.verdict);

    // What varies does not hide what is wrong.
    let wrong =
        run(design("", "1,2"), |point, _| Run::of(amdahl(point)).writing(&with_pid(6 + point.p.get())));
    assert!(matches!(wrong.verdict, Verdict::Different { .. }), "{:?}", wrong.verdict);
}

#[test]
fn a_reference_that_varies_late_takes_accusations_back() {
    // The first two references agree by chance; later ones do not.
    let mut runs = 0;
    let measured = run(design("", "1,2"), |point, _| {
        runs += 1;
        Run::of(amdahl(point)).writing(&format!("{}\n", if runs <= 2 { 0 } else { runs }))
    });
    assert!(matches!(measured.verdict, Verdict::Unsure { .. }), "{:?}", measured.verdict);
}

/// Requests to stop after so many runs.
struct StopAfter(RefCell<u32>, CancelToken);

impl Observer for StopAfter {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Finished { progress, .. } = event {
            assert_eq!(progress.eta.is_some(), progress.runs > 0);
            *self.0.borrow_mut() -= 1;
            if *self.0.borrow() == 0 {
                self.1.request();
            }
        }
    }
}

#[test]
fn a_request_to_stop_keeps_everything() {
    let cancel = CancelToken::new();
    let observer = StopAfter(RefCell::new(9), cancel.clone());
    let mut world = World::new(|point, _| Run::of(amdahl(point)));
    let measured = run_request(&request(design("1,2", "1,2")), &mut world, &observer, &cancel).unwrap();
    assert_eq!(measured.measurements.samples.len(), 9);
    assert_eq!(measured.measurements.end, Some(EndReason::Canceled));
    assert_eq!(measured.store.open("latest").unwrap().samples.len(), 9);
}

#[test]
fn points_that_fail_are_given_up_and_the_others_measured() {
    let measured = run(design("1,2", "1,2,4"), |point, _| {
        let run = Run::of(amdahl(point));
        if point.p.get() == 4 { run.ending(Status::Failed { code: 3 }) } else { run }
    });
    let four = measured.at(Point::new(Some(2.0), 4)).unwrap();
    assert_eq!(four.samples.len(), 2);
    assert_eq!(
        four.speedup,
        Err(Refusal::NothingFinished { reason: "it failed with exit code 3".to_owned() })
    );
    assert!(measured.at(Point::new(Some(2.0), 2)).unwrap().speedup.is_ok());
    assert!(measured.findings.iter().any(|f| f.message.contains("exit code 3")));
    assert_eq!(measured.end, Some(EndReason::Complete));
}

#[test]
fn what_is_too_large_is_not_tried_larger() {
    let measured = run(design("1,2,4,8", "1,2"), |point, _| {
        let run = Run::of(amdahl(point));
        if point.n.unwrap() >= 4.0 { run.ending(Status::OutOfMemory) } else { run }
    });
    assert_eq!(measured.at(Point::new(Some(4.0), 1)).unwrap().samples.len(), 1);
    assert!(measured.at(Point::new(Some(8.0), 1)).unwrap().samples.is_empty());
    // Two workers find out for themselves, at either size.
    assert!(measured.at(Point::new(Some(8.0), 2)).unwrap().samples.len() <= 1);
    assert!(measured.at(Point::new(Some(2.0), 2)).unwrap().speedup.is_ok());
}

#[test]
fn a_command_that_never_works_is_told_at_once() {
    let measured = run(design("1,2", "1,2"), |_, _| Run::of(0.1).ending(Status::Failed { code: 127 }));
    assert_eq!(measured.end, Some(EndReason::NothingRuns));
    assert!(measured.samples.len() <= 8, "{}", measured.samples.len());
    assert_eq!(measured.verdict, Verdict::Unchecked);
}

#[test]
fn disturbed_runs_are_run_again_and_do_not_count() {
    let mut runs = 0;
    let measured = run(design("", "1,2"), |point, _| {
        runs += 1;
        // Every fifth run is disturbed, and takes twice as long.
        if runs % 5 == 0 { Run::of(2.0 * amdahl(point)).disturbed() } else { Run::of(amdahl(point)) }
    });
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert!((two.wall.unwrap().value - 0.06).abs() < 1e-12);
    assert!((two.speedup.clone().unwrap().speedup.value - 1.0 / 0.6).abs() < 1e-9);
    assert!(measured.samples.iter().any(|s| matches!(s.contamination[..], [Contamination::Steal { .. }])));
    assert!(codes(&measured).contains(&"disturbed-runs"));
    assert!(two.used.len() >= 6);
}

#[test]
fn a_machine_that_is_never_quiet_gives_no_speedup_unless_accepted() {
    let mut noisy = design("", "1,2");
    noisy.budget = Seconds(1e4);
    let measured = run(noisy.clone(), |point, _| Run::of(amdahl(point)).disturbed());
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert!(matches!(two.speedup, Err(Refusal::Disturbed { .. })), "{:?}", two.speedup);
    assert!(two.wall.is_some());
    assert!(codes(&measured).contains(&"noisy-machine"));
    // Thirty blocks of two points, the references, and a few that were run again.
    assert!(measured.samples.len() < 75, "{}", measured.samples.len());

    noisy.accept_noise = true;
    let accepted = run(noisy, |point, _| Run::of(amdahl(point)).disturbed());
    assert!(accepted.at(Point::new(None, 2)).unwrap().speedup.is_ok());
    assert!(codes(&accepted).contains(&"disturbed-runs"));
}

#[test]
fn adaptive_sizes_use_the_budget_and_keep_the_floor_apart() {
    let mut scatter = noise(4, 0.01);
    let grown = run(design("auto", "1,2"), move |point, _| {
        let n = point.n.unwrap();
        Run::of((0.05 + 1e-6 * n * (0.1 + 0.9 / point.workers())) * scatter())
    });
    let sizes: Vec<f64> =
        grown.points.iter().filter(|m| m.point.p.get() == 2).map(|m| m.point.n.unwrap()).collect();
    assert_eq!(sizes[0], 1.0);
    assert!(sizes.len() == 7 && sizes[6] / sizes[1] >= 31.0, "{sizes:?}");
    let total: f64 = grown.samples.iter().map(|s| s.usage.wall.0).sum();
    assert!((20.0..=120.0).contains(&total), "{total}");
    for measurement in grown.points.iter().filter(|m| m.point.p.get() == 2) {
        assert!(measurement.speedup.is_ok(), "{measurement:?}");
    }

    let steep = run(design("auto:10", "1,2"), |point, _| {
        let n = point.n.unwrap();
        let run = Run::of(0.01 + 1e-6 * n.powi(3));
        if n > 300.0 { run.ending(Status::OutOfMemory) } else { run }
    });
    assert!(steep.points.iter().any(|m| m.point.n == Some(160.0) && m.speedup.is_ok()));
    let total: f64 = steep.samples.iter().map(|s| s.usage.wall.0).sum();
    assert!(total <= 120.0, "{total}");
}

#[test]
fn more_workers_than_there_are_are_measured_and_told() {
    let measured = run(design("", "1,8"), |point, _| Run::of(amdahl(point)));
    assert!(measured.at(Point::new(None, 8)).unwrap().speedup.is_ok());
    assert!(
        measured
            .findings
            .iter()
            .any(|f| f.code == "oversubscribed" && f.message.contains("p = 8 is above the 4"))
    );
}

#[test]
fn without_one_worker_in_the_design_answers_are_checked_and_nothing_speeds_up() {
    let measured = run(design("", "2,4"), |point, _| Run::of(amdahl(point)));
    assert!(matches!(measured.verdict, Verdict::Same { .. }));
    assert_eq!(measured.at(Point::new(None, 2)).unwrap().speedup, Err(Refusal::NoBase));
    assert!(codes(&measured).contains(&"no-base"));
}

#[test]
fn weak_scaling_is_over_the_size_of_one_worker() {
    let mut weak = design("100", "1,2,4");
    weak.scaling = Scaling::Weak { growth: 1.0 };
    let measured = run(weak, |point, _| {
        // Work grows with n; a tenth of a second more for each doubling of p.
        let (n, p) = (point.n.unwrap(), point.workers());
        Run::of(0.01 * n / p + 0.1 * p.log2())
    });
    let four = measured.at(Point::new(Some(400.0), 4)).unwrap().speedup.clone().unwrap();
    // 1 s alone, 1.2 s on four workers with four times the work.
    assert_eq!(four.base, Point::new(Some(100.0), 1));
    assert!((four.efficiency.value - 1.0 / 1.2).abs() < 1e-9);
    assert!((four.speedup.value - 4.0 / 1.2).abs() < 1e-9);
    // The larger sizes ran on one worker for their answers alone.
    assert_eq!(measured.at(Point::new(Some(400.0), 1)).unwrap().samples.len(), 2);
}

#[test]
fn setup_runs_once_and_preparation_before_each_run() {
    let mut request = request(design("1,2", "1,2"));
    request.workload = request.workload.with_setup("make {n} {p}").unwrap().with_prepare("sync {n}").unwrap();
    let mut world = World::new(|point, _| Run::of(amdahl(point)));
    let measured = run_request(&request, &mut world, &(), &CancelToken::new()).unwrap().measurements;
    assert_eq!(world.shell[0], "make 2 2");
    assert_eq!(world.shell.len(), 1 + measured.samples.len());
    assert!(world.shell[1..].iter().all(|command| command.starts_with("sync ")));

    world.shell_status = Status::Failed { code: 1 };
    let error = run_request(&request, &mut world, &(), &CancelToken::new()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the set-up failed: it failed with exit code 1: said so");
}

#[test]
fn a_check_command_decides() {
    let mut request = request(design("", "1,2"));
    request.check = Check::parse("cmd:same {reference} {candidate}".as_ref()).unwrap();
    let mut world = World::new(|point: Point, _| Run::of(amdahl(point)).writing(&point.p.to_string()));
    let same = run_request(&request, &mut world, &(), &CancelToken::new()).unwrap().measurements;
    assert!(matches!(same.verdict, Verdict::Same { .. }));
    assert!(world.shell[0].starts_with("same '/") && world.shell[0].contains("/candidate.stdout'"));
    world.shell_status = Status::Failed { code: 1 };
    let different = run_request(&request, &mut world, &(), &CancelToken::new()).unwrap().measurements;
    let Verdict::Different { first_difference, .. } = different.verdict else { panic!("not different") };
    assert_eq!(first_difference, "said so");
    world.shell_status = Status::Failed { code: 2 };
    let failed = run_request(&request, &mut world, &(), &CancelToken::new()).unwrap().measurements;
    assert!(codes(&failed).contains(&"check-failed"));
}

#[test]
fn a_program_that_writes_nothing_is_told() {
    let silent = run(design("", "1,2"), |point, _| Run::of(amdahl(point)).writing(""));
    assert!(codes(&silent).contains(&"nothing-to-check"));
    assert!(matches!(silent.verdict, Verdict::Unsure { .. }), "{:?}", silent.verdict);
    let mut request = request(design("", "1,2"));
    request.check = Check::parse("file:/nonexistent/out-{p}".as_ref()).unwrap();
    let mut world = World::new(|point, _| Run::of(amdahl(point)));
    let error = run_request(&request, &mut world, &(), &CancelToken::new()).err().expect("an error");
    assert!(
        matches!(&error, MeasureError::NothingToCheck { path, .. } if path.ends_with("out-1")),
        "{error}"
    );
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_runs() {
    let refuse = |request: Request| {
        let mut world = World::new(|_, _| panic!("nothing may run"));
        run_request(&request, &mut world, &(), &CancelToken::new()).map(|_| ()).unwrap_err()
    };
    let mut empty = request(design("1,2", "1"));
    empty.design.workers.clear();
    assert!(matches!(refuse(empty), MeasureError::Design { .. }));
    let mut unused = request(design("1,2", "1"));
    unused.workload = Workload::new(["work"]).unwrap();
    assert!(matches!(refuse(unused), MeasureError::Workload { .. }));
    let mut negative = request(design("1,2", "1"));
    negative.check.tolerance.relative = -1.0;
    assert!(matches!(refuse(negative), MeasureError::Check { .. }));
}

/// Lets a program with a floor of 2 s grow within a minute.
fn grown<F: FnMut(Point, f64) -> Run>(
    world: &mut World<F>,
    is_known: &mut dyn FnMut(&[Sample]) -> bool,
) -> Measured {
    let mut request = request(design("adaptive:1000", "1,2"));
    request.design.budget = Seconds(60.0);
    request.check.target = crate::check::Target::None;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut run = store.create(&request, &()).unwrap();
    let measurements =
        measure_growth(&request, 1e7, &mut run, world, &(), &CancelToken::new(), is_known).unwrap();
    Measured { measurements, store, _folder: folder }
}

fn trains(point: Point) -> Run {
    Run::of(2.0 + 40e-6 * point.n.unwrap() / point.workers())
}

#[test]
fn growth_is_measured_from_start_up_as_far_as_the_budget_goes() {
    let mut world = World::new(|point, _| trains(point));
    let measured = grown(&mut world, &mut |_| false);
    // A minute, after a run of 2 s that does not count.
    assert!(world.now - 1000.0 <= 62.1, "{}", world.now);
    let runs = |n: f64, p: u32| {
        let point = Point::new(Some(n), p);
        measured.measurements.samples.iter().filter(|s| s.point == point).count()
    };
    assert_eq!(runs(1000.0, 2), 3, "start-up is run three times");
    let largest = measured.measurements.sizes.last().copied().unwrap();
    assert!(largest >= 243e3, "{:?}", measured.measurements.sizes);
    let alone: usize = measured.measurements.sizes.iter().map(|n| runs(*n, 1)).sum();
    assert!((1..=3).contains(&alone), "one size runs on one worker too, {alone} times");
    let stored = measured.store.open("latest").unwrap();
    assert_eq!(Measurements::from_stored(stored).sizes, measured.measurements.sizes);
}

#[test]
fn a_slow_start_up_does_not_eat_the_budget() {
    let mut world = World::new(|point, _| Run::of(10.0 + 1e-3 * point.n.unwrap()));
    let measured = grown(&mut world, &mut |_| false);
    assert!(measured.measurements.sizes.len() >= 2, "{:?}", measured.measurements.sizes);
    assert!(world.now - 1000.0 <= 60.0 + 11.0 + 0.1, "{}", world.now);
}

#[test]
fn a_cold_disk_neither_counts_nor_eats_the_budget() {
    let warm = grown(&mut World::new(|point, _| trains(point)), &mut |_| false);
    let mut runs = 0;
    let mut world = World::new(|point, _| {
        runs += 1;
        Run::of(if runs == 1 { 30.0 } else { trains(point).wall })
    });
    let cold = grown(&mut world, &mut |_| false);
    assert_eq!(cold.measurements.sizes, warm.measurements.sizes);
    assert!(cold.measurements.samples.iter().all(|sample| sample.usage.wall.0 != 30.0));
    let told = cold.measurements.findings.iter().find(|finding| finding.code == "warm-up").unwrap();
    assert!(told.message.contains("30.0 s"), "{told:?}");
}

#[test]
fn a_first_run_that_is_too_slow_is_not_the_last() {
    let mut runs = 0;
    let mut world = World::new(|point, _| {
        runs += 1;
        if runs == 1 { Run::of(45.0).ending(Status::TimedOut) } else { trains(point) }
    });
    let measured = grown(&mut world, &mut |_| false);
    assert!(measured.measurements.sizes.len() > 3, "{:?}", measured.measurements.sizes);
    assert!(measured.measurements.samples.iter().all(|sample| sample.status.is_finished()));
}

#[test]
fn a_start_up_of_a_quarter_of_the_budget_leaves_room_for_a_second_size() {
    let mut world = World::new(|point, _| Run::of(14.5 + 1e-4 * point.n.unwrap()));
    let measured = grown(&mut world, &mut |_| false);
    assert!(measured.measurements.sizes.len() >= 2, "{:?}", measured.measurements.sizes);
    assert!(world.now - 1000.0 <= 60.0 + 14.6 + 0.1, "{}", world.now);
}

#[test]
fn growth_that_is_known_costs_no_more() {
    let mut world = World::new(|point, _| trains(point));
    let measured = grown(&mut world, &mut |_| true);
    let largest = measured.measurements.sizes.last().copied().unwrap();
    // 2 s + 20 µs · 243,000 = 6.86 s are the first beyond three times the start-up.
    assert_eq!(largest, 243e3);
    assert_eq!(measured.measurements.end, Some(EndReason::Complete));
}

#[test]
fn growth_ends_where_memory_does_and_at_once_where_nothing_runs() {
    let mut world = World::new(|point, _| {
        let run = trains(point);
        if point.n.unwrap() > 20e3 { run.ending(Status::OutOfMemory) } else { run }
    });
    let measured = grown(&mut world, &mut |_| false);
    let finished = measured.measurements.samples.iter().filter(|s| s.status.is_finished());
    assert_eq!(finished.map(|s| s.point.n.unwrap()).fold(0.0, f64::max), 9e3);
    let mut world = World::new(|point, _| trains(point).ending(Status::Failed { code: 3 }));
    let measured = grown(&mut world, &mut |_| false);
    assert_eq!(measured.measurements.end, Some(EndReason::NothingRuns));
    assert_eq!(measured.measurements.samples.len(), 1);
}
