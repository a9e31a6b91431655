//! Prints what festina detects on this machine as JSON, and how long that took.
//!
//! `cargo run --release -p festina-machine --example detect [FOLDER]`, where FOLDER mimics a machine's root.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::time::Instant;

use festina_machine::{Source, Surroundings, detect};

fn main() -> Result<(), serde_json::Error> {
    let source = std::env::args_os().nth(1).map_or_else(Source::live, Source::at);
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    let surroundings = Surroundings {
        environment: environment.collect(),
        hyperqueue_folder: home.map(|home| home.join(".hq-server")),
    };
    let start = Instant::now();
    let machine = detect(&source, &surroundings);
    let elapsed = start.elapsed();
    println!("{}", serde_json::to_string_pretty(&machine)?);
    eprintln!("{}\ndetected in {elapsed:?}", machine.workers);
    Ok(())
}
