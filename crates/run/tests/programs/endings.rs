//! How programs end, and why some do not begin.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use festina_run::{Input, Launch, Observer, RunError, Runner, Sink};
use festina_types::{CancelToken, Exit, Seconds, Status};

use crate::{environment, launch, processes_with, python, raw, run, sh, text, try_run, unique_sleep};

#[test]
fn exit_codes_and_signals_are_told() {
    let mut runner = Runner::new().unwrap();
    let mut status = |script: &str| runner.run(&sh(script), &CancelToken::new(), &mut ()).unwrap().status;
    assert_eq!(status("exit 0"), Status::Finished);
    assert_eq!(status("exit 7"), Status::Failed { code: 7 });
    assert_eq!(status("exit 255"), Status::Failed { code: 255 });
    assert_eq!(status("kill -SEGV $$"), Status::Killed { signal: libc::SIGSEGV });
}

#[test]
fn a_time_limit_ends_a_program_that_obeys() {
    let begin = Instant::now();
    let mut launch = sh("trap 'echo cleaned; exit 4' TERM; while :; do sleep 0.05; done");
    launch.timeout = Some(Seconds(1.5));
    launch.grace = Seconds(30.0);
    let outcome = run(&launch);
    assert_eq!(outcome.status, Status::TimedOut);
    assert_eq!(text(&outcome.output.bytes), "cleaned\n");
    assert!(outcome.usage.wall.0 >= 1.5 && begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_time_limit_ends_a_program_that_ignores_it_and_its_children() {
    let sleep = unique_sleep(1);
    let script =
        format!("trap '' TERM; setsid sh -c \"trap '' TERM; sleep {sleep}\" & while :; do sleep 0.05; done");
    let mut launch = sh(&script).timeout(Seconds(1.5));
    launch.grace = Seconds(0.2);
    let outcome = run(&launch);
    assert_eq!(outcome.status, Status::TimedOut);
    assert!(outcome.usage.wall.0 >= 1.7, "{:?}", outcome.usage.wall);
    assert!(processes_with(&sleep).is_empty());
    assert_eq!(outcome.findings, []);
}

#[test]
fn a_stopped_program_is_ended_too() {
    let mut launch = sh("kill -STOP $$; exit 3").timeout(Seconds(0.2));
    launch.grace = Seconds(20.0);
    let begin = Instant::now();
    assert_eq!(run(&launch).status, Status::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

/// Requests cancellation `times` when the program runs.
struct CancelOnStart(CancelToken, u32);

impl Observer for CancelOnStart {
    fn started(&mut self, _pid: u32) {
        for _ in 0..self.1 {
            self.0.request();
        }
    }
}

#[test]
fn the_first_request_lets_a_program_finish_and_the_second_ends_it() {
    let cancel = CancelToken::new();
    let mut runner = Runner::new().unwrap();
    let outcome =
        runner.run(&sh("sleep 0.3; echo end"), &cancel, &mut CancelOnStart(cancel.clone(), 1)).unwrap();
    assert_eq!((outcome.status, text(&outcome.output.bytes)), (Status::Finished, "end\n"));

    let sleep = unique_sleep(2);
    let outcome = runner.run(&sh(&format!("sleep {sleep}")), &cancel, &mut ()).unwrap();
    assert_eq!(outcome.status, Status::Canceled);
    assert_eq!(outcome.usage.wall, Seconds(0.0));

    let cancel = CancelToken::new();
    let script = format!("sleep {sleep} & sleep {sleep}");
    let outcome = runner.run(&sh(&script), &cancel, &mut CancelOnStart(cancel.clone(), 2)).unwrap();
    assert_eq!(outcome.status, Status::Canceled);
    assert!(outcome.usage.wall.0 > 0.0);
    assert!(processes_with(&sleep).is_empty());
}

#[test]
fn what_cannot_begin_is_explained() {
    let error = try_run(&launch("pythno3", &[])).unwrap_err();
    assert_eq!(error.to_string(), "command not found: pythno3");
    assert_eq!(error.hint().unwrap(), "did you mean python3?");
    assert_eq!(error.exit(), Exit::BadInput);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job");
    let start = |text: &str, mode: u32| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        try_run(&Launch::new(&file, environment())).unwrap_err()
    };
    assert!(matches!(start("#!/bin/sh\n", 0o644), RunError::NotExecutable { .. }));
    let error = start("#!/opt/nowhere/perl -w\n", 0o755);
    assert!(error.to_string().ends_with("job is missing: /opt/nowhere/perl"), "{error}");
    let error = start("echo no first line\n", 0o755);
    assert!(matches!(error, RunError::UnknownFormat { .. }), "{error}");
    assert!(error.hint().unwrap().contains("#!/bin/sh"));
    assert!(matches!(try_run(&launch("./nothing", &[])), Err(RunError::NoSuchProgram { .. })));
    assert!(matches!(try_run(&Launch::new("/tmp", environment())), Err(RunError::IsFolder { .. })));
}

#[test]
fn bad_bounds_and_files_are_refused() {
    let mut bad = launch("true", &[]);
    bad.directory = Some("/nonexistent".into());
    assert!(matches!(try_run(&bad), Err(RunError::Directory { .. })));
    bad.directory = Some("/bin/sh".into());
    assert!(matches!(try_run(&bad), Err(RunError::Directory { .. })));
    let input = launch("true", &[]).input(Input::File("/nonexistent".into()));
    assert!(matches!(try_run(&input), Err(RunError::Input { .. })));
    let output = launch("true", &[]).output(Sink::File("/nonexistent/out".into()));
    assert!(matches!(try_run(&output), Err(RunError::Output { .. })));
    let mut nice = launch("true", &[]);
    nice.nice = Some(20);
    assert!(matches!(try_run(&nice), Err(RunError::NiceRange { nice: 20 })));
    for seconds in [-1.0, f64::NAN] {
        let timeout = launch("true", &[]).timeout(Seconds(seconds));
        assert!(matches!(try_run(&timeout), Err(RunError::TimeLimit { .. })));
    }
    let cpus = launch("true", &[]).cpus([4000].into_iter().collect());
    let error = try_run(&cpus).unwrap_err();
    assert_eq!(error.to_string(), "of CPUs 4000 none may be used");
}

#[test]
fn a_runner_goes_on_after_every_error() {
    let mut runner = Runner::new().unwrap();
    let mut one_of_two = launch("true", &[]).cpus([0, 5000].into_iter().collect());
    for _ in 0..3 {
        assert!(runner.run(&launch("/nonexistent", &[]), &CancelToken::new(), &mut ()).is_err());
        assert!(matches!(
            runner.run(&one_of_two, &CancelToken::new(), &mut ()),
            Err(RunError::Affinity { .. })
        ));
        let outcome = runner.run(&sh("echo on"), &CancelToken::new(), &mut ()).unwrap();
        assert_eq!(text(&outcome.output.bytes), "on\n");
    }
    one_of_two.cpus = None;
    one_of_two.nice = Some(7);
    assert!(runner.run(&one_of_two, &CancelToken::new(), &mut ()).is_ok());
    // Niceness and CPUs of one run are not those of the next.
    let outcome = runner.run(&launch("nice", &[]), &CancelToken::new(), &mut ()).unwrap();
    assert_ne!(text(&outcome.output.bytes), "7\n");
}

#[test]
fn arguments_pass_as_they_are() {
    let mut launch =
        python("import os, sys; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, sys.argv[1:])))");
    let odd: [&[u8]; 8] =
        [b"", b" ", b"a\nb", b"'\"\\", b"$HOME `id` *", b"--", b"\xff\xfe", "Gemächlich".as_bytes()];
    launch.arguments.extend(odd.iter().map(|bytes| raw(bytes)));
    assert_eq!(run(&launch).output.bytes, odd.join(&b'|'));
    launch.arguments.push(raw(b"nul\0byte"));
    assert!(matches!(try_run(&launch), Err(RunError::NulByte { .. })));
}

#[test]
fn long_arguments_pass_until_the_kernel_refuses() {
    let mut launch = python("import sys; print(sum(map(len, sys.argv[1:])))");
    // 200 kB in two, for Linux takes at most 128 KiB in one.
    launch.arguments.extend(["x".repeat(100_000).into(), "y".repeat(100_000).into()]);
    assert_eq!(text(&run(&launch).output.bytes), "200000\n");
    launch.arguments.push("z".repeat(200_000).into());
    let error = try_run(&launch).unwrap_err();
    assert!(matches!(error, RunError::ArgumentsTooLong { longest: 200_001, .. }), "{error}");
    launch.arguments = vec!["0123456789".repeat(10).into(); 100_000];
    assert!(matches!(try_run(&launch), Err(RunError::ArgumentsTooLong { .. })));
}

#[test]
fn directory_environment_and_group_are_those_of_the_launch() {
    let mut launch = sh("pwd; echo $LOST $KEPT; ps -o pgid= -p $$ | tr -d ' '; echo $$");
    launch.directory = Some("/usr".into());
    launch.environment.set("KEPT", "kept");
    launch.environment.remove("LOST");
    let outcome = run(&launch);
    let lines: Vec<&str> = text(&outcome.output.bytes).lines().collect();
    assert_eq!(lines[..2], ["/usr", "kept"]);
    assert_eq!(lines[2], lines[3], "the program leads its own process group");
}

#[test]
fn a_relative_program_starts_at_its_directory() {
    let mut launch = launch("./sh", &["-c", "pwd"]);
    launch.directory = Some("/bin".into());
    let outcome = run(&launch);
    assert!(Path::new(text(&outcome.output.bytes).trim()).ends_with("bin"));
}

#[test]
fn signals_are_as_a_program_expects_them() {
    // SIGPIPE kills, and nothing is blocked, although this process ignores the one, and the guardian blocks all.
    let script = "import signal, sys; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))";
    assert_eq!(text(&run(&python(script)).output.bytes), "set()\n");
    let outcome = run(&sh("trap - PIPE; kill -PIPE $$; echo alive"));
    assert_eq!(outcome.status, Status::Killed { signal: libc::SIGPIPE });
}

#[test]
fn no_file_of_ours_reaches_a_program() {
    let _open = fs::File::open("/dev/null").unwrap();
    let mut runner = Runner::new().unwrap();
    let listing = launch("ls", &["/proc/self/fd"]);
    let before = runner.run(&listing, &CancelToken::new(), &mut ()).unwrap();
    // What this process itself was given without close-on-exec passes on; `ls` adds the folder.
    let inherited = fs::read_dir("/proc/self/fd").unwrap().flatten().filter(|entry| {
        let number = entry.file_name().into_string().unwrap();
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default().trim();
        let close_on_exec = i64::from_str_radix(flags, 8).unwrap_or(0) & i64::from(libc::O_CLOEXEC) != 0;
        number.parse::<u32>().unwrap() > 2 && !flags.is_empty() && !close_on_exec
    });
    assert!(text(&before.output.bytes).lines().count() <= 4 + inherited.count());
}
