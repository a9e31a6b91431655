//! The example of `festina::run`, on every backend.

use std::process::Command;

/// Runs the example as its page says; cargo has built it together with the tests.
fn collatz(arguments: &[&str]) -> (Option<i32>, String) {
    let cargo = ["run", "--quiet", "--offline", "--package", "festina", "--example", "collatz", "--"];
    let folder = tempfile::tempdir().unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(&cargo[..1])
        .args(["--manifest-path", manifest])
        .args(&cargo[1..])
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let all = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&all).into_owned())
}

#[test]
fn every_backend_gives_what_is_known() {
    // Both numbers are in <https://oeis.org/A006877> and A006878.
    let known = "below 20000 the longest sequence starts at 17647: 278 steps\n";
    for on in ["threads", "processes", "mpi"] {
        assert_eq!(collatz(&["--on", on, "-j", "2", "20000"]), (Some(0), known.to_owned()), "{on}");
    }
    let (code, message) = collatz(&["--on", "procesess"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("no backend 'procesess'"), "{message}");
}
