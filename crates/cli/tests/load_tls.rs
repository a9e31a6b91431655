//! `festina load https://…` against a real TLS server with certificates made for the test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

mod certificates;

use certificates::certificate;
use festina_testkit::{Queue, TruthServer};
use serde_json::Value;

/// Python's own server behind OpenSSL: HTTP/1.1, connections are kept.
const SERVER: &str = r#"
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        n = len(self.rfile.read(int(self.headers["content-length"])))
        body = b'{"n": %d}' % n + b" " * 100_000
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

struct TlsServer {
    child: Child,
    url: String,
}

impl TlsServer {
    /// Serves with the certificate and key `name` of `folder`.
    fn start(folder: &Path, name: &str) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", SERVER])
            .args([folder.join(format!("{name}.pem")), folder.join(format!("{name}.key"))])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("https://127.0.0.1:{}/", port.trim()) }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn load(url: &str, arguments: &[&str]) -> Output {
    let fixed = ["--rate", "40", "-d", "500ms", "--body", "some text", "--check", "json=/n:9", "--json"];
    let program = env!("CARGO_BIN_EXE_festina");
    Command::new(program).args(["load", url]).args(fixed).args(arguments).output().unwrap()
}

fn assert_all_good(output: &Output) {
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let requests = &answer["requests"];
    assert!(requests["sent"].as_u64().unwrap() > 0, "{requests}");
    assert_eq!(requests["sent"], requests["good"], "{requests}");
}

fn assert_refused(output: &Output, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(words), "{words}: {errors}");
    assert_eq!((errors.matches("error: ").count(), errors.matches("hint: ").count()), (1, 1), "{errors}");
}

#[test]
fn a_certificate_is_good_that_the_given_authority_signed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificate(folder, "authority", "2", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign", None);
    certificate(folder, "service", "2", "subjectAltName=IP:127.0.0.1", Some("authority"));
    let server = TlsServer::start(folder, "service");
    let authority = folder.join("authority.pem").display().to_string();
    assert_all_good(&load(&server.url, &["--ca", &authority]));
    assert_all_good(&load(&server.url, &["--ca", &authority, "--no-keep-alive"]));
    assert_refused(&load(&server.url, &[]), "signed by nobody who is trusted here");
}

#[test]
fn a_self_signed_certificate_needs_to_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE";
    certificate(folder.path(), "own", "2", extensions, None);
    let server = TlsServer::start(folder.path(), "own");
    let own = folder.path().join("own.pem").display().to_string();
    assert_refused(&load(&server.url, &[]), "its certificate is self-signed");
    assert_all_good(&load(&server.url, &["--ca", &own]));
    assert_all_good(&load(&server.url, &["--accept-any-certificate"]));
}

#[test]
fn expired_certificates_and_those_of_others_are_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "late", "-1", "subjectAltName=IP:127.0.0.1", None);
    let late = TlsServer::start(folder.path(), "late");
    assert_refused(&load(&late.url, &[]), "its certificate has expired");
    certificate(folder.path(), "other", "2", "subjectAltName=DNS:other.example", None);
    let other = TlsServer::start(folder.path(), "other");
    let given = folder.path().join("other.pem").display().to_string();
    assert_refused(&load(&other.url, &["--ca", &given]), "other.example");
}

#[test]
fn a_handshake_that_comes_byte_by_byte_is_no_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The head of a record of 256 bytes, and its bytes, each in time for a limit between two of them.
            for byte in [22, 3, 3, 1, 0].into_iter().chain([0; 256]) {
                if stream.write_all(&[byte]).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    });
    let begin = Instant::now();
    assert_refused(&load(&url, &["--accept-any-certificate"]), "it did not shake hands within 5 s");
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn what_is_not_encrypted_is_told() {
    let server = TruthServer::start(Queue::new(1, None), |_| 0.001).unwrap();
    let url = server.url().replace("http:", "https:");
    assert_refused(&load(&url, &["--accept-any-certificate"]), "http://");
    let output = load(&server.url(), &["--accept-any-certificate"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = load(&url, &["--ca", "/dev/null"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no certificates in PEM"), "{output:?}");
}
