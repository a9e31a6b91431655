//! Odd machines: each text file in `machines/` unpacks to the root of one, and what is detected there is held by a
//! snapshot. To add one: write what `machines/capture.sh` prints there into a text file, run with
//! `INSTA_UPDATE=always`, and read the snapshot.

mod fake;

use fake::Fake;
use festina_machine::{CpuSet, Regime};
use festina_types::Bytes;

/// One test a machine, so that a failure names it.
macro_rules! snapshots {
    ($($test:ident: $file:literal,)*) => {
        $(#[test]
        fn $test() {
            let machine = Fake::unpack($file).detect();
            insta::assert_snapshot!($file, serde_json::to_string_pretty(&machine).unwrap());
        })*
    };
}

snapshots! {
    arm_only_counted: "arm-only-counted",
    big_little_board: "big-little-board",
    docker_version_1: "docker-version-1",
    empty_files: "empty-files",
    garbage: "garbage",
    hybrid_laptop: "hybrid-laptop",
    kubernetes_pod: "kubernetes-pod",
    lxc_filtered_sys: "lxc-filtered-sys",
    microvm_both_versions: "microvm-both-versions",
    nested_quota: "nested-quota",
    offline_threads_taskset: "offline-threads-taskset",
    power_lsf: "power-lsf",
    sandbox_without_sys: "sandbox-without-sys",
    two_sockets_slurm: "two-sockets-slurm",
}

#[test]
fn the_number_of_workers_comes_with_its_reason() {
    let cases = [
        ("kubernetes-pod", "2 of 64: the container's quota of 2 CPUs (/sys/fs/cgroup/cpu.max 200000 100000)"),
        (
            "nested-quota",
            "1 of 8: the control group's quota of 1.5 CPUs (/sys/fs/cgroup/user.slice/batch.slice/cpu.max 75000 50000)",
        ),
        (
            "docker-version-1",
            "3 of 16: the container's quota of 3.5 CPUs (/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us 350000 of 100000)",
        ),
        ("microvm-both-versions", "2 of 2: all of them, nothing limits this program"),
        ("hybrid-laptop", "12 of 16: one for each physical core"),
        ("offline-threads-taskset", "2 of 4: the affinity mask 0,2"),
        ("power-lsf", "3 of 16: what LSF gave to job 99 (LSB_MCPU_HOSTS=3)"),
        ("empty-files", "1 of 1: all of them, nothing limits this program"),
    ];
    for (file, expected) in cases {
        assert_eq!(Fake::unpack(file).detect().workers.to_string(), expected);
    }
}

#[test]
fn memory_is_what_the_tightest_limit_leaves() {
    const GIB: u64 = 1 << 30;
    // The pod uses 3 GiB of its 4, of which 1 GiB are file pages that the kernel drops first.
    let pod = Fake::unpack("kubernetes-pod").detect();
    assert_eq!(
        (pod.limits.memory, pod.limits.memory_available),
        (Some(Bytes(4 * GIB)), Some(Bytes(2 * GIB)))
    );
    // Version 1 tells of an ancestor's 1 GiB that no folder shows.
    let docker = Fake::unpack("docker-version-1").detect();
    assert_eq!(docker.limits.memory, Some(Bytes(GIB)));
    let taskset = Fake::unpack("offline-threads-taskset").detect();
    assert_eq!(taskset.limits.memory, Some(Bytes(4 * GIB)));
    let slurm = Fake::unpack("two-sockets-slurm").detect();
    assert_eq!(slurm.limits.memory, Some(Bytes(48 * GIB)));
    assert_eq!(Fake::unpack("garbage").detect().limits.memory, None);
}

#[test]
fn placement_fills_cores_nodes_sockets_and_then_second_threads() {
    let machine = Fake::of_sockets(2, 64, 2).detect();
    assert_eq!(machine.topology.hardware_threads(), 256);
    assert_eq!(machine.topology.cores.len(), 128);
    let placement = machine.placement();
    let cpus = |workers| placement.cpus(workers).to_string();
    assert_eq!(cpus(1), "0");
    assert_eq!(cpus(64), "0-63");
    assert_eq!(cpus(65), "0-64");
    assert_eq!(cpus(128), "0-127");
    assert_eq!(cpus(130), "0-129");
    assert_eq!(cpus(9999), "0-255");
    let edges: Vec<_> = placement.regime_edges().iter().map(|edge| (edge.up_to, edge.regime)).collect();
    let expected = [
        (32, Regime::OneNode),
        (64, Regime::OneSocket),
        (128, Regime::AcrossSockets),
        (256, Regime::SharedCores),
    ];
    assert_eq!(edges, expected);
    assert_eq!(placement.regime(33), Some(Regime::OneSocket));
    assert_eq!(placement.regime(9999), Some(Regime::SharedCores));
}

#[test]
fn placement_begins_on_the_socket_with_the_most_allowed_cores() {
    let machine =
        Fake::of_sockets(2, 8, 2).with("/proc/self/status", "Cpus_allowed_list:\t6-15,24-31").detect();
    let placement = machine.placement();
    assert_eq!(placement.cpus(8), "8-15".parse::<CpuSet>().unwrap());
    assert_eq!(placement.cpus(9), "6,8-15".parse::<CpuSet>().unwrap());
    assert_eq!(
        machine.workers.to_string(),
        "10 of 32: one for each physical core; the affinity mask 6-15,24-31 leaves 18 CPUs"
    );
}

#[test]
fn slow_cores_of_a_hybrid_machine_come_after_the_fast_ones() {
    let machine = Fake::unpack("hybrid-laptop").detect();
    let placement = machine.placement();
    assert_eq!(placement.cpus(4).to_string(), "0,2,4,6");
    assert_eq!(placement.cpus(12).to_string(), "0,2,4,6,8-15");
    assert_eq!(placement.regime(5), Some(Regime::SlowCores));
    assert_eq!(placement.regime(13), Some(Regime::SharedCores));
}

#[test]
fn more_than_a_thousand_cpus_are_read() {
    let machine = Fake::of_sockets(3, 200, 2).detect();
    assert_eq!(machine.workers.workers, 600);
    assert_eq!(machine.available_parallelism(), 1200);
    assert_eq!(machine.topology.sockets.len(), 3);
}

#[test]
fn launchers_are_recognised_behind_links_and_by_their_neighbours() {
    use festina_machine::Implementation::{IntelMpi, Mpich, OpenMpi, Unknown};
    let program = |folder: &str, name: &str| format!("==> {folder}/{name} +x\n#!/bin/sh\n");
    let cases = [
        // Debian: alternatives lead to the implementation's own name.
        (
            "==> /usr/bin/mpirun -> ../../etc/alternatives/mpirun\n\
             ==> /etc/alternatives/mpirun -> ../../usr/bin/mpirun.openmpi\n\
             ==> /usr/bin/mpirun.openmpi -> orterun\n"
                .to_owned()
                + &program("/usr/bin", "orterun"),
            OpenMpi,
        ),
        ("==> /usr/bin/mpirun -> mpiexec.hydra\n".to_owned() + &program("/usr/bin", "mpiexec.hydra"), Mpich),
        // Intel's launcher is a script beside Hydra.
        (program("/usr/bin", "mpirun") + &program("/usr/bin", "impi_info"), IntelMpi),
        (
            "==> /usr/bin/mpirun -> mpiexec.hydra\n".to_owned()
                + &program("/usr/bin", "mpiexec.hydra")
                + &program("/usr/bin", "impi_info"),
            IntelMpi,
        ),
        (program("/usr/bin", "mpirun"), Unknown),
    ];
    for (bundle, expected) in cases {
        let machine = Fake::of_bundle(&format!("{bundle}==> environment\nPATH=/nowhere:/usr/bin\n")).detect();
        let found: Vec<_> = machine.launchers.iter().map(|launcher| launcher.implementation).collect();
        assert_eq!(found, [expected], "{bundle}");
    }
    let not_a_program = Fake::of_bundle("==> /bin/mpirun\ntext\n==> environment\nPATH=/bin\n").detect();
    assert_eq!(not_a_program.launchers, []);
}

#[test]
fn hypervisors_leave_their_name_in_different_places() {
    let on = |files: &[(&str, &str)]| {
        let fake = files.iter().fold(Fake::new(), |fake, (path, text)| fake.with(path, text));
        fake.detect().hypervisor
    };
    let x86 = |flags: &str| format!("processor : 0\nphysical id : 0\nflags : fpu {flags}\n");
    let amazon = ("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
    assert_eq!(on(&[("/proc/cpuinfo", &x86("hypervisor")), amazon]).as_deref(), Some("Amazon EC2"));
    // The same firmware on a bare-metal instance.
    assert_eq!(on(&[("/proc/cpuinfo", &x86("sse2")), amazon]), None);
    assert_eq!(on(&[("/sys/hypervisor/type", "xen\n")]).as_deref(), Some("xen"));
    assert_eq!(
        on(&[("/proc/device-tree/hypervisor/compatible", "linux,kvm\0")]).as_deref(),
        Some("linux,kvm")
    );
    assert_eq!(
        on(&[("/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n")]).as_deref(),
        Some("WSL")
    );
    assert_eq!(on(&[]), None);
}

#[test]
fn memory_that_the_nodes_do_not_have_is_told() {
    let fake = Fake::of_sockets(1, 2, 1)
        .with("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 4000000 kB\n")
        .with("/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 524288 kB\n")
        .with("/sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 524288 kB\n");
    let findings = fake.detect().findings;
    assert_eq!(
        findings[0].message,
        "the NUMA nodes have 1.00 GiB of memory together, of the 4.00 GiB that the machine claims"
    );
}
