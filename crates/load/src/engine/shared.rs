//! What a thread does with connections that requests share: those of HTTP/2.

use std::io;

use super::connection::{Break, Flight, Progress};
use super::streams::Done;
use super::traffic::{is_closed, name_of};
use super::worker::{AWAY, Worker};

/// How often a server may say of a request that it has not begun with it.
const MOST_REFUSALS: u8 = 3;

impl Worker<'_> {
    /// Returns a connection for one more request: an idle one, a new one as long as there may be more, or the one that took
    /// its last request longest ago.
    pub(super) fn shared_place(&mut self) -> io::Result<Option<usize>> {
        // A connection that the server wants to end stays open for what is on it, and takes nothing new.
        let takes_more = |place: &usize| {
            let streams =
                self.connections[*place].as_ref().and_then(|connection| connection.streams.as_ref());
            streams.is_some_and(|streams| streams.capacity() > 0)
        };
        self.idle.retain(takes_more);
        let is_quiet = |place: &usize| self.connections[*place].as_ref().is_some_and(|c| c.in_flight() == 0);
        if let Some(position) = self.idle.iter().position(is_quiet) {
            return Ok(self.idle.remove(position));
        }
        match self.open()? {
            Some(place) => Ok(Some(place)),
            None => Ok(self.idle.pop_front()),
        }
    }

    /// Puts a shared connection where it is found, as long as it takes more requests, and closes it when it never will.
    pub(super) fn offer(&mut self, place: usize) {
        let Some(connection) = &self.connections[place] else { return };
        let Some(streams) = &connection.streams else { return };
        if streams.is_over() && streams.in_flight() == 0 {
            self.close(place);
        } else if streams.capacity() > 0 && !self.idle.contains(&place) {
            self.idle.push_back(place);
        }
    }

    /// Takes what has come for the requests that share a connection, and sends what the other side asks for.
    pub(super) fn shared_ended(&mut self, place: usize) {
        self.take_done(place);
        let Some(connection) = self.connections[place].as_mut() else { return };
        if connection.has_unsent()
            && let Progress::Broken(reason) = connection.send()
        {
            self.broken(place, &reason);
        }
        self.offer(place);
    }

    /// Fails the requests of a shared connection that is gone; those to which nothing has come go again if others were
    /// answered on it, as with HTTP/1.1.
    pub(super) fn shared_broken(&mut self, place: usize, reason: &Break) {
        let is_closed = match reason {
            Break::Closed => true,
            Break::Io(error) => is_closed(error),
            _ => false,
        };
        self.take_done(place);
        let Some(connection) = self.connections[place].as_mut() else { return };
        let Some(streams) = &mut connection.streams else { return };
        let may_resend = is_closed && streams.has_answered();
        for (flight, has_begun) in streams.take_all() {
            self.in_flight -= 1;
            if may_resend && !has_begun && flight.n_resent == 0 {
                self.send_again(flight);
            } else {
                self.record.error(&name_of(reason));
                self.user_comes_back(self.now(), AWAY);
            }
        }
    }

    /// Takes back a request whose time limit has come; the others go on.
    pub(super) fn cancel_shared(&mut self, place: usize, number: u64) -> Option<Flight> {
        let connection = self.connections[place].as_mut()?;
        let flight = connection.streams.as_mut()?.cancel(number)?;
        self.in_flight -= 1;
        self.shared_ended(place);
        Some(flight)
    }

    fn take_done(&mut self, place: usize) {
        let now = self.now();
        let Some(connection) = self.connections[place].as_mut() else { return };
        for done in connection.take_done() {
            self.in_flight -= 1;
            match done {
                Done::Answered { flight, status, body } => {
                    self.record.body_bytes += body.len() as u64;
                    let problem = self.checks.problem(status, &body);
                    let (latency, service) =
                        (now.saturating_sub(flight.intended), now.saturating_sub(flight.sent));
                    self.record.end(problem.as_deref(), latency, service);
                    self.user_comes_back(now, 0);
                }
                Done::Failed { reason } => {
                    self.record.error(&reason);
                    self.user_comes_back(now, AWAY);
                }
                Done::Refused { flight } if flight.n_resent < MOST_REFUSALS => self.send_again(flight),
                Done::Refused { .. } => {
                    self.record.error("refused by the server");
                    self.user_comes_back(now, AWAY);
                }
            }
        }
    }
}
