//! `festina profile`

use std::fs;
use std::path::{Path, PathBuf};

use festina::profile::{
    ProfileOptions, ProfileRequest, ProfileResult, ProfileTarget, collapsed, compare_profiles,
    comparison_json, comparison_report, firefox, pprof, profile, profile_report, speedscope, stored_profile,
};
use festina::report::html;
use festina::{Error, Exit};

use crate::args::{OutputArguments, ProfileArguments};
use crate::output::{self, Answer};
use crate::progress::ProfileScreen;
use crate::signals::cancel_with_the_program;

/// Runs the verb; the exit code is that of the program that was profiled.
pub(crate) fn run(arguments: &ProfileArguments) -> Result<u8, Error> {
    output::require_folders(&arguments.output_files, None)?;
    if let Some(two) = &arguments.compare {
        return compare(&two[0], &two[1], &arguments.output_files);
    }
    let cores = arguments.cores.map(festina::Workers::get);
    if let Some(path) = &arguments.from {
        let result = stored_profile(path, cores)?;
        output::emit(&answer(&result), &arguments.output_files)?;
        write_stacks(&result, arguments)?;
        return Ok(Exit::Done.code());
    }
    let request = request(arguments, cores);
    let cancel = cancel_with_the_program();
    let mut screen = ProfileScreen::new(arguments.quiet, arguments.live);
    let result = profile(&request, &mut screen, &cancel);
    screen.finish();
    let result = result?;
    let answer = answer(&result);
    if !arguments.quiet {
        output::print_answer_to_errors(&answer.report);
    }
    output::write_files(&answer.report, &answer.json, &answer.provenance, &arguments.output_files)?;
    write_stacks(&result, arguments)?;
    Ok(result.exit_code())
}

fn request(arguments: &ProfileArguments, cores: Option<u32>) -> ProfileRequest {
    let target = match arguments.pid {
        Some(pid) => ProfileTarget::Process(pid),
        None => ProfileTarget::Command {
            words: arguments.words.clone(),
            environment: std::env::vars_os().collect(),
        },
    };
    let options =
        ProfileOptions { rate_hz: arguments.rate, seed: arguments.seed, duration: arguments.duration };
    ProfileRequest {
        target,
        options,
        cores,
        folder: arguments.output.clone(),
        state: arguments.state.clone(),
    }
}

fn answer(result: &ProfileResult) -> Answer {
    let provenance = vec![
        ("command".to_owned(), output::command_line()),
        ("recording".to_owned(), result.folder.display().to_string()),
        ("seed".to_owned(), result.profile.sampling.seed.to_string()),
    ];
    Answer {
        report: profile_report(&result.profile, &result.recording),
        json: output::to_json(&result.to_json()),
        provenance,
    }
}

fn compare(before: &Path, after: &Path, arguments: &OutputArguments) -> Result<u8, Error> {
    let comparison = compare_profiles(before, after)?;
    let answer = Answer {
        report: comparison_report(&comparison),
        json: output::to_json(&comparison_json(&comparison)),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, arguments)?;
    Ok(Exit::Done.code())
}

/// Writes what other tools read: the files that were named, and all of them into the folder that was.
fn write_stacks(result: &ProfileResult, arguments: &ProfileArguments) -> Result<(), Error> {
    let folder = arguments.output.as_deref();
    let files = |named: &Option<PathBuf>, name: &str| -> Vec<PathBuf> {
        named.clone().into_iter().chain(folder.map(|folder| folder.join(name))).collect()
    };
    for path in files(&arguments.collapsed, "stacks.txt") {
        output::write_file(&path, &collapsed(&result.recording))?;
    }
    for path in files(&arguments.speedscope, "speedscope.json") {
        output::write_file(&path, &speedscope(&result.recording).to_string())?;
    }
    for path in files(&arguments.firefox, "firefox.json") {
        output::write_file(&path, &firefox(&result.recording).to_string())?;
    }
    for path in files(&arguments.pprof, "profile.pb") {
        let action = format!("write {}", path.display());
        fs::write(&path, pprof(&result.recording)).map_err(|source| Error::File { action, source })?;
    }
    if let Some(folder) = folder {
        let answer = answer(result);
        let options = html::HtmlOptions { provenance: answer.provenance, generator: output::generator() };
        output::write_file(&folder.join("profile.html"), &html::page(&answer.report, &options))?;
        output::emit_json(&answer.json, &folder.join("profile.json"))?;
    }
    Ok(())
}
