//! A connection, spoken to with frames written by hand.

use proptest::prelude::*;

use super::*;

const READING: Reading = Reading { keeps_body: true, max_body: 1 << 20 };

/// Frames that a server sends.
#[derive(Default)]
struct Server(Vec<u8>);

impl Server {
    fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        frame::write(kind, flags, stream, payload, &mut self.0);
        self
    }

    /// A response of 200 with `body`.
    fn response(self, stream: u32, body: &[u8]) -> Self {
        self.frame(frame::HEADERS, frame::END_HEADERS, stream, &[0x88]).frame(
            frame::DATA,
            frame::END_STREAM,
            stream,
            body,
        )
    }
}

fn get(session: &mut Session) -> u32 {
    session.request([(b":method".as_slice(), b"GET".as_slice())], None)
}

fn feed(session: &mut Session, server: Server) -> Result<Vec<Event>, Fault> {
    let mut events = Vec::new();
    session.feed(&server.0, READING, &mut events)?;
    Ok(events)
}

fn answered(stream: u32, body: &[u8]) -> Event {
    Event::Answered { stream, status: 200, body: body.to_vec() }
}

/// The kinds and payload lengths of the frames that the client has sent.
fn sent(session: &mut Session) -> Vec<(u8, u8, usize)> {
    let all = std::mem::take(&mut session.outgoing);
    let mut rest = all.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_or(&all);
    let mut frames = Vec::new();
    while let Some((frame, after)) = Frame::take(rest).unwrap() {
        frames.push((frame.kind, frame.flags, frame.payload.len()));
        rest = after;
    }
    frames
}

#[test]
fn responses_come_in_any_order() {
    let mut session = Session::new();
    let (first, second) = (get(&mut session), get(&mut session));
    assert_eq!((first, second), (1, 3));
    let server = Server::default().frame(frame::SETTINGS, 0, 0, &[]).response(3, b"b").response(1, b"a");
    assert_eq!(feed(&mut session, server).unwrap(), [answered(3, b"b"), answered(1, b"a")]);
}

#[test]
fn settings_and_pings_are_answered() {
    let mut session = Session::new();
    sent(&mut session);
    let server = Server::default().frame(frame::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 2]).frame(
        frame::PING,
        0,
        0,
        b"12345678",
    );
    feed(&mut session, server).unwrap();
    assert_eq!(sent(&mut session), [(frame::SETTINGS, frame::ACK, 0), (frame::PING, frame::ACK, 8)]);
    assert_eq!(session.capacity(), 2);
    get(&mut session);
    assert_eq!(session.capacity(), 1);
}

#[test]
fn a_body_waits_for_the_window() {
    let mut session = Session::new();
    let stream = session.request([], Some(vec![b'x'; 70_000]));
    let data = |frames: Vec<(u8, u8, usize)>| -> Vec<(u8, usize)> {
        frames.into_iter().filter(|frame| frame.0 == frame::DATA).map(|frame| (frame.1, frame.2)).collect()
    };
    assert_eq!(data(sent(&mut session)), [(0, 16_384), (0, 16_384), (0, 16_384), (0, 16_383)]);
    // The connection has room again, the stream has not: both have to.
    let more = 10_000_u32.to_be_bytes();
    feed(&mut session, Server::default().frame(frame::WINDOW_UPDATE, 0, 0, &more)).unwrap();
    assert_eq!(data(sent(&mut session)), []);
    feed(&mut session, Server::default().frame(frame::WINDOW_UPDATE, 0, stream, &more)).unwrap();
    assert_eq!(data(sent(&mut session)), [(frame::END_STREAM, 70_000 - 65_535)]);
}

#[test]
fn resets_and_farewells_are_told_apart() {
    let mut session = Session::new();
    for stream in [1, 3, 5, 7] {
        assert_eq!(get(&mut session), stream);
    }
    let server = Server::default()
        .frame(frame::RST_STREAM, 0, 1, &2_u32.to_be_bytes())
        .frame(frame::RST_STREAM, 0, 3, &frame::REFUSED_STREAM.to_be_bytes())
        .frame(frame::GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]);
    let events = feed(&mut session, server).unwrap();
    let failed = Event::Failed { stream: 1, reason: "stream reset with code 2".to_owned() };
    assert_eq!(events, [failed, Event::Refused { stream: 3 }, Event::Refused { stream: 7 }]);
    assert!(session.is_over() && session.capacity() == 0);
    // What had begun still ends.
    assert_eq!(feed(&mut session, Server::default().response(5, b"")).unwrap(), [answered(5, b"")]);
}

#[test]
fn interim_responses_continuations_and_trailers() {
    let mut session = Session::new();
    get(&mut session);
    let server = Server::default()
        .frame(frame::HEADERS, frame::END_HEADERS, 1, b"\x48\x03103")
        .frame(frame::HEADERS, 0, 1, &[0x88])
        .frame(frame::CONTINUATION, frame::END_HEADERS, 1, b"\x00\x01a\x01b")
        .frame(frame::DATA, 0, 1, b"text")
        .frame(frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, 1, b"\x00\x01c\x01d");
    assert_eq!(feed(&mut session, server).unwrap(), [answered(1, b"text")]);
}

#[test]
fn what_is_not_http2_ends_the_connection() {
    let of = |server: Server| feed(&mut Session::new(), server).unwrap_err();
    assert_eq!(of(Server(b"HTTP/1.1 400 Bad Request\r\n".to_vec())), "the server does not speak HTTP/2");
    assert!(of(Server::default().frame(frame::PUSH_PROMISE, 4, 1, &[0; 8])).contains("pushes"));
    assert!(of(Server::default().frame(frame::CONTINUATION, 4, 1, &[])).contains("did not begin"));
    assert!(
        of(Server::default().frame(frame::HEADERS, 0, 1, &[0x88]).frame(frame::DATA, 0, 1, &[]))
            .contains("interrupted")
    );
}

#[test]
fn endless_bodies_are_taken_back() {
    let mut session = Session::new();
    get(&mut session);
    sent(&mut session);
    let server = Server::default().frame(frame::HEADERS, 4, 1, &[0x88]).frame(frame::DATA, 0, 1, &[0; 11]);
    let mut events = Vec::new();
    session.feed(&server.0, Reading { keeps_body: false, max_body: 10 }, &mut events).unwrap();
    assert_eq!(events, [Event::Failed { stream: 1, reason: "body too long".to_owned() }]);
    assert_eq!(sent(&mut session), [(frame::RST_STREAM, 0, 4)]);
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6),
        cuts in proptest::collection::vec(1_usize..200, 1..10),
    ) {
        let mut session = Session::new();
        let mut server = Server::default().frame(frame::SETTINGS, 0, 0, &[]);
        let mut expected = Vec::new();
        for body in &bodies {
            let stream = get(&mut session);
            server = server.response(stream, body);
            expected.push(answered(stream, body));
        }
        let mut events = Vec::new();
        let mut rest = server.0.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            session.feed(piece, READING, &mut events).unwrap();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn no_bytes_panic(
        frames in proptest::collection::vec(
            (0_u8..11, any::<u8>(), 0_u32..6, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
        tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut session = Session::new();
        get(&mut session);
        session.request([], Some(vec![0; 100]));
        let mut server = Server::default();
        for (kind, flags, stream, payload) in &frames {
            server = server.frame(*kind, *flags, *stream, payload);
        }
        server.0.extend_from_slice(&tail);
        let _ = feed(&mut session, server);
    }
}
