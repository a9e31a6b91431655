//! `festina profile`: where the time goes, and what it would gain to fix it.

mod report;
mod source;
mod together;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use festina_machine::{Machine, Source, Surroundings, detect};
use festina_profile as profile;
pub use festina_profile::{
    Comparison, Cores, Observer, Options as ProfileOptions, Profile, ProfileError, Recording, collapsed,
    firefox, pprof, speedscope,
};
pub use festina_run::Environment;
use festina_types::{CancelToken, Status};
pub use report::{comparison_report, profile_report};
use serde::Serialize;

use crate::{Error, Versioned, versioned};

/// What is profiled.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileTarget {
    /// A program that is started, with our own streams.
    Command {
        /// The program and its arguments.
        words: Vec<OsString>,
        /// All of its environment variables.
        environment: Environment,
    },
    /// A process that runs.
    Process(u32),
}

/// What is profiled, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRequest {
    /// What.
    pub target: ProfileTarget,
    /// How.
    pub options: ProfileOptions,
    /// The number of cores for which gains are told; `None` is what is available.
    pub cores: Option<u32>,
    /// The folder of the profile; `None` is a new one in `state`.
    pub folder: Option<PathBuf>,
    /// Where profiles are stored.
    pub state: PathBuf,
}

/// A profile, and what it was made of.
#[derive(Clone, Debug)]
pub struct ProfileResult {
    /// What the recording says.
    pub profile: Profile,
    /// The recording.
    pub recording: Recording,
    /// The folder that holds the recording.
    pub folder: PathBuf,
}

impl ProfileResult {
    /// Returns the exit code of the program that was profiled, 128 and the number of the signal that killed it; 0 for a
    /// process that was not ours, and one that goes on.
    pub fn exit_code(&self) -> u8 {
        match self.recording.status {
            Some(Status::Failed { code }) => u8::try_from(code).unwrap_or(1),
            Some(Status::Killed { signal }) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)),
            _ => 0,
        }
    }

    /// Returns the profile as JSON of the schema `festina.profile/1`.
    pub fn to_json(&self) -> Versioned<&impl Serialize> {
        versioned("festina.profile/1", &self.profile)
    }
}

/// The name of the recording in a profile's folder.
const RECORDING: &str = "recording";

/// Profiles the target of `request`.
///
/// # Errors
///
/// [`Error::Profile`] if it cannot be started or looked into, [`Error::File`] if the folder cannot be made.
pub fn profile(
    request: &ProfileRequest,
    observer: &mut dyn Observer,
    cancel: &CancelToken,
) -> Result<ProfileResult, Error> {
    if matches!(&request.target, ProfileTarget::Command { words, .. } if words.is_empty()) {
        return Err(Error::Input {
            message: "there is no command to profile".to_owned(),
            hint: Some("festina profile -- python3 program.py".to_owned()),
        });
    }
    let folder = new_folder(request)?;
    let path = folder.join(RECORDING);
    let recorded = match &request.target {
        ProfileTarget::Command { words, environment } => {
            let target = profile::Target {
                program: words[0].clone(),
                arguments: words[1..].to_vec(),
                environment: environment.clone(),
            };
            profile::profile_command(&target, &request.options, Some(&path), cancel, observer)
        }
        ProfileTarget::Process(pid) => {
            profile::profile_process(*pid, &request.options, Some(&path), cancel, observer)
        }
    };
    let recording = recorded.inspect_err(|_| discard(&folder))?;
    let machine = this_machine();
    let together = match request.target {
        ProfileTarget::Command { .. } => together::measured(&machine, &request.state, cancel),
        // Measuring would disturb it.
        ProfileTarget::Process(_) => together::known(&machine, &request.state),
    };
    if let Some(together) = together {
        together::keep(&folder, together);
    }
    let cores = Cores { count: request.cores.unwrap_or(machine.workers.workers.max(1)), together };
    Ok(ProfileResult { profile: profile::analyse(&recording, cores), recording, folder })
}

/// Reads the profile at `path`, a folder or a recording, again; gains are told for `cores`.
///
/// # Errors
///
/// [`Error::Profile`] if there is no recording, or it is of another version.
pub fn stored_profile(path: &Path, cores: Option<u32>) -> Result<ProfileResult, Error> {
    let file = if path.is_dir() { path.join(RECORDING) } else { path.to_owned() };
    let recording = profile::read_recording(&file).map_err(ProfileError::from)?;
    let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
    let count = cores.unwrap_or_else(|| this_machine().workers.workers.max(1));
    let cores = Cores { count, together: together::kept(&folder) };
    Ok(ProfileResult { profile: profile::analyse(&recording, cores), recording, folder })
}

/// Compares two stored profiles: what got slower, beyond chance.
///
/// # Errors
///
/// Those of [`stored_profile`].
pub fn compare_profiles(before: &Path, after: &Path) -> Result<Comparison, Error> {
    let read = |path| stored_profile(path, None);
    Ok(profile::compare(&read(before)?.profile, &read(after)?.profile))
}

/// Returns `comparison` as JSON of the schema `festina.profile-comparison/1`.
pub fn comparison_json(comparison: &Comparison) -> Versioned<&Comparison> {
    versioned("festina.profile-comparison/1", comparison)
}

fn this_machine() -> Machine {
    detect(&Source::live(), &Surroundings::default())
}

/// Makes the folder that was asked for, or the next one in the state folder.
fn new_folder(request: &ProfileRequest) -> Result<PathBuf, Error> {
    let failed = |path: &Path, source| Error::File { action: format!("make {}", path.display()), source };
    if let Some(folder) = &request.folder {
        return fs::create_dir_all(folder).map(|()| folder.clone()).map_err(|error| failed(folder, error));
    }
    fs::create_dir_all(&request.state).map_err(|error| failed(&request.state, error))?;
    for number in 1_u32.. {
        let folder = request.state.join(format!("profile-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&folder, error)),
        }
    }
    unreachable!("there are not four thousand million profiles in a folder")
}

/// Removes what was made for a profile that came to nothing: never more than its own file and an empty folder.
fn discard(folder: &Path) {
    let _ = fs::remove_file(folder.join(RECORDING));
    let _ = fs::remove_dir(folder);
}
