//! The project's own chores, as `cargo xtask NAME`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod bench;
mod package;
mod pythons;
mod shell;
mod test;

use std::process::ExitCode;

/// A chore: its name, what its arguments are, what it does, and the function that does it.
struct Chore {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        usage: "[STEP …]",
        about: "set up and run every check and test there is",
        run: test::main,
    },
    Chore {
        name: "bench",
        usage: "[NAME [ARGUMENT …]]",
        about: "measure festina beside its peers, and write docs/benchmarks.md",
        run: bench::main,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("", String::as_str);
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        return usage(name);
    };
    (chore.run)(&arguments[1..]).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
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
