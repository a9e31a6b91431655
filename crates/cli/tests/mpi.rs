//! `--on mpi` with the real mpirun of Debian's Open MPI: the same answers as on local cores, nothing lost, nothing left.

mod festina;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use festina::{Call, Festina};

/// Tasks that a process of their own, a daemon and a deaf one belong to.
const STUBBORN: &str = "echo {} >> started; sleep 4242 & setsid sleep 4242 & (setsid sleep 4242 &); trap '' TERM INT; \
                        sleep 4242; : {}";

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    // Real time: processes start and end.
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill {signal} {pid}");
}

fn start(festina: &Festina, arguments: &[&str]) -> Child {
    let mut command = festina.command();
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the process whose command line begins with `program`, below the folder of the test.
fn pid_of(festina: &Festina, program: &str) -> u32 {
    let folder = festina.path().canonicalize().unwrap();
    let is_it = |pid: &u32| {
        let process = format!("/proc/{pid}");
        let command = fs::read_to_string(format!("{process}/cmdline")).unwrap_or_default();
        let first = command.split('\0').next().unwrap_or_default();
        first.ends_with(program) && fs::read_link(format!("{process}/cwd")).is_ok_and(|cwd| cwd == folder)
    };
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_it).min().unwrap_or_else(|| panic!("no {program} is at work"))
}

#[test]
fn tables_and_outputs_are_those_of_local_cores() {
    let festina = Festina::new();
    festina.write("rows.csv", "name,code\nplain,0\n\"a, b\",3\n\"two\nlines\",0\n--on,0\n");
    let task = "import sys; print(sys.argv[1:], file=sys.stderr); print('{\"n\": %d}' % len(sys.argv[1])); sys.exit(int(sys.argv[2]))";
    let run = |place: &[&str], table: &str| {
        let options = ["run", "-k", "--csv", "rows.csv", "--collect", "json", "--table", table];
        let columns =
            ["--columns", "task,inputs,outcome,value", "--", "python3", "-c", task, "{name}", "{code}"];
        let call = festina.run(&[&options, place, &columns[..]].concat());
        call.code(1);
        (call.output(), fs::read_to_string(festina.path().join(table)).unwrap())
    };
    let local = run(&[], "local.csv");
    assert!(local.1.lines().count() > 4, "{}", local.1);
    assert_eq!(run(&["--on", "mpi", "-j", "2"], "mpi.csv"), local);
    assert_eq!(run(&["--on", "processes"], "processes.csv"), local);
}

#[test]
fn inputs_may_come_by_a_pipe_and_outputs_go_to_folders() {
    let festina = Festina::new();
    let call = festina.shell("seq 50 | festina run --on mpi -j 2 -k -- echo {#}-{}");
    call.code(0);
    let expected: String = (1..=50).map(|n| format!("{n}-{n}\n")).collect();
    assert_eq!(call.output(), expected);
    let call = festina.shell(
        "seq 3000 | festina run --on mpi -j 2 -k --pipe --block 2k --outputs out -- wc -l; cat out/*/stdout",
    );
    let total: u32 = call.output().lines().map(|line| line.trim().parse::<u32>().unwrap()).sum();
    assert_eq!(total, 3000);
    let report = festina.run(&["run", "--report", "latest", "--json"]);
    report.code(0);
    assert!(report.output().contains("worker 2"), "{}", report.output());
}

#[test]
fn nothing_is_left_running_however_it_is_stopped() {
    for (signals, code) in [
        (&["-INT", "-INT"][..], Some(130)),
        (&["-TERM"], Some(130)),
        (&["-HUP"], Some(130)),
        (&["-KILL"], None),
    ] {
        let festina = Festina::new();
        let mut child =
            start(&festina, &["run", "--on", "mpi", "-j", "2", "sh", "-c", STUBBORN, ":::", "a", "b"]);
        wait_until("all processes", || festina.processes_left("4242") >= 8);
        for signal in signals {
            kill(signal, child.id());
            std::thread::sleep(Duration::from_millis(150));
        }
        wait_until("the end of all processes", || {
            festina.processes_left("4242")
                + festina.processes_left("mpirun")
                + festina.processes_left("festina")
                <= 1
        });
        assert_eq!(child.wait().unwrap().code(), code, "{signals:?}");
        wait_until("the end of all processes", || festina.processes_left("festina") == 0);
    }
}

#[test]
fn a_killed_launcher_or_rank_loses_nothing() {
    let festina = Festina::new();
    let task = ["sh", "-c", "echo {} >> started; sleep 0.05; echo {}"];
    let options =
        ["run", "--on", "mpi", "-j", "2", "-k", "--table", "t.csv", "--columns", "task,inputs,outcome,value"];
    let arguments = |resume: &'static str| [&options[..], &[resume, "--range", "1..80"], &task].concat();
    for (program, resume) in [("mpirun", "--quiet"), ("festina", "--resume")] {
        let child = start(&festina, &arguments(resume));
        let journalled = || journal(&festina).lines().count();
        let before = journalled();
        wait_until("some outcomes", || journalled() > before + 8);
        // Of festina's processes the youngest is not the one that this test started.
        let pid = if program == "mpirun" { pid_of(&festina, program) } else { rank(&festina, child.id()) };
        kill("-KILL", pid);
        let call = Call::of(child.wait_with_output().unwrap());
        call.refuses(3, &["the MPI job ended before its time", "--resume"]);
        wait_until("the end of all processes", || festina.processes_left("festina") == 0);
    }
    let recorded: BTreeSet<String> = recorded(&festina);
    let started = |input: &str| {
        fs::read_to_string(festina.path().join("started"))
            .unwrap()
            .lines()
            .filter(|line| *line == input)
            .count()
    };
    let before: Vec<(String, usize)> = recorded.iter().map(|input| (input.clone(), started(input))).collect();
    festina.run(&arguments("--resume")).code(0);
    for (input, times) in before {
        assert_eq!(started(&input), times, "{input} ran again");
    }
    let resumed = fs::read_to_string(festina.path().join("t.csv")).unwrap();
    let local = Festina::new();
    local
        .run(
            &[
                &[
                    "run",
                    "-k",
                    "--table",
                    "t.csv",
                    "--columns",
                    "task,inputs,outcome,value",
                    "--range",
                    "1..80",
                ],
                &task[..],
            ]
            .concat(),
        )
        .code(0);
    assert_eq!(resumed, fs::read_to_string(local.path().join("t.csv")).unwrap());
}

/// Returns a rank: a festina whose parent is mpirun.
fn rank(festina: &Festina, launched_by: u32) -> u32 {
    let launcher = pid_of(festina, "mpirun");
    let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap();
    let last = children.split_whitespace().last().expect("mpirun has ranks").parse().unwrap();
    assert_ne!(last, launched_by);
    last
}

fn journal(festina: &Festina) -> String {
    let runs = fs::read_dir(festina.path().join(".festina")).into_iter().flatten().flatten();
    let journals = runs.map(|run| run.path().join("tasks.journal")).filter(|path| path.exists());
    journals.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Returns the inputs whose outcomes are in the journal.
fn recorded(festina: &Festina) -> BTreeSet<String> {
    let journal = journal(festina);
    let values = journal.lines().filter_map(|line| line.split_once("\"i\":[\"")?.1.split('"').next());
    values.map(str::to_owned).collect()
}

#[test]
fn what_is_wrong_is_told_once() {
    let festina = Festina::new();
    festina.run(&["run", "--on", "mpu", "--", "echo", ":::", "a"]).refuses(2, &["no backend 'mpu'", "'mpi'"]);
    festina.run(&["run", "--on", "mpi", "-j", "2", "nosuchprogram", ":::", "a"]).refuses(2, &["not found"]);
    let launcher = ["run", "--on", "mpi", "--launcher", "/bin/echo", "--", "true", ":::", "a"];
    festina.run(&launcher).refuses(2, &["/bin/echo is no launcher"]);
    let mut command = festina.command();
    command.args(["run", "--on", "mpi", "--", "/bin/true", ":::", "a"]).env("PATH", "/nowhere");
    Call::of(command.output().unwrap())
        .refuses(3, &["mpirun, mpiexec not found", "apt-get install openmpi-bin"]);
    let call = festina
        .shell("festina run --on mpi -j 2 --range 1..9000 -- echo {} | head -1; exit ${PIPESTATUS[0]}");
    call.code(1);
    assert!(call.errors().contains("nobody reads what it writes"), "{}", call.errors());
}

/// Solves with counted work on threads, processes and ranks, and requires the same file and the same JSON, what tells of
/// the machine aside.
fn solves_alike(festina: &Festina, problem: &[&str], answer: &str) {
    let solve = |more: &[&str]| {
        let options = ["--time", "1s", "--deterministic", "--json", "-o", answer];
        let mut json = festina.run(&[problem, &options, more].concat()).json(0);
        assert_eq!(json["is_verified"], true);
        (json["elapsed_s"], json["workers"]) = (0.into(), 0.into());
        (json, fs::read(festina.path().join(answer)).unwrap())
    };
    let expected = solve(&["-j", "1"]);
    for places in [
        &["-j", "2"][..],
        &["-j", "4"],
        &["-j", "2", "--on", "processes"],
        &["-j", "1", "--on", "mpi"],
        &["-j", "2", "--on", "mpi"],
    ] {
        assert_eq!(solve(places), expected, "{places:?}");
    }
}

fn points(n: u32) -> Vec<[u32; 2]> {
    (0..n).map(|n| [n * 7919 % 1000, n * 104_729 % 997]).collect()
}

#[test]
fn tours_are_the_same_on_every_backend() {
    let festina = Festina::new();
    let cities: String = points(60).iter().map(|[x, y]| format!("c{x}-{y},{x},{y}\n")).collect();
    festina.write("cities.csv", &format!("name,x,y\n{cities}"));
    solves_alike(&festina, &["solve", "tsp", "cities.csv"], "tour.csv");
}

#[test]
fn plans_are_the_same_on_every_backend() {
    let festina = Festina::new();
    let stops: String = points(60).iter().map(|[x, y]| format!("s{x}-{y},{x},{y},1\n")).collect();
    festina.write("stops.csv", &format!("id,x,y,delivery\n{stops}"));
    festina.write("vans.csv", "id,count,start_x,start_y,capacity,speed_kmh\nvan,20,500,500,5,30\n");
    solves_alike(&festina, &["solve", "vrp", "stops.csv", "--vehicles", "vans.csv"], "plan.csv");
}
