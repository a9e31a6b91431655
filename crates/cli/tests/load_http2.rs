//! `festina load --http2` against nginx, with and without encryption.

mod certificates;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use certificates::certificate;
use festina_testkit::{Queue, TruthServer};
use serde_json::Value;

/// An nginx of one process that answers `{"ok":true}` at ports for plain HTTP/2, encrypted HTTP/2 and encrypted HTTP/1.1.
struct Nginx {
    child: Child,
    ports: [u16; 3],
}

impl Nginx {
    fn start(folder: &Path) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free(), free()].map(|listener| listener.local_addr().unwrap().port());
        let [plain, encrypted, old] = ports;
        certificate(folder, "own", "2", "subjectAltName=IP:127.0.0.1", None);
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr crit; events {{}}\n\
             http {{ access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;\n\
             scgi_temp_path t5; http2_max_concurrent_streams 4; keepalive_requests 30;\n\
             ssl_certificate {0}/own.pem; ssl_certificate_key {0}/own.key;\n\
             server {{ listen 127.0.0.1:{plain} http2; listen 127.0.0.1:{encrypted} ssl http2; listen 127.0.0.1:{old} ssl;\n\
             client_max_body_size 0; location / {{ return 200 '{{\"ok\":true}}'; }}\n\
             location /missing {{ return 410; }} }} }}\n",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        let child = command.arg("-p").arg(folder).arg("-c").arg(&file).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, ports };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", old)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nginx does not answer");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn load(url: &str, arguments: &[&str]) -> Output {
    let fixed = ["--http2", "-d", "1s", "--json", "--accept-any-certificate"];
    let fixed = if url.starts_with("https") { &fixed[..] } else { &fixed[..4] };
    Command::new(env!("CARGO_BIN_EXE_festina"))
        .args(["load", url])
        .args(fixed)
        .args(arguments)
        .output()
        .unwrap()
}

fn requests(url: &str, arguments: &[&str]) -> Value {
    let output = load(url, arguments);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    answer["requests"].clone()
}

#[test]
fn requests_share_connections() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nginx::start(folder.path());
    let [plain, encrypted, _] = server.ports;
    let large = folder.path().join("large");
    // More than a window.
    std::fs::write(&large, "x".repeat(200_000)).unwrap();
    let large = large.display().to_string();
    for url in [format!("http://127.0.0.1:{plain}/"), format!("https://127.0.0.1:{encrypted}/")] {
        // The server says goodbye to each connection after 30 requests: none is lost by that.
        let seen = requests(&url, &["--rate", "200", "--connections", "2", "--check", "json=/ok:true"]);
        assert_eq!(seen["sent"], seen["good"], "{seen}");
        let connections = seen["connections"].as_u64().unwrap();
        assert!(connections >= 4 && connections * 10 < seen["sent"].as_u64().unwrap(), "{seen}");
        let seen = requests(&url, &["--rate", "20", "--body-file", &large]);
        assert_eq!(seen["sent"], seen["good"], "{seen}");
    }
}

#[test]
fn users_of_a_closed_loop_share_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nginx::start(folder.path());
    let url = format!("http://127.0.0.1:{}/", server.ports[0]);
    let seen = requests(&url, &["--concurrency", "6", "--connections", "2"]);
    assert_eq!(seen["sent"], seen["good"], "{seen}");
    assert!(seen["good"].as_u64() > Some(60) && seen["unfinished"] == 0, "{seen}");
}

#[test]
fn the_status_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nginx::start(folder.path());
    let seen = requests(&format!("http://127.0.0.1:{}/missing", server.ports[0]), &["--rate", "20"]);
    assert_eq!(seen["errors"]["status 410"], seen["sent"], "{seen}");
}

#[test]
fn a_server_without_it_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nginx::start(folder.path());
    let old = TruthServer::start(Queue::new(1, None), |_| 0.001).unwrap();
    for url in [format!("https://127.0.0.1:{}/", server.ports[2]), old.url()] {
        let output = load(&url, &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{errors}");
        assert!(
            errors.contains("does not speak HTTP/2") && errors.contains("leave --http2 away"),
            "{errors}"
        );
    }
}
