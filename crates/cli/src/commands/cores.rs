//! `festina cores`

use std::path::PathBuf;

use festina::machine::Surroundings;
use festina::report::text;
use festina::{CancelToken, Error, Exit, cores, cores_json, cores_report, measure_cores};

use crate::args::CoresArguments;
use crate::{output, signals};

pub(crate) fn run(arguments: &CoresArguments) -> Result<Exit, Error> {
    let machine = cores(&surroundings());
    // What answers at once needs no handler of signals.
    let cancel = if arguments.measure { signals::cancel_on_signals() } else { CancelToken::new() };
    let measured = arguments.measure.then(|| measure_cores(&machine, &cancel)).transpose()?;
    match &arguments.json {
        Some(path) => output::emit_json(&output::to_json(&cores_json(&machine, measured.as_ref())), path)?,
        None => output::print(&text::render(&cores_report(&machine, measured.as_ref()), &output::screen()))?,
    }
    Ok(if cancel.is_requested() { Exit::Interrupted } else { Exit::Done })
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
