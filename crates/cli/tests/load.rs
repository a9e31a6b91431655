//! `festina load` as it is typed, against servers that behave and servers that do not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use festina_testkit::{Queue, TruthServer};
use serde_json::Value;

fn festina(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_festina")).arg("load").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = festina(&[arguments, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {output:?}"));
    (value, output.status.code())
}

/// What a server does with a connection.
type Behaviour = fn(TcpStream);

/// A server that does the same to every connection; it lives as long as the test's process.
fn server(behave: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || behave(stream));
        }
    });
    url
}

fn read_request(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    stream.read(&mut bytes).is_ok_and(|n| n > 0)
}

#[test]
fn a_good_service_is_measured() {
    let server = TruthServer::start(Queue::new(16, None), |_| 0.005).unwrap();
    let (answer, _) = json(&[&server.url(), "--rate", "50", "-d", "1s", "--check", "json=/ok:true"]);
    assert_eq!(answer["schema"], "festina.load/1");
    assert_eq!(answer["requests"]["sent"], answer["requests"]["good"]);
    assert!(answer["latency"]["mean_s"].as_f64().unwrap() >= 0.005, "{}", answer["latency"]);
    assert!(answer["server"]["processes"].as_u64() >= Some(1), "the service is this very process: {answer}");
}

#[test]
fn an_objective_that_cannot_hold_is_missed() {
    let server = TruthServer::start(Queue::new(64, None), |_| 0.05).unwrap();
    let output = festina(&[&server.url(), "--rate", "50", "-d", "1s", "--slo", "p50=10ms"]);
    // On a crowded machine the generator may have been late: then the run is invalid, and says so.
    assert!(matches!(output.status.code(), Some(1 | 5)), "{output:?}");
}

#[test]
fn bad_servers_end_in_counted_errors() {
    let cases: [(Behaviour, &str); 5] = [
        (
            |mut s| {
                while read_request(&mut s) {
                    let _ = s.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n");
                }
            },
            "status 500",
        ),
        (
            |mut s| {
                while read_request(&mut s) {
                    let _ = s.write_all(b"SSH-2.0-nonsense\r\n\r\n");
                }
            },
            "not a response",
        ),
        (|mut s| assert!(read_request(&mut s)), "closed before"),
        (
            |mut s| {
                while read_request(&mut s) {
                    let _ = s.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort");
                }
            },
            "timeout",
        ),
        (|mut s| while read_request(&mut s) {}, "timeout"),
    ];
    for (behave, kind) in cases {
        let (answer, _) = json(&[&server(behave), "--rate", "20", "-d", "300ms", "--timeout", "200ms"]);
        let errors = answer["requests"]["errors"].as_object().unwrap();
        assert!(errors.keys().any(|error| error.contains(kind)), "{kind}: {errors:?}");
        assert_eq!(answer["requests"]["good"], 0, "{kind}");
    }
}

#[test]
fn connections_that_are_closed_at_random_cost_no_request() {
    let url = server(|mut stream| {
        for answered in 0.. {
            if !read_request(&mut stream) || answered == 3 {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let (answer, _) = json(&[&url, "--rate", "100", "-d", "500ms", "--connections", "2"]);
    assert_eq!(answer["requests"]["sent"], answer["requests"]["good"], "{}", answer["requests"]);
    assert!(answer["requests"]["resent"].as_u64().unwrap() > 0, "{}", answer["requests"]);
}

#[test]
fn bad_input_is_one_error_with_a_hint() {
    let cases: [(&[&str], i32, &str); 10] = [
        (&["http://127.0.0.1:1/"], 3, "nothing answers at 127.0.0.1:1"),
        (&["ftp://127.0.0.1/"], 2, "is not http or https"),
        (&["http://192.0.2.1/"], 2, "--authorized-for 192.0.2.1"),
        (&["http://127.0.0.1:1/", "--rate=-5"], 2, "is not a profile"),
        (&["http://127.0.0.1:1/", "--profile", "10s"], 2, "DURATION@RATE"),
        (&["http://127.0.0.1:1/", "--arrivals", "pareto"], 2, "poisson, constant"),
        (&["http://127.0.0.1:1/", "--slo", "p99"], 2, "p99=50ms"),
        (&["http://127.0.0.1:1/", "--check", "size=3"], 2, "json=/p/0"),
        (&["http://127.0.0.1:1/", "-H", "nonsense"], 2, "Accept: text/plain"),
        (&["http://127.0.0.1:1/", "--data", "absent.csv"], 2, "absent.csv"),
    ];
    for (arguments, code, words) in cases {
        let output = festina(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(words), "{arguments:?}: {errors}");
        assert_eq!(errors.matches("error: ").count(), 1, "{errors}");
    }
}
