//! How the process that started the launcher and the first rank talk: through a folder that both see.
//!
//! Signals would not do: launchers pass few of them on, each others, and end the job at a Ctrl-C. The launcher's exit
//! code would not do either: it speaks of the worst of all ranks, and of the launcher's own troubles.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use festina_types::CancelToken;

use super::MpiError;

/// How often the first rank looks for requests.
const TICK: Duration = Duration::from_millis(50);

/// A byte for each request to stop.
const REQUESTS: &str = "requests";

/// The exit code of the first rank, as text.
const END: &str = "end";

/// The folder, on the side of the process that started the launcher; removed when dropped.
pub(super) struct ControlFolder {
    path: PathBuf,
    requests: File,
}

impl ControlFolder {
    /// Makes a folder under `state`.
    pub(super) fn create(state: &Path) -> Result<Self, MpiError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = state.join(format!("mpi-{}-{:x}", std::process::id(), now.as_nanos()));
        let create = |path: &Path| {
            fs::create_dir_all(path)?;
            Ok((
                path.canonicalize()?,
                OpenOptions::new().create(true).append(true).open(path.join(REQUESTS))?,
            ))
        };
        let (path, requests) = create(&path).map_err(MpiError::control(&path))?;
        Ok(Self { path, requests })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Passes a request to stop on.
    pub(super) fn request(&mut self) -> Result<(), MpiError> {
        self.requests.write_all(b"!").map_err(MpiError::control(&self.path))
    }

    /// Returns the exit code of the first rank, if it came to its end.
    pub(super) fn end(&self) -> Option<u8> {
        fs::read_to_string(self.path.join(END)).ok()?.trim().parse().ok()
    }
}

impl Drop for ControlFolder {
    fn drop(&mut self) {
        // What cannot be removed is a few bytes that nobody reads again.
        let _ = fs::remove_dir_all(&self.path);
        // The folder for state goes too if it holds nothing: no run was stored.
        if let Some(state) = self.path.parent() {
            let _ = fs::remove_dir(state);
        }
    }
}

/// The folder, on the side of the first rank.
pub(super) struct Control {
    path: PathBuf,
    cancel: CancelToken,
    /// Dropped when there is nothing more to stop.
    _follower: Sender<()>,
}

impl Control {
    /// Opens the folder, and from now on passes requests on to a token.
    ///
    /// # Errors
    ///
    /// [`MpiError::Control`] if it is not there: the hosts do not share it.
    pub(super) fn open(path: PathBuf) -> Result<Self, MpiError> {
        let requests = path.join(REQUESTS);
        count(&requests).map_err(MpiError::control(&path))?;
        let (follower, end) = mpsc::channel();
        let cancel = CancelToken::new();
        let token = cancel.clone();
        let follow = move || {
            let mut n_passed_on = 0;
            while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let n_requests = count(&requests).unwrap_or(0);
                (n_passed_on..n_requests).for_each(|_| token.request());
                n_passed_on = n_requests.max(n_passed_on);
            }
        };
        std::thread::Builder::new()
            .name("festina-stop".to_owned())
            .spawn(follow)
            .map_err(MpiError::Thread)?;
        Ok(Self { path, cancel, _follower: follower })
    }

    /// Returns the token on which the user's requests come.
    pub(super) fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Hands the exit code over.
    pub(super) fn end(self, code: u8) -> Result<(), MpiError> {
        let (new, end) = (self.path.join("end.new"), self.path.join(END));
        fs::write(&new, code.to_string())
            .and_then(|()| fs::rename(&new, &end))
            .map_err(MpiError::control(&end))
    }
}

fn count(requests: &Path) -> io::Result<u64> {
    fs::metadata(requests).map(|data| data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_one_way_and_the_end_the_other() {
        let state = tempfile::tempdir().unwrap();
        let mut folder = ControlFolder::create(state.path()).unwrap();
        let control = Control::open(folder.path().to_owned()).unwrap();
        let cancel = control.cancel().clone();
        folder.request().unwrap();
        // Real time: the first rank looks into the folder every now and then.
        while !cancel.is_requested() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!cancel.is_urgent());
        folder.request().unwrap();
        while !cancel.is_urgent() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(folder.end(), None);
        control.end(130).unwrap();
        assert_eq!(folder.end(), Some(130));
        let other = ControlFolder::create(state.path()).unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
        drop(other);
        assert!(!state.path().exists(), "an empty folder is of no use");
    }

    #[test]
    fn a_folder_that_is_not_shared_is_told() {
        let error = Control::open("/nowhere/at/all".into()).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere/at/all cannot be used");
        assert!(error.hint().unwrap().contains("share"));
    }
}
