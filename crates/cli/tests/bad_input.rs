//! What users do wrong, and what machines do to them: one clear error with a hint, the documented exit code, no run lost, no
//! process left behind.

mod festina;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use festina::{Call, Festina};

/// Two points, measured for some seconds at the most, on a machine that need not be quiet.
const QUICK: [&str; 6] = ["--p", "1,2", "--budget", "3s", "--accept-noise", "--json"];

fn quick<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&QUICK[..], more].concat()
}

fn codes(result: &serde_json::Value) -> Vec<&str> {
    result["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn what_cannot_be_meant_ends_before_anything_is_stored() {
    let festina = Festina::new();
    for (arguments, parts) in [
        (&["--n", "1e3..x", "--", "true", "{n}"][..], "the size 'x'"),
        (&["--n", "adaptive:0", "--", "true", "{n}"], "the size '0'"),
        (&["--n", "10,20", "--", "true"], "does not mention {n}"),
        (&["--p", "1,,2", "--", "true"], "number of workers ''"),
        (&["--weak", "--", "true"], "without a size"),
        (&["--timeout", "0s", "--", "true"], "no time"),
        (&["--memory-limit", "0", "--", "true"], "without memory"),
        (&["--rtol=-1", "--", "true"], "rtol = -1"),
        (&["--check-ignore", "(", "--", "true"], "cannot ignore '('"),
        (&["--check", "cmd:true", "--", "true"], "{candidate}"),
        (&["--stdin", "nowhere.txt", "--", "true"], "nowhere.txt"),
        (&["--prepare", "echo {q}", "--", "true"], "{q} in the preparation"),
        (&["--env", "X={threads}", "--", "true"], "{threads} in the environment variable X"),
        (&["--html", "nowhere/page.html", "--", "true"], "its folder does not exist"),
        (&["--json=.", "--", "true"], "it is a folder"),
        (&["--", "no-such-program-at-all"], "command not found"),
        (&["--", "/etc/passwd"], "not executable"),
        (&["--setup", "echo no luck >&2; exit 7", "--", "true"], "exit code 7: no luck"),
        (&["--prepare", "exit 7", "--", "true"], "the preparation of p = 1 failed"),
    ] {
        let all = [&["scale"], arguments].concat();
        festina.run(&all).refuses(2, &[parts]);
        assert_eq!(festina.stored(), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn a_spec_file_with_a_typo_is_named_with_its_line() {
    let festina = Festina::new();
    for (spec, parts) in [
        ("command = [\"true\"]\n\nbudgte = \"5s\"\n", ["line 3: unknown key 'budgte'", "'budget'"]),
        ("command = [\"true\"]\n[chek]\nwhat = \"exit\"\n", ["line 2: unknown key 'chek'", "'check'"]),
        ("command = [\"true\"]\n[check]\nrtoll = 1\n", ["line 3: unknown key 'rtoll'", "'rtol'"]),
    ] {
        festina.write("spec.toml", spec);
        festina.run(&["scale", "--spec", "spec.toml"]).refuses(2, &parts);
    }
}

#[test]
fn a_check_of_a_file_that_never_appears_ends_at_once_and_keeps_the_run() {
    let festina = Festina::new();
    let arguments = ["--check", "file:out.txt", "--p", "1,2"];
    festina.scale(&arguments, &["--sleep", "--unit", "0.05"]).refuses(2, &["did not write out.txt"]);
    assert_eq!(festina.runs_kept(), 1);
}

#[test]
fn a_silent_program_is_measured_and_nothing_is_claimed_of_its_answers() {
    let festina = Festina::new();
    let result = festina.run(&[&["scale"], &quick(&["--", "sleep", "0.1"])[..]].concat()).json(4);
    assert_eq!(result["verdict"]["kind"], "unsure");
    assert!(codes(&result).contains(&"nothing-to-check"));
}

#[test]
fn a_program_that_ignores_its_workers_is_told_apart_from_one_that_sleeps_in_parallel() {
    let festina = Festina::new();
    let ignores = festina.scale(&quick(&[]), &["--sleep", "--unit", "0.15"]).json(0);
    assert!(codes(&ignores).contains(&"ignores-workers"), "{:?}", codes(&ignores));
    let obeys = festina.scale(&quick(&[]), &["--sleep", "--unit", "0.3", "--workers", "{p}"]).json(0);
    assert!(!codes(&obeys).contains(&"ignores-workers"), "{:?}", codes(&obeys));
}

#[test]
fn daemons_are_killed_however_they_were_forked() {
    let festina = Festina::new();
    let script = "setsid sleep 4711 & (setsid nohup sleep 4712 >/dev/null 2>&1 &); sleep 0.1; echo done";
    let result = festina.run(&[&["scale"], &quick(&["--", "sh", "-c", script])[..]].concat()).json(0);
    assert!(codes(&result).contains(&"left-running"), "{:?}", codes(&result));
    assert_eq!(festina.processes_left("sleep"), 0);
}

#[test]
fn a_memory_limit_ends_the_run_and_says_so() {
    let festina = Festina::new();
    // 1 GB is touched, and then kept for ever.
    let program = ["--memory", "1e6", "--n", "1000", "--forever", "--unit", "0.01"];
    let call = festina.scale(&quick(&["--memory-limit", "100MiB"]), &program);
    let result = call.json(1);
    assert!(call.errors().contains("above the limit of 100 MiB"), "{}", call.errors());
    assert!(result["points"][0]["time_s"].is_null());
    assert_eq!(festina.processes_left("known-answer"), 0);
}

#[test]
fn placeholders_are_filled_in_the_environment_and_in_the_stdin_file() {
    let festina = Festina::new();
    festina.write("in.txt", "n={n} p={p} {other}\n");
    let script = "cat; echo \"$SIZE\"";
    let more =
        ["--n", "10,20", "--env", "SIZE=s{n}", "--stdin", "in.txt", "--check-ignore", "p=[0-9]+", "--"];
    let arguments = [&["scale"], &quick(&more)[..], &["sh", "-c", script]].concat();
    assert_eq!(festina.run(&arguments).json(0)["verdict"]["kind"], "same");
    assert_eq!(festina.references()[0], b"n=10 p=1 {other}\ns10\n");
}

#[test]
fn arguments_need_not_be_utf8() {
    let festina = Festina::new();
    let mut command = festina.command();
    command
        .args(["scale", "--p", "1", "--budget", "1s", "--", "printf", "%s"])
        .arg(OsStr::from_bytes(b"\xff{p}"));
    Call::of(command.output().unwrap()).code(0);
    assert_eq!(festina.references(), [b"\xff1"]);
    festina.run(&["scale", "--from", "latest", "--json"]).json(0);
}

#[test]
fn numbers_in_csv_and_json_are_compared_within_a_tolerance_and_records_in_any_order() {
    let festina = Festina::new();
    festina.write("out1", "id,value\n1,0.3333333333333333\n2,2\n");
    festina.write("out2", "id,value\n2,2\n1,0.33333333333333337\n");
    let arguments = |more: &[&'static str]| {
        [&["scale"], &quick(more)[..], &["--", "sh", "-c", "sleep 0.02; cat out{p}"]].concat()
    };
    festina.run(&arguments(&["--unordered", "--rtol", "1e-12"])).code(0);
    festina.run(&arguments(&["--unordered"])).code(1);
    festina.run(&arguments(&["--rtol", "1e-12"])).code(1);
    festina.write("out1", r#"{"loss": 0.5, "ids": [1, 2]}"#);
    festina.write("out2", r#"{ "ids": [1, 2], "loss": 0.5000000001 }"#);
    festina.run(&arguments(&["--rtol", "1e-6"])).code(0);
    festina.run(&arguments(&[])).code(1);
}

/// Waits until `runs` runs are stored.
fn wait_for_runs(festina: &Festina, runs: usize) {
    let start = Instant::now();
    while festina.runs_kept() < runs {
        assert!(start.elapsed() < Duration::from_secs(30), "no runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_signal_ends_the_measurement_and_it_answers_from_what_there_is() {
    for name in ["INT", "TERM", "HUP"] {
        let festina = Festina::new();
        let child = festina.start(
            &["--p", "1,2", "--budget", "60s", "--accept-noise"],
            &["--sleep", "--unit", "0.2", "--workers", "{p}"],
        );
        wait_for_runs(&festina, 3);
        signal(&child, name);
        let call = Call::of(child.wait_with_output().unwrap());
        call.code(130);
        // Whoever sends the other two does not come again.
        let words = if name == "INT" { "stopping after the run in flight" } else { "stopping at once" };
        assert!(call.errors().contains(words), "{}", call.errors());
        assert!(call.output().contains("on 2 workers"), "{}", call.output());
        assert!(festina.runs_kept() >= 3);
    }
}

#[test]
fn a_second_signal_ends_the_run_in_flight() {
    let festina = Festina::new();
    let child = festina.start(&["--p", "1", "--budget", "60s"], &["--sleep", "--unit", "50"]);
    let start = Instant::now();
    while festina.processes_left("known-answer") < 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing was started");
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    Call::of(child.wait_with_output().unwrap()).code(130);
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(festina.processes_left("known-answer"), 0);
}

#[test]
fn kill_nine_loses_the_run_in_flight_at_most() {
    let festina = Festina::new();
    let mut child = festina.start(
        &["--p", "1,2", "--budget", "60s", "--accept-noise"],
        &["--sleep", "--unit", "0.2", "--workers", "{p}"],
    );
    wait_for_runs(&festina, 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = festina.runs_kept();
    let result = festina.run(&["scale", "--from", "latest", "--json"]).json(0);
    assert_eq!(result["provenance"]["runs"], kept);
    assert!(codes(&result).contains(&"cut-off"), "{:?}", codes(&result));
    let start = Instant::now();
    while festina.processes_left("known-answer") > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "the run in flight is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_full_disk_ends_in_one_error_and_keeps_what_was_measured() {
    let festina = Festina::new();
    let full = festina.shell("ulimit -f 6; festina scale --p 1,2 --check none --accept-noise -- sleep 0.01");
    full.refuses(3, &["no space left to write", "--from"]);
    assert!(festina.runs_kept() > 3, "{}", festina.runs_kept());
    festina.run(&["scale", "--from", "latest"]).code(0);
    // Where not even the beginning can be written, no run is left.
    let tiny = festina.shell("ulimit -f 1; festina scale --state other -- true");
    tiny.refuses(3, &["no space left to write"]);
    assert_eq!(std::fs::read_dir(festina.path().join("other")).unwrap().count(), 0);
}

#[test]
fn a_state_folder_that_cannot_be_is_told() {
    let festina = Festina::new();
    festina.write("file", "");
    festina.run(&["scale", "--state", "file/state", "--", "true"]).refuses(2, &["cannot create file/state"]);
    festina.run(&["scale", "--state", "/sys/state", "--", "true"]).refuses(3, &["cannot create /sys/state"]);
}

#[test]
fn a_corrupt_state_folder_is_read_as_far_as_it_goes_or_refused() {
    let festina = Festina::new();
    festina.scale(&quick(&[]), &["--sleep", "--unit", "0.1", "--workers", "{p}"]).code(0);
    let folder = festina.path().join(".festina").join(&festina.stored()[0]);
    for name in ["request.json", "machine.json", "samples.jsonl", "notes.jsonl"] {
        let path = folder.join(name);
        let whole = std::fs::read(&path).unwrap();
        for step in 0..6 {
            let at = whole.len() * step / 6;
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << step;
            for broken in [&whole[..at], &flipped] {
                std::fs::write(&path, broken).unwrap();
                let call = festina.run(&["scale", "--from", "latest"]);
                assert!(!call.errors().contains("panicked"), "{name} at {at}: {}", call.errors());
                match call.errors().is_empty() {
                    true => assert!(!call.output().is_empty()),
                    false => call.refuses(2, &[name]),
                }
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
    std::fs::remove_file(folder.join("notes.jsonl")).unwrap();
    std::fs::remove_file(folder.join("machine.json")).unwrap();
    let result = festina.run(&["scale", "--from", "latest", "--json"]).json(0);
    assert!(["no-notes", "no-machine", "cut-off"].iter().all(|code| codes(&result).contains(code)));
    std::fs::remove_file(folder.join("samples.jsonl")).unwrap();
    festina.run(&["scale", "--from", "latest"]).refuses(2, &["samples.jsonl"]);
}

#[test]
fn output_that_cannot_be_written_takes_nothing_from_the_screen() {
    let festina = Festina::new();
    festina.scale(&quick(&[]), &["--sleep", "--unit", "0.1", "--workers", "{p}"]).code(0);
    let call = festina.run(&["scale", "--from", "latest", "--html", "/dev/full"]);
    call.refuses(3, &["failed to write /dev/full"]);
    assert!(call.output().contains("speed-up"), "{}", call.output());
    festina.shell("festina scale --from latest >/dev/full").refuses(3, &["standard output"]);
    // A reader that has seen enough is no error.
    let piped = festina.shell("festina scale --from latest | head -1; exit ${PIPESTATUS[0]}");
    piped.code(0);
    assert!(piped.errors().is_empty(), "{}", piped.errors());
}

#[test]
fn a_csv_has_a_number_a_column() {
    let festina = Festina::new();
    festina.scale(&quick(&[]), &["--sleep", "--unit", "0.2", "--workers", "{p}"]).code(0);
    let text = festina.run(&["scale", "--from", "latest", "--csv"]).output();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0][5], lines[2][1]), (3, "time_s", "2"), "{text}");
    let number = |name: &str| {
        let column = lines[0].iter().position(|title| *title == name).unwrap();
        lines[2][column].parse::<f64>().unwrap()
    };
    assert!((0.1..0.2).contains(&number("time_s")), "{text}");
    assert!((number("speedup") / 2.0 - number("efficiency")).abs() < 1e-9);
}

#[test]
fn a_plain_locale_gets_plain_text() {
    let festina = Festina::new();
    for verb in ["laws", "cores"] {
        let plain = festina.command().arg(verb).env("LC_ALL", "C").output().unwrap();
        assert!(plain.stdout.is_ascii(), "{}", String::from_utf8_lossy(&plain.stdout));
    }
}

#[test]
fn affinity_decides_how_many_workers_there_are() {
    let festina = Festina::new();
    let cores =
        Command::new("taskset").args(["-c", "0", env!("CARGO_BIN_EXE_festina"), "cores"]).output().unwrap();
    assert!(String::from_utf8_lossy(&cores.stdout).starts_with("Use 1 worker:"));
    // More than there are is allowed, and told.
    let result = festina
        .run(&["scale", "--p", "1,4096", "--budget", "2s", "--accept-noise", "--json", "--", "echo", "x"])
        .json(0);
    let told = |finding: &serde_json::Value| finding["message"].as_str().unwrap().contains("p = 4096");
    assert!(result["findings"].as_array().unwrap().iter().any(told), "{:?}", codes(&result));
}

#[test]
fn weak_scaling_grows_the_size_of_its_forecasts_too() {
    let festina = Festina::new();
    let arguments = ["--weak", "--n", "100", "--p", "1,2,4", "--budget", "6s", "--at", "p=8"];
    let program = ["--sleep", "--n", "{n}", "--unit", "1e-3", "--exponent", "1", "--workers", "{p}"];
    let result = festina.scale(&[&arguments[..], &["--accept-noise", "--json"]].concat(), &program).json(0);
    assert_eq!(
        (result["forecasts"][0]["n"].as_f64(), result["forecasts"][0]["p"].as_u64()),
        (Some(800.0), Some(8))
    );
    assert_eq!(result["scaling"][0]["weak"], true);
    // 0.1 s a worker, whatever their number.
    let time = festina::f64_at(&result["forecasts"][0]["time_s"], "value");
    assert!((0.08..0.2).contains(&time), "{time}");
}

#[test]
fn tasks_that_cannot_be_simulated_are_named() {
    let festina = Festina::new();
    for (tasks, part) in [
        ("id,duration_s,deps\na,1,b\nb,1,a\n", "depend on each other: a"),
        ("id,duration_s,deps\na,1,z\n", "'z', which doesn't exist"),
        ("id,duration_s\na,1\na,2\n", "appears twice"),
        ("id,duration_s\na,-1\n", "not negative"),
        ("id,duration_s\na,soon\n", "'soon'"),
        ("name,duration_s\na,1\n", "no column 'id'"),
    ] {
        festina.write("tasks.csv", tasks);
        let call = festina.run(&["scale", "--simulate", "tasks.csv", "--p", "1..4"]);
        call.code(2);
        assert!(call.errors().contains(part) && call.errors().contains("line "), "{}", call.errors());
    }
    festina.write("tasks.csv", "id,duration_s\na,0\n");
    let idle = festina.run(&["scale", "--simulate", "tasks.csv", "--p", "1..4"]);
    idle.code(0);
    assert!(!idle.output().contains("NaN"), "{}", idle.output());
    let endless = festina.run(&["scale", "--simulate", "tasks.csv", "--p", "1..4000000000"]);
    endless.refuses(2, &["too many"]);
}
