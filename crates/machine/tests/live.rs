//! The machine that the tests run on, against other programs that look at it.

mod fake;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use fake::Fake;
use festina_machine::{Machine, Probe, Signals, Source, Surroundings, detect, preflight};
use festina_types::Seconds;

fn live() -> Machine {
    detect(&Source::live(), &Surroundings::default())
}

/// Returns what `program` prints, or `None` if this machine does not have it.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env_remove("OMP_NUM_THREADS").output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn counts_agree_with_the_standard_library_and_nproc() {
    let machine = live();
    let standard = std::thread::available_parallelism().unwrap().get();
    assert_eq!(machine.available_parallelism() as usize, standard);
    // `nproc` of coreutils before 9.8 looks at no quota.
    let nproc: usize = output_of("nproc", &[]).expect("coreutils").trim().parse().unwrap();
    let cpus = machine.available_cpus().len();
    assert!(nproc == cpus || nproc == standard, "nproc says {nproc}, we say {cpus} and {standard}");
    assert!(machine.workers.workers >= 1 && machine.workers.workers as usize <= standard);
}

#[test]
fn counts_agree_under_taskset_too() {
    let first = live().available_cpus().first().unwrap().to_string();
    let myself = std::env::current_exe().unwrap();
    let test = "counts_agree_with_the_standard_library_and_nproc";
    let status = Command::new("taskset").args(["-c", &first]).arg(myself).args(["--exact", test]).status();
    assert!(status.expect("util-linux").success());
}

#[test]
fn a_thread_bound_to_one_cpu_is_told_so() {
    let cpus = live().available_cpus().clone();
    let first = cpus.first().unwrap();
    let bound = std::thread::spawn(move || {
        let mut mask = rustix::thread::CpuSet::new();
        mask.set(first as usize);
        rustix::thread::sched_setaffinity(None, &mask).unwrap();
        live()
    });
    let machine = bound.join().unwrap();
    assert_eq!(machine.available_cpus().to_string(), first.to_string());
    assert_eq!(machine.workers.workers, 1);
    if machine.topology.online.len() > 1 {
        assert!(machine.workers.reason.contains(&format!("affinity mask {first}")), "{}", machine.workers);
    }
}

#[test]
fn topology_agrees_with_lscpu() {
    let Some(text) = output_of("lscpu", &["--parse=CPU,CORE,SOCKET"]) else {
        // Not every system has it; then only the other comparisons are made.
        return;
    };
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.split(',').map(|field| field.parse::<u32>().unwrap_or(0));
        (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap())
    });
    let rows: Vec<_> = rows.collect();
    let distinct =
        |part: &dyn Fn(&(u32, u32, u32)) -> u32| rows.iter().map(part).collect::<BTreeSet<_>>().len();
    let topology = live().topology;
    assert_eq!(topology.online.len(), rows.len());
    assert_eq!(topology.cores.len(), distinct(&|row| row.1));
    assert_eq!(topology.sockets.len(), distinct(&|row| row.2));
}

#[test]
fn memory_agrees_with_the_kernels_own_count() {
    let pages = output_of("getconf", &["_PHYS_PAGES"]).expect("libc-bin").trim().parse::<u64>().unwrap();
    let machine = live();
    let (total, physical) = (machine.memory.total.unwrap().0, pages * rustix::param::page_size() as u64);
    // LXC filters /proc/meminfo, but not the system call.
    if machine.container.as_deref() == Some("lxc") {
        assert!(total <= physical);
    } else {
        assert_eq!(total, physical);
    }
}

#[test]
fn json_survives_a_round_trip() {
    let machine = live();
    let json = serde_json::to_string(&machine).unwrap();
    assert_eq!(serde_json::from_str::<Machine>(&json).unwrap(), machine);
}

/// Burns CPU time on this thread and returns how much.
fn burn(duration: Duration) -> f64 {
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let (before, start) = (cpu(), Instant::now());
    while start.elapsed() < duration {
        std::hint::black_box(0);
    }
    cpu() - before
}

/// Needs real time: what is tested is the kernel's accounting. Whatever else runs here can only add.
#[test]
fn cpu_time_that_is_not_the_runs_own_is_seen() {
    let machine = live();
    let mut probe = Probe::open(&Source::live());
    probe.start(machine.available_cpus());
    let start = Instant::now();
    let burnt = burn(Duration::from_millis(300));
    let conditions = probe.finish(Seconds(0.0));
    let elapsed = start.elapsed().as_secs_f64();
    let other = conditions.other_cpu.unwrap().0;
    // Two ticks of the slowest kernels: this thread was running at both readings.
    assert!(other >= burnt - 0.02, "{other} s seen of {burnt} s");
    assert!(other <= elapsed * machine.available_cpus().len() as f64 + 0.01);
    // The same, known as the run's own, is not held against it.
    probe.start(machine.available_cpus());
    let burnt = burn(Duration::from_millis(100));
    let with_own = probe.finish(Seconds(burnt)).other_cpu.unwrap().0;
    assert!(with_own >= 0.0);
}

#[test]
fn readings_hold_together() {
    let machine = live();
    let mut probe = Probe::open(&Source::live());
    for _ in 0..3 {
        probe.start(machine.available_cpus());
        let conditions = probe.finish(Seconds(0.0));
        assert!(conditions.load_1m.is_some_and(|load| load >= 0.0));
        assert!(conditions.steal.is_some_and(|steal| steal.0 >= 0.0));
        assert_eq!(conditions.suspended, Some(Seconds(0.0)));
        assert_eq!(conditions.resolution, Some(probe.resolution(machine.available_cpus())));
    }
}

#[test]
fn preflight_tells_more_workers_than_cpus() {
    let machine = live();
    let cpus = machine.available_cpus().len() as u32;
    let findings = preflight(&Source::live(), &machine, cpus + 1, Duration::from_millis(20));
    let is_told = |code: &str| findings.iter().any(|finding| finding.code == code);
    assert!(is_told("oversubscribed") || is_told("quota-below-workers"), "{findings:?}");
    let unwatched = Signals::observe(&Source::live(), &machine, Duration::ZERO);
    assert_eq!((unwatched.steal, unwatched.other_cpu), (None, None));
}

/// The script by which people send us odd machines, and the reading of files instead of system calls.
#[test]
fn a_captured_machine_is_detected_as_the_live_one() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machines/capture.sh");
    let bundle = output_of("sh", &[script]).expect("a shell");
    let (captured, machine) = (Fake::of_bundle(&bundle).detect(), live());
    assert_eq!(captured.topology, machine.topology);
    assert_eq!((captured.model, captured.kernel), (machine.model, machine.kernel));
    assert_eq!(captured.container, machine.container);
    assert_eq!(captured.limits.cpus, machine.limits.cpus);
    assert_eq!(captured.limits.quota, machine.limits.quota);
    assert_eq!(captured.limits.memory, machine.limits.memory);
    assert_eq!(captured.limits.list, machine.limits.list);
    assert_eq!(captured.workers, machine.workers);
}
