//! The way between a process and its worker: a pair of sockets that keep messages whole.
//!
//! ```text
//! u8 0 · the message                                up to INLINE bytes
//! u8 1      and beside it a file in shared memory    longer ones
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use super::memory::{Shared, share};

/// Messages up to this length go through the socket. Those that a worker may have at a time, and its answers, fit into
/// what a socket holds (208 KiB): neither side then waits for the other to read.
const INLINE: usize = 32 << 10;

const IN_MESSAGE: u8 = 0;
const IN_MEMORY: u8 = 1;

/// One end.
pub(super) struct Channel {
    socket: OwnedFd,
    buffer: Box<[u8]>,
}

/// What was received.
pub(super) enum Received<'b> {
    Message(Content<'b>),
    /// There is nothing at the moment.
    Nothing,
    /// The other end is closed.
    End,
}

/// The bytes of a message.
pub(super) enum Content<'b> {
    Inline(&'b [u8]),
    Shared(Shared),
}

impl Deref for Content<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Shared(shared) => shared,
        }
    }
}

impl Channel {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; INLINE + 1].into() }
    }

    /// Returns a pair of sockets.
    pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
    }

    /// Sends a message that consists of `slices`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] if the other end is closed; or if there is no memory for a long message.
    pub(super) fn send(&self, slices: Vec<IoSlice<'_>>) -> io::Result<()> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length <= INLINE {
            let kind = [IN_MESSAGE];
            let parts: Vec<_> = [IoSlice::new(&kind)].into_iter().chain(slices.iter().copied()).collect();
            match self.send_packet(&parts, &[]) {
                // Where sockets are set to hold less.
                Err(Errno::MSGSIZE) => {}
                sent => return Ok(sent?),
            }
        }
        let file = share(slices)?;
        Ok(self.send_packet(&[IoSlice::new(&[IN_MEMORY])], &[file.as_fd()])?)
    }

    fn send_packet(&self, parts: &[IoSlice<'_>], files: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(files));
        }
        retry_on_intr(|| rustix::net::sendmsg(&self.socket, parts, &mut control, SendFlags::NOSIGNAL))
            .map(drop)
    }

    /// Receives a message; `waits` says whether to wait for one.
    ///
    /// # Errors
    ///
    /// If a message is damaged, or its memory cannot be had.
    pub(super) fn receive(&mut self, waits: bool) -> io::Result<Received<'_>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let waiting = if waits { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        let received = loop {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            let flags = RecvFlags::CMSG_CLOEXEC | waiting;
            match rustix::net::recvmsg(&self.socket, &mut slices, &mut control, flags) {
                Ok(received) => break received,
                // The other end was closed before it had read everything: told once, and before what it had sent.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                Err(error) => return Err(error.into()),
            }
        };
        if received.bytes == 0 {
            return Ok(Received::End);
        }
        let file = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        match (self.buffer[0], file) {
            (IN_MESSAGE, None) if !received.flags.contains(ReturnFlags::TRUNC) => {
                Ok(Received::Message(Content::Inline(&self.buffer[1..received.bytes])))
            }
            (IN_MEMORY, Some(file)) => Ok(Received::Message(Content::Shared(Shared::open(file)?))),
            // The kernel drops files that exceed the limit of open ones.
            (IN_MEMORY, None) => Err(Errno::MFILE.into()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a message is damaged")),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> (Channel, Channel) {
        let (a, b) = Channel::pair().unwrap();
        (Channel::new(a), Channel::new(b))
    }

    fn n_open_files() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn messages_of_every_length_arrive_whole() {
        let (here, mut there) = channels();
        for length in [0, 1, 4095, INLINE - 1, INLINE, INLINE + 1, 3_000_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let (a, b) = bytes.split_at(length / 3);
            here.send(vec![IoSlice::new(a), IoSlice::new(&[]), IoSlice::new(b)]).unwrap();
            match there.receive(true).unwrap() {
                Received::Message(content) => {
                    assert_eq!(matches!(content, Content::Shared(_)), length > INLINE);
                    assert!(*content == *bytes, "{length} bytes");
                }
                _ => panic!("nothing of {length} bytes"),
            }
        }
        assert!(matches!(there.receive(false).unwrap(), Received::Nothing));
        drop(here);
        assert!(matches!(there.receive(true).unwrap(), Received::End));
        assert_eq!(there.send(vec![IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_was_sent_before_the_end_arrives() {
        let (here, mut there) = channels();
        there.send(vec![IoSlice::new(b"not read")]).unwrap();
        here.send(vec![IoSlice::new(b"last words")]).unwrap();
        drop(here);
        match there.receive(false).unwrap() {
            Received::Message(content) => assert_eq!(&*content, b"last words"),
            _ => panic!("nothing"),
        }
        assert!(matches!(there.receive(false).unwrap(), Received::End));
    }

    #[test]
    fn shared_memory_is_released_at_once() {
        let (here, mut there) = channels();
        // Other tests open files at the same time, but none thousands.
        let before = n_open_files();
        for _ in 0..2000 {
            here.send(vec![IoSlice::new(&[7; INLINE + 1])]).unwrap();
            assert!(matches!(there.receive(true).unwrap(), Received::Message(Content::Shared(_))));
        }
        assert!(n_open_files() < before + 1000);
    }

    #[test]
    fn damaged_messages_are_refused() {
        let (here, mut there) = channels();
        for damaged in [&[7_u8][..], &[IN_MEMORY], &vec![IN_MESSAGE; INLINE + 2]] {
            here.send_packet(&[IoSlice::new(damaged)], &[]).unwrap();
            assert!(there.receive(true).is_err(), "{} bytes", damaged.len());
        }
    }
}
