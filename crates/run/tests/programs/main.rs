//! Runs real programs (`sh`, `python3` and what is in every Linux) and looks at what is told of them, and at what
//! is left of them: nothing.
#![allow(clippy::print_stderr, reason = "a test that cannot run here says so")]

mod counters;
mod descendants;
mod endings;
mod light;
mod memory;
mod streams;

use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use festina_run::{Environment, Launch, Outcome, RunError, Runner, Sink};
use festina_types::CancelToken;

fn environment() -> Environment {
    Environment::from_iter([("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), ("LC_ALL", "C")])
}

/// Returns a launch of `program` whose streams are captured.
fn launch(program: &str, arguments: &[&str]) -> Launch {
    Launch::new(program, environment())
        .arguments(arguments.iter().copied())
        .output(Sink::capture())
        .errors(Sink::capture())
}

fn sh(script: &str) -> Launch {
    launch("sh", &["-c", script])
}

fn python(script: &str) -> Launch {
    launch("python3", &["-c", script])
}

fn try_run(launch: &Launch) -> Result<Outcome, RunError> {
    Runner::new()?.run(launch, &CancelToken::new(), &mut ())
}

fn run(launch: &Launch) -> Outcome {
    try_run(launch).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the ids of the processes of this machine that have `marker` in their arguments.
fn processes_with(marker: &str) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(marker)
        })
        .collect()
}

/// Returns a number of seconds that no other test sleeps, to be found by [`processes_with`]: none is the beginning of another.
fn unique_sleep(offset: u32) -> String {
    assert!(offset < 100);
    format!("7{:07}.{offset:02}", std::process::id())
}

/// Waits until `condition` holds; panics after ten seconds.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Tries a measurement again where other load on the machine may have spoilt it, five times.
#[track_caller]
fn one_of_five(what: &str, mut holds: impl FnMut() -> bool) {
    assert!((0..5).any(|_| holds()), "not in one of five runs: {what}");
}

/// Returns bytes as an argument.
fn raw(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}
