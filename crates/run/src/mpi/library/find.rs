//! Where an MPI library may be.

use std::path::{Path, PathBuf};

use super::Family;

/// The names of libraries, those of `family` first where it is known.
///
/// A library's number is that of its interface: `libmpi.so.40` is Open MPI 3 to 5, `libmpi.so.12` the family of MPICH,
/// `libmpi_abi.so.1` (and `.0` in what came before MPI 5.0 was final) the standard's.
fn names(family: Option<Family>) -> Vec<&'static str> {
    let open_mpi = ["libmpi.so.40"].as_slice();
    let mpich = ["libmpi.so.12"].as_slice();
    let standard = ["libmpi_abi.so.1", "libmpi_abi.so.0"].as_slice();
    // Debian's MPICH has a name of its own; the name without a number may be anything, and is looked at last.
    let other = ["libmpich.so.12", "libmpi.so"].as_slice();
    match family {
        Some(Family::OpenMpi) | None => [open_mpi, standard, mpich, other].concat(),
        Some(Family::Mpich) => [mpich, standard, other, open_mpi].concat(),
        Some(Family::Standard) => [standard, mpich, other, open_mpi].concat(),
    }
}

/// Returns the names by which the system's loader may find a library.
pub(crate) fn candidates(family: Option<Family>) -> Vec<PathBuf> {
    names(family).into_iter().map(PathBuf::from).collect()
}

/// Returns the library that belongs to a launcher: `PREFIX/lib/libmpi.so.*` for `PREFIX/bin/mpirun`.
pub(crate) fn beside(launcher: &Path, family: Option<Family>) -> Option<PathBuf> {
    let launcher = launcher.canonicalize().ok()?;
    let prefix = launcher.parent()?.parent()?;
    let folders = ["lib", "lib64", "lib/openmpi/lib", "lib/mpich/lib", "lib/release"];
    let paths = folders.iter().flat_map(|folder| {
        let folder = prefix.join(folder);
        names(family).into_iter().map(move |name| folder.join(name))
    });
    // The system's folders are left to its loader, which knows those of the machine's architecture.
    let is_systems = prefix == Path::new("/usr") || prefix == Path::new("/");
    let mut paths = paths.filter(|path| !is_systems && is_object(path));
    paths.next()
}

/// Returns whether a file is an object: `libmpi.so` may be a text for the linker.
fn is_object(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_library_beside_the_launcher_is_found() {
        let prefix = tempfile::tempdir().unwrap();
        let prefix = prefix.path().canonicalize().unwrap();
        for folder in ["bin", "lib"] {
            fs::create_dir(prefix.join(folder)).unwrap();
        }
        let launcher = prefix.join("bin/mpirun");
        fs::write(&launcher, "").unwrap();
        fs::write(prefix.join("lib/libmpi.so"), "INPUT(libmpi.so.40)").unwrap();
        assert_eq!(beside(&launcher, None), None, "a text for the linker is no library");
        for name in ["libmpi.so.12", "libmpi_abi.so.1"] {
            fs::write(prefix.join("lib").join(name), b"\x7fELF rest").unwrap();
        }
        assert_eq!(beside(&launcher, Some(Family::Mpich)).unwrap(), prefix.join("lib/libmpi.so.12"));
        assert_eq!(beside(&launcher, Some(Family::Standard)).unwrap(), prefix.join("lib/libmpi_abi.so.1"));
    }
}
