//! Commands, and the folders they work in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Returns the workspace's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask is two levels deep")
        .to_owned()
}

/// Returns the folder for what the chores install and write: `target`, wherever cargo was told to put it.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns `program` with `args`, to be started in the root folder.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Runs `command` to its end, its output going to ours.
///
/// # Errors
///
/// If it cannot be started or does not end with exit code 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs `command` quietly and returns its standard output.
///
/// # Errors
///
/// If it cannot be started or does not end with exit code 0; the message carries its standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds a program in C from `source`, a path in the repository, and returns its path.
pub(crate) fn compiled(source: &str, name: &str) -> Result<PathBuf> {
    let (program, source) = (target().join(name), root().join(source));
    run(&mut command("cc", ["-O2".as_ref(), "-o".as_ref(), program.as_os_str(), source.as_os_str()]))?;
    Ok(program)
}

/// Builds the release binary of festina and returns its path.
///
/// # Errors
///
/// If it does not build.
pub(crate) fn release_festina() -> Result<PathBuf> {
    run(&mut command(env!("CARGO"), ["build", "--release", "--quiet", "--package", "festina-cli"]))?;
    Ok(target().join("release/festina"))
}
