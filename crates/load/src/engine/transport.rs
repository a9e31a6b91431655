//! A connection's bytes, encrypted or not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustls::ClientConnection;

use crate::tls::Tls;

/// A socket that never blocks.
#[derive(Debug)]
pub(crate) struct Transport {
    socket: TcpStream,
    session: Option<Box<ClientConnection>>,
}

impl Transport {
    /// Begins to connect; the socket becomes writable when that has ended.
    pub(crate) fn connect(address: &SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        let session = tls.map(|tls| tls.session().map(Box::new)).transpose()?;
        match rustix::net::connect(&socket, address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(Self { socket: socket.into(), session }),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the error with which connecting ended, if it did.
    pub(crate) fn connect_error(&self) -> Option<io::Error> {
        self.socket.take_error().ok().flatten()
    }

    /// Returns whether its bytes are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.session.is_some()
    }

    /// Returns whether a read that fills less than its buffer has emptied the socket, as epoll(7) says of plain ones:
    /// an encrypted one gives a record at a time.
    pub(crate) fn is_emptied_by_short_reads(&self) -> bool {
        self.session.is_none()
    }

    /// Returns whether there are bytes of its own to send: a part of the handshake, or encrypted bytes that found no room.
    pub(crate) fn has_unsent(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.wants_write())
    }

    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else { return self.socket.read(bytes) };
        loop {
            match session.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Closed without saying so, as many servers do: whether the response was whole its length tells.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            session.read_tls(&mut self.socket)?;
            let processed = session.process_new_packets();
            // An answer to it, or the alert that says what was wrong.
            let flushed = flush(session, &mut self.socket);
            processed.map_err(io::Error::other)?;
            flushed?;
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else { return self.socket.write(bytes) };
        let taken = session.writer().write(bytes)?;
        flush(session, &mut self.socket)?;
        Ok(taken)
    }

    /// Sends what is left of its own bytes, as far as the socket takes them.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.session.as_mut().map_or(Ok(()), |session| flush(session, &mut self.socket))
    }
}

fn flush(session: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    while session.wants_write() {
        match session.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
