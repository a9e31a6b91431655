//! The live view of `festina load` on a terminal.

use std::path::Path;
use std::process::Command;

use festina_testkit::{Queue, TruthServer};
use serde_json::Value;

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// Runs a load on a terminal of `columns` × `rows`, and interrupts it after some seconds if they are not 0.
fn on_terminal((columns, rows): (u16, u16), interrupt_after: f64) -> Value {
    let server = TruthServer::start(Queue::new(16, None), |_| 0.005).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/on_terminal.py");
    let (columns, rows, after) = (columns.to_string(), rows.to_string(), interrupt_after.to_string());
    let output = Command::new("python3")
        .arg(script)
        .args([columns.as_str(), &rows, &after, "--", env!("CARGO_BIN_EXE_festina"), "load", &server.url()])
        .args(["--rate", "50", "--duration", if interrupt_after > 0.0 { "60s" } else { "1s" }])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn assert_borrowed_and_given_back(result: &Value) {
    let drawn = result["drawn"].as_str().unwrap();
    assert_eq!((drawn.matches(ENTER).count(), drawn.matches(LEAVE).count()), (1, 1), "{drawn:?}");
    assert!(drawn.find(ENTER) < drawn.find(LEAVE), "{drawn:?}");
    assert_eq!(result["restored"], true);
}

#[test]
fn a_view_is_drawn_and_taken_away() {
    let result = on_terminal((100, 30), 0.0);
    assert_borrowed_and_given_back(&result);
    let drawn = result["drawn"].as_str().unwrap();
    assert!(drawn.contains("requests/s") && drawn.contains("distribution"), "{drawn:?}");
}

#[test]
fn an_interrupt_gives_the_terminal_back() {
    let result = on_terminal((100, 30), 1.0);
    assert_borrowed_and_given_back(&result);
    assert_eq!(result["code"], 130);
}

#[test]
fn a_small_terminal_gets_a_line() {
    let result = on_terminal((40, 12), 0.0);
    let drawn = result["drawn"].as_str().unwrap();
    assert!(!drawn.contains(ENTER) && drawn.contains("requests/s, p50"), "{drawn:?}");
    // What is written over has to fit into one line.
    for line in drawn.split("\r\x1b[K") {
        assert!(line.chars().count() < 40, "{line:?}");
    }
    assert_eq!(result["restored"], true);
}
