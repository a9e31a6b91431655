//! What is counted, against programs that know what they use.

use festina_machine::CpuSet;
use festina_run::{Accounting, Launch, Outcome};
use festina_types::{Seconds, Workers};

use crate::{launch, one_of_five, python, run, sh, text};

/// Burns CPU time, and prints how much the process has used by its own clock.
const BURN: &str =
    "import time\nwhile time.process_time() < 0.5: sum(range(20000))\nprint(time.process_time())";

/// Returns a CPU that this process may use.
fn some_cpu() -> CpuSet {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let cpus: CpuSet = list.trim().parse().unwrap();
    [cpus.iter().last().unwrap()].into_iter().collect()
}

fn accounting(outcome: &Outcome, workers: u32) -> Accounting {
    Accounting::new(&outcome.usage, None, Workers::new(workers).unwrap())
}

/// Returns whether two times agree within a part of the expected one and some seconds.
fn close(seconds: f64, expected: f64, relative: f64, absolute: f64) -> bool {
    (seconds - expected).abs() <= expected.abs() * relative + absolute
}

#[test]
fn cpu_time_is_what_the_program_says() {
    let outcome = run(&python(BURN).cpus(some_cpu()));
    let own: f64 = text(&outcome.output.bytes).trim().parse().unwrap();
    // What it uses after it has looked: a few milliseconds to end.
    let usage = outcome.usage;
    assert!(close(usage.cpu().0, own, 0.02, 0.01), "{usage:?} for {own}");
    assert!(usage.user.0 > 0.8 * own);
}

#[test]
fn one_thread_on_one_cpu_is_accounted_for_without_rest() {
    let mixed = "import time\nfor _ in range(10):\n  time.sleep(0.03); end = time.process_time() + 0.03\n  while time.process_time() < end: pass";
    for launch in [python(BURN), launch("sleep", &["0.5"]), python(mixed)] {
        let launch = launch.cpus(some_cpu());
        // The counters come from three clocks: CPU time, run queue, and ours on the wall. Where other programs
        // hold the CPU when this one starts or ends, the wall's clock runs on for some of their time slices: that is
        // not between start and end for the kernel, so that the best of some runs is asked for.
        let rest = |outcome: &Outcome| {
            let (usage, accounting) = (outcome.usage, accounting(outcome, 1));
            assert!(close(accounting.total().0, usage.wall.0, 1e-9, 0.0));
            let terms = usage.cpu().0 + usage.run_delay.unwrap().0 + usage.blocked.unwrap().0;
            (terms / usage.wall.0 - 1.0).abs().max(accounting.unused.0 / usage.wall.0)
        };
        one_of_five("all time is accounted for", || rest(&run(&launch)) < 0.01);
    }
}

#[test]
fn sleep_is_blocked_time() {
    let usage = run(&launch("sleep", &["0.5"])).usage;
    assert!(usage.blocked.unwrap().0 > 0.45 && usage.cpu().0 < 0.1, "{usage:?}");
    assert!(usage.voluntary_switches >= 1);
}

#[test]
fn a_sleeper_fills_one_of_two_slots() {
    let mut launch = launch("sleep", &["0.5"]);
    launch.workers = Workers::new(2);
    one_of_five("half is blocked, half unused", || {
        let accounting = accounting(&run(&launch), 2);
        close(accounting.blocked.0, 0.5, 0.05, 0.02) && close(accounting.unused.0, 0.5, 0.1, 0.02)
    });
}

#[test]
fn two_processes_on_one_cpu_wait_for_each_other() {
    // Both end at the same time of the wall clock, so that both always want the CPU.
    let script = "python3 -c \"$BURN\" & python3 -c \"$BURN\" & wait";
    let burn = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass";
    let mut launch = sh(script).cpus(some_cpu());
    launch.environment.set("BURN", burn);
    one_of_five("each waits for the other", || {
        let outcome = run(&launch);
        let (usage, accounting) = (outcome.usage, accounting(&outcome, 1));
        assert!(usage.involuntary_switches > 10 && usage.peak_processes == 3);
        // Whatever else runs there: two threads alive, each on the CPU or waiting for it. They lose nothing to
        // each other: what is charged is what strangers took of the CPU.
        let run_delay = usage.run_delay.unwrap().0;
        let strangers = (usage.wall.0 - usage.cpu().0).max(0.0);
        close(run_delay + usage.cpu().0, 2.0 * usage.wall.0, 0.12, 0.0)
            && run_delay > 0.85 * usage.cpu().0
            && close(accounting.run_delay.0, strangers, 0.05, 0.02)
    });
}

#[test]
fn threads_are_counted_and_their_waits_summed() {
    let script = "import threading, time\nts = [threading.Thread(target=time.sleep, args=(0.5,)) for _ in range(7)]\n[t.start() for t in ts]\n[t.join() for t in ts]";
    let mut launch = python(script);
    launch.workers = Workers::new(4);
    let outcome = run(&launch);
    assert_eq!((outcome.usage.peak_threads, outcome.usage.peak_processes), (8, 1));
    // Eight wait, and fill the four slots.
    let blocked = outcome.usage.blocked.unwrap();
    assert!(blocked.0 > 1.8 && blocked.0 <= 4.0 * outcome.usage.wall.0, "{blocked:?}");
}

#[test]
fn time_of_children_is_counted_whether_they_are_waited_for_or_not() {
    let burn = "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'";
    for script in
        [burn.to_owned(), format!("{burn} & {burn} & wait"), format!("{burn} & sleep 0.05; exec sleep 4")]
    {
        let outcome = run(&sh(&script));
        let expected = if script.contains("wait") { 0.6 } else { 0.3 };
        let cpu = outcome.usage.cpu().0;
        assert!((expected..expected + 0.3).contains(&cpu), "{cpu} s for {script}");
        assert_eq!(outcome.findings, []);
    }
}

#[test]
fn what_is_too_short_to_be_seen_is_mentioned() {
    // Each lives a millisecond or two: CPU time is exact, the wait for a CPU is not known.
    let outcome = run(&sh("i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done"));
    assert_eq!(outcome.findings[0].code, "short-lived-processes");
    let thorough = run(&python("sum(range(20_000_000))"));
    assert_eq!(thorough.findings, []);
}

#[test]
fn bytes_are_counted() {
    let outcome = run(&sh("head -c 5000000 /dev/zero > /dev/null; head -c 3000000 /dev/zero | wc -c"));
    let (read, written) = (outcome.usage.read.unwrap().0, outcome.usage.written.unwrap().0);
    // Eight million from zero and three more through the pipe; some for programs and libraries.
    assert!((11_000_000..11_500_000).contains(&read), "{read}");
    assert!((8_000_000..8_100_000).contains(&written), "{written}");
}

#[test]
fn programs_run_where_they_are_told() {
    let cpu = some_cpu();
    let print = "import os; print(*os.sched_getaffinity(0))";
    let outcome = run(&python(print).cpus(cpu.clone()));
    assert_eq!(text(&outcome.output.bytes).trim(), cpu.to_string());
    assert_eq!(run(&launch("nproc", &[]).cpus(cpu)).output.bytes, b"1\n");
    // The mask of one run is not that of the next.
    let own = std::thread::available_parallelism().unwrap();
    let expected: usize = text(&run(&launch("nproc", &[])).output.bytes).trim().parse().unwrap();
    assert!(expected >= own.get());
}

#[test]
fn niceness_is_set_before_the_first_instruction() {
    let mut launch: Launch = launch("nice", &[]);
    launch.nice = Some(11);
    assert_eq!(run(&launch).output.bytes, b"11\n");
}

#[test]
fn wall_time_is_from_start_to_end() {
    let usage = run(&launch("sleep", &["0.2"])).usage;
    assert!((0.2..2.0).contains(&usage.wall.0), "{:?}", usage.wall);
    assert_eq!(usage.peak_threads, 1);
    assert!(usage.minor_faults > 0 && usage.wall > Seconds(0.0));
}
