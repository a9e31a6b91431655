//! The example program, interrupted in every way: nothing is lost, and nothing is left running.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use festina_run::tasks::{Reading, RunFolder};

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/festina-run");
    assert!(path.is_file(), "cargo builds examples before tests: {}", path.display());
    path
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn signal(child: &Child, signal: i32) {
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waiting for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Returns how many processes have `text` in their command lines.
fn n_processes_with(text: &str) -> usize {
    let folders = fs::read_dir("/proc").unwrap().flatten();
    let lines = folders.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").starts_with(text)).count()
}

/// Returns a command that only this test runs, `sleep` for some hours.
fn own_sleep(index: u32) -> String {
    format!("sleep {}", 1_000_000_000 + u64::from(std::process::id()) * 100 + u64::from(index))
}

#[test]
fn nothing_is_left_running_however_it_is_stopped() {
    let (int, term, hup, kill) = (2, 15, 1, 9);
    for (index, signals) in [vec![int, int], vec![term], vec![hup], vec![kill]].into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let sleep_command = own_sleep(index as u32);
        // A child in the background, one in a session of its own, a daemon, and one that ignores SIGTERM.
        let script = format!(
            "{sleep_command} & setsid {sleep_command} & (setsid {sleep_command} &) ; trap '' TERM INT; {sleep_command}; : {{}}"
        );
        let mut child =
            command(folder.path(), &["-j2", "sh", "-c", &script, ":::", "a", "b"]).spawn().unwrap();
        wait_until("all processes", || n_processes_with(&sleep_command) == 8);
        for number in signals {
            signal(&child, number);
            sleep(Duration::from_millis(100));
        }
        let asked = Instant::now();
        wait_until("the end of all processes", || n_processes_with(&sleep_command) == 0);
        // Promised is a second; the others are for a machine that is slow and busy.
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
        let status = child.wait().unwrap();
        if index < 3 {
            assert_eq!(status.code(), Some(130));
        }
    }
}

#[test]
fn the_first_interrupt_lets_tasks_end() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-j2", "--table", "out.csv", "--columns", "input,status,value", "sh", "-c"];
    let script = ["touch started-$0; sleep 2; echo $0", "{}", ":::", "1", "2", "3", "4"];
    let all = [arguments.as_slice(), script.as_slice()].concat();
    let mut child = command(folder.path(), &all).spawn().unwrap();
    wait_until("two tasks", || {
        folder.path().join("started-1").exists() && folder.path().join("started-2").exists()
    });
    signal(&child, 2);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let table = || fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(table(), "input,status,value\n1,finished,1\n2,finished,2\n");
    let again = [&["--resume"], all.as_slice()].concat();
    assert_eq!(command(folder.path(), &again).status().unwrap().code(), Some(0));
    assert_eq!(table(), "input,status,value\n1,finished,1\n2,finished,2\n3,finished,3\n4,finished,4\n");
}

/// Returns the inputs whose outcome is recorded.
fn recorded(folder: &Path) -> BTreeSet<String> {
    let runs = RunFolder::list(&folder.join(".festina"));
    assert!(runs.len() <= 1, "one run is resumed again and again");
    let Some(run) = runs.first() else { return BTreeSet::new() };
    let reading = Reading::read(&run.journal()).unwrap();
    let records = reading.records(&run.journal()).unwrap();
    records.iter().map(|record| record.inputs[0].to_string_lossy().into_owned()).collect()
}

#[test]
fn kill_9_at_any_moment_loses_nothing_and_repeats_nothing() {
    // More of them on demand: FESTINA_KILLS=100.
    let rounds: u32 = std::env::var("FESTINA_KILLS").map_or(5, |text| text.parse().unwrap());
    // Some 50 tasks end before each kill: there is something left to interrupt every time.
    let n_tasks = 60 * (rounds + 1);
    let table = ["--table", "out.csv", "--columns", "task,inputs,outcome,value"];
    let task = [
        "-j2",
        "--resume",
        "sh",
        "-c",
        "echo $0 >> ran; sleep 0.01; echo $(($0 * $0)); exit $(($0 % 7 == 0))",
    ];
    let all = [task.as_slice(), &["{}", "::::", "inputs"]].concat();
    let all = [table.as_slice(), all.as_slice()].concat();
    let inputs: String = (1..=n_tasks).map(|n| format!("{n}\n")).collect();
    let undisturbed = tempfile::tempdir().unwrap();
    fs::write(undisturbed.path().join("inputs"), &inputs).unwrap();
    assert_eq!(command(undisturbed.path(), &all).status().unwrap().code(), Some(1), "each seventh fails");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inputs"), &inputs).unwrap();
    let ran = || -> Vec<String> {
        let text = fs::read_to_string(folder.path().join("ran")).unwrap_or_default();
        let _ = fs::remove_file(folder.path().join("ran"));
        text.lines().map(str::to_owned).collect()
    };
    for round in 0..rounds {
        let before = recorded(folder.path());
        let mut child = command(folder.path(), &all).spawn().unwrap();
        // Moments that are spread over the whole run, by the golden ratio.
        sleep(Duration::from_secs_f64(0.6 * (f64::from(round) * 0.618_033_988_75).fract()));
        let _ = child.kill();
        child.wait().unwrap();
        // What ran at that moment is stopped within a second.
        sleep(Duration::from_millis(50));
        let again: Vec<_> = ran().into_iter().filter(|input| before.contains(input)).collect();
        assert!(again.is_empty(), "ran again: {again:?}");
    }
    let before = recorded(folder.path());
    assert!(before.len() < n_tasks as usize, "the last kill interrupted something");
    assert_eq!(command(folder.path(), &all).status().unwrap().code(), Some(1));
    let last: BTreeSet<_> = ran().into_iter().collect();
    assert!(
        last.is_disjoint(&before) && last.len() + before.len() == n_tasks as usize,
        "exactly what had no outcome"
    );
    let read = |place: &Path| fs::read(place.join("out.csv")).unwrap();
    assert!(read(folder.path()) == read(undisturbed.path()), "byte for byte");
}
