//! One connection and the request that is on it.

use std::io;

use super::transport::Transport;
use crate::response::{ResponseError, ResponseParser};

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    /// Its number among the thread's, which chooses its row.
    pub(crate) index: usize,
    /// When it should have been sent, in nanoseconds from the begin.
    pub(crate) intended: u64,
    /// When it was handed to a connection.
    pub(crate) sent: u64,
    /// Whether no connection was free when its time came.
    pub(crate) has_waited: bool,
    /// Whether it was sent before, on a connection that the server closed.
    pub(crate) is_resent: bool,
}

/// A connection and what happens on it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    /// Tells it from others that had its place: an event may be of one that is gone.
    pub(crate) id: u32,
    pub(crate) flight: Option<Flight>,
    /// Counts its requests: a deadline that was set for an earlier one is void.
    pub(crate) n_flights: u64,
    pub(crate) is_connected: bool,
    outgoing: Vec<u8>,
    written: usize,
    pub(crate) parser: ResponseParser,
    body: Vec<u8>,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Progress {
    /// More has to come.
    Waiting,
    /// The response has ended.
    Answered,
    /// The connection is of no more use.
    Broken(Break),
}

/// Why a connection broke.
#[derive(Debug)]
pub(crate) enum Break {
    /// The other side closed it.
    Closed,
    /// A call failed.
    Io(io::Error),
    /// What came was no response.
    Protocol(ResponseError),
    /// More came than is allowed.
    TooLong,
}

/// How the body of a response is treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Whether a check needs the body.
    pub(crate) keeps_body: bool,
    /// Responses to this method have no body.
    pub(crate) is_head: bool,
    /// Bodies beyond this length are an error.
    pub(crate) max_body: u64,
}

impl Connection {
    pub(crate) fn new(transport: Transport, id: u32) -> Self {
        Self {
            transport,
            id,
            flight: None,
            n_flights: 0,
            is_connected: false,
            outgoing: Vec::new(),
            written: 0,
            parser: ResponseParser::default(),
            body: Vec::new(),
        }
    }

    /// Puts a request on the connection; `write` appends its bytes.
    pub(crate) fn begin(&mut self, flight: Flight, write: impl FnOnce(&mut Vec<u8>)) {
        self.flight = Some(flight);
        self.n_flights += 1;
        self.outgoing.clear();
        self.written = 0;
        self.body.clear();
        self.parser.reset();
        write(&mut self.outgoing);
    }

    /// Returns whether a request may go again on another connection: an idle connection was closed before anything came.
    pub(crate) fn may_resend(&self) -> bool {
        self.n_flights > 1 && !self.parser.has_begun() && self.flight.is_some_and(|flight| !flight.is_resent)
    }

    /// Returns whether a part of the request has not been written.
    pub(crate) fn has_unsent(&self) -> bool {
        self.written < self.outgoing.len() || self.transport.has_unsent()
    }

    /// Writes as much as the socket takes.
    pub(crate) fn send(&mut self) -> Progress {
        while self.written < self.outgoing.len() {
            match self.transport.write(&self.outgoing[self.written..]) {
                Ok(0) => return Progress::Broken(Break::Closed),
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Progress::Broken(Break::Io(error)),
            }
        }
        match self.transport.flush() {
            Ok(()) => Progress::Waiting,
            Err(error) => Progress::Broken(Break::Io(error)),
        }
    }

    /// Reads all that has come.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], reading: Reading) -> Progress {
        loop {
            let n = match self.transport.read(buffer) {
                Ok(0) => return self.end(),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Progress::Broken(Break::Io(error)),
            };
            if self.flight.is_none() {
                return Progress::Broken(Break::Protocol(ResponseError::Unasked));
            }
            let (parser, body) = (&mut self.parser, &mut self.body);
            let mut keep = |piece: &[u8]| {
                if reading.keeps_body {
                    body.extend_from_slice(piece);
                }
            };
            match parser.feed(&buffer[..n], reading.is_head, &mut keep) {
                Err(error) => return Progress::Broken(Break::Protocol(error)),
                Ok(true) => return Progress::Answered,
                Ok(false) if self.parser.body_bytes > reading.max_body => {
                    return Progress::Broken(Break::TooLong);
                }
                Ok(false) if n < buffer.len() && self.transport.is_emptied_by_short_reads() => {
                    return Progress::Waiting;
                }
                Ok(false) => {}
            }
        }
    }

    fn end(&mut self) -> Progress {
        if self.flight.is_some() && self.parser.end() {
            Progress::Answered
        } else {
            Progress::Broken(Break::Closed)
        }
    }

    /// Returns the body of the response, if it was kept.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}
