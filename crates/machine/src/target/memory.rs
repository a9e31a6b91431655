//! Memory of another process, copied without stopping it.

#![allow(unsafe_code, reason = "no safe wrapper of process_vm_readv exists")]

use std::io;

/// At most so many ranges can be read by one system call (`IOV_MAX`).
const LARGEST_BATCH: usize = 1024;

/// A range of addresses of another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// The first address.
    pub address: u64,
    /// The number of bytes.
    pub length: usize,
}

impl MemoryRange {
    /// Returns the range of `length` bytes from `address`.
    pub fn new(address: u64, length: usize) -> Self {
        Self { address, length }
    }
}

/// Reads memory of one process.
#[derive(Debug)]
pub struct ProcessMemory {
    pid: i32,
    remote: Vec<libc::iovec>,
}

// The addresses in `remote` are another process's, and are never followed here.
unsafe impl Send for ProcessMemory {}

impl ProcessMemory {
    /// Returns the memory of the process `pid`, which need not exist.
    pub fn new(pid: u32) -> Self {
        Self { pid: pid.cast_signed(), remote: Vec::new() }
    }

    /// Fills `buffer` with the bytes from `address`.
    ///
    /// # Errors
    ///
    /// The kernel's: `PermissionDenied`, no such process, or `UnexpectedEof` where not all of it is mapped.
    pub fn read(&mut self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        let wanted = buffer.len();
        let count = self.copy(&[MemoryRange::new(address, wanted)], buffer)?;
        if count == wanted { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Copies `ranges`, one behind the other, into `buffer`, which gets their whole length, and returns how many bytes
    /// were read: what is behind the first range that is not mapped is not.
    ///
    /// One system call copies all of them, in order: some tens of nanoseconds a range on top of a microsecond.
    ///
    /// # Errors
    ///
    /// The kernel's, where nothing could be read.
    pub fn read_ranges(&mut self, ranges: &[MemoryRange], buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.resize(ranges.iter().map(|range| range.length).sum(), 0);
        let mut done = 0;
        for batch in ranges.chunks(LARGEST_BATCH) {
            let wanted: usize = batch.iter().map(|range| range.length).sum();
            let count = self.copy(batch, &mut buffer[done..done + wanted])?;
            done += count;
            if count < wanted {
                break;
            }
        }
        Ok(done)
    }

    fn copy(&mut self, ranges: &[MemoryRange], buffer: &mut [u8]) -> io::Result<usize> {
        self.remote.clear();
        self.remote.extend(ranges.iter().map(|range| libc::iovec {
            iov_base: range.address as *mut libc::c_void,
            iov_len: range.length,
        }));
        let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: the local vector is `buffer`, which the kernel fills with initialised bytes and nothing else; remote
        // addresses are checked by the kernel.
        let count = unsafe {
            libc::process_vm_readv(
                self.pid,
                &raw const local,
                1,
                self.remote.as_ptr(),
                self.remote.len() as _,
                0,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> ProcessMemory {
        ProcessMemory::new(std::process::id())
    }

    #[test]
    fn our_own_memory_is_read() {
        let text = *b"festina lente";
        let address = text.as_ptr() as u64;
        let mut copy = [0; 13];
        own().read(address, &mut copy).unwrap();
        assert_eq!(copy, text);
        let mut two = Vec::new();
        let ranges = [MemoryRange::new(address + 8, 5), MemoryRange::new(address, 7)];
        assert_eq!(own().read_ranges(&ranges, &mut two).unwrap(), 12);
        assert_eq!(two, b"lentefestina");
    }

    #[test]
    fn what_is_not_mapped_ends_the_copy() {
        let text = *b"lente";
        let ranges = [MemoryRange::new(text.as_ptr() as u64, 5), MemoryRange::new(8, 4)];
        let mut buffer = Vec::new();
        assert_eq!(own().read_ranges(&ranges, &mut buffer).unwrap(), 5);
        assert_eq!(buffer, b"lente\0\0\0\0");
        assert!(own().read(8, &mut [0; 4]).is_err());
    }
}
