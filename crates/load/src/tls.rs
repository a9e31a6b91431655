//! Encrypted connections: whom to trust, and what is wrong with a certificate that is not trusted.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

use crate::{LoadError, Target};

/// Whose certificates are good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those signed by an authority that this machine trusts.
    #[default]
    Machine,
    /// Those in a file of PEM, and those signed by one of them: its name and its text.
    Authorities(String, String),
    /// Anybody's: whoever sits between the generator and the service may read and change everything.
    Anybody,
}

/// How connections to a server are encrypted; sessions are resumed, as browsers do.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// How long a server may take for the first handshake, byte by byte or at once.
const FIRST_HANDSHAKE: Duration = Duration::from_secs(5);

impl Tls {
    /// Returns how connections to `target` are encrypted, TLS 1.2 or 1.3, and which HTTP is spoken on them.
    ///
    /// # Errors
    ///
    /// [`LoadError::Authorities`] if `trust` has no certificate that can be read; [`LoadError::Url`] if the host of `target`
    /// is no name that a certificate could have.
    pub fn new(target: &Target, trust: &Trust, is_http2: bool) -> Result<Self, LoadError> {
        let host = target.host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|cause| LoadError::Url { url: target.host.clone(), message: cause.to_string() })?;
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(trust, &provider)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![if is_http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Ok(Self { config: Arc::new(config), name })
    }

    /// Shakes hands with the server once, so that a certificate that is not good is one error and not one a request.
    ///
    /// # Errors
    ///
    /// [`LoadError::Tls`] with what is wrong, [`LoadError::Refused`] if no connection is accepted.
    pub fn greet(&self, address: &SocketAddr) -> Result<(), LoadError> {
        let refused = |source| LoadError::Refused { address: address.to_string(), source };
        let mut socket = TcpStream::connect_timeout(address, FIRST_HANDSHAKE).map_err(refused)?;
        socket.set_write_timeout(Some(FIRST_HANDSHAKE)).map_err(refused)?;
        let mut session = self.session().map_err(refused)?;
        shake_hands(&mut session, &mut socket).map_err(|cause| explain(address, &cause))?;
        let wants_http2 = self.config.alpn_protocols.iter().any(|spoken| spoken == b"h2");
        if wants_http2 && session.alpn_protocol() != Some(b"h2") {
            return Err(LoadError::NotHttp2 { address: address.to_string() });
        }
        Ok(())
    }

    /// Returns a session that has not begun.
    pub(crate) fn session(&self) -> io::Result<ClientConnection> {
        let mut session =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)?;
        // A request is written whole: a limit would leave the rest without an event that brings it on its way.
        session.set_buffer_limit(None);
        Ok(session)
    }
}

/// Shakes hands within [`FIRST_HANDSHAKE`].
fn shake_hands(session: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    let until = Instant::now() + FIRST_HANDSHAKE;
    loop {
        while session.wants_write() {
            session.write_tls(socket)?;
        }
        if !session.is_handshaking() {
            return Ok(());
        }
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        socket.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        if session.read_tls(socket)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Err(problem) = session.process_new_packets() {
            // The alert that says what was wrong; whether it arrives changes nothing.
            let _ = session.write_tls(socket);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
    }
}

fn verifier(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, LoadError> {
    let (given, message) = match trust {
        Trust::Anybody => {
            return Ok(Arc::new(Verifier { accepts: Accepts::Anybody, provider: Arc::clone(provider) }));
        }
        Trust::Machine => {
            let found = rustls_native_certs::load_native_certs().certs;
            (found, "this machine trusts no authority: it has no certificates of any".to_owned())
        }
        Trust::Authorities(file, pem) => {
            let found = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
            let message = format!("{file} holds no certificates in PEM");
            (found.map_err(|_| LoadError::Authorities { message: message.clone() })?, message)
        }
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(given.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| LoadError::Authorities { message })?;
    let is_own = matches!(trust, Trust::Authorities(..));
    let accepts = Accepts::Signed { chain, given: if is_own { given } else { Vec::new() } };
    Ok(Arc::new(Verifier { accepts, provider: Arc::clone(provider) }))
}

/// Decides whose certificates are good; that their keys signed the handshake is asked of all of them.
#[derive(Debug)]
struct Verifier {
    accepts: Accepts,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Accepts {
    /// What authorities signed, and the certificates that were given themselves, such as a self-signed one.
    Signed { chain: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
    /// Every certificate.
    Anybody,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.accepts {
            Accepts::Anybody => Ok(ServerCertVerified::assertion()),
            Accepts::Signed { given, .. } if given.iter().any(|given| given == end) => {
                verify_server_name(&ParsedCertificate::try_from(end)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Accepts::Signed { chain, .. } => chain.verify_server_cert(end, between, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns what went wrong in a handshake, and what to do about it.
fn explain(address: &SocketAddr, cause: &io::Error) -> LoadError {
    const TRUST: &str =
        "name its authority with --ca FILE, or, if only the load matters, --accept-any-certificate";
    let tls = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (message, hint) = match tls {
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            return LoadError::NotHttp2 { address: address.to_string() };
        }
        Some(rustls::Error::InvalidCertificate(problem)) => (of_certificate(problem), TRUST),
        Some(rustls::Error::InvalidMessage(_)) => {
            ("it does not speak TLS".to_owned(), "is it meant to be http://?")
        }
        Some(other) => (other.to_string(), "the server and TLS 1.2 or 1.3 with modern suites have to agree"),
        None if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => (
            format!("it did not shake hands within {} s", FIRST_HANDSHAKE.as_secs()),
            "is it meant to be http://?",
        ),
        None => (format!("it ended the handshake: {cause}"), "is it meant to be http://?"),
    };
    LoadError::Tls { address: address.to_string(), message, hint }
}

fn of_certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is not for {} but for {}",
            expected.to_str(),
            if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") }
        ),
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody who is trusted here".to_owned()
        }
        // An authority's certificate that serves as the server's own: openssl makes self-signed ones so.
        CertificateError::Other(_) => "its certificate is self-signed".to_owned(),
        other => format!("its certificate is bad: {other}"),
    }
}
