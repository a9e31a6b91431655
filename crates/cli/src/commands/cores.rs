//! `festina cores`

use std::path::PathBuf;

use festina::machine::Surroundings;
use festina::report::text;
use festina::{Error, Exit, cores, cores_json, cores_report};

use crate::args::CoresArguments;
use crate::output;

pub(crate) fn run(arguments: &CoresArguments) -> Result<Exit, Error> {
    let machine = cores(&surroundings());
    match &arguments.json {
        Some(path) => output::emit_json(&output::to_json(&cores_json(&machine)), path)?,
        None => output::print(&text::render(&cores_report(&machine), &output::screen()))?,
    }
    Ok(Exit::Done)
}

/// Returns what this process knows of where it runs.
pub(crate) fn surroundings() -> Surroundings {
    let readable = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    Surroundings {
        environment: readable.collect(),
        hyperqueue_folder: home.map(|home| home.join(".hq-server")),
    }
}
