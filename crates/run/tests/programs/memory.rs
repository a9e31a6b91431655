//! Memory: its peak, its limit, and the kernel's own limit.

use std::fs;
use std::path::PathBuf;

use festina_types::{Bytes, Status};

use crate::{launch, one_of_five, processes_with, python, run, sh, text, unique_sleep};

const MB: u64 = 1_000_000;

#[test]
fn the_peak_is_that_of_the_program() {
    // Freed before the end, and higher than at any later time.
    let outcome = run(&python("b = bytearray(200_000_000); del b; print('x')"));
    assert!((200 * MB..230 * MB).contains(&outcome.usage.peak_rss.0), "{}", outcome.usage.peak_rss);
}

#[test]
fn the_peak_is_what_the_program_itself_says() {
    let script = "import resource\nb = bytearray(90_000_000)\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)";
    let outcome = run(&python(script));
    let own: u64 = text(&outcome.output.bytes).trim().parse().unwrap();
    let difference = outcome.usage.peak_rss.0.abs_diff(own << 10);
    assert!(difference < 2 * MB, "{} for {own} KiB", outcome.usage.peak_rss);
}

/// Some milliseconds: the first sample comes before most of the memory is touched, or none comes.
#[test]
fn the_peak_of_a_program_that_ends_at_once_is_its_own() {
    // Where another test makes this process large meanwhile, so is what the kernel says of every program.
    one_of_five("20 peaks are the programs' own", || {
        (0..20).all(|_| {
            let outcome = run(&launch("dd", &["if=/dev/zero", "of=/dev/null", "bs=50000000", "count=1"]));
            (50 * MB..60 * MB).contains(&outcome.usage.peak_rss.0)
        })
    });
}

#[test]
fn the_peak_of_a_small_program_is_not_ours() {
    let ballast = vec![1_u8; 100 << 20];
    let outcome = run(&launch("sleep", &["0.1"]));
    assert!(
        outcome.usage.peak_rss.0 > 100_000 && outcome.usage.peak_rss.0 < 10 * MB,
        "{}",
        outcome.usage.peak_rss
    );
    assert_eq!(ballast.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 100 << 20);
}

#[test]
fn memory_of_processes_at_one_time_is_summed() {
    let hog = "python3 -c 'import time; b = bytearray(100_000_000); time.sleep(0.8)'";
    let together = run(&sh(&format!("{hog} & {hog} & wait"))).usage.peak_rss.0;
    assert!((200 * MB..245 * MB).contains(&together), "{together}");
    let in_turn = run(&sh(&format!("{hog}; {hog}"))).usage.peak_rss.0;
    assert!((100 * MB..130 * MB).contains(&in_turn), "{in_turn}");
}

#[test]
fn shared_memory_is_counted_once() {
    let script = "import os, time\nb = bytearray(200_000_000)\nfor _ in range(3):\n  if os.fork() == 0:\n    time.sleep(0.6); os._exit(0)\nfor _ in range(3): os.wait()";
    let peak = run(&python(script)).usage.peak_rss.0;
    assert!((200 * MB..260 * MB).contains(&peak), "{peak}");
}

#[test]
fn a_hog_is_stopped_at_its_limit_with_all_of_its_processes() {
    let sleep = unique_sleep(30);
    // Five megabytes a step, so that what it takes between two samples stays small.
    let hog =
        "python3 -c 'import time\nb = []\nwhile True: b.append(bytearray(5_000_000)); time.sleep(0.005)'";
    let mut launch = sh(&format!("sleep {sleep} & {hog}; sleep {sleep}"));
    launch.memory_limit = Some(Bytes(150 * MB));
    let outcome = run(&launch);
    assert_eq!(outcome.status, Status::OutOfMemory);
    assert!((150 * MB..300 * MB).contains(&outcome.usage.peak_rss.0), "{}", outcome.usage.peak_rss);
    assert_eq!(outcome.findings[0].code, "memory-limit");
    assert!(processes_with(&sleep).is_empty());
}

#[test]
fn what_stays_below_its_limit_is_left_alone() {
    let script = "import os, time\nb = bytearray(100_000_000)\nif os.fork() == 0:\n  time.sleep(0.3); os._exit(0)\nos.wait()";
    let mut launch = python(script);
    // Below the sum of what is shared.
    launch.memory_limit = Some(Bytes(160 * MB));
    assert_eq!(run(&launch).status, Status::Finished);
}

/// A control group with a memory limit of 60 MB, removed in the end.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let name = format!("festina-test-{}", std::process::id());
        for (root, limit) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let group = Self(PathBuf::from(root).join(&name));
            if fs::create_dir(&group.0).is_ok() && fs::write(group.0.join(limit), "60000000").is_ok() {
                let _ = fs::write(group.0.join("memory.swap.max"), "0");
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_kill_by_the_kernel_for_memory_is_told_apart() {
    // By someone, but not by us, and not for memory.
    assert_eq!(run(&sh("kill -9 $$")).status, Status::Killed { signal: libc::SIGKILL });
    assert_eq!(run(&sh("exit 137")).status, Status::Failed { code: 137 });
    let Some(group) = Group::new() else {
        eprintln!("not tested: no control group with a memory limit can be made here");
        return;
    };
    let hog = "exec python3 -c 'b = bytearray(300_000_000)'";
    let direct = run(&sh(&format!("echo $$ > {}/cgroup.procs; {hog}", group.0.display())));
    assert_eq!(direct.status, Status::OutOfMemory, "{}", text(&direct.errors.bytes));
    assert_eq!(direct.findings[0].code, "killed-for-memory");
    // The shell survives, and says 137.
    let below = run(&sh(&format!(
        "(echo $$ >/dev/null; sh -c 'echo $$ > {}/cgroup.procs; {}')",
        group.0.display(),
        hog.replace('\'', "\"")
    )));
    assert_eq!(below.status, Status::OutOfMemory, "{}", text(&below.errors.bytes));
}
