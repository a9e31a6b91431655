//! A connection's bytes, encrypted or not.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// A socket that never blocks.
#[derive(Debug)]
pub(crate) struct Transport {
    socket: TcpStream,
}

impl Transport {
    /// Begins to connect; the socket becomes writable when that has ended.
    pub(crate) fn connect(address: &SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        match rustix::net::connect(&socket, address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(Self { socket: socket.into() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the error with which connecting ended, if it did.
    pub(crate) fn connect_error(&self) -> Option<io::Error> {
        self.socket.take_error().ok().flatten()
    }

    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.read(bytes)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
