//! The `festina` command: parses, prints, draws progress, chooses the exit code; nothing else.

mod args;
mod commands;
mod output;
mod progress;
mod ranks;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use festina::Exit;

/// A panic is a bug of ours, and says so by its exit code.
fn main() -> ExitCode {
    let run = |ranks: Option<&festina::mpi::Mpi>| {
        let dispatch = || commands::dispatch(args::Arguments::parse(), ranks);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(dispatch)).unwrap_or(Exit::Bug.code())
    };
    let entered = festina::mpi::enter(&std::env::vars_os().collect(), run);
    ExitCode::from(entered.unwrap_or_else(|error| {
        output::print_error(&error);
        error.exit().code()
    }))
}
