//! The `festina` command: parses, prints, draws progress, chooses the exit code; nothing else.

mod args;
mod commands;
mod output;
mod progress;
mod signals;

use std::process::ExitCode;

use festina::Exit;

/// A panic is a bug of ours, and says so by its exit code.
fn main() -> ExitCode {
    let run = || commands::dispatch(<args::Arguments as clap::Parser>::parse());
    std::panic::catch_unwind(run).unwrap_or(ExitCode::from(Exit::Bug.code()))
}
