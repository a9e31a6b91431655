//! Every backend, with the same jobs: the same answers are asked of all.
//!
//! This program is its own worker process and its own rank: started as one, it comes back as `main`.

mod functions;
mod orphans;
mod processes;

use std::process::ExitCode;

use festina_run::{Environment, processes::enter};
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
    ("a_program_that_does_not_enter_is_told", processes::strangers),
    ("nothing_is_left_open", processes::leaks),
    ("no_worker_outlives_the_program", orphans::kill),
];

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    if environment.get(processes::STRANGER).is_some() {
        return processes::stranger(environment);
    }
    if enter(&environment, functions::ALL) {
        return ExitCode::SUCCESS;
    }
    if environment.get(orphans::PROGRAM).is_some() {
        return orphans::program(environment);
    }
    let trials = TESTS.iter().map(|(name, test)| {
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
