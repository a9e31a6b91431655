//! The procedure with real processes: short programs of the shell.

use std::path::Path;

use festina_machine::{Machine, Source, Surroundings, detect};
use festina_measure::{
    Check, Design, Measurements, Processes, Refusal, Request, Sizes, Store, Verdict, Workload, measure,
    parse_workers,
};
use festina_run::Environment;
use festina_types::{CancelToken, Point, Seconds, Status};

fn machine() -> Machine {
    detect(&Source::live(), &Surroundings::default())
}

fn environment() -> Environment {
    std::env::vars_os().collect()
}

/// A design that ends after few blocks, however noisy the machine is.
fn short(sizes: Sizes, workers: &str) -> Design {
    let mut design = Design::new(sizes, parse_workers(workers).unwrap());
    design.stopping.min_blocks = 2;
    design.stopping.max_blocks = 2;
    design.accept_noise = true;
    design.budget = Seconds(60.0);
    design
}

fn shell(script: &str) -> Workload {
    Workload::new(["sh", "-c", script]).unwrap()
}

fn run_in(folder: &Path, workload: Workload, design: Design, check: &str) -> Measurements {
    let check = Check::parse(check.as_ref()).unwrap();
    let request = Request::new(workload, design, check, 1e9);
    let machine = machine();
    let mut run = Store::new(folder.join(".festina")).create(&request, &machine).unwrap();
    let mut executor = Processes::new(&machine, environment()).unwrap();
    measure(&request, &mut run, &mut executor, &(), &CancelToken::new()).unwrap()
}

fn run(workload: Workload, design: Design) -> Measurements {
    run_in(tempfile::tempdir().unwrap().path(), workload, design, "stdout")
}

#[test]
fn a_command_is_measured_from_its_text_to_its_speedup() {
    let workload = shell("sleep 0.0{n}; echo {n}");
    let measured = run(workload, short("4,8".parse().unwrap(), "1,2"));
    assert!(matches!(measured.verdict, Verdict::Same { .. }), "{:?}", measured.verdict);
    let wall = |n: f64, p: u32| measured.at(Point::new(Some(n), p)).unwrap().wall.unwrap().value;
    assert!(wall(4.0, 1) >= 0.04 && wall(8.0, 2) >= 0.08 && wall(8.0, 1) > wall(4.0, 1));
    let speedup = measured.at(Point::new(Some(8.0), 2)).unwrap().speedup.clone().unwrap();
    assert!((0.5..2.0).contains(&speedup.speedup.value), "sleeping is not shared: {speedup:?}");
    let sample = &measured.samples[0];
    assert!(sample.usage.peak_rss.0 > 100_000 && sample.started_at_unix_s > 1.7e9);
    assert!(measured.calibration.unwrap().spawn_median.0 > 0.0);
    for measurement in &measured.points {
        let accounting = measurement.accounting.unwrap();
        let slots =
            measurement.point.workers() * wall(measurement.point.n.unwrap(), measurement.point.p.get());
        assert!((accounting.total().0 / slots - 1.0).abs() < 0.25, "{accounting:?} of {slots}");
    }
}

#[test]
fn p_is_imposed_on_commands_that_do_not_take_it() {
    // `nproc` counts the CPUs that it may use, and heeds OMP_NUM_THREADS; the kernel's mask does neither.
    let script = "grep Cpus_allowed_list /proc/self/status; echo $OMP_NUM_THREADS $RAYON_NUM_THREADS";
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out-{p}");
    let workload = shell(&format!("({script}) > {}", folder.path().join("out-$GOMAXPROCS").display()));
    let check = format!("file:{}", out.display());
    let measured = run_in(folder.path(), workload, short(Sizes::None, "1,2"), &check);
    let read = |p: u32| std::fs::read_to_string(folder.path().join(format!("out-{p}"))).unwrap();
    let (one, two) = (read(1), read(2));
    assert!(one.ends_with("1 1\n") && two.ends_with("2 2\n"), "{one} {two}");
    let cpus = |text: &str| {
        let list = text.lines().next().unwrap().split_whitespace().nth(1).unwrap().to_owned();
        list.parse::<festina_machine::CpuSet>().unwrap().len()
    };
    assert_eq!(cpus(&one), 1);
    assert_eq!(cpus(&two), machine().available_cpus().len().min(2));
    // The two outputs differ, and that is found.
    assert!(matches!(measured.verdict, Verdict::Different { .. }), "{:?}", measured.verdict);
}

#[test]
fn a_file_that_was_not_written_again_is_not_taken_for_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // Only the runs on one worker write.
    let workload = shell(&format!("test {{p}} = 1 && echo 7 > {}; true", out.display()));
    let measured =
        run_in(folder.path(), workload, short(Sizes::None, "1,2"), &format!("file:{}", out.display()));
    let two = measured.at(Point::new(None, 2)).unwrap();
    let Err(Refusal::Different { first_difference }) = &two.speedup else { panic!("{:?}", two.speedup) };
    assert!(first_difference.contains("did not write"), "{first_difference}");
    assert!(measured.at(Point::new(None, 1)).unwrap().speedup.is_ok());
}

#[test]
fn runs_that_fail_hang_or_eat_memory_are_told_and_the_rest_is_kept() {
    let mut workload = shell("case {n} in 3) exit 5;; 4) sleep 60;; *) echo {n};; esac");
    workload.timeout = Some(Seconds(0.3));
    let measured = run(workload, short("1,3,4".parse().unwrap(), "1,2"));
    let at = |n: f64, p| measured.at(Point::new(Some(n), p)).unwrap();
    assert!(at(1.0, 2).speedup.is_ok());
    let status = |n: f64| measured.samples[at(n, 1).samples[0]].status;
    assert_eq!(status(3.0), Status::Failed { code: 5 });
    assert_eq!(status(4.0), Status::TimedOut);
    let told: Vec<&str> = measured.findings.iter().map(|f| f.message.as_str()).collect();
    assert!(
        told.iter().any(|m| m.contains("exit code 5")) && told.iter().any(|m| m.contains("time limit")),
        "{told:?}"
    );
}

#[test]
fn a_command_that_does_not_exist_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let workload = Workload::new(["pyhton3", "x"]).unwrap();
    let request = Request::new(workload, short(Sizes::None, "1"), Check::default(), 1e9);
    let mut run = Store::new(folder.path()).create(&request, &()).unwrap();
    let mut executor = Processes::new(&machine(), environment()).unwrap();
    let error = measure(&request, &mut run, &mut executor, &(), &CancelToken::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot start the workload: command not found: pyhton3");
    assert!(error.hint().unwrap().contains("python3"), "{:?}", error.hint());
}

#[test]
fn preparation_is_not_timed_and_stdin_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, "size {n}\n").unwrap();
    let workload = Workload::new(["cat"]).unwrap();
    let workload = workload.with_stdin(&input).unwrap().with_prepare("sleep 0.2").unwrap();
    let measured = run_in(folder.path(), workload, short("7".parse().unwrap(), "1"), "stdout");
    assert!(measured.points[0].wall.unwrap().value < 0.15);
    let reference = folder.path().join(".festina");
    let kept = walk(&reference).into_iter().find(|path| path.ends_with("n=7.stdout")).unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "size 7\n");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Set in the process that the next test starts and kills: the folder to measure in.
const VICTIM: &str = "FESTINA_TEST_FOLDER_OF_VICTIM";

#[test]
fn a_killed_measurement_keeps_its_runs() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        let mut endless = short("1,2".parse().unwrap(), "1,2");
        endless.stopping.max_blocks = 10_000;
        endless.stopping.min_blocks = 10_000;
        run_in(Path::new(&folder), shell("sleep 0.01; echo {n}"), endless, "stdout");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_measurement_keeps_its_runs", "--nocapture"])
        .env(VICTIM, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let state = folder.path().join(".festina");
    let lines = || {
        let journal = if state.is_dir() { walk(&state) } else { Vec::new() };
        let journal = journal.into_iter().find(|path| path.ends_with("samples.jsonl"));
        journal.map_or(0, |path| std::fs::read_to_string(path).unwrap().lines().count())
    };
    let started = std::time::Instant::now();
    while lines() < 8 && started.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    let count = lines();
    let stored = Store::new(&state).open("latest").unwrap();
    assert!(count >= 8 && stored.samples.len() >= count - 1, "{} of {count}", stored.samples.len());
    let measured = Measurements::from_stored(stored);
    assert_eq!(measured.end, None);
    assert!(measured.findings.iter().any(|finding| finding.code == "cut-off"));
    assert!(measured.points.iter().any(|measurement| measurement.wall.is_some()));
}
