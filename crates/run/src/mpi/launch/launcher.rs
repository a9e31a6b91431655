//! The launchers, and what each of them must be told.
//!
//! | | Open MPI | MPICH, Intel MPI (Hydra) | Slurm |
//! |---|---|---|---|
//! | ranks | `-n N` | `-n N` | `--ntasks=N` |
//! | more ranks than cores | `--map-by :OVERSUBSCRIBE` | as it is | `--overcommit` |
//! | ranks bind themselves | `--bind-to none` | `I_MPI_PIN=0` (Intel) | `--cpu-bind=none` |
//! | spinning ranks give way | `--mca mpi_yield_when_idle 1` | – | – |
//! | as root | `--allow-run-as-root` | as it is | as it is |
//! | variables for other hosts | `-x NAME` | as it is | `--export=ALL` |
//! | standard input | to rank 0 | to rank 0 | `--input=0` |
//! | a lost rank ends the job | as it is | as it is | `--kill-on-bad-exit=1` |
//!
//! Sources: the manual pages mpirun(1) of Open MPI 4.1 and 5.0, mpiexec(1) of MPICH 5.0, srun(1) of Slurm 22.05.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use festina_types::{CancelToken, Workers};

use super::super::library::Family;
use super::super::membership::MEMBER;
use super::{MpiError, MpiLaunch};
use crate::{Environment, Launch, Runner, Sink, find_program};

/// A family of launchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LauncherKind {
    /// `mpirun` of Open MPI.
    OpenMpi,
    /// `mpiexec` of MPICH and what is made of it: Intel MPI, MVAPICH.
    Hydra,
    /// `srun`.
    Slurm,
}

/// The program that starts ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    /// Its path.
    pub path: PathBuf,
    /// What it takes as arguments.
    pub kind: LauncherKind,
    /// Whether it is Slurm's and speaks the protocol of Open MPI.
    pub(super) has_pmix: bool,
}

impl LauncherKind {
    /// Returns the family of the libraries that belong to the launcher, where all are of one.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            Self::OpenMpi => Some(Family::OpenMpi),
            Self::Hydra => Some(Family::Mpich),
            Self::Slurm => None,
        }
    }

    /// Reads the first line of what a launcher says of its version.
    fn read(version: &str) -> Option<Self> {
        let has = |word: &str| version.contains(word);
        if has("Open MPI") || has("OpenRTE") || has("PRRTE") || has("PMIx Reference") {
            Some(Self::OpenMpi)
        } else if has("HYDRA") || has("Intel(R) MPI") || has("MPICH") || has("MVAPICH") {
            Some(Self::Hydra)
        } else if version.starts_with("slurm") {
            Some(Self::Slurm)
        } else {
            None
        }
    }
}

impl Launcher {
    /// Finds the launcher: the one that is named, or `srun` within an allocation of Slurm's, or `mpirun` or `mpiexec`.
    pub(super) fn find(launch: &MpiLaunch, runner: &mut Runner) -> Result<Self, MpiError> {
        let path = find_path(launch.launcher.as_deref(), &launch.environment)?;
        let mut ask = |arguments: &[&str]| said(&path, arguments, &launch.environment, runner);
        let version = ask(&["--version"])?;
        let first =
            version.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
        let kind = LauncherKind::read(&first);
        let kind = kind.ok_or(MpiError::UnknownLauncher { path: path.clone(), version: first })?;
        let has_pmix = kind == LauncherKind::Slurm && ask(&["--mpi=list"])?.contains("pmix");
        Ok(Self { path, kind, has_pmix })
    }

    /// Returns the launcher's arguments, up to the program. What `own` says of the same thing goes before ours.
    pub(super) fn arguments(
        &self,
        ranks: Workers,
        own: &[OsString],
        variables: &[&str],
        is_root: bool,
    ) -> Vec<OsString> {
        let mut list = Arguments { own, list: Vec::new() };
        let ranks = ranks.to_string();
        match self.kind {
            LauncherKind::OpenMpi => {
                list.add(&["-n", &ranks], &[]);
                list.add(
                    &["--map-by", ":OVERSUBSCRIBE"],
                    &["--map-by", "--oversubscribe", "--nooversubscribe"],
                );
                list.add(&["--bind-to", "none"], &["--bind-to"]);
                list.add(&["--mca", "mpi_yield_when_idle", "1"], &["mpi_yield_when_idle"]);
                if is_root {
                    list.add(&["--allow-run-as-root"], &["--allow-run-as-root"]);
                }
                variables.iter().for_each(|name| list.add(&["-x", name], &[]));
            }
            LauncherKind::Hydra => list.add(&["-n", &ranks], &[]),
            LauncherKind::Slurm => {
                list.add(&[&format!("--ntasks={ranks}"), "--overcommit"], &[]);
                list.add(&["--cpu-bind=none"], &["--cpu-bind"]);
                list.add(&["--kill-on-bad-exit=1", "--input=0", "--export=ALL"], &[]);
                if self.has_pmix {
                    list.add(&["--mpi=pmix"], &["--mpi"]);
                }
            }
        }
        list.list.extend(own.iter().cloned());
        list.list
    }
}

/// Arguments for a launcher.
struct Arguments<'a> {
    own: &'a [OsString],
    list: Vec<OsString>,
}

impl Arguments<'_> {
    /// Adds arguments unless the user's say something of the same.
    fn add(&mut self, arguments: &[&str], unless: &[&str]) {
        let is_said = |name: &&str| {
            let name = name.as_bytes();
            self.own.iter().map(|word| word.as_encoded_bytes()).any(|word| {
                word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="))
            })
        };
        if !unless.iter().any(is_said) {
            self.list.extend(arguments.iter().map(OsString::from));
        }
    }
}

fn find_path(named: Option<&OsStr>, environment: &Environment) -> Result<PathBuf, MpiError> {
    if let Some(named) = named {
        let path = find_program(named, environment, None).map_err(|source| MpiError::Launch { source })?;
        return if path.exists() { Ok(path) } else { Err(no_launcher([named])) };
    }
    let is_allocated = environment.get("SLURM_JOB_ID").is_some();
    let names = ["srun", "mpirun", "mpiexec"].into_iter().filter(|name| is_allocated || *name != "srun");
    let found = names.clone().find_map(|name| find_program(OsStr::new(name), environment, None).ok());
    found.ok_or_else(|| no_launcher(names.map(OsStr::new)))
}

fn no_launcher<'a>(names: impl IntoIterator<Item = &'a OsStr>) -> MpiError {
    MpiError::NoLauncher {
        names: names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect(),
    }
}

/// Returns what a launcher says when it is asked something.
fn said(
    path: &Path,
    arguments: &[&str],
    environment: &Environment,
    runner: &mut Runner,
) -> Result<String, MpiError> {
    let mut launch = Launch::new(path, environment.clone()).arguments(arguments).output(Sink::capture());
    launch.errors = Sink::capture();
    launch.environment.remove(MEMBER);
    launch.timeout = Some(festina_types::Seconds(30.0));
    let outcome = runner.run(&launch, &CancelToken::new(), &mut ());
    let outcome = outcome.map_err(|source| MpiError::Launch { source })?;
    // Slurm lists what it has on the standard error.
    let text = [outcome.output.bytes, outcome.errors.bytes].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(kind: LauncherKind, own: &[&str], is_root: bool) -> String {
        let launcher = Launcher { path: "x".into(), kind, has_pmix: true };
        let own: Vec<OsString> = own.iter().map(OsString::from).collect();
        let list = launcher.arguments(Workers::new(4).unwrap(), &own, &["A", "B"], is_root);
        list.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn launchers_are_known_by_what_they_say() {
        for (version, kind) in [
            ("mpirun (Open MPI) 4.1.4", Some(LauncherKind::OpenMpi)),
            ("mpirun (Open MPI) 5.0.11", Some(LauncherKind::OpenMpi)),
            ("HYDRA build details:", Some(LauncherKind::Hydra)),
            ("Intel(R) MPI Library for Linux* OS, Version 2021.11 Build 20231005", Some(LauncherKind::Hydra)),
            ("slurm-wlm 22.05.8", Some(LauncherKind::Slurm)),
            ("bash, version 5", None),
        ] {
            assert_eq!(LauncherKind::read(version), kind, "{version}");
        }
    }

    #[test]
    fn each_launcher_gets_its_own_arguments() {
        assert_eq!(
            arguments(LauncherKind::OpenMpi, &[], true),
            "-n 4 --map-by :OVERSUBSCRIBE --bind-to none --mca mpi_yield_when_idle 1 --allow-run-as-root -x A -x B"
        );
        assert_eq!(arguments(LauncherKind::Hydra, &["-f", "hosts"], true), "-n 4 -f hosts");
        assert_eq!(
            arguments(LauncherKind::Slurm, &["--mpi=pmi2"], false),
            "--ntasks=4 --overcommit --cpu-bind=none --kill-on-bad-exit=1 --input=0 --export=ALL --mpi=pmi2"
        );
    }

    #[test]
    fn what_the_user_says_of_a_thing_goes_before_ours() {
        let own = ["--map-by", "ppr:1:node", "--bind-to=core"];
        assert_eq!(
            arguments(LauncherKind::OpenMpi, &own, false),
            "-n 4 --mca mpi_yield_when_idle 1 -x A -x B --map-by ppr:1:node --bind-to=core"
        );
    }

    #[test]
    fn without_a_launcher_it_is_told_what_to_install() {
        let environment: Environment = [("PATH", "/nowhere")].into_iter().collect();
        let error = find_path(None, &environment).unwrap_err();
        assert_eq!(error.to_string(), "MPI cannot be started: mpirun, mpiexec not found");
        assert!(error.hint().unwrap().contains("apt-get install openmpi-bin"));
        assert_eq!(error.exit(), festina_types::Exit::Unavailable);
        let environment: Environment = [("PATH", "/nowhere"), ("SLURM_JOB_ID", "7")].into_iter().collect();
        assert!(find_path(None, &environment).unwrap_err().to_string().contains("srun, mpirun"));
        let error = find_path(Some(OsStr::new("/nowhere/mpirun")), &environment).unwrap_err();
        assert!(matches!(error, MpiError::NoLauncher { .. }));
    }
}
