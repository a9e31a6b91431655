//! The probe on a machine made of files, which are written anew between its two readings.

mod fake;

use std::time::Duration;

use fake::Fake;
use festina_machine::{Probe, Signals};
use festina_types::Seconds;

const GROUPS: [(&str, &str); 3] = [
    ("/proc/self/mountinfo", "29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
    ("/proc/self/cgroup", "0::/batch/job\n"),
    ("/sys/fs/cgroup/batch/cpu.max", "150000 100000\n"),
];

fn noisy_machine() -> Fake {
    let frequency = |cpu: u32| format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq");
    GROUPS
        .into_iter()
        .fold(Fake::of_sockets(1, 4, 1), |fake, (path, text)| fake.with(path, text))
        .with("/proc/stat", "cpu  9 0 9 400 0 0 0 0\ncpu0 1 0 1 100 0 0 0 5\ncpu1 2 0 2 100 0 0 0 5\n")
        .with("/proc/schedstat", "version 15\ncpu0 0 0 0 0 0 0 1000000000 0 0\ncpu1 0 0 0 0 0 0 0 0 0\n")
        .with(
            "/proc/pressure/cpu",
            "some avg10=12.50 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 total=0\n",
        )
        .with("/proc/pressure/io", "some avg10=40.00 avg60=0.00 avg300=0.00 total=5\n")
        .with("/proc/loadavg", "2.50 1.00 0.50 3/111 11318\n")
        .with("/sys/fs/cgroup/batch/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_usec 7\n")
        .with(&format!("{}/scaling_cur_freq", frequency(0)), "2000000\n")
        .with(&format!("{}/scaling_cur_freq", frequency(1)), "3000000\n")
        .with(&format!("{}/scaling_governor", frequency(0)), "schedutil\n")
        .with("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n")
}

#[test]
fn what_changes_between_two_readings_is_told() {
    let fake = noisy_machine();
    let mut probe = Probe::open(&fake.source());
    probe.start(&"0-1".parse().unwrap());
    let fake = fake
        .with("/proc/stat", "cpu  9 0 9 400 0 0 0 0\ncpu0 1 0 1 100 0 0 0 7\ncpu1 2 0 2 100 0 0 0 6\n")
        .with("/proc/pressure/cpu", "some avg10=12.50 avg60=0.00 avg300=0.00 total=1500000\n")
        .with("/proc/loadavg", "9.00 1.00 0.50 3/111 11318\n")
        .with("/sys/fs/cgroup/batch/cpu.stat", "nr_periods 9\nnr_throttled 6\n");
    let conditions = probe.finish(Seconds(0.0));
    assert!((conditions.steal.unwrap().0 - 0.03).abs() < 1e-9);
    assert_eq!(conditions.steal_resolution, Some(Seconds(0.01 * 2.0_f64.sqrt())));
    assert_eq!(conditions.cpu_pressure, Some(Seconds(0.5)));
    assert_eq!((conditions.memory_pressure, conditions.io_pressure), (None, Some(Seconds(0.0))));
    assert_eq!(conditions.throttled_periods, Some(4));
    assert_eq!(conditions.frequency_mhz, Some(2500.0));
    assert_eq!(conditions.load_1m, Some(2.5));
    drop(fake);
}

#[test]
fn the_fine_clock_of_a_large_machine_is_read_to_its_end() {
    let schedstat = |busy_ns: u64| {
        let domain = "domain0 SMT 00000000,00000003 ".to_owned() + &"0 ".repeat(300);
        let lines = (0..400).map(|cpu| format!("cpu{cpu} 0 0 0 0 0 0 {busy_ns} 0 0\n{domain}\n{domain}\n"));
        "version 15\ntimestamp 1\n".to_owned() + &lines.collect::<String>()
    };
    let stat =
        |idle: u64| (0..400).map(|cpu| format!("cpu{cpu} 0 0 0 {idle} 0 0 0 0 0 0\n")).collect::<String>();
    let fake = Fake::new().with("/proc/stat", &stat(0)).with("/proc/schedstat", &schedstat(0));
    let mut probe = Probe::open(&fake.source());
    probe.start(&"396-399".parse().unwrap());
    let _fake = fake.with("/proc/stat", &stat(1_000_000)).with("/proc/schedstat", &schedstat(1_000));
    let conditions = probe.finish(Seconds(0.0));
    // 4 CPUs for 1 µs each; by the ticks alone they were idle throughout.
    assert!((conditions.other_cpu.unwrap().0 - 4e-6).abs() < 1e-12);
    // A tick of 10 ms, on 4 CPUs.
    assert_eq!(conditions.resolution, Some(Seconds(0.02)));
}

#[test]
fn another_set_of_cpus_gets_its_own_counters() {
    let fake = noisy_machine();
    let mut probe = Probe::open(&fake.source());
    probe.start(&"0".parse().unwrap());
    assert_eq!(probe.finish(Seconds(0.0)).frequency_mhz, Some(2000.0));
    probe.start(&"1".parse().unwrap());
    assert_eq!(probe.finish(Seconds(0.0)).frequency_mhz, Some(3000.0));
    probe.start(&"3".parse().unwrap());
    let silent = probe.finish(Seconds(0.0));
    assert_eq!((silent.steal, silent.steal_resolution, silent.frequency_mhz), (None, None, None));
}

#[test]
fn preflight_warns_with_the_evidence_and_what_to_do() {
    let fake = noisy_machine();
    let machine = fake.detect();
    let signals = Signals::observe(&fake.source(), &machine, Duration::ZERO);
    let findings = signals.findings(&machine, 4);
    let text: Vec<_> =
        findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
    let expected = [
        "busy-machine: in 12.5 % of the last 10 s some program waited for a CPU (PSI cpu some avg10)",
        "io-pressure: in 40.0 % of the last 10 s some program waited for storage (PSI)",
        "quota-below-workers: a quota of 1.5 CPUs is below 4 workers: they are throttled in periods of 100 ms, which \
         measures the quota and not the program",
        "frequency-governor: the frequency governor is 'schedutil': short runs may begin at a low frequency",
        "turbo: turbo is on: a run on one worker may have a higher frequency than one on many, which lowers speed-up",
    ];
    assert_eq!(text, expected);
    assert_eq!(findings[2].hint.as_deref(), Some("measure up to --p 1"));
}

#[test]
fn thresholds_are_those_of_the_documentation() {
    let machine = Fake::of_sockets(1, 4, 1).detect();
    let codes = |signals: &Signals, workers| {
        signals.findings(&machine, workers).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(codes(&Signals::default(), 4), none);
    let quiet = Signals {
        cpu_pressure: Some(0.10),
        steal: Some(0.01),
        other_cpu: Some(0.05),
        load_1m: Some(64.0),
        governor: Some("powersave".into()),
        frequency_driver: Some("intel_pstate".into()),
        turbo: Some(false),
        ..Signals::default()
    };
    assert_eq!(codes(&quiet, 4), none);
    let noisy = Signals { steal: Some(0.011), other_cpu: Some(0.051), turbo: Some(true), ..quiet };
    assert_eq!(codes(&noisy, 1), ["steal", "busy-machine"]);
    assert_eq!(codes(&noisy, 5), ["steal", "busy-machine", "oversubscribed", "turbo"]);
    // The load average speaks only where nothing better does.
    assert_eq!(codes(&Signals { load_1m: Some(2.1), ..Signals::default() }, 4), ["busy-machine"]);
    assert_eq!(codes(&Signals { load_1m: Some(2.0), ..Signals::default() }, 4), none);
}
