//! Frames of HTTP/2.
//!
//! Source: RFC 9113, sections 4 and 6.

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The code with which a client takes a request back.
pub(super) const CANCEL: u32 = 8;
/// The code with which a server says that it has not begun with a request.
pub(super) const REFUSED_STREAM: u32 = 7;

/// The bytes before a payload.
pub(super) const HEAD: usize = 9;
/// The longest payload that both sides have to take.
pub(super) const LONGEST: usize = 1 << 14;

/// A frame as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a frame from the begin of `bytes`, and returns what follows it; `None` if it is not whole.
    ///
    /// # Errors
    ///
    /// If it is longer than it may be.
    pub(super) fn take(bytes: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, &'static str> {
        let Some((head, rest)) = bytes.split_at_checked(HEAD) else { return Ok(None) };
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        if length > LONGEST {
            return Err("a frame is longer than 16 kB");
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let stream = number(&head[5..9]) & 0x7fff_ffff;
        Ok(Some((Self { kind: head[3], flags: head[4], stream, payload }, rest)))
    }

    /// Returns the payload without padding and priority.
    pub(super) fn content(&self) -> Result<&'a [u8], &'static str> {
        const BAD: &str = "the padding of a frame is longer than it";
        let mut content = self.payload;
        let mut padding = 0;
        if self.flags & PADDED != 0 {
            let (first, rest) = content.split_first().ok_or(BAD)?;
            (padding, content) = (usize::from(*first), rest);
        }
        if self.kind == HEADERS && self.flags & PRIORITY != 0 {
            content = content.get(5..).ok_or(BAD)?;
        }
        content.get(..content.len().checked_sub(padding).ok_or(BAD)?).ok_or(BAD)
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Returns the number of four bytes; 0 of fewer.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Appends a frame.
pub(super) fn write(kind: u8, flags: u8, stream: u32, payload: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_and_taken() {
        let mut bytes = Vec::new();
        write(DATA, END_STREAM | PADDED, 5, b"\x02text\0\0", &mut bytes);
        assert_eq!(bytes[..HEAD], [0, 0, 7, 0, 9, 0, 0, 0, 5]);
        bytes.push(1);
        let (frame, rest) = Frame::take(&bytes).unwrap().unwrap();
        assert_eq!(
            (frame.kind, frame.stream, frame.content(), rest),
            (DATA, 5, Ok(b"text".as_slice()), &[1_u8][..])
        );
        assert!(Frame::take(&bytes[..15]).unwrap().is_none() && Frame::take(&[]).unwrap().is_none());
        assert!(Frame::take(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn padding_beyond_the_frame_is_an_error() {
        for payload in [b"".as_slice(), b"\x05text"] {
            assert!(Frame { kind: DATA, flags: PADDED, stream: 1, payload }.content().is_err());
        }
        let frame = Frame { kind: HEADERS, flags: PRIORITY, stream: 1, payload: b"\0\0\0\0\x10x" };
        assert_eq!(frame.content(), Ok(b"x".as_slice()));
    }
}
