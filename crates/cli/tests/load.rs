//! `festina load` as it is typed, against servers that behave and servers that do not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

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
    let cases: [(Behaviour, &str); 7] = [
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
        // What was not read when it closes makes the kernel reset the connection.
        (|s| drop(s.peek(&mut [0; 1])), "connection reset"),
        (
            |mut s| {
                let _ = s.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
                let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
                while s.write_all(&chunk).is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
            },
            "timeout",
        ),
    ];
    for (behave, kind) in cases {
        let (answer, _) = json(&[&server(behave), "--rate", "20", "-d", "300ms", "--timeout", "200ms"]);
        let errors = answer["requests"]["errors"].as_object().unwrap();
        assert!(errors.keys().any(|error| error.contains(kind)), "{kind}: {errors:?}");
        assert_eq!(answer["requests"]["good"], 0, "{kind}");
    }
}

#[test]
fn a_service_that_only_fails_meets_no_objective_and_follows_no_rate() {
    let url = server(|mut stream| {
        while read_request(&mut stream) {
            let _ = stream.write_all(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let (answer, code) = json(&[&url, "--rate", "50", "-d", "500ms", "--slo", "p99=1s,mean=1s"]);
    for objective in answer["objectives"].as_array().unwrap() {
        assert_eq!(
            (&objective["value"], &objective["holds"]),
            (&Value::Null, &Value::Bool(false)),
            "{answer}"
        );
    }
    if answer["client"]["is_valid"] == true {
        assert_eq!((answer["limit"].as_str(), code), (Some("failures"), Some(1)), "{answer}");
    }
}

#[test]
fn a_response_that_comes_byte_by_byte_is_waited_for() {
    let url = server(|mut stream| {
        let _ = stream.set_nodelay(true);
        while read_request(&mut stream) {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" {
                thread::sleep(Duration::from_millis(1));
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
    });
    let (answer, _) = json(&[&url, "--rate", "20", "-d", "500ms", "--check", "body=ok"]);
    assert_eq!(answer["requests"]["sent"], answer["requests"]["good"], "{}", answer["requests"]);
    assert!(answer["latency"]["mean_s"].as_f64().unwrap() > 0.04, "{}", answer["latency"]);
}

#[test]
fn a_service_that_dies_midway_loses_nothing_of_what_was_measured() {
    let service = TruthServer::start(Queue::new(16, None), |_| 0.001).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_festina"));
    command.args(["load", &service.url(), "--rate", "50", "-d", "2s", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    drop(service);
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let requests = &answer["requests"];
    let errors: u64 = requests["errors"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(requests["good"].as_u64() > Some(5) && errors > 5, "{requests}");
    assert_eq!(requests["sent"].as_u64().unwrap(), requests["good"].as_u64().unwrap() + errors, "{requests}");
}

#[test]
fn too_few_files_are_said_and_bear_the_load_that_they_can() {
    let service = TruthServer::start(Queue::new(64, None), |_| 0.1).unwrap();
    let script = "ulimit -n 16; exec \"$0\" \"$@\"";
    let arguments = ["load", &service.url(), "--rate", "200", "-d", "500ms", "--json"];
    let mut command = Command::new("sh");
    let output =
        command.args(["-c", script, env!("CARGO_BIN_EXE_festina")]).args(arguments).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let findings = answer["findings"].as_array().unwrap();
    let limited = findings.iter().find(|finding| finding["code"] == "files-limited");
    assert!(
        limited.is_some_and(|finding| finding["hint"].as_str().unwrap().contains("ulimit -n")),
        "{findings:?}"
    );
    assert_eq!(answer["requests"]["sent"], answer["requests"]["good"], "{}", answer["requests"]);
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
fn a_knee_that_was_never_reached_is_a_lower_bound() {
    // Four thousand servers of 0.2 s: in 5 s nobody finds out what they bear together.
    let service = TruthServer::start(Queue::new(4000, None), |_| 0.2).unwrap();
    let page = std::env::temp_dir().join(format!("festina-knee-{}.html", std::process::id()));
    let arguments = ["--find-knee", "--slo", "p99=2s", "-d", "5s", "--html", page.to_str().unwrap()];
    let (answer, code) = json(&[&[service.url().as_str()], arguments.as_slice()].concat());
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    assert_eq!(answer["is_at_least"], true, "{answer}");
    assert!(html.contains("at least"), "the page says so");
    // On a crowded machine the generator may have been late: that too makes it a lower bound, and invalid.
    let expected =
        if answer["is_valid"] == true { ("at-least", Some(0)) } else { ("client-limited", Some(5)) };
    let findings = answer["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == expected.0), "{findings:?}");
    assert_eq!(code, expected.1, "{answer}");
    if answer["is_valid"] == true {
        assert_eq!(answer["rate"]["interval"], Value::Null, "{answer}");
        assert!(answer["rate"]["value"].as_f64().unwrap() > 50.0, "{answer}");
    }
}

#[test]
fn a_service_that_dies_while_its_knee_is_looked_for_is_told_as_such() {
    let service = TruthServer::start(Queue::new(4, None), |_| 0.005).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_festina"));
    command.args(["load", &service.url(), "--find-knee", "--slo", "p99=1s", "-d", "6s", "--json"]);
    let page = std::env::temp_dir().join(format!("festina-died-{}.html", std::process::id()));
    command.arg("--html").arg(&page);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_secs(2));
    drop(service);
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    assert!(html.contains("Throughput by users") && !html.contains("knee, at least"), "no knee is drawn");
    assert_eq!(
        (&answer["stopped_answering"], output.status.code()),
        (&Value::Bool(true), Some(1)),
        "{answer}"
    );
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(
        (findings.len(), findings[0]["code"].as_str()),
        (1, Some("stopped-answering")),
        "{findings:?}"
    );
    assert!(findings[0]["message"].as_str().unwrap().contains("connection refused"), "{findings:?}");
    assert!(!answer["ladder"].as_array().unwrap().is_empty(), "what was measured is not lost: {answer}");
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
