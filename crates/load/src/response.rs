//! Responses of HTTP/1.1 as they arrive, piece by piece, without any I/O.
//!
//! Source: RFC 9112, sections 6 and 7.

use std::mem::MaybeUninit;

use thiserror::Error;

/// Head of a response and the pieces of its body, fed with bytes as they come.
#[derive(Debug, Default)]
pub(crate) struct ResponseParser {
    state: State,
    /// The last head that came in one piece.
    seen: Seen,
    /// Bytes of a head or of a chunk's size that did not end with the piece.
    pending: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) closes: bool,
    pub(crate) body_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Head,
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// A head, and what it says. Services answer with the same one until the second changes: to compare is a tenth of the
/// work of parsing.
#[derive(Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    head: Head,
}

/// What a head says.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    status: u16,
    closes: bool,
    /// What follows it.
    state: State,
}

/// A line, and what follows it.
type Line<'a> = (Vec<u8>, &'a [u8]);

/// What is not HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ResponseError {
    #[error("not a response of HTTP/1.1: {0}")]
    Malformed(String),
    #[error("the response's head is longer than 64 kB")]
    HeadTooLong,
    #[error("bytes follow a response that nobody asked for")]
    Unasked,
}

const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// Longer heads are not kept: a thousand connections keep one each.
const MAX_SEEN: usize = 1 << 10;

impl ResponseParser {
    /// Makes ready for the next response.
    pub(crate) fn reset(&mut self) {
        let (pending, seen) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.seen));
        *self = Self { pending, seen, ..Self::default() };
        self.pending.clear();
    }

    /// Returns whether the response has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Returns whether anything of the response has arrived.
    pub(crate) fn has_begun(&self) -> bool {
        self.state != State::Head || !self.pending.is_empty()
    }

    /// Takes `bytes`, hands pieces of the body to `body`, and returns whether the response has ended.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        is_head_request: bool,
        body: &mut impl FnMut(&[u8]),
    ) -> Result<bool, ResponseError> {
        while !bytes.is_empty() {
            match self.state {
                State::Head => bytes = self.feed_head(bytes, is_head_request)?,
                State::Sized(left) => {
                    let now = left.min(bytes.len() as u64);
                    self.take_body(&bytes[..now as usize], body);
                    bytes = &bytes[now as usize..];
                    self.state = if left == now { State::Done } else { State::Sized(left - now) };
                }
                State::Chunk(left) => {
                    let now = left.min(bytes.len() as u64);
                    self.take_body(&bytes[..now as usize], body);
                    bytes = &bytes[now as usize..];
                    self.state = if left == now { State::ChunkEnd } else { State::Chunk(left - now) };
                }
                State::UntilClose => {
                    self.take_body(bytes, body);
                    bytes = &[];
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    let Some((line, rest)) = self.line(bytes)? else { return Ok(false) };
                    bytes = rest;
                    self.chunk_line(&line)?;
                }
                State::Done => return Err(ResponseError::Unasked),
            }
        }
        Ok(self.is_done())
    }

    /// Returns whether the end of the connection ends the response as it should.
    pub(crate) fn end(&mut self) -> bool {
        if self.state == State::UntilClose {
            self.state = State::Done;
        }
        self.is_done()
    }

    fn take_body(&mut self, piece: &[u8], body: &mut impl FnMut(&[u8])) {
        self.body_bytes += piece.len() as u64;
        body(piece);
    }

    /// Parses the head and returns what follows it; whether the request was HEAD is the same for all of a connection.
    fn feed_head<'a>(&mut self, bytes: &'a [u8], is_head_request: bool) -> Result<&'a [u8], ResponseError> {
        // Most heads come in one piece: then nothing is copied.
        if self.pending.is_empty() {
            if let Some(rest) = self.known_head(bytes) {
                return Ok(rest);
            }
            return match self.parse_head(bytes, is_head_request)? {
                Some(length) => {
                    self.keep_head(&bytes[..length]);
                    Ok(&bytes[length..])
                }
                None => {
                    self.pending.extend_from_slice(bytes);
                    Ok(&[])
                }
            };
        }
        let before = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.pending);
        match self.parse_head(&all, is_head_request)? {
            Some(length) => Ok(&bytes[length - before..]),
            None if all.len() > MAX_HEAD => Err(ResponseError::HeadTooLong),
            None => {
                self.pending = all;
                Ok(&[])
            }
        }
    }

    /// Takes the head of `bytes` for what it is if it is the last one again, and returns what follows it.
    fn known_head<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.strip_prefix(self.seen.bytes.as_slice()).filter(|_| !self.seen.bytes.is_empty())?;
        Head { status: self.status, closes: self.closes, state: self.state } = self.seen.head;
        Some(rest)
    }

    /// Remembers the head that was parsed last; an interim one says nothing of its own.
    fn keep_head(&mut self, bytes: &[u8]) {
        self.seen.bytes.clear();
        if self.state != State::Head && bytes.len() <= MAX_SEEN {
            self.seen.bytes.extend_from_slice(bytes);
            self.seen.head = Head { status: self.status, closes: self.closes, state: self.state };
        }
    }

    /// Returns the length of the head, if it is whole.
    fn parse_head(&mut self, bytes: &[u8], is_head_request: bool) -> Result<Option<usize>, ResponseError> {
        // Nothing is written where no header is: to blank them all would cost more than to parse a usual head.
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let malformed = |cause: httparse::Error| ResponseError::Malformed(cause.to_string());
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut headers,
        );
        let httparse::Status::Complete(length) = parsed.map_err(malformed)? else {
            return Ok(None);
        };
        let status = response.code.unwrap_or(0);
        if (100..200).contains(&status) && status != 101 {
            // An interim response: the real one follows.
            return Ok(Some(length));
        }
        self.status = status;
        self.closes = response.version == Some(0);
        let mut content_length = None;
        let mut is_chunked = false;
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).unwrap_or_default().trim();
                let value = text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
                    .then(|| text.parse::<u64>().ok())
                    .flatten();
                let value = value
                    .ok_or_else(|| ResponseError::Malformed("content-length is no number".to_owned()))?;
                if content_length.is_some_and(|before| before != value) {
                    return Err(ResponseError::Malformed("two lengths of the content".to_owned()));
                }
                content_length = Some(value);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked |= has_word(header.value, b"chunked");
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes = if has_word(header.value, b"close") {
                    true
                } else {
                    self.closes && !has_word(header.value, b"keep-alive")
                };
            }
        }
        self.state = if is_head_request || status == 204 || status == 304 {
            State::Done
        } else if is_chunked {
            State::ChunkSize
        } else {
            match content_length {
                Some(0) => State::Done,
                Some(length) => State::Sized(length),
                None => State::UntilClose,
            }
        };
        self.closes |= self.state == State::UntilClose;
        Ok(Some(length))
    }

    /// Returns the next line and what follows it, if it has ended.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<Line<'a>>, ResponseError> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.pending.extend_from_slice(bytes);
            if self.pending.len() > MAX_HEAD {
                return Err(ResponseError::HeadTooLong);
            }
            return Ok(None);
        };
        let mut line = std::mem::take(&mut self.pending);
        line.extend_from_slice(&bytes[..end]);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some((line, &bytes[end + 1..])))
    }

    fn chunk_line(&mut self, line: &[u8]) -> Result<(), ResponseError> {
        let malformed = |message: &str| Err(ResponseError::Malformed(message.to_owned()));
        self.state = match self.state {
            State::ChunkSize => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let text = std::str::from_utf8(digits).unwrap_or_default().trim();
                let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                match u64::from_str_radix(text, 16) {
                    Ok(0) if is_hex => State::Trailer,
                    Ok(size) if is_hex => State::Chunk(size),
                    _ => return malformed("the size of a chunk is no number"),
                }
            }
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return malformed("a chunk is longer than its size"),
            State::Trailer if line.is_empty() => State::Done,
            other => other,
        };
        Ok(())
    }
}

/// Returns whether the comma-separated list has `word`.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `bytes` in pieces that end at `cuts`.
    fn parse(bytes: &[u8], cuts: &[usize]) -> Result<(ResponseParser, Vec<u8>), ResponseError> {
        let mut parser = ResponseParser::default();
        let mut body = Vec::new();
        let mut from = 0;
        let mut ends: Vec<usize> =
            cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
        ends.sort_unstable();
        for end in ends {
            parser.feed(&bytes[from..end], false, &mut |piece| body.extend_from_slice(piece))?;
            from = end;
        }
        Ok((parser, body))
    }

    #[test]
    fn a_sized_body() {
        let (parser, body) = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &[]).unwrap();
        assert!(parser.is_done() && !parser.closes);
        assert_eq!((parser.status, body.as_slice()), (200, b"hello".as_slice()));
    }

    #[test]
    fn chunks_with_extensions_and_a_trailer() {
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4;a=b\r\nWiki\r\nA\r\npedia in c\r\n0\r\nX: y\r\n\r\n";
        let (parser, body) = parse(text, &[]).unwrap();
        assert!(parser.is_done());
        assert_eq!(body, b"Wikipedia in c");
    }

    #[test]
    fn a_head_that_comes_again_says_the_same_again_and_no_other_does() {
        let mut parser = ResponseParser::default();
        let responses: [(&[u8], u16, bool, &[u8]); 7] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, false, b"ok"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 200, false, b"no"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 200, false, b"yes"),
            (b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, false, b""),
            (b"HTTP/1.1 204 No\r\n\r\n", 204, false, b""),
            (b"HTTP/1.1 503 No\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 503, true, b"x"),
            (b"HTTP/1.1 503 No\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\n\r\n", 503, true, b"y"),
        ];
        for (text, status, closes, wanted) in responses {
            let mut body = Vec::new();
            let is_done = parser.feed(text, false, &mut |piece| body.extend_from_slice(piece)).unwrap();
            assert!(is_done, "{}", String::from_utf8_lossy(text));
            assert_eq!((parser.status, parser.closes, body.as_slice()), (status, closes, wanted));
            assert_eq!(parser.body_bytes, wanted.len() as u64);
            parser.reset();
        }
    }

    #[test]
    fn bodies_that_end_with_the_connection() {
        let (mut parser, body) = parse(b"HTTP/1.0 500 Oh\r\n\r\nlong", &[]).unwrap();
        assert!(!parser.is_done() && parser.closes);
        assert_eq!(body, b"long");
        assert!(parser.end());
        let (mut short, _) = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", &[]).unwrap();
        assert!(!short.end());
    }

    #[test]
    fn interim_responses_are_passed_over() {
        let (parser, _) =
            parse(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n", &[]).unwrap();
        assert_eq!(parser.status, 204);
        assert!(parser.is_done());
    }

    #[test]
    fn what_is_not_http_is_said() {
        for bytes in [
            b"SSH-2.0-OpenSSH\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        ] {
            assert!(parse(bytes, &[]).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; 70_000]].concat();
        assert_eq!(parse(&endless, &[50, 60_000]).unwrap_err(), ResponseError::HeadTooLong);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            body in proptest::collection::vec(any::<u8>(), 1..200),
            sizes in proptest::collection::vec(1_usize..50, 0..8),
            cuts in proptest::collection::vec(0_usize..1000, 0..12),
        ) {
            let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
            if sizes.is_empty() {
                text.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
                text.extend_from_slice(&body);
            } else {
                text.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
                let mut rest = body.as_slice();
                for size in sizes.iter().cycle() {
                    let (chunk, tail) = rest.split_at(rest.len().min(*size));
                    text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    text.extend_from_slice(chunk);
                    text.extend_from_slice(b"\r\n");
                    rest = tail;
                    if chunk.is_empty() {
                        break;
                    }
                }
            }
            let (parser, read) = parse(&text, &cuts).unwrap();
            prop_assert!(parser.is_done());
            prop_assert_eq!(read, body);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cuts in proptest::collection::vec(0_usize..300, 0..4)) {
            let _ = parse(&bytes, &cuts);
            let _ = parse(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &bytes].concat(), &cuts);
        }
    }
}
