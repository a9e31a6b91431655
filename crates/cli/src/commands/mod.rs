//! One file a verb: arguments → request → answer → output.

mod cores;
mod laws;
mod run;
mod scale;
mod solve;
mod vrp;

use std::process::ExitCode;

use festina::{Error, Exit};

use crate::args::{Arguments, Verb};
use crate::output;

/// Runs the verb that was typed.
pub(crate) fn dispatch(arguments: Arguments) -> ExitCode {
    let result = match arguments.verb {
        Verb::Scale(arguments) => scale::run(*arguments),
        Verb::Cores(arguments) => cores::run(&arguments),
        Verb::Laws(arguments) => laws::run(&arguments),
        Verb::Run(arguments) => run::run(*arguments),
        Verb::Solve(arguments) => solve::run(&arguments),
    };
    let exit = result.unwrap_or_else(|error: Error| {
        output::print_error(&error);
        error.exit()
    });
    ExitCode::from(Exit::code(exit))
}
