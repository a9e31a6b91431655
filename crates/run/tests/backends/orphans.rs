//! What is left when the program is killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use festina_run::processes::{Processes, ProcessesLaunch};
use festina_run::{Environment, Threads};
use festina_types::{Backend, Workers};

use crate::functions::{SLEEP, WHO};

/// Set for the program that is to be killed.
pub(crate) const PROGRAM: &str = "FESTINA_TEST_ORPHANS";

/// Starts workers, tells their process ids, and has them work for a minute.
#[allow(clippy::print_stdout, reason = "this is a program")]
pub(crate) fn program(environment: Environment) -> ExitCode {
    let workers = Workers::new(3).unwrap();
    let processes = Processes::start(ProcessesLaunch::new(workers, environment)).unwrap();
    let mut known = std::collections::BTreeSet::new();
    while known.len() < 3 {
        let ids = processes.map(WHO, vec![Vec::new(); 200]).unwrap();
        known.extend(ids.into_iter().map(|id| u32::from_le_bytes(id.try_into().unwrap())));
    }
    known.iter().for_each(|id| println!("{id}"));
    println!("end");
    let minute = 60_000_u64.to_le_bytes().to_vec();
    assert_eq!(Threads::available().map(SLEEP, Vec::new()), Ok(Vec::new()));
    ExitCode::from(u8::from(processes.map(SLEEP, vec![minute; 3]).is_err()))
}

pub(crate) fn kill() {
    let mut program = Command::new(std::env::current_exe().unwrap())
        .env(PROGRAM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ids: Vec<String> = lines.take_while(|line| line != "end").collect();
    assert_eq!(ids.len(), 3);
    let alive = || ids.iter().filter(|id| is_worker(id)).count();
    assert_eq!(alive(), 3);
    std::thread::sleep(Duration::from_millis(100));
    program.kill().unwrap();
    program.wait().unwrap();
    let begin = Instant::now();
    // Real time: the guardians have 0.3 s, and this machine may be busy.
    while alive() > 0 && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(alive(), 0, "after {:?}", begin.elapsed());
}

/// Returns whether a process of this number lives and is of this program: numbers are used again.
fn is_worker(id: &str) -> bool {
    let exe = std::fs::read_link(format!("/proc/{id}/exe"));
    exe.is_ok_and(|exe| exe == std::env::current_exe().unwrap())
}
