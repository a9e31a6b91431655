//! An MPI library, loaded while the program runs: nothing is linked, so that one binary runs with every MPI and none.
//!
//! [`Library::load`] opens it and finds out which of the three binary [interfaces](abi) it has; [`World`] is an
//! initialised MPI, as little of it as festina needs: ranks, and messages of bytes that are sent without blocking,
//! looked for, and received. The eleven calls used are in every MPI since 2.0.
#![expect(unsafe_code, reason = "a C library is loaded and called")]

mod abi;
mod find;
mod world;

use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library as Handle, RTLD_GLOBAL, RTLD_NOW};

pub(crate) use abi::Family;
use abi::{Abi, Status};
pub(crate) use find::{beside, candidates};
pub(crate) use world::World;

use super::MpiError;

/// The calls, with handles as pointer-sized integers; see [`abi`].
struct Calls {
    init_thread: unsafe extern "C" fn(*mut c_int, *mut c_void, c_int, *mut c_int) -> c_int,
    rank: unsafe extern "C" fn(usize, *mut c_int) -> c_int,
    size: unsafe extern "C" fn(usize, *mut c_int) -> c_int,
    isend: unsafe extern "C" fn(*const c_void, c_int, usize, c_int, c_int, usize, *mut usize) -> c_int,
    test: unsafe extern "C" fn(*mut usize, *mut c_int, *mut Status) -> c_int,
    iprobe: unsafe extern "C" fn(c_int, c_int, usize, *mut c_int, *mut Status) -> c_int,
    get_count: unsafe extern "C" fn(*const Status, usize, *mut c_int) -> c_int,
    recv: unsafe extern "C" fn(*mut c_void, c_int, usize, c_int, c_int, usize, *mut Status) -> c_int,
    abort: unsafe extern "C" fn(usize, c_int) -> c_int,
    finalize: unsafe extern "C" fn() -> c_int,
}

/// An MPI library that is loaded, and not yet initialised.
pub(crate) struct Library {
    calls: Calls,
    abi: Abi,
    family: Family,
    path: PathBuf,
    version: String,
}

impl Library {
    /// Loads the first of `candidates` that is an MPI library.
    ///
    /// # Errors
    ///
    /// [`MpiError::NoLibrary`] with what the loader said of the last if none is one.
    pub(crate) fn load(candidates: &[PathBuf]) -> Result<Self, MpiError> {
        let mut reasons = Vec::new();
        for path in candidates {
            match Self::open(path) {
                Ok(library) => return Ok(library),
                Err(reason) => reasons.push(format!("{}: {reason}", path.display())),
            }
        }
        Err(MpiError::NoLibrary { reasons })
    }

    fn open(path: &Path) -> Result<Self, String> {
        let reason = |error: libloading::Error| error.to_string();
        // SAFETY: the initialisers of an MPI library may run at any time, on any thread. Its plug-ins look for its
        // symbols among the global ones.
        let handle = unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }.map_err(reason)?;
        let (family, abi) = interface(&handle, path)?;
        // SAFETY: the types of `Calls` are those of the MPI standard with handles as registers.
        let calls = unsafe { calls(&handle) }.map_err(reason)?;
        let version = version(&handle)?;
        if family == Family::Mpich && !shares_mpich_interface(&version) {
            return Err(format!("no known interface: {version}"));
        }
        // Libraries start threads of their own: once loaded, the code stays.
        std::mem::forget(handle);
        Ok(Self { calls, abi, family, path: path.to_owned(), version })
    }

    /// Returns the name and version of the library, and where it is.
    pub(crate) fn describe(&self) -> String {
        let interface = match self.family {
            Family::OpenMpi => "Open MPI's interface",
            Family::Mpich => "MPICH's interface",
            Family::Standard => "the interface of MPI 5",
        };
        format!("{} through {interface}, {}", self.version, self.path.display())
    }
}

/// Returns which interface a library has: Open MPI exports its predefined handles, and the standard's library has a
/// name of its own.
fn interface(handle: &Handle, path: &Path) -> Result<(Family, Abi), String> {
    // SAFETY: the symbols are objects, of which only the addresses are taken.
    let address =
        |name: &[u8]| unsafe { handle.get::<*mut c_void>(name) }.ok().map(|it| it.as_raw_ptr() as usize);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.starts_with("libmpi_abi.") {
        return Ok((Family::Standard, Abi::standard()));
    }
    match (address(b"ompi_mpi_comm_world"), address(b"ompi_mpi_byte")) {
        (Some(world), Some(byte)) => Ok((Family::OpenMpi, Abi::open_mpi(world, byte))),
        _ if address(b"MPI_Iprobe").is_some() => Ok((Family::Mpich, Abi::mpich())),
        _ => Err("not an MPI library".to_owned()),
    }
}

/// Returns whether a library that says this of itself keeps to the MPICH ABI Compatibility Initiative.
fn shares_mpich_interface(version: &str) -> bool {
    ["MPICH", "Intel", "MVAPICH", "CRAY", "ParaStation"].iter().any(|name| version.contains(name))
}

/// # Safety
///
/// The library must be an MPI library.
unsafe fn calls(handle: &Handle) -> Result<Calls, libloading::Error> {
    // SAFETY: as the caller promises, the symbols are the functions of their names.
    unsafe {
        Ok(Calls {
            init_thread: *handle.get(b"MPI_Init_thread")?,
            rank: *handle.get(b"MPI_Comm_rank")?,
            size: *handle.get(b"MPI_Comm_size")?,
            isend: *handle.get(b"MPI_Isend")?,
            test: *handle.get(b"MPI_Test")?,
            iprobe: *handle.get(b"MPI_Iprobe")?,
            get_count: *handle.get(b"MPI_Get_count")?,
            recv: *handle.get(b"MPI_Recv")?,
            abort: *handle.get(b"MPI_Abort")?,
            finalize: *handle.get(b"MPI_Finalize")?,
        })
    }
}

/// Returns the first line of what the library says of itself; it may be asked before MPI is initialised.
fn version(handle: &Handle) -> Result<String, String> {
    type GetVersion = unsafe extern "C" fn(*mut c_char, *mut c_int) -> c_int;
    let mut text = vec![0_u8; 1 << 14];
    let mut length: c_int = 0;
    // SAFETY: the text is longer than the MPI_MAX_LIBRARY_VERSION_STRING of every family: 256 and 8192.
    let code = unsafe {
        let get: libloading::os::unix::Symbol<GetVersion> =
            handle.get(b"MPI_Get_library_version").map_err(|error| error.to_string())?;
        get(text.as_mut_ptr().cast(), &mut length)
    };
    if code != 0 {
        return Err(format!("MPI_Get_library_version failed with code {code}"));
    }
    let text = text.split(|byte| matches!(byte, 0 | b'\n')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).replace('\t', " ");
    // Open MPI: `Open MPI v4.1.4, package: …`; MPICH: `MPICH Version:      5.0.2`.
    let short = text.split(", package").next().unwrap_or_default();
    Ok(short.split_whitespace().collect::<Vec<_>>().join(" ").replace(" Version:", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_mpi_library_is_told() {
        let error = Library::load(&["/nowhere/libmpi.so.40".into(), "libc.so.6".into()]).err().unwrap();
        let MpiError::NoLibrary { reasons } = error else { panic!("{error}") };
        assert!(reasons[0].starts_with("/nowhere/libmpi.so.40: "), "{reasons:?}");
        assert_eq!(reasons[1], "libc.so.6: not an MPI library");
    }

    #[test]
    fn the_family_of_mpich_is_known_by_its_names() {
        assert!(shares_mpich_interface("MPICH 4.1"));
        assert!(shares_mpich_interface("Intel(R) MPI Library 2021.11 for Linux* OS"));
        assert!(!shares_mpich_interface("Some MPI 1.0"));
    }
}
