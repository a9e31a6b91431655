//! `--quiet`: nothing is told on standard error while it goes on, and the answer is the same.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

fn festina(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_festina")).args(arguments).current_dir(&folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_measurement_tells_its_plan_unless_it_is_quiet() {
    let told = festina(&["scale", "--p", "1", "--budget", "2s", "--", "echo", "1"]);
    assert!(text(&told.stderr).contains("plan: 1 point"), "{told:?}");
    let quiet = festina(&["scale", "--quiet", "--p", "1", "--budget", "2s", "--", "echo", "1"]);
    assert_eq!(text(&quiet.stderr), "");
    assert!(text(&quiet.stdout).contains("on 1 worker"), "{quiet:?}");
}

#[test]
fn a_load_tells_how_it_goes_unless_it_is_quiet() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Ends with the test's process; it answers one request a connection.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer);
        }
    });
    let arguments = ["load", &url, "--rate", "20", "--duration", "6s"];
    let told = festina(&arguments);
    assert!(text(&told.stderr).contains("requests/s"), "{told:?}");
    let quiet = festina(&[&arguments[..], &["-q"]].concat());
    assert_eq!(text(&quiet.stderr), "", "{quiet:?}");
    assert!(text(&quiet.stdout).contains("p99"), "{quiet:?}");
}
