//! The project's own chores, as `cargo xtask NAME`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod bench;

use std::process::ExitCode;

/// A chore: its name, what its arguments are, what it does, and the function that does it.
struct Chore {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const CHORES: &[Chore] = &[Chore {
    name: "bench",
    usage: "forecast --data DIR [--json FILE] [--peers] [--derive]",
    about: "measure festina beside its peers",
    run: bench::run,
}];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("", String::as_str);
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        return usage(name);
    };
    match (chore.run)(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage(name: &str) -> ExitCode {
    if !name.is_empty() && name != "--help" {
        eprintln!("error: no chore is called `{name}`\n");
    }
    for Chore { name, usage, about, .. } in CHORES {
        eprintln!("cargo xtask {name} {usage}\n    {about}");
    }
    ExitCode::from(2)
}
