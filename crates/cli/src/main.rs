//! The `festina` command: parses, prints, draws progress, chooses the exit code; nothing else.

mod args;
mod bottom_line;
mod commands;
mod live;
mod moving_line;
mod output;
mod progress;
mod ranks;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use festina::Exit;
use festina::run::{Here, OWN_FUNCTIONS, enter};

/// A panic is a bug of ours, and says so by its exit code.
fn main() -> ExitCode {
    let run = |here: Here<'_>| {
        let dispatch = || commands::dispatch(args::Arguments::parse(), here.ranks());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(dispatch)).unwrap_or(Exit::Bug.code())
    };
    let entered = enter(&std::env::vars_os().collect(), OWN_FUNCTIONS, run);
    ExitCode::from(entered.unwrap_or_else(|error| {
        output::print_error(&error);
        error.exit().code()
    }))
}
