//! Memory that crosses processes: pulled from another one, or shared through a file that has no name.
//!
//! A [`Block`] offers its bytes by the buffer protocol, so that arrays and tables lie in it without a copy; when the last
//! of them is gone, so is the block. Nothing here has a name in a file system: the kernel frees it with its last user,
//! however that ends.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Blocks that pulled data lie in are used again, up to so many bytes at rest: fresh memory costs more than the copy.
const KEPT_AT_REST: usize = 512 << 20;

/// Bytes of this process's address space.
#[pyclass(frozen, module = "festina._festina")]
pub(crate) struct Block {
    address: NonNull<u8>,
    length: usize,
    capacity: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Private memory that is used again: data pulled from another process, read-only.
    Pulled,
    /// A mapping of shared memory.
    Mapped { writable: bool },
    /// Shared memory of our own, which others may be given.
    Shared { id: u64 },
}

// SAFETY: the memory is plain bytes; who may write is a matter between the users of the buffer, as for every buffer.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

/// Memory at rest, by capacity.
static AT_REST: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Shared blocks of ours by their addresses: length, id and file.
static SHARED: Mutex<BTreeMap<usize, (usize, u64, OwnedFd)>> = Mutex::new(BTreeMap::new());

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

const UNPOISONED: &str = "nothing panics while it holds the lock";

fn rounded(length: usize) -> usize {
    length.next_multiple_of(4096).max(4096)
}

/// Returns private memory of at least `length` bytes.
fn allocate(length: usize) -> std::io::Result<(NonNull<u8>, usize)> {
    let mut at_rest = AT_REST.lock().expect(UNPOISONED);
    let fits = |&(_, capacity): &(usize, usize)| capacity >= length && capacity / 2 <= rounded(length);
    if let Some(found) = at_rest.iter().rposition(fits) {
        let (address, capacity) = at_rest.remove(found);
        return Ok((NonNull::new(address as *mut u8).expect("mappings are not at zero"), capacity));
    }
    drop(at_rest);
    let capacity = rounded(length);
    // SAFETY: a new mapping at an address that the kernel chooses.
    let address = unsafe {
        mmap_anonymous(std::ptr::null_mut(), capacity, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    }?;
    Ok((NonNull::new(address.cast()).expect("mappings are not at zero"), capacity))
}

/// Puts private memory to rest, and gives the oldest at rest back where that is too much.
fn put_to_rest(address: usize, capacity: usize) {
    let mut at_rest = AT_REST.lock().expect(UNPOISONED);
    at_rest.push((address, capacity));
    while at_rest.iter().map(|&(_, capacity)| capacity).sum::<usize>() > KEPT_AT_REST {
        let (address, capacity) = at_rest.remove(0);
        // SAFETY: memory at rest is a mapping of ours that nothing refers to.
        let _ = unsafe { munmap(address as *mut c_void, capacity) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let address = self.address.as_ptr();
        match self.kind {
            Kind::Pulled => return put_to_rest(address as usize, self.capacity),
            Kind::Shared { .. } => drop(SHARED.lock().expect(UNPOISONED).remove(&(address as usize))),
            Kind::Mapped { .. } => {}
        }
        // SAFETY: the mapping is ours, and its last user is gone.
        let _ = unsafe { munmap(address.cast(), self.capacity) };
    }
}

#[pymethods]
impl Block {
    /// Returns shared memory of `length` bytes, all zero, that workers can be given without a copy.
    #[new]
    fn new(length: usize) -> PyResult<Self> {
        let fd = memfd_create("festina-array", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
        ftruncate(&fd, rounded(length) as u64).map_err(std::io::Error::from)?;
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let block = map(&fd, length, Kind::Shared { id })?;
        SHARED.lock().expect(UNPOISONED).insert(block.address.as_ptr() as usize, (length, id, fd));
        Ok(block)
    }

    fn __len__(&self) -> usize {
        self.length
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let block = slf.get();
        let is_writable = matches!(block.kind, Kind::Shared { .. } | Kind::Mapped { writable: true });
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let (address, length) = (block.address.as_ptr().cast(), block.length as ffi::Py_ssize_t);
        // SAFETY: `view` is valid by the protocol, and holds a reference to the block, whose memory lives as long.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), address, length, c_int::from(!is_writable), flags)
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

fn map(fd: &OwnedFd, length: usize, kind: Kind) -> PyResult<Block> {
    let writable = kind != Kind::Mapped { writable: false };
    let protection = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
    let capacity = rounded(length);
    // SAFETY: a new mapping at an address that the kernel chooses; the file is as long as the mapping.
    let address =
        unsafe { mmap(std::ptr::null_mut(), capacity, protection, MapFlags::SHARED, fd.as_fd(), 0) };
    let address = NonNull::new(address.map_err(std::io::Error::from)?.cast());
    Ok(Block { address: address.expect("mappings are not at zero"), length, capacity, kind })
}

/// Returns where the bytes of `buffer` lie: address and length.
#[pyfunction]
pub(crate) fn address(buffer: &Bound<'_, PyAny>) -> PyResult<(usize, usize)> {
    let buffer = PyBuffer::<u8>::get(buffer)?;
    Ok((buffer.buf_ptr() as usize, buffer.len_bytes()))
}

/// Returns the shared block in which `length` bytes at `address` lie, as its id, its length and the offset in it.
#[pyfunction]
pub(crate) fn locate(address: usize, length: usize) -> Option<(u64, usize, usize)> {
    let shared = SHARED.lock().expect(UNPOISONED);
    let (&start, &(size, id, _)) = shared.range(..=address).next_back()?;
    (address + length <= start + size).then(|| (id, size, address - start))
}

/// Returns a file descriptor of the shared block `id`; whoever asked closes it.
#[pyfunction]
pub(crate) fn shared_fd(id: u64) -> PyResult<RawFd> {
    let shared = SHARED.lock().expect(UNPOISONED);
    let found = shared.values().find(|(_, other, _)| *other == id);
    let (_, _, fd) = found.ok_or_else(|| PyValueError::new_err("the shared block is gone"))?;
    Ok(fd.try_clone()?.into_raw_fd())
}

/// Returns which of the shared blocks `ids` are gone.
#[pyfunction]
pub(crate) fn gone(ids: Vec<u64>) -> Vec<u64> {
    let shared = SHARED.lock().expect(UNPOISONED);
    ids.into_iter().filter(|id| shared.values().all(|(_, other, _)| other != id)).collect()
}

/// Returns the shared memory behind `fd`, which it takes over, mapped here.
#[pyfunction]
pub(crate) fn map_shared(fd: RawFd, length: usize, writable: bool) -> PyResult<Block> {
    if fd < 0 {
        return Err(PyValueError::new_err(format!("{fd} is not a file descriptor")));
    }
    // SAFETY: the caller gives the descriptor away.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let size = rustix::fs::fstat(&fd).map_err(std::io::Error::from)?.st_size;
    if (size as u64) < rounded(length) as u64 {
        return Err(PyValueError::new_err(format!("{length} bytes are expected in a file of {size}")));
    }
    map(&fd, length, Kind::Mapped { writable })
}

/// Copies `buffers` one after another, each from a multiple of 64 bytes on, into new shared memory; returns its file
/// descriptor, its length and the offset of each.
#[pyfunction]
pub(crate) fn write_shared(
    py: Python<'_>,
    buffers: Vec<Bound<'_, PyAny>>,
) -> PyResult<(RawFd, usize, Vec<usize>)> {
    let views = buffers.iter().map(PyBuffer::<u8>::get).collect::<PyResult<Vec<_>>>()?;
    let places: Vec<(usize, usize)> =
        views.iter().map(|view| (view.buf_ptr() as usize, view.len_bytes())).collect();
    let mut offsets = Vec::new();
    let mut length = 0_usize;
    for (_, size) in &places {
        offsets.push(length);
        length = (length + size).next_multiple_of(64);
    }
    let fd = py.detach(|| -> std::io::Result<OwnedFd> {
        let fd = memfd_create("festina-result", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, rounded(length) as u64)?;
        for (&(address, size), &offset) in places.iter().zip(&offsets) {
            // SAFETY: the views keep the memory where it is; that nobody writes to it is up to the caller.
            let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, size) };
            write_all(&fd, bytes, offset as u64)?;
        }
        Ok(fd)
    })?;
    Ok((fd.into_raw_fd(), length, offsets))
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::pwrite(fd, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Copies memory of the process `pid` into blocks here: for each address and length of `places`, one.
#[pyfunction]
pub(crate) fn pull(py: Python<'_>, pid: i32, places: Vec<(usize, usize)>) -> PyResult<Vec<Block>> {
    py.detach(|| places.iter().map(|&(address, length)| pull_one(pid, address, length)).collect())
}

fn pull_one(pid: i32, from: usize, length: usize) -> PyResult<Block> {
    let (address, capacity) = allocate(length)?;
    let block = Block { address, length, capacity, kind: Kind::Pulled };
    let mut done = 0;
    while done < length {
        // SAFETY: `done` is within the block.
        let to = unsafe { address.as_ptr().add(done) };
        let local = libc::iovec { iov_base: to.cast(), iov_len: length - done };
        let remote = libc::iovec { iov_base: (from + done) as *mut c_void, iov_len: length - done };
        // SAFETY: the local range is memory of the block; the remote one is checked by the kernel.
        let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
        match read {
            1.. => done += read as usize,
            0 => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            _ => return Err(std::io::Error::last_os_error().into()),
        }
    }
    Ok(block)
}
