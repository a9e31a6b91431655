//! A client's side of an HTTP/2 connection, without any I/O: bytes in, bytes and events out.
//!
//! Source: RFC 9113. Windows: ours are as wide as they may be, since the generator is never to hold a server back; the
//! server's are kept to. Pushes are forbidden, priorities ignored, and no table of header fields is kept (see `fields`).

mod fields;
mod frame;

use std::collections::BTreeMap;

use frame::Frame;

/// The widest window.
const WIDEST: u32 = (1 << 31) - 1;
/// The window with which every connection and stream begins.
const FIRST_WINDOW: i64 = 65_535;
/// Streams at a time before the server has said how many it takes.
const FIRST_STREAMS: u32 = 100;
/// The longest head of a response.
const MAX_HEAD: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// Bytes for the server.
    pub(crate) outgoing: Vec<u8>,
    incoming: Vec<u8>,
    streams: BTreeMap<u32, Stream>,
    next_stream: u32,
    /// Streams that the server takes at a time.
    max_streams: u32,
    /// How much of bodies the server takes: of all streams together, and of a new one.
    window: i64,
    stream_window: i64,
    longest_frame: usize,
    /// Bytes of bodies that came since our window was widened.
    received: u32,
    /// Fields whose frame is not the last: their stream, whether it ends, and what came.
    fields: Option<(u32, bool, Vec<u8>)>,
    is_going_away: bool,
    /// Whether the server has said what it takes.
    is_settled: bool,
}

#[derive(Debug, Default)]
struct Stream {
    status: Option<u16>,
    body: Vec<u8>,
    body_bytes: u64,
    /// What of the request's body has not been sent.
    unsent: Vec<u8>,
    window: i64,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its response has ended.
    Answered { stream: u32, status: u16, body: Vec<u8> },
    /// There will be no response, for this reason.
    Failed { stream: u32, reason: String },
    /// The server says that it has not begun with it.
    Refused { stream: u32 },
}

/// How responses are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Whether bodies are kept.
    pub(crate) keeps_body: bool,
    /// Bodies beyond this length are an error.
    pub(crate) max_body: u64,
}

/// Why a connection is of no more use.
type Fault = &'static str;

impl Session {
    /// Returns a connection that has just been opened.
    pub(crate) fn new() -> Self {
        let mut outgoing = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // HEADER_TABLE_SIZE 0, ENABLE_PUSH 0, INITIAL_WINDOW_SIZE the widest.
        let settings = [[0, 1, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0], [0, 4, 0x7f, 0xff, 0xff, 0xff]].concat();
        frame::write(frame::SETTINGS, 0, 0, &settings, &mut outgoing);
        let wider = WIDEST - FIRST_WINDOW as u32;
        frame::write(frame::WINDOW_UPDATE, 0, 0, &wider.to_be_bytes(), &mut outgoing);
        Self {
            outgoing,
            incoming: Vec::new(),
            streams: BTreeMap::new(),
            next_stream: 1,
            max_streams: FIRST_STREAMS,
            window: FIRST_WINDOW,
            stream_window: FIRST_WINDOW,
            longest_frame: frame::LONGEST,
            received: 0,
            fields: None,
            is_going_away: false,
            is_settled: false,
        }
    }

    /// Returns how many more requests it takes now.
    pub(crate) fn capacity(&self) -> usize {
        if self.is_going_away || self.next_stream > WIDEST - 2 {
            return 0;
        }
        (self.max_streams as usize).saturating_sub(self.streams.len())
    }

    /// Returns whether the server has said how many requests it takes.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Returns whether no more requests can ever begin.
    pub(crate) fn is_over(&self) -> bool {
        self.is_going_away || self.next_stream > WIDEST - 2
    }

    /// Begins a request of `fields`, pseudo-header fields first, and returns its stream.
    pub(crate) fn request<'a>(
        &mut self,
        fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        body: Option<Vec<u8>>,
    ) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        let mut block = Vec::new();
        for (name, value) in fields {
            fields::write_field(name, value, &mut block);
        }
        let unsent = body.unwrap_or_default();
        let ends = if unsent.is_empty() { frame::END_STREAM } else { 0 };
        let mut pieces = block.chunks(self.longest_frame).peekable();
        let mut kind = frame::HEADERS;
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { frame::END_HEADERS } else { 0 };
            let first = if kind == frame::HEADERS { ends } else { 0 };
            frame::write(kind, last | first, stream, piece, &mut self.outgoing);
            kind = frame::CONTINUATION;
        }
        self.streams.insert(stream, Stream { unsent, window: self.stream_window, ..Stream::default() });
        self.send_bodies();
        stream
    }

    /// Returns whether anything of the response on `stream` has come.
    pub(crate) fn has_begun(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_some_and(|stream| stream.status.is_some())
    }

    /// Takes a request back.
    pub(crate) fn cancel(&mut self, stream: u32) {
        if self.streams.remove(&stream).is_some() {
            let code = frame::CANCEL.to_be_bytes();
            frame::write(frame::RST_STREAM, 0, stream, &code, &mut self.outgoing);
        }
    }

    /// Takes bytes of the server's, and appends what they mean to `events`.
    ///
    /// # Errors
    ///
    /// If they are not HTTP/2: then the connection is of no more use.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        reading: Reading,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let mut incoming = std::mem::take(&mut self.incoming);
        incoming.extend_from_slice(bytes);
        if incoming.starts_with(b"HTTP/1") {
            return Err("the server does not speak HTTP/2");
        }
        let mut rest = incoming.as_slice();
        while let Some((frame, after)) = Frame::take(rest)? {
            rest = after;
            self.take_frame(&frame, reading, events)?;
        }
        let taken = incoming.len() - rest.len();
        incoming.drain(..taken);
        self.incoming = incoming;
        Ok(())
    }

    fn take_frame(
        &mut self,
        frame: &Frame<'_>,
        reading: Reading,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if self.fields.is_some() && frame.kind != frame::CONTINUATION {
            return Err("header fields are interrupted by another frame");
        }
        match frame.kind {
            frame::DATA => self.take_data(frame, reading, events)?,
            frame::HEADERS => {
                self.fields = Some((frame.stream, frame.has(frame::END_STREAM), frame.content()?.to_vec()));
                self.end_fields(frame, events)?;
            }
            frame::CONTINUATION => {
                let fields = self.fields.as_mut().filter(|fields| fields.0 == frame.stream);
                let (_, _, block) = fields.ok_or("header fields go on that did not begin")?;
                block.extend_from_slice(frame.payload);
                if block.len() > MAX_HEAD {
                    return Err("the response's head is longer than 64 kB");
                }
                self.end_fields(frame, events)?;
            }
            frame::RST_STREAM => self.take_reset(frame, events),
            frame::SETTINGS => self.take_settings(frame)?,
            frame::PUSH_PROMISE => return Err("the server pushes though it may not"),
            frame::PING if !frame.has(frame::ACK) => {
                frame::write(frame::PING, frame::ACK, 0, frame.payload, &mut self.outgoing);
            }
            frame::GOAWAY => self.take_goaway(frame, events),
            frame::WINDOW_UPDATE => self.take_window(frame)?,
            _ => {}
        }
        Ok(())
    }

    fn take_data(
        &mut self,
        frame: &Frame<'_>,
        reading: Reading,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        self.received += frame.payload.len() as u32;
        if self.received > WIDEST / 2 {
            frame::write(frame::WINDOW_UPDATE, 0, 0, &self.received.to_be_bytes(), &mut self.outgoing);
            self.received = 0;
        }
        let content = frame.content()?;
        // What comes for a request that was taken back is of no interest.
        let Some(stream) = self.streams.get_mut(&frame.stream) else { return Ok(()) };
        stream.body_bytes += content.len() as u64;
        if reading.keeps_body {
            stream.body.extend_from_slice(content);
        }
        if stream.body_bytes > reading.max_body {
            self.cancel(frame.stream);
            events.push(Event::Failed { stream: frame.stream, reason: "body too long".to_owned() });
        } else if frame.has(frame::END_STREAM) {
            self.end_stream(frame.stream, events);
        }
        Ok(())
    }

    fn end_fields(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        if !frame.has(frame::END_HEADERS) {
            return Ok(());
        }
        let Some((number, ends, block)) = self.fields.take() else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&number) else { return Ok(()) };
        // Fields after the body are a trailer; those of an interim response are followed by the real ones.
        if stream.status.is_none() {
            let status = fields::status(&block).ok_or("a response begins without its status")?;
            stream.status = Some(status).filter(|status| *status >= 200);
        }
        if ends {
            self.end_stream(number, events);
        }
        Ok(())
    }

    fn end_stream(&mut self, number: u32, events: &mut Vec<Event>) {
        let Some(Stream { status, body, unsent, .. }) = self.streams.remove(&number) else { return };
        if !unsent.is_empty() {
            // The server has answered without reading all of the request.
            frame::write(frame::RST_STREAM, 0, number, &frame::CANCEL.to_be_bytes(), &mut self.outgoing);
        }
        events.push(match status {
            Some(status) => Event::Answered { stream: number, status, body },
            None => Event::Failed { stream: number, reason: "response without a status".to_owned() },
        });
    }

    fn take_reset(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.streams.remove(&frame.stream).is_none() {
            return;
        }
        let stream = frame.stream;
        events.push(match frame::number(frame.payload) {
            frame::REFUSED_STREAM => Event::Refused { stream },
            code => Event::Failed { stream, reason: format!("stream reset with code {code}") },
        });
    }

    fn take_settings(&mut self, frame: &Frame<'_>) -> Result<(), Fault> {
        if frame.has(frame::ACK) {
            return Ok(());
        }
        self.is_settled = true;
        for setting in frame.payload.chunks_exact(6) {
            let value = frame::number(&setting[2..]);
            match (setting[0], setting[1]) {
                (0, 3) => self.max_streams = value,
                (0, 4) => {
                    if value > WIDEST {
                        return Err("a window is wider than it may be");
                    }
                    let wider = i64::from(value) - self.stream_window;
                    self.stream_window += wider;
                    self.streams.values_mut().for_each(|stream| stream.window += wider);
                }
                (0, 5) => self.longest_frame = (value as usize).max(frame::LONGEST),
                _ => {}
            }
        }
        frame::write(frame::SETTINGS, frame::ACK, 0, &[], &mut self.outgoing);
        self.send_bodies();
        Ok(())
    }

    fn take_goaway(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        self.is_going_away = true;
        let last = frame::number(frame.payload) & WIDEST;
        // What the server will not look at may go again elsewhere.
        let refused: Vec<u32> =
            self.streams.range(last.saturating_add(1)..).map(|(stream, _)| *stream).collect();
        for stream in refused {
            self.streams.remove(&stream);
            events.push(Event::Refused { stream });
        }
    }

    fn take_window(&mut self, frame: &Frame<'_>) -> Result<(), Fault> {
        let wider = i64::from(frame::number(frame.payload) & WIDEST);
        if frame.stream == 0 {
            self.window += wider;
        } else if let Some(stream) = self.streams.get_mut(&frame.stream) {
            stream.window += wider;
        }
        if self.window > i64::from(WIDEST) {
            return Err("a window is wider than it may be");
        }
        self.send_bodies();
        Ok(())
    }

    /// Sends as much of bodies as the server takes.
    fn send_bodies(&mut self) {
        for (number, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.unsent.is_empty()) {
            let allowed = self.window.min(stream.window).max(0) as usize;
            let now = allowed.min(stream.unsent.len());
            let is_all = now == stream.unsent.len();
            let rest = stream.unsent.split_off(now);
            let body = std::mem::replace(&mut stream.unsent, rest);
            let mut pieces = body.chunks(self.longest_frame).peekable();
            while let Some(piece) = pieces.next() {
                let ends = if is_all && pieces.peek().is_none() { frame::END_STREAM } else { 0 };
                frame::write(frame::DATA, ends, *number, piece, &mut self.outgoing);
            }
            self.window -= now as i64;
            stream.window -= now as i64;
        }
    }
}

#[cfg(test)]
mod tests;
