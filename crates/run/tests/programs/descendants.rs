//! What programs leave behind, and what becomes of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use festina_run::Runner;
use festina_types::{CancelToken, Seconds, Severity, Status};

use crate::{processes_with, python, run, sh, unique_sleep, wait_until};

#[test]
fn daemons_are_killed_and_reported() {
    let sleep = unique_sleep(10);
    let double_fork = format!(
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.execvp('sleep', ['sleep', '{sleep}'])\n  os._exit(0)\nos.wait()"
    );
    for launch in [
        sh(&format!("sleep {sleep} &")),
        sh(&format!("setsid sleep {sleep} & exit 0")),
        sh(&format!("setsid sh -c 'setsid sleep {sleep} & setsid sleep {sleep} &'")),
        sh(&format!("env -i setsid nohup sleep {sleep} >/dev/null 2>&1 & sleep 0.1")),
        python(&double_fork),
    ] {
        let outcome = run(&launch);
        assert_eq!(outcome.status, Status::Finished);
        assert!(processes_with(&sleep).is_empty(), "{launch:?}");
        let finding = outcome.findings.first().expect("a finding");
        assert_eq!((finding.code.as_str(), finding.severity), ("left-running", Severity::Warning));
        // Which name it has depends on how far it came.
        assert!(finding.message.ends_with(" running: killed"), "{}", finding.message);
    }
}

#[test]
fn the_time_of_late_children_is_not_the_programs() {
    let begin = std::time::Instant::now();
    let outcome = run(&sh(&format!("sleep {} &", unique_sleep(11))));
    // It was given a fifth of a second to end by itself.
    assert!(outcome.usage.wall.0 + 0.2 <= begin.elapsed().as_secs_f64(), "{:?}", outcome.usage.wall);
}

#[test]
fn a_chain_of_forks_does_not_outrun_the_killer() {
    // Each child forks the next and ends, as fast as it can, for ever.
    let marker = unique_sleep(12);
    let script =
        format!("import os\n'{marker}'\nos.setsid\nwhile True:\n  if os.fork(): os._exit(0)\n  os.setsid()");
    let outcome = run(&python(&script).timeout(Seconds(20.0)));
    assert_eq!(outcome.status, Status::Finished);
    wait_until("the chain to break", || processes_with(&marker).is_empty());
}

#[test]
fn thousands_of_short_children_leave_nothing() {
    let outcome = run(&sh("i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i+1)); done; echo $i"));
    assert_eq!(outcome.output.bytes, b"2000\n");
    assert!(outcome.usage.cpu().0 > 0.05, "{:?}", outcome.usage);
    assert!(outcome.findings.iter().all(|finding| finding.code != "left-running"));
}

#[test]
fn thousands_of_short_runs_leave_nothing() {
    let mut runner = Runner::new().unwrap();
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let (launch, before) = (sh("exit 0"), open_files());
    for _ in 0..1000 {
        let outcome = runner.run(&launch, &CancelToken::new(), &mut ()).unwrap();
        assert!(outcome.status.is_finished() && outcome.findings.is_empty());
    }
    // Other tests open files meanwhile.
    assert!(open_files() < before + 100);
}

#[test]
fn runners_in_threads_do_not_mix() {
    let work = |thread: u32| {
        let mut runner = Runner::new().unwrap();
        for round in 0..60 {
            let code = (thread * 60 + round) % 7;
            let script = format!("echo {thread}.{round}; (sleep 0.001 &); exit {code}");
            let outcome = runner.run(&sh(&script), &CancelToken::new(), &mut ()).unwrap();
            assert_eq!(outcome.output.bytes, format!("{thread}.{round}\n").as_bytes());
            let expected = if code == 0 { Status::Finished } else { Status::Failed { code: code as i32 } };
            assert_eq!(outcome.status, expected);
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || work(thread));
        }
    });
}

#[test]
fn orphans_that_end_are_collected_while_the_program_runs() {
    // Orphans of a long run do not pile up as zombies.
    let script = "for i in $(seq 50); do (true &) ; done; sleep 1.5; ps -o stat= --ppid $PPID | grep -c Z";
    let outcome = run(&sh(script));
    assert_eq!(outcome.output.bytes, b"0\n");
}

/// The other side of `nothing_outlives_a_festina_that_is_killed`: runs a program, in a process that will be killed.
#[test]
#[ignore = "is started by another test"]
fn host_to_be_killed() {
    let Ok(sleep) = std::env::var("FESTINA_TEST_SLEEP") else { return };
    let script = format!(
        "(setsid sleep {sleep} &); trap '' TERM; (trap '' TERM HUP; sleep {sleep} & wait) & sleep {sleep}; sleep {sleep}"
    );
    let _ = Runner::new().unwrap().run(&sh(&script), &CancelToken::new(), &mut ());
}

#[test]
fn nothing_outlives_a_festina_that_is_killed() {
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGHUP, libc::SIGABRT] {
        let sleep = unique_sleep(20 + signal.unsigned_abs());
        // Whoever runs the tests under nohup ignores SIGHUP, and so would the host.
        let mut host = Command::new("env")
            .arg("--default-signal=HUP")
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "descendants::host_to_be_killed", "--nocapture"])
            .env("FESTINA_TEST_SLEEP", &sleep)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Reading keeps the pipe from filling; the first line says that the host runs.
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        assert!(lines.next().is_some());
        // Shell and subshell have it in their script, three sleeps as their argument.
        wait_until("the program to run", || processes_with(&sleep).len() >= 5);
        assert!(
            Command::new("kill")
                .args([format!("-{signal}"), host.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        host.wait().unwrap();
        let begin = std::time::Instant::now();
        wait_until("its processes to end", || processes_with(&sleep).is_empty());
        // A second is the aim; the machine may be slow and busy.
        assert!(begin.elapsed().as_secs_f64() < 8.0, "{:?}", begin.elapsed());
    }
}

#[test]
fn a_guardian_that_is_killed_is_an_error_and_is_replaced() {
    let sleep = unique_sleep(13);
    let mut runner = Runner::new().unwrap();
    let error =
        runner.run(&sh(&format!("sleep 0.1; kill -9 $PPID; sleep {sleep}")), &CancelToken::new(), &mut ());
    assert!(error.is_err(), "{error:?}");
    wait_until("its processes to end", || processes_with(&sleep).is_empty());
    assert!(runner.run(&sh("exit 0"), &CancelToken::new(), &mut ()).unwrap().status.is_finished());
}
