//! What disturbs: an endless loop.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// An endless loop on CPU 0; dropping it ends it.
pub(crate) struct Hog(Child);

impl Hog {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If there is no `taskset`.
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0", "sh", "-c", "while :; do :; done"]).stdin(Stdio::null());
        Ok(Self(command.spawn().context("failed to start taskset (Debian: util-linux)")?))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
