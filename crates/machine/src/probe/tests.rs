use super::*;

/// A probe of a machine without files, for comparing readings made by hand.
fn probe(busy: Option<BusyClock>) -> Probe {
    let mut probe = Probe::open(&Source::at("/nonexistent"));
    probe.cpus = "0-1".parse().unwrap();
    probe.tick = Seconds(0.01);
    probe.busy = busy;
    probe
}

fn reading(at: f64, idle: u64, steal: u64) -> Reading {
    Reading { at: Seconds(at), times: Some(CpuTimes { cpus: 2, idle, steal }), ..Reading::default() }
}

fn schedstat() -> BusyClock {
    BusyClock::Schedstat(File::open("/dev/null").unwrap())
}

#[test]
fn busy_time_of_others_is_what_is_neither_idle_nor_stolen_nor_ours() {
    let mut probe = probe(None);
    probe.before = reading(100.0, 1000, 50);
    // 2 CPUs for 10 s are 20 s: 12 s idle, 1 s stolen, 4 s ours leave 3 s.
    let conditions = probe.compare(&reading(110.0, 2200, 150), Seconds(4.0));
    assert!((conditions.other_cpu.unwrap().0 - 3.0).abs() < 1e-9);
    assert!((conditions.steal.unwrap().0 - 1.0).abs() < 1e-9);
    assert_eq!(conditions.resolution, Some(Seconds(0.01 * 2.0_f64.sqrt())));
}

#[test]
fn a_fine_clock_is_bounded_by_elapsed_and_by_idle_time() {
    let mut probe = probe(Some(schedstat()));
    let fine = |at, idle, busy_ns: [u64; 2]| Reading { busy_ns: busy_ns.to_vec(), ..reading(at, idle, 0) };
    probe.before = fine(0.0, 0, [0, 0]);
    let other = |after: &Reading| probe.compare(after, Seconds(0.0)).other_cpu.unwrap().0;
    // 1 s on two CPUs, idle for 1.94 s by ticks; the fine clock says 50 ms + 3 ms.
    assert!((other(&fine(1.0, 194, [50_000_000, 3_000_000])) - 0.053).abs() < 1e-9);
    // One CPU lumps in 9 s from before the start: it was busy for 1 s at most.
    assert!((other(&fine(1.0, 100, [9_000_000_000, 0])) - 1.0).abs() < 1e-9);
    // A hog that was never switched: idle time tells of 1 s, less a tick a CPU.
    assert!((other(&fine(1.0, 100, [0, 0])) - 0.98).abs() < 1e-9);
}

#[test]
fn suspension_pressure_and_throttling_are_differences() {
    let mut probe = probe(None);
    let at = |suspended, total, throttled| Reading {
        suspended: Seconds(suspended),
        pressure_us: [Some(total), None, Some(7)],
        throttled: Some(Throttled { periods: throttled, time_ns: throttled * 1_000_000_000 }),
        load: Some(total as f64 / 1e6),
        ..Reading::default()
    };
    probe.before = at(5.0, 1_000_000, 3);
    let conditions = probe.compare(&at(65.0, 1_250_000, 10), Seconds(0.0));
    assert_eq!(conditions.suspended, Some(Seconds(60.0)));
    assert_eq!(conditions.cpu_pressure, Some(Seconds(0.25)));
    assert_eq!((conditions.memory_pressure, conditions.io_pressure), (None, Some(Seconds(0.0))));
    assert_eq!((conditions.throttled_periods, conditions.load_1m), (Some(7), Some(1.0)));
    assert_eq!(conditions.throttled, Some(Seconds(7.0)));
    assert_eq!((conditions.other_cpu, conditions.resolution), (None, None));
    let conditions = probe.compare(&at(5.000_01, 1_000_000, 3), Seconds(0.0));
    assert_eq!(conditions.suspended, Some(Seconds(0.0)));
}

#[test]
fn a_machine_that_tells_nothing_gives_no_evidence() {
    let mut probe = Probe::open(&Source::at("/nonexistent"));
    probe.start(&"0-3".parse().unwrap());
    let conditions = probe.finish(Seconds(0.0));
    let silent = Conditions { suspended: Some(Seconds(0.0)), ..Conditions::default() };
    assert_eq!(conditions, silent);
}

#[test]
fn a_cpu_that_went_offline_leaves_nothing_to_compare() {
    let mut probe = probe(None);
    probe.before = reading(0.0, 1000, 50);
    let mut after = reading(1.0, 500, 20);
    after.times = after.times.map(|times| CpuTimes { cpus: 1, ..times });
    let conditions = probe.compare(&after, Seconds(0.0));
    assert_eq!((conditions.steal, conditions.other_cpu), (None, None));
}
