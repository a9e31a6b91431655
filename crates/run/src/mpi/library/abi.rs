//! The three binary interfaces of MPI: what the handles of `mpi.h` are to a compiled program.
//!
//! | | `MPI_COMM_WORLD` | `MPI_BYTE` | `MPI_ANY_SOURCE` | `MPI_THREAD_FUNNELED` | source in `MPI_Status` |
//! |---|---|---|---|---|---|
//! | Open MPI 1.7 to 5 | address of `ompi_mpi_comm_world` | address of `ompi_mpi_byte` | −1 | 1 | byte 0 |
//! | MPICH 3 to 5, and what shares its interface | 0x44000000 | 0x4c00010d | −2 | 1 | byte 8 |
//! | the standard's, since MPI 5.0 | 0x101 | 0x247 | −1 | 1024 | byte 0 |
//!
//! Sources: `mpi.h` of Open MPI and of MPICH; *MPI: A Message-Passing Interface Standard, Version 5.0*, 2025, chapter
//! "Application Binary Interface (ABI)"; for the family of MPICH <https://www.mpich.org/abi/>.
//!
//! Handles of MPICH are 32-bit integers. They are passed here as pointer-sized integers: in the calling conventions
//! of all 64-bit Linux machines an argument of either size is one register, of which an `int` takes the lower half.

use std::ffi::c_int;

/// A family of MPI libraries that share a binary interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OpenMpi,
    Mpich,
    Standard,
}

/// What calls are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abi {
    pub(super) world: usize,
    pub(super) byte: usize,
    pub(super) any_source: c_int,
    pub(super) funneled: c_int,
    /// Where `MPI_SOURCE` lies in a status, in `int`s.
    source_at: usize,
}

impl Abi {
    /// Open MPI's, whose predefined handles are the addresses of symbols.
    pub(super) fn open_mpi(world: usize, byte: usize) -> Self {
        Self { world, byte, any_source: -1, funneled: 1, source_at: 0 }
    }

    /// MPICH's, and that of Intel MPI, MVAPICH and Cray MPICH.
    pub(super) fn mpich() -> Self {
        Self { world: 0x4400_0000, byte: 0x4c00_010d, any_source: -2, funneled: 1, source_at: 2 }
    }

    /// The standard's.
    pub(super) fn standard() -> Self {
        Self { world: 0x101, byte: 0x247, any_source: -1, funneled: 1024, source_at: 0 }
    }

    /// Returns the rank that a message came from.
    pub(super) fn source(&self, status: &Status) -> c_int {
        status.0[self.source_at]
    }
}

/// Room for an `MPI_Status` of any family: the largest is the standard's, of eight `int`s.
#[repr(C, align(8))]
pub(super) struct Status(pub(super) [c_int; 16]);

impl Status {
    pub(super) fn new() -> Self {
        Self([0; 16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_lies_where_each_family_puts_it() {
        let mut status = Status::new();
        status.0[..5].copy_from_slice(&[10, 11, 12, 13, 14]);
        assert_eq!(Abi::open_mpi(1, 2).source(&status), 10);
        assert_eq!(Abi::mpich().source(&status), 12);
        assert_eq!(Abi::standard().source(&status), 10);
    }

    #[test]
    fn handles_of_mpich_are_positive_ints() {
        // Sign and zero extension to a register are then the same.
        for handle in [Abi::mpich().world, Abi::mpich().byte] {
            assert!(i32::try_from(handle).is_ok());
        }
    }
}
