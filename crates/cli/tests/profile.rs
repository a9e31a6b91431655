//! `festina profile` as a user meets it: the program's own streams and exit code, and what can be wrong.

mod festina;

use std::io::Write;
use std::process::{Command, Stdio};

use festina::Festina;

fn output(festina: &Festina, arguments: &[&str]) -> std::process::Output {
    festina.command().arg("profile").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tries `attempt`, to which it is told how many times as long its program is to take, until it holds: on a slow or busy machine looks
/// are few.
fn tried(attempt: impl Fn(f64) -> Result<(), String>) {
    let mut told = Vec::new();
    for scale in [1.0, 2.0, 4.0, 8.0] {
        match attempt(scale) {
            Ok(()) => return,
            Err(failure) => told.push(failure),
        }
    }
    panic!("each time something else than expected: {told:#?}");
}

#[test]
fn the_program_keeps_its_streams_and_its_exit_code() {
    let festina = Festina::new();
    let mut command = festina.command();
    command.args(["profile", "--", "sh", "-c", "cat; sleep 0.1; exit 7"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"make haste").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"make haste");
    assert!(text(&output.stderr).contains("The program as a whole"), "{}", text(&output.stderr));
    let killed = self::output(&festina, &["--quiet", "--", "sh", "-c", "sleep 0.1; kill -TERM $$"]);
    assert_eq!((killed.status.code(), text(&killed.stderr)), (Some(128 + 15), String::new()));
}

#[test]
fn a_profile_is_stored_shown_again_and_compared() {
    tried(|scale| {
        let festina = Festina::new();
        festina.write("spin.py", "import sys, time\nend = time.perf_counter() + float(sys.argv[1])\nwhile time.perf_counter() < end:\n    pass\n");
        for seconds in [0.3 * scale, 0.6 * scale] {
            let run = output(&festina, &["--quiet", "--", "python3", "spin.py", &seconds.to_string()]);
            assert!(run.status.success(), "{}", text(&run.stderr));
        }
        let again = output(&festina, &["--from", ".festina/profile-1", "--json"]);
        let profile: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(profile["schema"], "festina.profile/1");
        assert!(profile["elapsed_s"].as_f64().unwrap() >= 0.3 * scale);
        let compared = output(&festina, &["--compare", ".festina/profile-1", ".festina/profile-2", "--json"]);
        let comparison: serde_json::Value = serde_json::from_slice(&compared.stdout).unwrap();
        let changes = comparison["changes"].as_array().unwrap();
        let module =
            changes.iter().find(|change| change["name"] == "<module>" && change["file"] == "spin.py");
        let changed = module.or(changes.first()).and_then(|change| change["difference_s"]["value"].as_f64());
        let is_near = changed.is_some_and(|difference| (0.15..0.45).contains(&(difference / scale)));
        if is_near { Ok(()) } else { Err(format!("{changes:?}")) }
    });
}

#[test]
fn all_outputs_are_written_into_a_folder() {
    let festina = Festina::new();
    let run = output(&festina, &["-q", "-o", "out", "--", "python3", "-c", "sum(range(10_000_000))"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let mut names: Vec<String> = std::fs::read_dir(festina.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // What several cores do together; nothing where there is but one.
    names.retain(|name| name != "cores.json");
    names.sort();
    assert_eq!(
        names,
        [
            "firefox.json",
            "profile.html",
            "profile.json",
            "profile.pb",
            "recording",
            "speedscope.json",
            "stacks.txt"
        ]
    );
    let page = std::fs::read_to_string(festina.path().join("out/profile.html")).unwrap();
    assert!(page.contains("Threads over time"));
    // Nothing is loaded from elsewhere.
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
}

#[test]
fn a_process_that_runs_is_profiled_and_goes_on() {
    let festina = Festina::new();
    let mut child = Command::new("python3").args(["-c", "while True: pass"]).spawn().unwrap();
    let run = output(&festina, &["--pid", &child.id().to_string(), "--duration", "500ms", "--json", "-q"]);
    let goes_on = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(run.status.success(), "{}", text(&run.stderr));
    let profile: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!((0.4..2.0).contains(&profile["elapsed_s"].as_f64().unwrap()));
    assert!(goes_on);
}

#[test]
fn what_cannot_be_profiled_is_told_with_a_hint() {
    let festina = Festina::new();
    festina.write("other", "festina-profile 9\n");
    festina.write("none", "#!/bin/sh\n");
    festina.write("cut", "festina-profile 1\nH {\"command\":[],\"started_at_s\":1");
    for (arguments, code, part) in [
        (&["--", "no-such-program-at-all"][..], 2, "command not found"),
        (&[], 2, "no command to profile"),
        (&["--pid", "4000000"], 2, "there is no process 4000000"),
        (&["--rate", "0", "--", "true"], 2, "0 looks a second"),
        (&["--from", "other"], 2, "format 9"),
        (&["--from", "none"], 2, "not a recording"),
        (&["--from", "cut"], 2, "cut short before anything"),
        (&["--from", "nowhere"], 2, "nowhere"),
        (&["--html", "nowhere/page.html", "--", "true"], 2, "its folder does not exist"),
    ] {
        let run = output(&festina, arguments);
        let errors = text(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
    // Nothing is left of what came to nothing.
    assert!(festina.stored().is_empty(), "{:?}", festina.stored());
}

/// Runs the verb where the kernel refuses `perf_event_open` with `error`, and returns the profile.
fn profile_without_perf(festina: &Festina, error: &str, program: &[&str]) -> serde_json::Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/without_perf.py");
    let inner = festina.command();
    let mut command = Command::new("python3");
    command.arg(script).arg(error).arg(inner.get_program()).args([
        "profile",
        "-q",
        "--json=profile.json",
        "--",
    ]);
    command.args(program).current_dir(festina.path());
    for (name, value) in inner.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", text(&run.stderr));
    serde_json::from_slice(&std::fs::read(festina.path().join("profile.json")).unwrap()).unwrap()
}

#[test]
fn where_perf_events_are_refused_all_but_machine_code_is_seen() {
    let festina = Festina::new();
    let spin = "import sys, time\ndef spins(seconds):\n    end = time.perf_counter() + seconds\n    while time.perf_counter() < end:\n        pass\nspins(0.5 * float(sys.argv[1]))\ntime.sleep(0.3 * float(sys.argv[1]))\n";
    festina.write("spin.py", spin);
    for error in ["EPERM", "EACCES", "ENOSYS"] {
        tried(|scale| {
            let profile = profile_without_perf(&festina, error, &["python3", "spin.py", &scale.to_string()]);
            let findings = profile["findings"].as_array().unwrap();
            let refused = findings.iter().find(|finding| finding["code"] == "machine-code-not-seen");
            let hint = refused.map(|finding| finding["hint"].to_string()).unwrap_or_default();
            assert!(
                hint.contains("sudo sysctl kernel.perf_event_paranoid=2")
                    && hint.contains("--cap-add PERFMON"),
                "{error}: {findings:?}"
            );
            let functions = profile["functions"].as_array().unwrap();
            let spins = functions.iter().find(|spot| spot["name"] == "spins").ok_or("Python is not seen")?;
            // The sixth of the states is sleep.
            let sleep = profile["whole"]["states_s"][5].as_f64().unwrap();
            let is_seen = spins["total_s"].as_f64().unwrap() > 0.4 * scale && sleep > 0.25 * scale;
            if is_seen { Ok(()) } else { Err(format!("{error}: {spins}, {}", profile["whole"])) }
        });
    }
    // A program of machine code has stacks where it waits.
    let profile = profile_without_perf(&festina, "EPERM", &["sleep", "0.5"]);
    let functions = profile["functions"].as_array().unwrap();
    assert!(functions.iter().any(|spot| spot["kind"] == "native"), "{functions:?}");
}

#[test]
fn a_live_line_stands_below_what_the_program_writes_and_is_taken_away() {
    let festina = Festina::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/on_terminal.py");
    let program =
        "import time\nend = time.time() + 1.5\nwhile time.time() < end: pass\nprint('written', 'whole')";
    for (more, is_live) in [("--live", true), ("--rate=200", false)] {
        let output = Command::new("python3")
            .args([script, "80", "24", "0", "--both", env!("CARGO_BIN_EXE_festina"), "profile", more, "--"])
            .args(["python3", "-c", program])
            .current_dir(festina.path())
            .output()
            .unwrap();
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let drawn = result["drawn"].as_str().unwrap();
        assert!(drawn.contains("written whole") && drawn.contains("The program as a whole"), "{drawn:?}");
        let (set, given_back) = (drawn.find("\x1b[1;23r"), drawn.rfind("\x1b[r"));
        assert_eq!((set.is_some(), given_back.is_some()), (is_live, is_live), "{drawn:?}");
        if is_live {
            assert!(set < given_back && drawn.contains("<module>"), "{drawn:?}");
        }
    }
}

#[test]
fn a_program_that_ends_at_once_keeps_its_exit_code() {
    let festina = Festina::new();
    let run = output(&festina, &["-q", "--", "sh", "-c", "exit 3"]);
    assert_eq!(run.status.code(), Some(3), "{run:?}");
}
