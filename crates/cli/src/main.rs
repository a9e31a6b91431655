//! The `festina` command: parses, prints, draws progress, chooses the exit code; nothing else.

mod args;
mod commands;
mod output;
mod progress;
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::dispatch(<args::Arguments as clap::Parser>::parse())
}
