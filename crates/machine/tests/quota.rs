//! A real quota of a real control group, where the tests may make one (as root, version 1 or delegated version 2).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use festina_machine::{Probe, Source, Surroundings, detect};
use festina_types::Seconds;

/// A control group that ends with the test.
struct Group(PathBuf);

impl Group {
    /// Makes a group with a quota of half a CPU below the first hierarchy that allows it.
    fn of_half_a_cpu() -> io::Result<Self> {
        let name = format!("festina-test-{}", std::process::id());
        let version_1 = Path::new("/sys/fs/cgroup/cpu");
        let (parent, file, text) =
            if version_1.join("cpu.cfs_quota_us").exists() || version_1.join("tasks").exists() {
                (version_1, "cpu.cfs_quota_us", "50000")
            } else {
                (Path::new("/sys/fs/cgroup"), "cpu.max", "50000 100000")
            };
        let group = Self(parent.join(name));
        fs::create_dir(&group.0)?;
        fs::write(group.0.join(file), text)?;
        Ok(group)
    }

    /// Runs the ignored test `name` of this binary inside.
    fn run(&self, name: &str) -> bool {
        let script = r#"echo $$ > "$0/cgroup.procs" && exec "$1" --exact "$2" --ignored"#;
        let myself = std::env::current_exe().unwrap();
        Command::new("sh").args(["-c", script]).arg(&self.0).arg(myself).arg(name).status().unwrap().success()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its last process is reaped, so this only fails if the kernel still counts it: nothing is left to do then.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_quota_is_found_and_its_throttling_counted() {
    match Group::of_half_a_cpu() {
        Ok(group) => assert!(group.run("inside_of_half_a_cpu")),
        Err(error) => {
            let refused =
                [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::NotFound];
            assert!(refused.contains(&error.kind()), "{error}");
        }
    }
}

/// Needs real time: the kernel throttles by it.
#[test]
#[ignore = "runs inside the group that the test above makes"]
fn inside_of_half_a_cpu() {
    let source = Source::live();
    let machine = detect(&source, &Surroundings::default());
    assert_eq!(machine.limits.quota, Some(0.5));
    assert_eq!(machine.available_parallelism(), 1);
    assert_eq!(machine.workers.workers, 1);
    if machine.topology.online.len() > 1 {
        assert!(machine.workers.reason.contains("quota of 0.5 CPUs"), "{}", machine.workers);
    }

    let mut probe = Probe::open(&source);
    probe.start(machine.available_cpus());
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        std::hint::black_box(0);
    }
    let throttled = probe.finish(Seconds(0.0)).throttled_periods.unwrap();
    assert!(throttled >= 2, "throttled in {throttled} periods");
}
