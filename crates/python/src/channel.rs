//! Frames of bytes, with file descriptors, between a process and its worker.
//!
//! A frame is a header of 16 bytes (the length of its content, the number of its descriptors; little-endian) and its
//! content. Sending never blocks: what the socket does not take waits in memory, and [`wait`] sends it when it does.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyEOFError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

const HEADER: usize = 16;
/// A frame has at most so many descriptors.
const MOST_FDS: usize = 64;
/// So much is read at once.
const READ: usize = 256 << 10;

/// One end of a socket on which frames go both ways.
#[pyclass(frozen, module = "festina._festina")]
pub(crate) struct Channel {
    socket: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was read and is not taken yet; the first `start` bytes are done with.
    input: Vec<u8>,
    start: usize,
    input_fds: VecDeque<OwnedFd>,
    output: VecDeque<Part>,
    is_closed: bool,
}

/// Bytes that wait to be sent.
struct Part {
    bytes: Bytes,
    sent: usize,
    /// Goes with the first byte.
    fds: Vec<OwnedFd>,
}

enum Bytes {
    Header([u8; HEADER]),
    Content(PyBackedBytes),
}

impl Part {
    fn rest(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Header(bytes) => &bytes[self.sent..],
            Bytes::Content(bytes) => &bytes[self.sent..],
        }
    }
}

type Frame<'py> = (Bound<'py, PyBytes>, Vec<RawFd>);

impl Channel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    /// Sends what the socket takes.
    fn flush_now(&self) -> io::Result<()> {
        let mut state = self.state();
        while let Some(first) = state.output.front() {
            // Descriptors go alone with their header, so that they arrive with its frame.
            let joined = if first.fds.is_empty() { 8 } else { 1 };
            let slices: Vec<IoSlice<'_>> = state
                .output
                .iter()
                .take(joined)
                .take_while(|part| part.fds.is_empty() || joined == 1)
                .map(|part| IoSlice::new(part.rest()))
                .collect();
            match send(self.socket.as_fd(), &slices, &first.fds) {
                Ok(sent) => state.sent(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has arrived.
    fn read_now(&self) -> io::Result<()> {
        let mut state = self.state();
        state.compact();
        loop {
            let length = state.input.len();
            state.input.resize(length + READ, 0);
            let State { input, input_fds, .. } = &mut *state;
            let read = receive(self.socket.as_fd(), &mut input[length..], input_fds);
            let got = *read.as_ref().unwrap_or(&0);
            state.input.truncate(length + got);
            match read {
                Ok(0) => {
                    state.is_closed = true;
                    return Ok(());
                }
                Ok(got) if got < READ => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    state.is_closed = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn has_output(&self) -> bool {
        !self.state().output.is_empty()
    }

    /// Waits until the socket can be read, or written where something is to be sent.
    fn poll(&self, input: bool, deadline: Option<Instant>) -> io::Result<bool> {
        let mut flags = if input { PollFlags::IN } else { PollFlags::empty() };
        if self.has_output() {
            flags |= PollFlags::OUT;
        }
        let mut fds = [PollFd::new(&self.socket, flags)];
        Ok(poll(&mut fds, until(deadline).as_ref())? > 0)
    }
}

impl State {
    fn sent(&mut self, mut sent: usize) {
        while let Some(first) = self.output.front_mut() {
            first.fds.clear();
            let rest = first.rest().len();
            if sent < rest {
                first.sent += sent;
                return;
            }
            sent -= rest;
            self.output.pop_front();
            if sent == 0 {
                return;
            }
        }
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
    }

    /// Takes the next complete frame.
    fn frame<'py>(&mut self, py: Python<'py>) -> Option<Frame<'py>> {
        let header = self.input.get(self.start..self.start + HEADER)?;
        let (length, count) = header.split_at(8);
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes")) as usize;
        let (length, count) = (number(length), number(count));
        let from = self.start + HEADER;
        let content = self.input.get(from..from.checked_add(length)?)?;
        let content = PyBytes::new(py, content);
        self.start = from + length;
        let fds = self.input_fds.drain(..count.min(self.input_fds.len()));
        Some((content, fds.map(IntoRawFd::into_raw_fd).collect()))
    }
}

fn send(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>], fds: &[OwnedFd]) -> io::Result<usize> {
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("too many file descriptors in a frame"));
    }
    Ok(sendmsg(socket, slices, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}

fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], fds: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok(received.bytes)
}

/// Returns the time that is left until `deadline`, as poll wants it.
fn until(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) })
}

fn deadline(timeout: Option<f64>) -> Option<Instant> {
    timeout.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9)))
}

#[pymethods]
impl Channel {
    /// Returns the channel on the socket `fd`, which it takes over.
    #[new]
    fn new(fd: RawFd) -> PyResult<Self> {
        if fd < 0 {
            return Err(PyValueError::new_err(format!("{fd} is not a file descriptor")));
        }
        // SAFETY: the caller gives the descriptor away.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { socket, state: Mutex::default() })
    }

    fn fileno(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends a frame, now as far as the socket takes it, or with `hold` together with the next; the descriptors `fds` are
    /// closed here when they are sent.
    #[pyo3(signature = (content, fds=Vec::new(), hold=false))]
    fn post(&self, content: PyBackedBytes, fds: Vec<RawFd>, hold: bool) -> PyResult<()> {
        if fds.len() > MOST_FDS || fds.iter().any(|fd| *fd < 0) {
            return Err(PyValueError::new_err("these descriptors cannot be sent"));
        }
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&(content.len() as u64).to_le_bytes());
        header[8..].copy_from_slice(&(fds.len() as u64).to_le_bytes());
        // SAFETY: the caller gives the descriptors away.
        let fds = fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
        {
            let mut state = self.state();
            state.output.push_back(Part { bytes: Bytes::Header(header), sent: 0, fds });
            state.output.push_back(Part { bytes: Bytes::Content(content), sent: 0, fds: Vec::new() });
        }
        if hold { Ok(()) } else { Ok(self.flush_now()?) }
    }

    /// Waits until all has been sent.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        while self.has_output() {
            py.check_signals()?;
            match py.detach(|| self.poll(false, None).and_then(|_| self.flush_now())) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Returns the frames that have arrived, without waiting.
    ///
    /// Raises `EOFError` when the other side is gone and all its frames have been taken.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<Frame<'py>>> {
        self.read_now()?;
        let mut state = self.state();
        let frames: Vec<_> = std::iter::from_fn(|| state.frame(py)).collect();
        if frames.is_empty() && state.is_closed {
            return Err(PyEOFError::new_err("the other side is gone"));
        }
        Ok(frames)
    }

    /// Returns the frames that have arrived; waits for the first, up to `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn receive<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Vec<Frame<'py>>> {
        let deadline = deadline(timeout);
        loop {
            let frames = self.take(py)?;
            if !frames.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(frames);
            }
            py.check_signals()?;
            match py.detach(|| self.poll(true, deadline).and_then(|_| self.flush_now())) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
        }
    }
}

/// Returns the two ends of a new socket; whoever asked closes them.
#[pyfunction]
pub(crate) fn socket_pair() -> PyResult<(RawFd, RawFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(io::Error::from)?;
    Ok((ours.into_raw_fd(), theirs.into_raw_fd()))
}

/// Waits until one of `channels` has something to read or is gone, up to `timeout` seconds; sends meanwhile what they have
/// to send. Returns the indices of those to read; the descriptor `waker` counts as the one after the last.
///
/// Raises what a signal handler raises.
#[pyfunction]
#[pyo3(signature = (channels, timeout=None, waker=None))]
pub(crate) fn wait(
    py: Python<'_>,
    channels: Vec<Py<Channel>>,
    timeout: Option<f64>,
    waker: Option<RawFd>,
) -> PyResult<Vec<usize>> {
    let channels: Vec<&Channel> = channels.iter().map(Py::get).collect();
    let deadline = deadline(timeout);
    loop {
        py.check_signals()?;
        match py.detach(|| wait_once(&channels, deadline, waker)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
            Ok(ready) => {
                if !ready.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(ready);
                }
            }
        }
    }
}

fn wait_once(
    channels: &[&Channel],
    deadline: Option<Instant>,
    waker: Option<RawFd>,
) -> io::Result<Vec<usize>> {
    // SAFETY: the caller keeps the descriptor open while it waits.
    let waker = waker.map(|fd| unsafe { BorrowedFd::borrow_raw(fd) });
    let flags = |channel: &&Channel| {
        if channel.has_output() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    };
    let mut fds: Vec<PollFd<'_>> =
        channels.iter().map(|channel| PollFd::new(&channel.socket, flags(channel))).collect();
    fds.extend(waker.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
    poll(&mut fds, until(deadline).as_ref())?;
    let mut ready = Vec::new();
    for (index, fd) in fds.iter().enumerate() {
        let events = fd.revents();
        if events.contains(PollFlags::OUT)
            && let Some(channel) = channels.get(index)
        {
            // An error shows when the channel is read.
            let _ = channel.flush_now();
        }
        if events.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            ready.push(index);
        }
    }
    Ok(ready)
}
