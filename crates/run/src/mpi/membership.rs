//! What a process is told by whoever started it as a rank.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::MpiError;
use super::library::{self, Family};
use crate::Environment;

/// Set for every rank, to anything: MPI is touched only where it is.
pub const MEMBER: &str = "FESTINA_MPI";

/// The MPI library that ranks load; without it they try the usual names.
pub const LIBRARY: &str = "FESTINA_MPI_LIBRARY";

/// The folder through which the process that started the launcher and the first rank talk.
pub(super) const CONTROL: &str = "FESTINA_MPI_CONTROL";

/// The number of ranks that were asked for.
pub(super) const RANKS: &str = "FESTINA_MPI_RANKS";

/// Variables of launchers begin so. Programs that ranks start are not ranks themselves, and must not see them.
const OF_LAUNCHERS: [&str; 12] = [
    "FESTINA_MPI",
    "OMPI_",
    "PMIX_",
    "PMI_",
    "PRTE_",
    "ORTE_",
    "HYDRA_",
    "HYDI_",
    "MPIR_",
    "MPIEXEC_",
    "MPI_LOCAL",
    "PALS_",
];

/// What a rank is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// Libraries to try.
    pub(super) libraries: Vec<PathBuf>,
    /// The folder of the process that started the launcher, where that was festina.
    pub(super) control: Option<PathBuf>,
    /// The number of ranks, where it was asked for.
    pub(super) ranks: Option<u32>,
}

impl Membership {
    /// Returns what `environment` tells this process; `None` if it is no rank.
    ///
    /// # Errors
    ///
    /// [`MpiError::Variable`] if the number of ranks is none.
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, MpiError> {
        if environment.get(MEMBER).is_none() {
            return Ok(None);
        }
        let libraries = match environment.get(LIBRARY) {
            Some(library) => vec![PathBuf::from(library)],
            None => library::candidates(family(environment)),
        };
        let control = environment.get(CONTROL).map(PathBuf::from);
        let ranks = environment.get(RANKS).map(number).transpose()?;
        Ok(Some(Self { libraries, control, ranks }))
    }
}

fn number(text: &OsStr) -> Result<u32, MpiError> {
    let number = text.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| MpiError::Variable { name: RANKS, value: text.to_string_lossy().into_owned() })
}

/// Guesses the family of the launcher from the variables that it sets.
fn family(environment: &Environment) -> Option<Family> {
    let has = |name: &str| environment.get(name).is_some();
    if has("OMPI_COMM_WORLD_SIZE") {
        Some(Family::OpenMpi)
    } else if has("PMI_SIZE") || has("PMI_RANK") {
        Some(Family::Mpich)
    } else {
        None
    }
}

/// Returns `environment` without what a launcher has set for its ranks: programs that are themselves MPI programs, or
/// festina, would take themselves for ranks of this job.
pub(crate) fn without_launcher(environment: &Environment) -> Environment {
    let is_own = |name: &OsStr| {
        let is_of_launcher = |start: &&str| name.as_encoded_bytes().starts_with(start.as_bytes());
        !OF_LAUNCHERS.iter().any(is_of_launcher)
    };
    environment.iter().filter(|(name, _)| is_own(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().copied().collect()
    }

    #[test]
    fn without_the_mark_no_process_is_a_rank() {
        let launched = environment(&[("OMPI_COMM_WORLD_SIZE", "4"), ("PMI_RANK", "0")]);
        assert_eq!(Membership::read(&launched).unwrap(), None);
    }

    #[test]
    fn ranks_are_told_what_to_load() {
        let mut variables = environment(&[(MEMBER, "1"), ("PMI_SIZE", "4"), (RANKS, "4")]);
        let membership = Membership::read(&variables).unwrap().unwrap();
        assert_eq!(membership.libraries[0], PathBuf::from("libmpi.so.12"));
        assert_eq!((membership.ranks, membership.control), (Some(4), None));
        variables.set(LIBRARY, "/opt/mpi/libmpi.so.40");
        let membership = Membership::read(&variables).unwrap().unwrap();
        assert_eq!(membership.libraries, [PathBuf::from("/opt/mpi/libmpi.so.40")]);
        variables.set(RANKS, "0");
        assert!(matches!(Membership::read(&variables), Err(MpiError::Variable { name: RANKS, .. })));
    }

    #[test]
    fn programs_do_not_take_themselves_for_ranks() {
        let given = environment(&[
            ("PATH", "/bin"),
            ("OMPI_X", "1"),
            ("PMIX_RANK", "0"),
            (MEMBER, "1"),
            ("PMI", "p"),
        ]);
        let left = without_launcher(&given);
        let names: Vec<_> = left.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PATH", "PMI"]);
    }
}
