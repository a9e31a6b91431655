//! Every backend, with the same jobs: the same answers are asked of all.
//!
//! This program is its own worker process and its own rank: started as one, it comes back as `main`.

mod functions;
mod jobs;
mod orphans;
mod processes;
mod same;
#[path = "../mpi/setup.rs"]
mod setup;

use std::process::ExitCode;

use festina_run::Environment;
use festina_run::mpi::MEMBER;
use festina_run::processes::enter;
use libtest_mimic::{Arguments, Trial};

type Test = fn();

const TESTS: &[(&str, Test)] = &[
    ("processes_give_what_a_loop_gives", processes::any_job),
    ("long_values_pass_through_shared_memory", processes::long_values),
    ("a_stream_gives_every_outcome_once", processes::stream),
    ("a_worker_that_is_killed_is_replaced_and_its_tasks_run_again", processes::killed_once),
    ("a_task_that_ends_its_workers_is_named", processes::deadly),
    ("a_stream_goes_on_after_a_deadly_task", processes::deadly_in_stream),
    ("workers_are_kept_from_map_to_map", processes::kept),
    ("an_urgent_request_ends_a_map", processes::canceled),
    ("a_panic_of_the_taker_leaves_the_workers_usable", processes::panic_of_taker),
    ("a_map_within_a_stream_is_refused", processes::nested),
    ("maps_of_several_threads_take_turns", processes::turns),
    ("a_program_that_does_not_enter_is_told", processes::strangers),
    ("nothing_is_left_open", processes::leaks),
    ("no_worker_outlives_the_program", orphans::kill),
    ("native_calls_give_what_a_loop_gives", same::native_calls),
];

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    if environment.get(processes::STRANGER).is_some() {
        return processes::stranger(environment);
    }
    if enter(&environment, functions::ALL) {
        return ExitCode::SUCCESS;
    }
    if environment.get(MEMBER).is_some() {
        return same::program(&environment);
    }
    if environment.get(orphans::PROGRAM).is_some() {
        return orphans::program(environment);
    }
    let trial = |(name, test): &(&str, Test)| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    };
    let mut trials: Vec<Trial> = TESTS.iter().map(trial).collect();
    // One library of each family stands for all: what they share is not tested again.
    for mpi in setup::all().into_iter().filter(|mpi| mpi.is_of_family) {
        let name = format!("{}::ranks_give_what_local_cores_give", mpi.name);
        trials.push(Trial::test(name, move || Ok(same::on_ranks(&mpi)?)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
