//! The folder of a run: `.festina/<run>/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use festina_types::RunId;

use super::journal::Reading;
use super::{Resume, TaskError};

/// The name of the journal in a run's folder.
const JOURNAL: &str = "tasks.journal";

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Returns the folder at `path`, which must hold a journal.
    ///
    /// # Errors
    ///
    /// [`TaskError::NoRun`] if it holds none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TaskError> {
        let folder = Self { path: path.into() };
        if folder.journal().is_file() {
            Ok(folder)
        } else {
            Err(TaskError::NoRun { path: folder.path, nearest: None })
        }
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the name of the run.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the path of its journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Returns the folder for outputs that are too long for memory.
    pub(super) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Makes the folder of a new run under `state`, with this name or the time as its name.
    pub(super) fn create(state: &Path, name: Option<&str>) -> Result<Self, TaskError> {
        fs::create_dir_all(state).map_err(|source| TaskError::writing(state, source))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for attempt in 0_u32.. {
            let path = match name {
                Some(name) => state.join(name),
                None => state.join(time_name(now, attempt)),
            };
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && name.is_none() => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    return Err(TaskError::RunExists { path });
                }
                Err(error) => return Err(TaskError::writing(&path, error)),
            }
        }
        unreachable!("some name is free")
    }

    /// Returns the folder of the run that is to be resumed; `None` if there is none yet.
    pub(super) fn find(state: &Path, resume: &Resume, identity: &str) -> Result<Option<Self>, TaskError> {
        match resume {
            Resume::No => Ok(None),
            Resume::Run(name) => match Self::open(state.join(name)) {
                Ok(folder) => Ok(Some(folder)),
                Err(_) => {
                    let names = Self::list(state);
                    let names: Vec<String> = names.iter().map(Self::name).collect();
                    let nearest = crate::nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
                    Err(TaskError::NoRun { path: state.join(name), nearest })
                }
            },
            Resume::Latest => {
                let is_same = |folder: &Self| match Reading::first_session(&folder.journal()) {
                    Some(session) => session.identity == identity,
                    None => false,
                };
                Ok(Self::list(state).into_iter().find(is_same))
            }
        }
    }

    /// Returns the folders of runs under `state`, the latest first.
    pub fn list(state: &Path) -> Vec<Self> {
        let entries = fs::read_dir(state).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries
            .filter_map(|entry| {
                let folder = Self::open(entry.path()).ok()?;
                let changed = fs::metadata(folder.journal()).and_then(|data| data.modified()).ok()?;
                Some((changed, folder))
            })
            .collect();
        folders.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.path.cmp(&a.1.path)));
        folders.into_iter().map(|(_, folder)| folder).collect()
    }
}

/// Returns a name of the time; digits tell apart runs of the same second.
fn time_name(now: Duration, attempt: u32) -> String {
    RunId::new(now.as_secs(), ((now.subsec_nanos() >> 8) + attempt) as u16).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_found_and_missed() {
        let state = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(state.path(), Some("first")).unwrap();
        assert!(matches!(RunFolder::create(state.path(), Some("first")), Err(TaskError::RunExists { .. })));
        fs::write(folder.journal(), "").unwrap();
        assert_eq!(RunFolder::list(state.path()), std::slice::from_ref(&folder));
        let named = |name: &str| RunFolder::find(state.path(), &Resume::Run(name.to_owned()), "");
        assert_eq!(named("first").unwrap(), Some(folder));
        assert_eq!(named("frist").unwrap_err().hint().unwrap(), "did you mean first?");
        assert_eq!(RunFolder::find(state.path(), &Resume::Latest, "x").unwrap(), None);
        let (a, b) =
            (RunFolder::create(state.path(), None).unwrap(), RunFolder::create(state.path(), None).unwrap());
        assert_ne!(a, b);
    }
}
