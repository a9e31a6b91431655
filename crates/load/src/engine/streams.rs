//! Requests that share a connection of HTTP/2.

use std::collections::BTreeMap;

use super::connection::Flight;
use crate::http2::{Event, Reading, Session};
use crate::request::Template;

/// The requests on a connection, and what has become of them.
#[derive(Debug)]
pub(crate) struct Streams {
    session: Session,
    flights: BTreeMap<u32, Flight>,
    events: Vec<Event>,
    has_answered: bool,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) enum Done {
    /// With a response.
    Answered { flight: Flight, status: u16, body: Vec<u8> },
    /// With none, for this reason.
    Failed { reason: String },
    /// The server has not begun with it: it may go again.
    Refused { flight: Flight },
}

/// Returns the stream of request number `number` of its connection, counted from 1: clients use the odd ones.
fn stream_of(number: u64) -> u32 {
    u32::try_from(2 * number - 1).unwrap_or(u32::MAX)
}

impl Streams {
    pub(crate) fn new() -> Self {
        Self { session: Session::new(), flights: BTreeMap::new(), events: Vec::new(), has_answered: false }
    }

    /// Puts a request on the connection.
    pub(crate) fn begin(&mut self, flight: Flight, template: &Template, is_tls: bool) {
        let (fields, body) = template.fields(flight.index, is_tls);
        let fields = fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let stream = self.session.request(fields, body);
        self.flights.insert(stream, flight);
    }

    /// Takes bytes of the server's.
    ///
    /// # Errors
    ///
    /// If they are not HTTP/2.
    pub(crate) fn feed(&mut self, bytes: &[u8], reading: Reading) -> Result<(), &'static str> {
        self.session.feed(bytes, reading, &mut self.events)
    }

    /// Returns the bytes that are to be sent.
    pub(crate) fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.session.outgoing
    }

    /// Returns whether there are bytes to be sent.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.session.outgoing.is_empty()
    }

    /// Returns how many requests are on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Returns how many more requests may begin; one until the server has said how many it takes.
    pub(crate) fn capacity(&self) -> usize {
        let most = if self.session.is_settled() { usize::MAX } else { 1 };
        self.session.capacity().min(most.saturating_sub(self.flights.len()))
    }

    /// Returns whether no request can ever begin again.
    pub(crate) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// Returns whether request number `number` is on its way.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.flights.contains_key(&stream_of(number))
    }

    /// Takes back request number `number`.
    pub(crate) fn cancel(&mut self, number: u64) -> Option<Flight> {
        self.session.cancel(stream_of(number));
        self.flights.remove(&stream_of(number))
    }

    /// Returns whether a request was ever answered on it.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Returns the requests that have ended since the last call.
    pub(crate) fn take_done(&mut self) -> Vec<Done> {
        self.has_answered |= self.events.iter().any(|event| matches!(event, Event::Answered { .. }));
        let flights = &mut self.flights;
        let done = |event: Event| {
            Some(match event {
                Event::Answered { stream, status, body } => {
                    Done::Answered { flight: flights.remove(&stream)?, status, body }
                }
                Event::Failed { stream, reason } => {
                    flights.remove(&stream)?;
                    Done::Failed { reason }
                }
                Event::Refused { stream } => Done::Refused { flight: flights.remove(&stream)? },
            })
        };
        self.events.drain(..).filter_map(done).collect()
    }

    /// Returns the requests on their way.
    pub(crate) fn flights(&self) -> impl Iterator<Item = Flight> + '_ {
        self.flights.values().copied()
    }

    /// Takes all requests away, each with whether anything of its response has come: the connection is gone.
    pub(crate) fn take_all(&mut self) -> Vec<(Flight, bool)> {
        let flights = std::mem::take(&mut self.flights).into_iter();
        flights.map(|(stream, flight)| (flight, self.session.has_begun(stream))).collect()
    }
}
