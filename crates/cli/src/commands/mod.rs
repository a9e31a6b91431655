//! One file a verb: arguments → request → answer → output.

mod cores;
mod laws;
mod load;
mod profile;
mod ready;
mod run;
mod scale;
mod solve;
mod vrp;
mod worker;

use festina::mpi::Mpi;
use festina::{Error, Exit};

use crate::args::{Arguments, Verb};
use crate::output;

/// Runs the verb that was typed, with the other ranks at its command where this process is the first of an MPI job, and
/// returns the exit code.
pub(crate) fn dispatch(arguments: Arguments, ranks: Option<&Mpi>) -> u8 {
    let result: Result<Exit, Error> = match arguments.verb {
        // Its exit code is that of another program.
        Verb::Profile(arguments) => return profile::run(&arguments).unwrap_or_else(|error| ended_by(&error)),
        Verb::Scale(arguments) => scale::run(*arguments),
        Verb::Cores(arguments) => cores::run(&arguments),
        Verb::Laws(arguments) => laws::run(&arguments),
        Verb::Load(arguments) => load::run(&arguments),
        Verb::Ready(arguments) => ready::run(&arguments),
        Verb::Run(arguments) => run::run(*arguments, ranks),
        Verb::Worker(arguments) => worker::run(&arguments),
        Verb::Solve(arguments) => solve::run(&arguments, ranks),
    };
    result.map_or_else(|error| ended_by(&error), Exit::code)
}

/// Prints `error`, and returns its exit code.
fn ended_by(error: &Error) -> u8 {
    output::print_error(error);
    error.exit().code()
}
