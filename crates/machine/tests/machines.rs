//! Odd machines: each text file in `machines/` unpacks to the root of one, and what is detected there is held by a
//! snapshot. To add one: put the files that its kernel shows into a text file, run with `INSTA_UPDATE=always`, and
//! read the snapshot.

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
    let machine = Fake::of_sockets(4, 300, 2).detect();
    assert_eq!(machine.workers.workers, 1200);
    assert_eq!(machine.available_parallelism(), 2400);
    assert_eq!(machine.topology.sockets.len(), 4);
}
