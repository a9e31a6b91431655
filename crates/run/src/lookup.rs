//! Finds a program the way a shell does, and explains why one cannot be started.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Environment, Launch, RunError, nearest};

/// Where programs are looked for if there is no `PATH`: what `confstr(_CS_PATH)` says.
const STANDARD_PATH: &str = "/bin:/usr/bin";

/// Returns the path of `program`: itself if it has a slash, else the first executable file of that name on the
/// `PATH` of `environment`. Relative entries of `PATH` start at `directory`, and so does a relative `program`,
/// which is returned as it is.
///
/// # Errors
///
/// [`RunError::CommandNotFound`], with the most similar name that is there, or [`RunError::NotExecutable`] if
/// only a file without permission was found.
pub fn find_program(
    program: &OsStr,
    environment: &Environment,
    directory: Option<&Path>,
) -> Result<PathBuf, RunError> {
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let path = environment.get("PATH").unwrap_or(OsStr::new(STANDARD_PATH));
    let mut forbidden = None;
    if !program.is_empty() {
        for folder in folders(path) {
            let candidate = folder.join(program);
            let seen = directory.map_or_else(|| candidate.clone(), |start| start.join(&candidate));
            if !seen.is_file() {
                continue;
            }
            if is_executable(&seen) {
                return Ok(candidate);
            }
            forbidden.get_or_insert(candidate);
        }
    }
    Err(match forbidden {
        Some(path) => RunError::NotExecutable { path },
        None => RunError::CommandNotFound {
            program: program.to_string_lossy().into_owned(),
            nearest: nearest_on(path, &program.to_string_lossy()),
        },
    })
}

/// The program that was looked up last: where many tasks run the same one, the folders of `PATH` are not searched for each.
#[derive(Debug, Default)]
pub(crate) struct LastFound {
    /// The program, `PATH` and the working directory that it was found for.
    key: Option<(OsString, Option<OsString>, Option<PathBuf>)>,
    path: PathBuf,
}

impl LastFound {
    /// Returns what [`find_program`] found for a launch like this one, or finds it.
    pub(crate) fn find(&mut self, launch: &Launch) -> Result<&Path, RunError> {
        let Launch { program, environment, directory, .. } = launch;
        let variable = environment.get("PATH");
        let is_same = self.key.as_ref().is_some_and(|(known, path, folder)| {
            known == program && path.as_deref() == variable && folder == directory
        });
        if !is_same {
            self.key = None;
            self.path = find_program(program, environment, directory.as_deref())?;
            self.key = Some((program.clone(), variable.map(OsStr::to_owned), directory.clone()));
        }
        Ok(&self.path)
    }

    /// Forgets the program: it could not be started, and may have moved.
    pub(crate) fn forget(&mut self) {
        self.key = None;
    }
}

/// Looks for `program` as [`find_program`] does, and at the file that a path names: what cannot be started is told before
/// anything is.
///
/// # Errors
///
/// Those of [`find_program`]; [`RunError::NoSuchProgram`], [`RunError::IsFolder`] and [`RunError::NotExecutable`].
pub(crate) fn check_program(
    program: &OsStr,
    environment: &Environment,
    directory: Option<&Path>,
) -> Result<(), RunError> {
    let path = find_program(program, environment, directory)?;
    let seen = directory.map_or_else(|| path.clone(), |start| start.join(&path));
    let refused = |errno| Err(explain(&path, directory, io::Error::from_raw_os_error(errno)));
    match fs::metadata(&seen) {
        Err(error) => refused(error.raw_os_error().unwrap_or(libc::ENOENT)),
        Ok(data) if data.is_dir() || !is_executable(&seen) => refused(libc::EACCES),
        Ok(_) => Ok(()),
    }
}

/// Returns the error of a program that the kernel refused to start with `error`.
pub(crate) fn explain(path: &Path, directory: Option<&Path>, error: io::Error) -> RunError {
    let seen = directory.map_or_else(|| path.to_owned(), |start| start.join(path));
    let path = path.to_owned();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) if !seen.exists() => RunError::NoSuchProgram { path },
        Some(libc::ENOENT | libc::ENOTDIR) => {
            RunError::InterpreterMissing { path, interpreter: interpreter(&seen) }
        }
        Some(libc::EACCES) if seen.is_dir() => RunError::IsFolder { path },
        Some(libc::EACCES) if is_executable(&seen) && !interpreter(&seen).is_empty() => {
            RunError::InterpreterMissing { path, interpreter: interpreter(&seen) }
        }
        Some(libc::EACCES | libc::EPERM) => RunError::NotExecutable { path },
        Some(libc::ENOEXEC) => RunError::UnknownFormat { path },
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            RunError::Exhausted { source: error }
        }
        _ => RunError::Start { path, source: error },
    }
}

fn folders(path: &OsStr) -> impl Iterator<Item = &Path> {
    // An empty entry means the working directory.
    path.as_bytes()
        .split(|&byte| byte == b':')
        .map(|folder| Path::new(OsStr::from_bytes(if folder.is_empty() { b"." } else { folder })))
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Returns the interpreter that the first line of a script names; for a binary, its loader in words.
fn interpreter(path: &Path) -> String {
    let mut start = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(256).read_to_end(&mut start);
    }
    if start.starts_with(b"\x7fELF") {
        return "the loader (ld.so) that it was linked for".to_owned();
    }
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(b"#!") else { return String::new() };
    let text = String::from_utf8_lossy(line);
    // A carriage return of another system's line end is the classic cause: it is shown, not hidden.
    text.trim_matches([' ', '\t']).split([' ', '\t']).next().unwrap_or_default().escape_debug().to_string()
}

/// Returns the name on `path` that `program` was probably meant to be.
fn nearest_on(path: &OsStr, program: &str) -> Option<String> {
    let entries = folders(path).filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    nearest(program, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn environment() -> Environment {
        Environment::from_iter([("PATH", "/usr/bin:/bin")])
    }

    fn explained(text: &str, mode: u32, errno: i32) -> RunError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        explain(&path, None, io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn a_name_is_found_on_the_path_that_is_given() {
        let found = find_program(OsStr::new("sh"), &environment(), None).unwrap();
        assert!(found.ends_with("bin/sh") && found.is_file());
        assert!(find_program(OsStr::new("sh"), &Environment::new(), None).is_ok());
        let nowhere = Environment::from_iter([("PATH", "/nonexistent")]);
        assert!(find_program(OsStr::new("sh"), &nowhere, None).is_err());
    }

    #[test]
    fn what_was_found_last_is_for_the_same_path_only() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("sh");
        fs::write(&tool, "").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let mut last = LastFound::default();
        let standard = last.find(&Launch::new("sh", environment())).unwrap().to_owned();
        let own = Launch::new("sh", Environment::from_iter([("PATH", folder.path())]));
        assert_eq!(last.find(&own).unwrap(), tool);
        fs::remove_file(&tool).unwrap();
        assert_eq!(last.find(&own).unwrap(), tool, "it was not looked for again");
        last.forget();
        assert!(last.find(&own).is_err());
        assert_eq!(last.find(&Launch::new("sh", environment())).unwrap(), standard);
    }

    #[test]
    fn a_name_mistyped_gets_the_nearest() {
        let error = find_program(OsStr::new("sleeep"), &environment(), None).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean sleep?");
        let error = find_program(OsStr::new("qqqqqqqqqqqq"), &environment(), None).unwrap_err();
        assert!(matches!(error, RunError::CommandNotFound { nearest: None, .. }));
        assert!(find_program(OsStr::new(""), &environment(), None).is_err());
    }

    #[test]
    fn a_file_without_permission_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tool"), "#!/bin/sh\n").unwrap();
        let path = Environment::from_iter([("PATH", folder.path())]);
        let error = find_program(OsStr::new("tool"), &path, None).unwrap_err();
        assert!(matches!(&error, RunError::NotExecutable { .. }));
        assert!(error.hint().unwrap().starts_with("chmod +x /"));
    }

    #[test]
    fn relative_entries_start_at_the_working_directory_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("tool");
        fs::write(&tool, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let path = Environment::from_iter([("PATH", "/nonexistent:")]);
        let found = find_program(OsStr::new("tool"), &path, Some(folder.path())).unwrap();
        assert_eq!(found, Path::new("./tool"));
    }

    #[test]
    fn what_the_kernel_refuses_is_explained() {
        let error = explained("#!/no/such/python3 -u\n", 0o755, libc::ENOENT);
        assert!(
            matches!(error, RunError::InterpreterMissing { interpreter, .. } if interpreter == "/no/such/python3")
        );
        let error = explained("#!/bin/sh\r\necho\r\n", 0o755, libc::ENOENT);
        assert!(
            matches!(error, RunError::InterpreterMissing { interpreter, .. } if interpreter == "/bin/sh\\r")
        );
        assert!(matches!(explained("echo\n", 0o755, libc::ENOEXEC), RunError::UnknownFormat { .. }));
        assert!(matches!(explained("echo\n", 0o755, libc::EAGAIN), RunError::Exhausted { .. }));
        let missing = explain(Path::new("./nothing"), None, io::Error::from_raw_os_error(libc::ENOENT));
        assert!(matches!(missing, RunError::NoSuchProgram { .. }));
        let folder = explain(Path::new("/tmp"), None, io::Error::from_raw_os_error(libc::EACCES));
        assert!(matches!(folder, RunError::IsFolder { .. }));
    }
}
