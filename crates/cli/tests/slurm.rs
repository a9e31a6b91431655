//! `festina run --on slurm` with the real thing: a controller and three nodes, emulated on this machine, with a
//! configuration, ports and credentials of their own.

mod festina;

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use festina::{Call, Festina};

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    // Real time: Slurm takes its own.
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(40), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A cluster of three nodes with two CPUs each; gone when it is dropped, or after some minutes.
struct Cluster {
    folder: tempfile::TempDir,
    daemons: Vec<Child>,
}

impl Cluster {
    fn up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self { folder, daemons: Vec::new() };
        let path = cluster.folder.path().to_owned();
        let at = |name: &str| path.join(name).display().to_string();
        let key: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(37) ^ std::process::id() as u8).collect();
        fs::write(path.join("key"), key).unwrap();
        Command::new("chmod").args(["600", &at("key")]).status().unwrap();
        Command::new("chmod").args(["755", path.to_str().unwrap()]).status().unwrap();
        let own = |name: &str, file: &str| format!("--{name}={}", at(file));
        let munge = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            own("socket", "socket"),
            own("key-file", "key"),
            own("log-file", "munge.log"),
            own("pid-file", "munge.pid"),
            own("seed-file", "munge.seed"),
        ];
        cluster.start("munged", &munge.each_ref().map(String::as_str));
        wait_until("munge", || path.join("socket").exists());
        fs::write(path.join("slurm.conf"), configuration(&path)).unwrap();
        cluster.start("slurmctld", &["-D", "-i"]);
        for node in ["n1", "n2", "n3"] {
            cluster.start("slurmd", &["-D", "-N", node]);
        }
        wait_until("three nodes", || cluster.said("sinfo", &["-h", "-o", "%T %D"]).trim() == "idle 3");
        cluster
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    fn start(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new("timeout");
        command.args(["240", program]).args(arguments).env("SLURM_CONF", self.configuration());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let daemon = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.daemons.push(daemon.unwrap_or_else(|error| panic!("{program}: {error}")));
    }

    fn said(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            Command::new(program).args(arguments).env("SLURM_CONF", self.configuration()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn run(&self, festina: &Festina, arguments: &[&str]) -> Call {
        Call::of(self.command(festina, arguments).output().unwrap())
    }

    fn command(&self, festina: &Festina, arguments: &[&str]) -> Command {
        let mut command = festina.command();
        command.args(arguments).env("SLURM_CONF", self.configuration()).stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.said("scancel", &["--full", "--user=root"]);
        for daemon in self.daemons.iter_mut().rev() {
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
        }
    }
}

/// Everything is on this machine and in `folder`; nothing is limited, accounted for or kept.
fn configuration(folder: &Path) -> String {
    let sockets: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
    let output = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().unwrap().stdout;
        String::from_utf8(output).unwrap().trim().to_owned()
    };
    let (host, user) = (output("uname", "-n"), output("id", "-un"));
    let at = folder.display();
    let mut text = format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmUser={user}\nSlurmdUser={user}\n\
         AuthType=auth/munge\nAuthInfo=socket={at}/socket\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool-%n\n\
         SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/%n.pid\nSlurmctldLogFile={at}/slurmctld.log\n\
         SlurmdLogFile={at}/%n.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
         JobAcctGatherType=jobacct_gather/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
         TmpFS={at}/spool-%n\nSwitchType=switch/none\nMpiDefault=none\nReturnToService=2\nKillWait=2\nMessageTimeout=5\n",
        ports[0]
    );
    fs::create_dir_all(folder.join("state")).unwrap();
    for (number, port) in (1..).zip(&ports[1..]) {
        fs::create_dir_all(folder.join(format!("spool-n{number}"))).unwrap();
        text += &format!(
            "NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=500\n"
        );
    }
    text + "PartitionName=debug Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP\n"
}

const COLUMNS: [&str; 6] = ["-k", "--table", "t.csv", "--columns", "task,inputs,outcome,value", "--shell"];

fn counts(festina: &Festina, name: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let text = fs::read_to_string(festina.path().join(name)).unwrap_or_default();
    text.lines().for_each(|line| *counts.entry(line.to_owned()).or_default() += 1);
    counts
}

fn table(festina: &Festina) -> String {
    fs::read_to_string(festina.path().join("t.csv")).unwrap()
}

#[test]
fn nothing_is_lost_in_allocations_of_slurm() {
    let cluster = Cluster::up();
    same_table(&cluster);
    lost_node(&cluster);
    killed_festina(&cluster);
    ranks_in_an_allocation(&cluster);
    wait_until("an empty queue", || cluster.said("squeue", &["-h"]).trim().is_empty());
}

/// Six slots, two on each of three nodes, and what local cores give.
fn same_table(cluster: &Cluster) {
    let task = "case {} in 3) exit 4;; 5) kill -9 $$;; 7) env | grep -c SLURM_JOB;; esac; echo {} {seed}";
    let rest = ["--range", "1..60", "--", task];
    let (here, there) = (Festina::new(), Festina::new());
    let local = here.run(&[&["run"], &COLUMNS[..], &rest].concat());
    let call = cluster.run(&there, &[&["run", "--on", "slurm", "-j", "6"], &COLUMNS[..], &rest].concat());
    call.code(1);
    assert_eq!(call.output(), local.output());
    assert_eq!(table(&there), table(&here));
}

/// A node goes down: what ran there runs again, what had ended does not.
fn lost_node(cluster: &Cluster) {
    let festina = Festina::new();
    let task = "echo {} >> started; sleep 0.1; echo {} >> ended; echo {}";
    let arguments =
        [&["run", "--on", "slurm", "-j", "6"], &COLUMNS[..], &["--range", "1..150", "--", task]].concat();
    let child =
        cluster.command(&festina, &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some ends", || counts(&festina, "ended").len() > 20);
    cluster.said("scontrol", &["update", "nodename=n2", "state=down", "reason=test"]);
    Call::of(child.wait_with_output().unwrap()).code(0);
    cluster.said("scontrol", &["update", "nodename=n2", "state=resume"]);
    let (started, ended) = (counts(&festina, "started"), counts(&festina, "ended"));
    assert_eq!((started.len(), ended.len()), (150, 150));
    let again: usize = started.values().map(|times| times - 1).sum();
    assert!(again <= 4, "{again} tasks ran again: two at most were running");
    assert_eq!(table(&festina).lines().count(), 151);
}

/// festina is killed: workers leave, and another session goes on.
fn killed_festina(cluster: &Cluster) {
    let festina = Festina::new();
    let task = "echo {} >> started; sleep 0.05; echo {} >> ended; echo {}";
    let rest = ["--range", "1..150", "--", task];
    let arguments = [&["run", "--on", "slurm", "-j", "2"], &COLUMNS[..], &rest].concat();
    let mut child =
        cluster.command(&festina, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("some ends", || counts(&festina, "ended").len() > 20);
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = ["run", "--resume", "--on", "slurm", "-j", "2"];
    cluster.run(&festina, &[&resumed, &COLUMNS[..], &rest].concat()).code(0);
    let ended = counts(&festina, "ended");
    let again: usize = ended.values().map(|times| times - 1).sum();
    assert_eq!(ended.len(), 150);
    assert!(again <= 2, "{again} tasks that had ended ran again");
    let local = Festina::new();
    local.run(&[&["run"], &COLUMNS[..], &rest].concat()).code(0);
    assert_eq!(table(&festina), table(&local));
}

/// Within an allocation its `srun` starts the ranks of MPI: two, since so many were asked for.
fn ranks_in_an_allocation(cluster: &Cluster) {
    let festina = Festina::new();
    let own = env!("CARGO_BIN_EXE_festina");
    let mut command = Command::new("salloc");
    command.args(["--quiet", "-N2", "-n2", own, "run", "--on", "mpi"]).args(COLUMNS);
    command.args(["--range", "1..20", "--", "sleep 0.01; echo {}"]);
    command.current_dir(festina.path()).env("SLURM_CONF", cluster.configuration()).stdin(Stdio::null());
    let call = Call::of(command.output().unwrap());
    call.code(0);
    assert_eq!(call.output(), (1..=20).map(|n| format!("{n}\n")).collect::<String>());
    let report = festina.run(&["run", "--report", "latest", "--html", "page.html"]);
    report.code(0);
    let page = fs::read_to_string(festina.path().join("page.html")).unwrap();
    assert!(page.contains("worker 2"), "both ranks work");
}

#[test]
fn without_slurm_it_is_told() {
    let festina = Festina::new();
    let arguments = ["run", "--on", "slurm", "-j", "2", "--", "/bin/true", ":::", "a"];
    let mut command = festina.command();
    command.args(arguments).env("PATH", "/nowhere");
    Call::of(command.output().unwrap()).refuses(3, &["sbatch not found"]);
    let mut command = festina.command();
    festina.write("slurm.conf", "");
    command.args(arguments).env("SLURM_CONF", festina.path().join("slurm.conf"));
    Call::of(command.output().unwrap()).refuses(3, &["sinfo failed"]);
    assert_eq!(festina.stored(), Vec::<String>::new());
}
