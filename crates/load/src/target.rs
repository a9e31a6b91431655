//! Whom to load: an address, its consent, and how to reach it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use http::Uri;

use crate::LoadError;
use crate::http2::Session;

/// An address that requests are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host as it was written, without a port; for the `Host` header and for certificates.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether connections are encrypted.
    pub is_tls: bool,
    /// The path with its query, which starts with a slash.
    pub path: String,
}

impl FromStr for Target {
    type Err = LoadError;

    /// Reads `http://host:port/path?query`; without a scheme, `http://` is meant.
    ///
    /// ```
    /// # use festina_load::Target;
    /// let target: Target = "localhost:8000/predict?k=1".parse()?;
    /// assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("localhost", 8000, "/predict?k=1"));
    /// assert!("ftp://localhost/".parse::<Target>().is_err());
    /// # Ok::<(), festina_load::LoadError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let error = |message: &str| LoadError::Url { url: text.to_owned(), message: message.to_owned() };
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = full.parse().map_err(|cause: http::uri::InvalidUri| error(&cause.to_string()))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            other => return Err(error(&format!("'{}' is not http or https", other.unwrap_or_default()))),
        };
        let authority = uri.authority().ok_or_else(|| error("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(error("a password in an address ends up in logs: give a header instead"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| error("it names no host"))?;
        let after_host = authority.as_str().strip_prefix(host).unwrap_or_default();
        if after_host.starts_with(':') && uri.port_u16().is_none() {
            return Err(error("its port is not a number from 1 to 65535"));
        }
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        if port == 0 {
            return Err(error("nothing can be reached at port 0"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host: host.to_owned(), port, is_tls, path })
    }
}

impl Target {
    /// Returns the socket addresses of the host.
    ///
    /// # Errors
    ///
    /// [`LoadError::Resolve`] if it has none.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, LoadError> {
        let name = self.host.trim_start_matches('[').trim_end_matches(']');
        let failed = |source| LoadError::Resolve { host: self.host.clone(), source };
        let found: Vec<SocketAddr> = (name, self.port).to_socket_addrs().map_err(failed)?.collect();
        if found.is_empty() {
            return Err(failed(std::io::Error::other("the name has no address")));
        }
        Ok(found)
    }

    /// Refuses a host that is not this machine, unless it is `authorized` by name.
    ///
    /// # Errors
    ///
    /// [`LoadError::NotAuthorized`].
    pub fn require_consent(&self, addresses: &[SocketAddr], authorized: &[String]) -> Result<(), LoadError> {
        let is_local = addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
        if is_local || authorized.iter().any(|host| host.eq_ignore_ascii_case(&self.host)) {
            return Ok(());
        }
        Err(LoadError::NotAuthorized { host: self.host.clone() })
    }

    /// Returns what belongs into the `Host` header.
    pub fn authority(&self) -> String {
        match (self.is_tls, self.port) {
            (false, 80) | (true, 443) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

/// How long a host may take to accept a first connection.
const FIRST_CONNECTION: Duration = Duration::from_secs(5);

/// Returns the first of `addresses` at which a connection is accepted.
///
/// # Errors
///
/// [`LoadError::Refused`] if none accepts one within five seconds.
pub fn first_answering(addresses: &[SocketAddr]) -> Result<SocketAddr, LoadError> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(address, FIRST_CONNECTION) {
            Ok(_) => return Ok(*address),
            Err(source) => last = Some(LoadError::Refused { address: address.to_string(), source }),
        }
    }
    Err(last.unwrap_or_else(|| LoadError::Refused {
        address: "no address".to_owned(),
        source: std::io::Error::other("the name has no address"),
    }))
}

/// Refuses a server that does not begin with HTTP/2 when it is spoken to without encryption.
///
/// # Errors
///
/// [`LoadError::NotHttp2`], or [`LoadError::Refused`] if no connection is accepted.
pub fn require_http2(address: &SocketAddr) -> Result<(), LoadError> {
    let refused = |source| LoadError::Refused { address: address.to_string(), source };
    let mut socket = TcpStream::connect_timeout(address, FIRST_CONNECTION).map_err(refused)?;
    socket.set_read_timeout(Some(FIRST_CONNECTION)).map_err(refused)?;
    socket.write_all(&Session::new().outgoing).map_err(refused)?;
    // The first frame has to be the server's settings: their kind is 4.
    let mut head = [0; 9];
    match socket.read_exact(&mut head) {
        Ok(()) if head[3] == 4 && !head.starts_with(b"HTTP") => Ok(()),
        _ => Err(LoadError::NotHttp2 { address: address.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_their_defaults() {
        let read = |text: &str| text.parse::<Target>().unwrap();
        assert_eq!(read("http://a.example").path, "/");
        assert_eq!(read("https://a.example").port, 443);
        assert_eq!(read("http://[::1]:8080/x").host, "[::1]");
        assert_eq!(read("http://a.example?q=1").path, "/?q=1");
        assert_eq!(read("http://a.example:8000/").authority(), "a.example:8000");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "http://",
            "http://host:99999/",
            "http://host:0/",
            "http://u:p@host/",
            "gopher://host/",
            "a b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_needs_no_consent() {
        let target: Target = "http://db.example:80/".parse().unwrap();
        let elsewhere: [SocketAddr; 1] = ["192.0.2.1:80".parse().unwrap()];
        assert!(target.require_consent(&elsewhere, &[]).is_err());
        assert!(target.require_consent(&elsewhere, &["other.example".to_owned()]).is_err());
        assert!(target.require_consent(&elsewhere, &["DB.example".to_owned()]).is_ok());
        let both: [SocketAddr; 2] = ["127.0.0.1:80".parse().unwrap(), "192.0.2.1:80".parse().unwrap()];
        assert!(target.require_consent(&both, &[]).is_err());
        assert!(target.require_consent(&["[::ffff:127.0.0.1]:80".parse().unwrap()], &[]).is_ok());
    }
}
