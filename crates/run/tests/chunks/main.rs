//! Pools and workers, each worker a process that can be killed.
//!
//! This program is its own worker, and its own pool where that is to be killed too: started by a test, it comes back as
//! `main`.

mod engine;
mod jobs;

use std::process::ExitCode;

use festina_run::chunks::{WorkerOptions, work};
use festina_types::{CancelToken, Seconds, Workers};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["worker", folder, slots, job, left] => worker(folder, slots, job, left),
        ["pool", folder] => jobs::pool_to_be_killed(folder),
        _ => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
}

fn trials() -> Vec<Trial> {
    vec![
        Trial::test("tables_are_those_of_local_cores", || Ok(jobs::same_table()?)),
        Trial::test("a_killed_worker_costs_what_it_ran", || Ok(jobs::killed_worker()?)),
        Trial::test("nothing_is_started_that_would_outlast_its_worker", || Ok(jobs::short_allocations()?)),
        Trial::test("a_killed_pool_loses_nothing", || Ok(jobs::killed_pool()?)),
        Trial::test("a_task_that_kills_its_workers_is_given_up", || Ok(jobs::poison()?)),
        Trial::test("an_engine_without_workers_is_told", || Ok(jobs::no_workers()?)),
        Trial::test("requests_to_stop_reach_the_tasks", || Ok(jobs::cancel()?)),
    ]
}

fn worker(folder: &str, slots: &str, job: &str, left: &str) -> ExitCode {
    let slots = slots.parse().ok().and_then(Workers::new).expect("the engine gives a number of slots");
    let mut options = WorkerOptions::new(folder, slots);
    job.clone_into(&mut options.job);
    options.left = left.parse().ok().map(Seconds);
    (options.beat, options.patience) = (Seconds(0.1), Seconds(5.0));
    match work(&options, &CancelToken::new()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(error.exit().code()),
    }
}
