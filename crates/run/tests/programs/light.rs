//! A light runner leaves the end of short programs to the guardian: it tells the same of them as any other.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use festina_run::{Input, Launch, Observer, Outcome, RunError, Runner, Sink};
use festina_types::{Bytes, CancelToken, Seconds, Status};

use crate::{environment, launch, processes_with, python, sh, unique_sleep, wait_until};

fn light(launch: &Launch) -> Result<Outcome, RunError> {
    Runner::light().unwrap().run(launch, &CancelToken::new(), &mut ())
}

/// What a runner tells of a program, without what differs from run to run.
fn told(result: Result<Outcome, RunError>) -> String {
    let outcome = match result {
        Err(error) => return error.to_string(),
        Ok(outcome) => outcome,
    };
    let codes: Vec<_> = outcome.findings.iter().map(|finding| finding.code.clone()).collect();
    let streams = [outcome.output, outcome.errors]
        .map(|stream| (String::from_utf8_lossy(&stream.bytes).into_owned(), stream.total));
    format!("{:?} {streams:?} {codes:?}", outcome.status)
}

#[test]
fn it_tells_the_same_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "no first line\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let limited = |launch: Launch| Launch {
        output: Sink::Capture { limit: Bytes(1000), spill: None },
        ..launch.timeout(Seconds(60.0))
    };
    let mut elsewhere = sh("pwd");
    elsewhere.directory = Some("/usr".into());
    let mut nowhere = sh("pwd");
    nowhere.directory = Some("/nonexistent".into());
    let sleep = unique_sleep(40);
    for launch in [
        sh("echo out; echo err >&2; exit 3"),
        sh("kill -SEGV $$"),
        sh("exec 1>&- 2>&-; sleep 0.02; exit 4"),
        sh("sleep 0.2; echo late"),
        sh("cat").input(Input::Bytes(b"given".as_slice().into())),
        sh("head -c 3").input(Input::Bytes(b"given".as_slice().into())),
        sh(&format!("setsid sleep {sleep} & echo left")),
        limited(sh("yes | head -c 3000000")),
        python("print('x' * 2_000_000)"),
        launch("true", &[]).cpus([4000].into_iter().collect()),
        Launch::new(&script, environment()),
        Launch::new("/nonexistent/program", environment()),
        elsewhere,
        nowhere,
    ] {
        let expected = told(Runner::new().unwrap().run(&launch, &CancelToken::new(), &mut ()));
        assert_eq!(told(light(&launch)), expected, "{launch:?}");
    }
    assert!(processes_with(&sleep).is_empty());
}

#[test]
fn what_short_programs_use_is_counted() {
    let burn = "import time\nend = time.process_time() + 0.02\nwhile time.process_time() < end: pass";
    let usage = light(&python(burn)).unwrap().usage;
    assert!(usage.cpu().0 >= 0.02 && usage.wall.0 >= 0.02, "{usage:?}");
    assert!(usage.peak_rss > Bytes(1 << 20) && usage.minor_faults > 100, "{usage:?}");
    let usage = light(&launch("sleep", &["0.01"])).unwrap().usage;
    assert!(usage.wall.0 >= 0.01 && usage.cpu().0 < usage.wall.0, "{usage:?}");
    let blocked = usage.blocked.unwrap().0 + usage.run_delay.unwrap().0;
    assert!(blocked > 0.0 && blocked <= usage.wall.0, "{usage:?}");
}

#[test]
fn a_runner_goes_from_short_programs_to_long_ones_and_back() {
    let mut runner = Runner::light().unwrap();
    let mut run = |launch: &Launch| runner.run(launch, &CancelToken::new(), &mut ());
    for _ in 0..20 {
        assert_eq!(run(&sh("echo short")).unwrap().output.bytes, b"short\n");
        // About as long as it is left to the guardian: it may end before, after, or at that time.
        let outcome = run(&sh("sleep 0.045; echo long")).unwrap();
        assert_eq!((outcome.status, outcome.output.bytes), (Status::Finished, b"long\n".to_vec()));
        assert!(run(&launch("/nonexistent/program", &[])).is_err());
        let bounded = Launch { memory_limit: Some(Bytes(1 << 30)), ..sh("exit 5") };
        assert_eq!(run(&bounded).unwrap().status, Status::Failed { code: 5 });
    }
}

#[test]
fn time_limits_of_any_length_are_kept() {
    for limit in [0.0, 0.01, 0.3] {
        let outcome = light(&sh("sleep 60 & wait").timeout(Seconds(limit))).unwrap();
        assert_eq!((outcome.status, outcome.findings), (Status::TimedOut, vec![]), "{limit}");
        assert!((limit..20.0).contains(&outcome.usage.wall.0), "{:?}", outcome.usage.wall);
    }
}

#[test]
fn a_second_request_ends_what_runs() {
    struct CancelWhenItRuns(CancelToken);
    impl Observer for CancelWhenItRuns {
        fn started(&mut self, _pid: u32) {
            self.0.request();
            self.0.request();
        }
    }
    let (cancel, sleep) = (CancelToken::new(), unique_sleep(41));
    let mut observer = CancelWhenItRuns(cancel.clone());
    let outcome =
        Runner::light().unwrap().run(&sh(&format!("sleep {sleep}")), &cancel, &mut observer).unwrap();
    assert_eq!(outcome.status, Status::Canceled);
    assert!(processes_with(&sleep).is_empty());
}

#[test]
fn a_guardian_that_is_killed_at_once_leaves_nothing() {
    let sleep = unique_sleep(42);
    let mut runner = Runner::light().unwrap();
    let result = runner.run(&sh(&format!("kill -9 $PPID; sleep {sleep}")), &CancelToken::new(), &mut ());
    assert!(matches!(result, Err(RunError::Guardian { .. })), "{result:?}");
    wait_until("its processes to end", || processes_with(&sleep).is_empty());
    assert!(runner.run(&sh("exit 0"), &CancelToken::new(), &mut ()).unwrap().status.is_finished());
}

#[test]
fn a_disk_that_is_full_ends_a_short_program_too() {
    let full = Sink::Capture { limit: Bytes(0), spill: Some("/dev/full".into()) };
    let mut runner = Runner::light().unwrap();
    let mut run = |launch: &Launch| runner.run(launch, &CancelToken::new(), &mut ());
    let sleep = unique_sleep(43);
    let error = run(&sh(&format!("echo x; sleep {sleep}")).output(full)).unwrap_err();
    assert!(matches!(error, RunError::NoSpace { .. }), "{error}");
    assert!(processes_with(&sleep).is_empty());
    assert_eq!(run(&sh("echo on")).unwrap().output.bytes, b"on\n");
}
