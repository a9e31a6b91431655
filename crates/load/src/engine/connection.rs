//! One connection and the request that is on it.

use std::io;

use super::streams::{Done, Streams};
use super::transport::Transport;
use crate::http2;
use crate::request::Template;
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
    /// How often it was sent before, on connections that the server closed.
    pub(crate) n_resent: u8,
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
    /// The requests that share it, if it speaks HTTP/2; then `flight` is never set.
    pub(crate) streams: Option<Box<Streams>>,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Progress {
    /// More has to come.
    Waiting,
    /// The response has ended.
    Answered,
    /// Something has come for the requests that share the connection.
    Shared,
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
    /// What came was not HTTP/2.
    Http2(&'static str),
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
    pub(crate) fn new(transport: Transport, id: u32, is_http2: bool) -> Self {
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
            streams: is_http2.then(|| Box::new(Streams::new())),
        }
    }

    /// Puts a request on the connection.
    pub(crate) fn begin(&mut self, flight: Flight, template: &Template) {
        self.n_flights += 1;
        if let Some(streams) = &mut self.streams {
            return streams.begin(flight, template, self.transport.is_encrypted());
        }
        self.flight = Some(flight);
        self.outgoing.clear();
        self.written = 0;
        self.body.clear();
        self.parser.reset();
        template.write(flight.index, &mut self.outgoing);
    }

    /// Returns how many requests are on it.
    pub(crate) fn in_flight(&self) -> usize {
        self.streams.as_ref().map_or(usize::from(self.flight.is_some()), |streams| streams.in_flight())
    }

    /// Returns whether its request number `number` is still on its way.
    pub(crate) fn has(&self, number: u64) -> bool {
        match &self.streams {
            Some(streams) => streams.has(number),
            None => self.n_flights == number && self.flight.is_some(),
        }
    }

    /// Returns the requests on it.
    pub(crate) fn flights(&self) -> Vec<Flight> {
        let shared = self.streams.iter().flat_map(|streams| streams.flights());
        self.flight.into_iter().chain(shared).collect()
    }

    /// Returns what has become of the requests that share it.
    pub(crate) fn take_done(&mut self) -> Vec<Done> {
        self.streams.as_mut().map_or_else(Vec::new, |streams| streams.take_done())
    }

    /// Returns whether a request may go again on another connection: an idle connection was closed before anything came.
    pub(crate) fn may_resend(&self) -> bool {
        self.n_flights > 1
            && !self.parser.has_begun()
            && self.flight.is_some_and(|flight| flight.n_resent == 0)
    }

    /// Returns whether a part of the request has not been written.
    pub(crate) fn has_unsent(&self) -> bool {
        let has_frames = self.streams.as_ref().is_some_and(|streams| streams.has_outgoing());
        has_frames || self.written < self.outgoing.len() || self.transport.has_unsent()
    }

    /// Writes as much as the socket takes.
    pub(crate) fn send(&mut self) -> Progress {
        if let Some(streams) = &mut self.streams {
            self.outgoing.drain(..self.written);
            self.written = 0;
            self.outgoing.append(streams.outgoing());
        }
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
        if self.streams.is_some() {
            return self.receive_shared(buffer, reading);
        }
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

    fn receive_shared(&mut self, buffer: &mut [u8], reading: Reading) -> Progress {
        let Some(streams) = &mut self.streams else { return Progress::Shared };
        let reading = http2::Reading { keeps_body: reading.keeps_body, max_body: reading.max_body };
        loop {
            match self.transport.read(buffer) {
                Ok(0) => return Progress::Broken(Break::Closed),
                Ok(n) => {
                    if let Err(fault) = streams.feed(&buffer[..n], reading) {
                        return Progress::Broken(Break::Http2(fault));
                    }
                    if n < buffer.len() && self.transport.is_emptied_by_short_reads() {
                        return Progress::Shared;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Shared,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Progress::Broken(Break::Io(error)),
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
