//! MPI launchers on the search path, told apart by name and neighbours: no process is started.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Whose launcher it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implementation {
    /// Open MPI (also PRRTE, its launcher).
    OpenMpi,
    /// MPICH (Hydra).
    Mpich,
    /// Intel MPI.
    IntelMpi,
    /// MVAPICH.
    Mvapich,
    /// Slurm's own launcher, for any MPI with PMI.
    Slurm,
    /// IBM's launcher of LSF clusters.
    Lsf,
    /// HPE Cray's.
    Cray,
    /// Flux.
    Flux,
    /// Not recognised.
    Unknown,
}

/// A program that starts ranks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launcher {
    /// The name to type.
    pub name: String,
    /// The file that the search path leads to.
    pub path: PathBuf,
    /// Whose it is.
    pub implementation: Implementation,
}

const NAMES: [&str; 7] = ["mpirun", "mpiexec", "srun", "jsrun", "aprun", "palsrun", "flux"];

/// Returns the first launcher of each name in `search_path`, which has the form of `PATH`.
pub(crate) fn find(source: &Source, search_path: &str) -> Vec<Launcher> {
    let folders = || search_path.split(':').filter(|folder| folder.starts_with('/'));
    let mut launchers = Vec::new();
    for name in NAMES {
        let path = |folder: &str| format!("{}/{name}", folder.trim_end_matches('/'));
        if let Some(path) = folders().map(path).find(|path| source.is_executable(path)) {
            let implementation = recognise(source, name, &path);
            launchers.push(Launcher { name: name.to_owned(), path: path.into(), implementation });
        }
    }
    launchers
}

/// What the name of the program behind all links tells.
const TARGETS: [(&str, Implementation); 8] = [
    ("orterun", Implementation::OpenMpi),
    ("prterun", Implementation::OpenMpi),
    ("prun", Implementation::OpenMpi),
    ("openmpi", Implementation::OpenMpi),
    ("mvapich", Implementation::Mvapich),
    ("intel", Implementation::IntelMpi),
    ("hydra", Implementation::Mpich),
    ("mpich", Implementation::Mpich),
];

/// What a program beside the launcher tells.
const NEIGHBOURS: [(&str, Implementation); 4] = [
    ("impi_info", Implementation::IntelMpi),
    ("mpiname", Implementation::Mvapich),
    ("mpichversion", Implementation::Mpich),
    ("ompi_info", Implementation::OpenMpi),
];

fn recognise(source: &Source, name: &str, path: &str) -> Implementation {
    match name {
        "srun" => return Implementation::Slurm,
        "jsrun" => return Implementation::Lsf,
        "aprun" | "palsrun" => return Implementation::Cray,
        "flux" => return Implementation::Flux,
        _ => {}
    }
    let target = fs::canonicalize(source.locate(path)).unwrap_or_else(|_| source.locate(path));
    let is_beside = |neighbour: &str| target.with_file_name(neighbour).exists();
    let target_name = target.to_string_lossy().to_ascii_lowercase();
    let by_file = target_name.rsplit('/').next().unwrap_or_default();
    let in_name = |text: &str| TARGETS.iter().find(|(part, _)| text.contains(part)).map(|(_, found)| *found);
    // Intel MPI and MVAPICH ship Hydra under its own name, so neighbours and folders are asked before it.
    let by_neighbour = NEIGHBOURS.iter().find(|(neighbour, _)| is_beside(neighbour)).map(|(_, found)| *found);
    let by_folder = || in_name(&target_name);
    match in_name(by_file) {
        Some(found) if found != Implementation::Mpich => found,
        Some(found) => specific(by_neighbour).or_else(|| specific(by_folder())).unwrap_or(found),
        None => by_neighbour.or_else(by_folder).unwrap_or(Implementation::Unknown),
    }
}

/// Returns `found` if it is one of those that ship Hydra.
fn specific(found: Option<Implementation>) -> Option<Implementation> {
    found.filter(|found| matches!(found, Implementation::IntelMpi | Implementation::Mvapich))
}
