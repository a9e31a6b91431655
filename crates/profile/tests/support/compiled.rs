//! Programs of machine code that are compiled here and tell their own times.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use festina_profile::{Profile, Recording, analyse};

use super::{holds, program, record};

/// How near to the truth a share must be, in percentage points.
const NEAR: f64 = 4.0;

/// Compiles the program `name` of ours by `compiler`, and returns where it is.
pub(crate) fn compiled(compiler: &str, folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(Path::new(name).file_stem().unwrap());
    let mut command = Command::new(compiler);
    let status = command.args(options).arg("-o").arg(&path).arg(program(name)).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?}");
    path
}

/// A recording of a program, and what the program said of itself.
pub(crate) struct Run {
    /// The seconds of each part.
    pub(crate) truth: HashMap<String, f64>,
    pub(crate) recording: Recording,
    pub(crate) profile: Profile,
}

/// Records the program at `path`, of parts of `seconds` altogether.
pub(crate) fn run(folder: &Path, path: &Path, seconds: &str) -> Run {
    let told = folder.join("told");
    let script = format!("exec {} {seconds} > {}", path.display(), told.display());
    let recording = record(&["sh", "-c", &script], 1_000.0);
    let text = std::fs::read_to_string(told).unwrap();
    let line = |line: &str| {
        let (seconds, name) = line.split_once(' ').unwrap();
        (name.to_owned(), seconds.parse().unwrap())
    };
    let truth = text.lines().map(line).collect();
    let profile = analyse(&recording, 2);
    Run { truth, recording, profile }
}

/// Records the program at `path`, whose parts are to have shares that are near to the truth.
pub(crate) fn near_run(folder: &Path, path: &Path, seconds: &str) -> Result<Run, String> {
    let run = run(folder, path, seconds);
    let all: f64 = run.truth.values().sum();
    for (part, seconds) in &run.truth {
        let found = total(&run.profile, part);
        let points = 100.0 * (found - seconds).abs() / all;
        holds!(points < NEAR, "{}: {part} has {found} s for {seconds}", path.display());
    }
    Ok(run)
}

/// Returns the time of the function whose name has `part` in it, the longest of those that do.
pub(crate) fn total(profile: &Profile, part: &str) -> f64 {
    let matching = profile.functions.iter().filter(|spot| spot.name.contains(part));
    matching.map(|spot| spot.total_s).fold(0.0, f64::max)
}

/// Returns the names of the functions on `stack`, the innermost first.
pub(crate) fn names(recording: &Recording, stack: u32) -> Vec<&str> {
    let frames = recording.frames_of(stack);
    frames.map(|frame| recording.functions[frame.function as usize].name.as_str()).collect()
}
