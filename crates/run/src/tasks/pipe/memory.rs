//! Files in memory that are filled where they are mapped: what comes from a pipe is copied once, and a program reads
//! the file itself.
#![expect(unsafe_code, reason = "memory maps have no safe interface")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{MemfdFlags, Mode};
use rustix::mm::{MapFlags, MremapFlags, ProtFlags};

/// A file in memory, and its bytes.
#[derive(Debug)]
pub(crate) struct MemoryFile {
    file: File,
    /// Dangling as long as nothing is mapped.
    address: NonNull<u8>,
    mapped: usize,
    /// The file's length, at most what is mapped.
    length: usize,
}

// SAFETY: the mapping belongs to the value alone, and is not bound to a thread.
unsafe impl Send for MemoryFile {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for MemoryFile {}

impl MemoryFile {
    /// Returns an empty file, which nobody but its owner's programs can open, and they only to read.
    pub(super) fn new() -> io::Result<Self> {
        let file = File::from(rustix::fs::memfd_create("block", MemfdFlags::CLOEXEC)?);
        rustix::fs::fchmod(&file, Mode::RUSR)?;
        Ok(Self { file, address: NonNull::dangling(), mapped: 0, length: 0 })
    }

    /// Makes it so long; what is new is zero, or what was there when it was longer.
    pub(super) fn set_length(&mut self, length: usize) -> io::Result<()> {
        self.file.set_len(length as u64)?;
        self.length = self.length.min(length);
        if length > self.mapped {
            self.map(length)?;
        }
        self.length = length;
        Ok(())
    }

    fn map(&mut self, length: usize) -> io::Result<()> {
        let address = if self.mapped == 0 {
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a new mapping, at an address of the kernel's choice, touches no memory of ours.
            unsafe { rustix::mm::mmap(ptr::null_mut(), length, protection, MapFlags::SHARED, &self.file, 0)? }
        } else {
            // SAFETY: the mapping is ours, so long, and no reference into it lives while `self` is borrowed mutably.
            unsafe {
                let old = self.address.as_ptr().cast();
                rustix::mm::mremap(old, self.mapped, length, MremapFlags::MAYMOVE)?
            }
        };
        self.address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        self.mapped = length;
        Ok(())
    }

    /// Returns its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: so much is mapped, and in the file, which only `set_length` makes shorter: programs cannot write to it.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.length) }
    }

    /// Returns its bytes, to be filled.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; programs read the file by calls of the kernel, after it was filled.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr(), self.length) }
    }
}

impl AsFd for MemoryFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        if self.mapped > 0 {
            // SAFETY: the mapping is ours, and no reference into it outlives this value.
            let _ = unsafe { rustix::mm::munmap(self.address.as_ptr().cast(), self.mapped) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn what_is_put_into_its_bytes_is_in_the_file() {
        let mut memory = MemoryFile::new().unwrap();
        assert_eq!(memory.bytes(), b"");
        memory.set_length(3).unwrap();
        memory.bytes_mut().copy_from_slice(b"abc");
        memory.set_length(10_000).unwrap();
        memory.bytes_mut()[9_999] = b'z';
        memory.set_length(2).unwrap();
        memory.set_length(4).unwrap();
        assert_eq!(memory.bytes(), b"ab\0\0", "what was cut off does not come back");
        let mut read = Vec::new();
        let path = format!("/proc/self/fd/{}", memory.as_fd().as_raw_fd());
        File::open(path).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, memory.bytes());
    }
}
