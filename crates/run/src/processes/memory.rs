//! Long messages in memory that two processes share.
//!
//! The sender copies a message once, into a file in memory; the receiver reads it where it is. The file is sealed, so
//! that it is what it was when the receiver checked its length. It has no name: when both have closed it, or died, the
//! memory is free.
#![expect(unsafe_code, reason = "memory maps have no safe interface")]

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// The most slices that one call takes (`IOV_MAX`).
const MOST_SLICES: usize = 1024;

/// Returns a sealed file in memory with the bytes of `slices`.
///
/// # Errors
///
/// If there are no more open files or no more memory to be had.
pub(super) fn share(mut slices: Vec<IoSlice<'_>>) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create("festina-message", flags)?);
    for slices in slices.chunks_mut(MOST_SLICES) {
        write_all(&mut file, slices)?;
    }
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty slices at the end would be written for ever.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The bytes of a file that somebody [shared](share), where they are.
pub(super) struct Shared {
    address: NonNull<u8>,
    length: usize,
}

impl Shared {
    /// Opens a shared file.
    ///
    /// # Errors
    ///
    /// If it is not sealed, or cannot be mapped.
    pub(super) fn open(file: impl AsFd) -> io::Result<Self> {
        let seals = rustix::fs::fcntl_get_seals(&file)?;
        if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "shared memory is not sealed"));
        }
        let length = rustix::fs::fstat(&file)?.st_size as usize;
        // SAFETY: a new mapping, at an address of the kernel's choice, touches no memory of ours.
        let address = unsafe {
            let flags = MapFlags::SHARED | MapFlags::POPULATE;
            rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ, flags, file, 0)?
        };
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { address, length })
    }
}

impl Deref for Shared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped as long as this value lives, and sealed: it neither changes nor shrinks.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.length) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives this value.
        let _ = unsafe { rustix::mm::munmap(self.address.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_read_and_cannot_change() {
        let many: Vec<Vec<u8>> = (0..3000_u32).map(|n| n.to_le_bytes()[..n as usize % 4].to_vec()).collect();
        let file = share(many.iter().map(|bytes| IoSlice::new(bytes)).collect()).unwrap();
        assert_eq!(&*Shared::open(&file).unwrap(), many.concat());
        let error = File::from(file).write(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn memory_that_may_shrink_is_not_read() {
        let file = rustix::fs::memfd_create("loose", MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(Shared::open(&file).err().unwrap().kind(), io::ErrorKind::InvalidData);
    }
}
