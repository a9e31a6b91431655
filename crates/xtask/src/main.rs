//! The project's own chores.
//!
//! ```text
//! cargo xtask test     set up and run every check and test there is
//! cargo xtask bench    measure ours beside the peers', and write docs/benchmarks.md
//! ```

mod bench;
mod shell;
mod test;

use std::process::ExitCode;

type Chore = fn(&[String]) -> anyhow::Result<ExitCode>;

/// Name, what it does, and the chore.
const CHORES: [(&str, &str, Chore); 2] = [
    ("test", "sets up and runs every check and test there is", test::main),
    ("bench", "measures ours beside the peers', and writes docs/benchmarks.md", bench::main),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chore = args.first().and_then(|name| CHORES.iter().find(|chore| chore.0 == name));
    let Some((_, _, chore)) = chore else {
        eprintln!("usage: cargo xtask CHORE [ARGUMENT …]\n");
        for (name, what, _) in CHORES {
            eprintln!("  {name:8} {what}");
        }
        return ExitCode::from(2);
    };
    chore(&args[1..]).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
