//! What a native task costs on each backend, beside rayon and a bare ping-pong: prints JSON for `cargo xtask bench native`.
//!
//! ```text
//! native_cost [ROUNDS]
//! ```
//!
//! All in turn in one process, so that the machine's moods hit all alike; two workers. The tasks do nothing: what is
//! measured is all ours. The ping-pong is of one byte over a pair of pipes between two processes, and is what any
//! backend of processes pays that sends tasks one by one, and waits.
#![allow(clippy::print_stdout, reason = "this is a program")]

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use festina_run::processes::{self, Processes, ProcessesLaunch};
use festina_run::{Environment, Threads};
use festina_types::{Backend, Function, Workers};
use rayon::prelude::*;

const WORKERS: u32 = 2;
const TASKS: usize = 200_000;
const PINGS: usize = 10_000;
/// 20 arrays of 50 MB, summed: what is moved is as much as what is computed.
const ARRAYS: usize = 20;
const ARRAY_BYTES: usize = 50_000_000;

const NOTHING: Function = Function { name: "nothing", call: |bytes| Ok(bytes.to_vec()) };
const SUM: Function = Function {
    name: "sum",
    call: |bytes| Ok(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>().to_le_bytes().into()),
};
const FUNCTIONS: &[Function] = &[NOTHING, SUM];

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    if processes::enter(&environment, FUNCTIONS) {
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "pong") {
        return pong();
    }
    let rounds = words.first().and_then(|word| word.parse().ok()).unwrap_or(5);
    match measure(environment, rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{{\"error\": \"{error}\"}}");
            ExitCode::FAILURE
        }
    }
}

fn measure(environment: Environment, rounds: usize) -> Result<(), Box<dyn std::error::Error>> {
    let workers = Workers::new(WORKERS).ok_or("no workers")?;
    let begin = Instant::now();
    let processes = Processes::start(ProcessesLaunch::new(workers, environment))?;
    let start_ms = begin.elapsed().as_secs_f64() * 1e3;
    let threads = Threads::new(workers);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS as usize).build()?;
    let mut pipes = Pipes::open()?;
    let arrays: Vec<Vec<u8>> = (0..ARRAYS).map(|n| vec![n as u8; ARRAY_BYTES]).collect();
    let mut times = vec![Vec::new(); 9];
    for _ in 0..rounds {
        let samples = [
            micros(TASKS, || done(threads.map(NOTHING, tasks())?))?,
            micros(TASKS, || done(processes.map(NOTHING, tasks())?))?,
            micros(TASKS, || done(with_rayon(&pool)))?,
            micros(PINGS, || pipes.ping(PINGS))?,
            micros(1, || two(&threads))?,
            micros(1, || two(&processes))?,
            millis(|| done(arrays.iter().map(|a| (SUM.call)(a)).collect::<Vec<_>>()))?,
            millis_of(&arrays, |arrays| done(threads.map(SUM, arrays)?))?,
            millis_of(&arrays, |arrays| done(processes.map(SUM, arrays)?))?,
        ];
        times.iter_mut().zip(samples).for_each(|(times, sample)| times.push(sample));
    }
    let names = [
        "threads_us",
        "processes_us",
        "rayon_us",
        "ping_pong_us",
        "threads_two_us",
        "processes_two_us",
        "arrays_serial_ms",
        "arrays_threads_ms",
        "arrays_processes_ms",
    ];
    let figures = names.iter().zip(&times).map(|(name, times)| format!("\"{name}\": {times:?}"));
    println!(
        "{{\"tasks\": {TASKS}, \"workers\": {WORKERS}, \"rounds\": {rounds}, \"start_ms\": {start_ms}, {}}}",
        figures.collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

type Measured = Result<(), Box<dyn std::error::Error>>;

fn done<T>(result: T) -> Measured {
    black_box(result);
    Ok(())
}

fn tasks() -> Vec<Vec<u8>> {
    (0..TASKS as u64).map(|n| n.to_le_bytes().into()).collect()
}

fn with_rayon(pool: &rayon::ThreadPool) -> Vec<Result<Vec<u8>, String>> {
    pool.install(|| tasks().par_iter().map(|input| (NOTHING.call)(input)).collect())
}

/// A map of two tasks: the way there and back.
fn two(backend: &dyn Backend) -> Measured {
    done(backend.map(NOTHING, vec![vec![1], vec![2]])?)
}

/// Returns microseconds for each of `count`.
fn micros(count: usize, work: impl FnOnce() -> Measured) -> Result<f64, Box<dyn std::error::Error>> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / count as f64)
}

fn millis(work: impl FnOnce() -> Measured) -> Result<f64, Box<dyn std::error::Error>> {
    micros(1000, work)
}

/// The copy that is handed over is not part of the time.
fn millis_of(
    arrays: &[Vec<u8>],
    work: impl FnOnce(Vec<Vec<u8>>) -> Measured,
) -> Result<f64, Box<dyn std::error::Error>> {
    let arrays = arrays.to_vec();
    millis(|| work(arrays))
}

/// A process at the other end of two pipes.
struct Pipes {
    to: ChildStdin,
    from: ChildStdout,
}

impl Pipes {
    fn open() -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("pong")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take().ok_or("no pipe")?, child.stdout.take().ok_or("no pipe")?);
        Ok(Self { to, from })
    }

    fn ping(&mut self, times: usize) -> Measured {
        for _ in 0..times {
            self.to.write_all(b"!")?;
            self.from.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

/// Sends back what comes.
fn pong() -> ExitCode {
    let (mut input, mut output, mut byte) = (io::stdin().lock(), io::stdout().lock(), [0]);
    while input.read_exact(&mut byte).is_ok() {
        if output.write_all(&byte).and_then(|()| output.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
