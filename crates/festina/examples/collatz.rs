//! The longest Collatz sequence that starts below a number, on threads, worker processes or the ranks of MPI.
//!
//! ```text
//! cargo run --release --example collatz -- --on processes -j 4 1000000
//! ```
//!
//! From n the sequence goes on with n/2, or 3n + 1 where n is odd, until it is at 1. Below a million the longest starts
//! at 837,799 and has 524 steps (<https://oeis.org/A006877>), whatever the program runs on.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::process::ExitCode;

use festina::run::{Backend, BackendError, Function, Here, Job, Place, enter};
use festina::{BackendName, Error, Workers};

/// What workers can be asked to call.
const FUNCTIONS: &[Function] = &[Function { name: "longest", call: longest }];

/// Numbers in an input.
const SPAN: u64 = 10_000;

fn main() -> ExitCode {
    let entered = enter(&std::env::vars_os().collect(), FUNCTIONS, |here| {
        work(here).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            error.exit().code()
        })
    });
    entered.map_or(ExitCode::FAILURE, ExitCode::from)
}

fn work(here: Here<'_>) -> Result<u8, Error> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (mut place, mut below) = (Place::new(BackendName::Threads, std::env::vars_os().collect()), 1_000_000);
    place.arguments.clone_from(&arguments);
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default();
        match &*word {
            "--on" => {
                let known = [BackendName::Threads, BackendName::Processes, BackendName::Mpi];
                place.backend = BackendName::parse(&value(), &known)?;
            }
            "-j" => place.workers = value().parse().ok().and_then(Workers::new),
            number => below = number.parse().unwrap_or(below),
        }
    }
    let placed = here.on(&place, |backend| search(backend, below))?;
    Ok(match placed {
        festina::run::Placed::Here(result) => result.map(|()| 0)?,
        festina::run::Placed::Ranks(code) => code,
    })
}

/// Searches in spans, each a task, and takes the longest of what comes.
fn search(backend: &(dyn Backend + Sync), below: u64) -> Result<(), Error> {
    let inputs = (1..below).step_by(SPAN as usize).map(|first| {
        let last = (first + SPAN).min(below);
        [first.to_le_bytes(), last.to_le_bytes()].concat()
    });
    let (mut best, mut failed) = ((0, 0), None);
    Job::new(backend, FUNCTIONS[0]).for_each(inputs, |_, outcome: Result<Vec<u8>, BackendError>| {
        match outcome.map(|output| numbers(&output)) {
            Ok(Ok([length, start])) => best = best.max((length, u64::MAX - start)),
            Ok(Err(message)) => failed = Some(BackendError::Lost { message }),
            Err(error) => failed = Some(error),
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (length, start) = (best.0, u64::MAX - best.1);
    println!("below {below} the longest sequence starts at {start}: {length} steps");
    Ok(())
}

/// Returns the length of the longest sequence that starts in a span, and its start.
fn longest(input: &[u8]) -> Result<Vec<u8>, String> {
    let [first, last] = numbers(input)?;
    let longest = (first..last).map(|n| (steps(n), n)).max_by_key(|(steps, n)| (*steps, u64::MAX - n));
    let (steps, start) = longest.ok_or("an empty span")?;
    Ok([steps.to_le_bytes(), start.to_le_bytes()].concat())
}

fn steps(start: u64) -> u64 {
    let (mut n, mut steps) = (start, 0);
    while n != 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn numbers(bytes: &[u8]) -> Result<[u64; 2], String> {
    let (first, second) = bytes.split_at_checked(8).ok_or("not two numbers")?;
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| "not two numbers");
    Ok([number(first)?, number(second)?])
}
