//! One request: whether a service answers, and how long that takes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use festina_types::Seconds;

use crate::Template;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// The status of the response.
    pub status: u16,
    /// From before the connection to the end of the header.
    pub elapsed: Seconds,
}

/// The longest header of a response.
const MAX_HEADER: usize = 64 << 10;
const MAX_FIELDS: usize = 128;

/// Sends the first request of `template` to `address` on a connection of its own, and waits for the header of the response.
///
/// # Errors
///
/// Whatever keeps it from coming within `timeout`: a refused connection, silence, bytes that are no HTTP.
pub fn probe(address: SocketAddr, template: &Template, timeout: Seconds) -> io::Result<Probe> {
    let begin = Instant::now();
    let limit = Duration::from_secs_f64(timeout.0.max(0.001));
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    template.write(0, &mut request);
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(&request)?;
    let mut header = Vec::new();
    let mut buffer = [0; 4096];
    while header.len() < MAX_HEADER {
        let left = limit.checked_sub(begin.elapsed()).filter(|left| !left.is_zero());
        stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        header.extend_from_slice(&buffer[..n]);
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let is_whole = response.parse(&header).map_err(io::Error::other)?.is_complete();
        if let Some(status) = response.code.filter(|_| is_whole) {
            return Ok(Probe { status, elapsed: Seconds(begin.elapsed().as_secs_f64()) });
        }
    }
    Err(io::Error::other("the header of the response does not end"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::{RequestSpec, Target};

    fn answer(bytes: &'static [u8]) -> io::Result<Probe> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(bytes);
        });
        let target: Target = format!("http://{address}/health").parse().unwrap();
        let template = Template::new(&target, &RequestSpec::default()).unwrap();
        let probe = probe(address, &template, Seconds(2.0));
        server.join().unwrap();
        probe
    }

    #[test]
    fn the_status_is_read() {
        assert_eq!(answer(b"HTTP/1.1 204 No Content\r\na: b\r\n\r\n").unwrap().status, 204);
        assert_eq!(answer(b"HTTP/1.0 503 Not yet\r\n\r\nwait").unwrap().status, 503);
    }

    #[test]
    fn what_is_no_response_is_an_error() {
        assert!(answer(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(answer(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
