//! Real jobs of every MPI: Debian's Open MPI 4, Open MPI 5 and MPICH from wheels, through all three binary interfaces.
//!
//! This program is its own rank: launched by a test, it comes back as `main`, and [`ranks::program`] goes on.

mod hosts;
mod jobs;
mod ranks;
mod setup;

use std::process::ExitCode;

use festina_run::{Environment, mpi};
use libtest_mimic::{Arguments, Trial};

use setup::{Mpi, all};

type Test = fn(&Mpi) -> Result<(), String>;

/// What every MPI must pass.
const EVERYWHERE: [(&str, Test); 2] = [
    ("functions_give_what_they_give_in_one_process", jobs::functions),
    ("tables_are_those_of_local_cores", jobs::commands),
];

/// What does not depend on the interface, and so is asked of one library of each family only.
const OF_FAMILIES: [(&str, Test); 3] = [
    ("a_lost_rank_is_told_and_resume_goes_on", jobs::lost_rank),
    ("requests_to_stop_reach_the_tasks", jobs::cancel),
    ("a_lost_rank_ends_a_map", jobs::lost_in_map),
];

fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    if environment.get(mpi::MEMBER).is_some() {
        return ranks::program(&environment);
    }
    let mut trials = vec![
        Trial::test("a_launcher_that_is_absent_is_told", || Ok(jobs::absent()?)),
        Trial::test("a_launcher_of_something_else_is_told", || Ok(jobs::no_launcher()?)),
    ];
    // Hosts are made of namespaces, which only root may make.
    let three_hosts = Trial::test("openmpi4::three_hosts", || Ok(jobs::three_hosts(&all()[0])?));
    trials.push(three_hosts.with_ignored_flag(!rustix::process::geteuid().is_root()));
    for mpi in all() {
        let of_family = mpi.is_of_family;
        let tests = EVERYWHERE.iter().chain(OF_FAMILIES.iter().filter(|_| of_family));
        for (name, test) in tests {
            let mpi = mpi.clone();
            trials.push(Trial::test(format!("{}::{name}", mpi.name), move || Ok(test(&mpi)?)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
