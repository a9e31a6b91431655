//! What a thread does with its connections.

use std::io;

use rustix::event::epoll;

use super::connection::{Break, Connection, Flight, Progress};
use super::transport::Transport;
use super::worker::{AWAY, Worker};

impl Worker<'_> {
    /// Puts waiting requests on connections, as long as there are any.
    pub(super) fn dispatch(&mut self) -> io::Result<()> {
        while let Some(is_resent) = self.waiting.front().map(|flight| flight.n_resent > 0) {
            let place = match is_resent {
                _ if self.plan.http2 => self.shared_place()?,
                true => self.fresh_place()?,
                false => self.free_place()?,
            };
            let Some(place) = place else { break };
            let Some(flight) = self.waiting.pop_front() else { break };
            self.send(place, flight);
        }
        // What is left waits for a connection, not for us.
        for flight in self.waiting.iter_mut().rev().take_while(|flight| !flight.has_waited) {
            flight.has_waited = true;
            self.record.waited += 1;
        }
        Ok(())
    }

    fn free_place(&mut self) -> io::Result<Option<usize>> {
        match self.idle.pop_front() {
            Some(place) => Ok(Some(place)),
            None => self.open(),
        }
    }

    /// Opens a connection for a request that met a stale one: another idle one may be as stale, and makes room.
    fn fresh_place(&mut self) -> io::Result<Option<usize>> {
        if let Some(idle) = self.idle.pop_front() {
            self.close(idle);
        }
        self.open()
    }

    /// Opens one more connection, if there may be one.
    pub(super) fn open(&mut self) -> io::Result<Option<usize>> {
        let n_open = self.connections.len() - self.vacant.len();
        if n_open >= self.max_connections {
            return Ok(None);
        }
        let transport = match Transport::connect(&self.plan.address, self.plan.tls.as_ref()) {
            Ok(transport) => transport,
            Err(error) if is_shortage(&error) => {
                self.record.is_short = true;
                if n_open == 0 {
                    return Err(error);
                }
                self.max_connections = n_open;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let id = self.n_opened;
        self.n_opened = self.n_opened.wrapping_add(1);
        let kinds = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP;
        let data = epoll::EventData::new_u64((u64::from(id) << 32) | place as u64);
        epoll::add(&self.epoll, &transport, data, kinds | epoll::EventFlags::ET)?;
        self.connections[place] = Some(Connection::new(transport, id, self.plan.http2));
        self.record.opened += 1;
        Ok(Some(place))
    }

    /// Sends a request on the connection at `place`, which is idle or about to connect.
    fn send(&mut self, place: usize, mut flight: Flight) {
        let is_closed = self.schedule.is_none();
        // A user who has just been answered goes on at once: the clock has been read for that answer.
        let is_now = is_closed && flight.intended > 0 && !flight.has_waited;
        let now = if is_now { flight.intended } else { self.now() };
        flight.sent = now;
        if is_closed {
            flight.intended = now;
        } else if flight.n_resent == 0 {
            self.record.sends.push(now);
            if !flight.has_waited {
                self.record.lateness.record(now.saturating_sub(flight.intended));
            }
        }
        let template = &self.plan.template;
        let Some(connection) = self.connections[place].as_mut() else { return };
        connection.begin(flight, template);
        self.in_flight += 1;
        let timeout = (self.plan.timeout.0 * 1e9) as u64;
        self.deadlines.push_back((now.saturating_add(timeout), place, connection.id, connection.n_flights));
        if connection.is_connected
            && let Progress::Broken(reason) = connection.send()
        {
            self.broken(place, &reason);
        }
        self.offer(place);
    }

    /// Does what an event on a connection asks for.
    pub(super) fn handle(&mut self, event: epoll::Event) -> io::Result<()> {
        let data = event.data.u64();
        let (place, id) = ((data & u64::from(u32::MAX)) as usize, (data >> 32) as u32);
        let flags = event.flags;
        let reading = self.reading;
        let Some(connection) = self.connections[place].as_mut().filter(|connection| connection.id == id)
        else {
            return Ok(());
        };
        let mut progress = Progress::Waiting;
        if !connection.is_connected {
            match connection.transport.connect_error() {
                Some(error) => progress = Progress::Broken(Break::Io(error)),
                None if flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR) => {
                    progress = Progress::Broken(Break::Closed);
                }
                None => connection.is_connected = true,
            }
        }
        if matches!(progress, Progress::Waiting)
            && flags.contains(epoll::EventFlags::OUT)
            && connection.has_unsent()
        {
            progress = connection.send();
        }
        let has_news = flags - epoll::EventFlags::OUT != epoll::EventFlags::empty();
        if matches!(progress, Progress::Waiting) && has_news {
            progress = connection.receive(&mut self.buffer, reading);
        }
        match progress {
            Progress::Waiting => {}
            Progress::Answered => self.answered(place),
            Progress::Shared => self.shared_ended(place),
            Progress::Broken(reason) => self.broken(place, &reason),
        }
        self.dispatch()
    }

    fn answered(&mut self, place: usize) {
        let now = self.now();
        let Some(flight) = self.take_flight(place) else { return };
        let Some(connection) = self.connections[place].as_ref() else { return };
        self.record.body_bytes += connection.parser.body_bytes;
        let problem = self.checks.problem(connection.parser.status, connection.body());
        self.record.end(
            problem.as_deref(),
            now.saturating_sub(flight.intended),
            now.saturating_sub(flight.sent),
        );
        if connection.parser.closes || !self.plan.keep_alive {
            self.close(place);
        } else {
            self.idle.push_back(place);
        }
        self.user_comes_back(now, 0);
    }

    /// Closes a connection; its request goes again if only the connection was stale, and fails if not.
    pub(super) fn broken(&mut self, place: usize, reason: &Break) {
        let now = self.now();
        self.shared_broken(place, reason);
        let may_resend = match (reason, &self.connections[place]) {
            (Break::Closed, Some(connection)) => connection.may_resend(),
            (Break::Io(error), Some(connection)) => is_closed(error) && connection.may_resend(),
            _ => false,
        };
        if let Some(flight) = self.take_flight(place) {
            if may_resend {
                self.send_again(flight);
            } else {
                self.record.error(&name_of(reason));
                self.user_comes_back(now, AWAY);
            }
        }
        self.close(place);
    }

    /// Lets a request that the server has not begun with go again, on another connection.
    pub(super) fn send_again(&mut self, flight: Flight) {
        self.record.resent += 1;
        self.waiting.push_front(Flight { n_resent: flight.n_resent + 1, has_waited: true, ..flight });
    }

    /// Gives up requests whose time limit has come.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some((at, place, id, n_flights)) = self.deadlines.front().copied() {
            let is_same = |c: &Connection| c.id == id && c.has(n_flights);
            let is_current = self.connections[place].as_ref().is_some_and(is_same);
            if is_current && at > now {
                break;
            }
            self.deadlines.pop_front();
            if !is_current {
                continue;
            }
            let given_up =
                if self.plan.http2 { self.cancel_shared(place, n_flights) } else { self.take_flight(place) };
            if let Some(flight) = given_up {
                self.record.error("timeout");
                self.record.give_up(now.saturating_sub(flight.intended));
                if !self.plan.http2 {
                    self.close(place);
                }
                self.user_comes_back(now, 0);
            }
        }
    }

    /// In a closed loop, the user whose request has ended sends the next one.
    pub(super) fn user_comes_back(&mut self, now: u64, after: u64) {
        if self.schedule.is_some() || now >= self.end {
            return;
        }
        if after == 0 {
            self.admit(now);
        } else {
            self.returning.push_back(now + after);
        }
    }

    fn take_flight(&mut self, place: usize) -> Option<Flight> {
        let flight = self.connections[place].as_mut()?.flight.take()?;
        self.in_flight -= 1;
        Some(flight)
    }

    pub(super) fn close(&mut self, place: usize) {
        if self.connections[place].take().is_some() {
            self.vacant.push(place);
            self.idle.retain(|idle| *idle != place);
        }
    }
}

/// Returns whether there are no files, ports or memory left.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let codes =
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::ADDRINUSE];
    error.raw_os_error().is_some_and(|code| codes.iter().any(|errno| errno.raw_os_error() == code))
}

pub(super) fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

pub(super) fn name_of(reason: &Break) -> String {
    match reason {
        Break::Closed => "closed before the response ended".to_owned(),
        Break::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset".to_owned(),
            _ => error.to_string(),
        },
        Break::Protocol(error) => error.to_string(),
        Break::Http2(fault) => format!("not HTTP/2: {fault}"),
        Break::TooLong => "body too long".to_owned(),
    }
}
