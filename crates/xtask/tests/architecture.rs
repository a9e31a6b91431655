//! Holds the picture of ARCHITECTURE.md to the code.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate may use of ours: the arrows of the picture, written out.
const ARROWS: [(&str, &[&str]); 15] = [
    ("types", &[]),
    ("laws", &["types"]),
    ("graph", &["types"]),
    ("route", &["types", "graph"]),
    ("report", &["types"]),
    ("machine", &["types"]),
    ("load", &["types", "machine", "laws"]),
    ("run", &["types", "machine"]),
    ("measure", &["types", "machine", "run", "laws"]),
    ("profile", &["types", "machine", "run", "laws"]),
    (
        "festina",
        &["types", "laws", "load", "machine", "run", "measure", "profile", "report", "graph", "route"],
    ),
    ("cli", &["festina"]),
    ("python", &["festina"]),
    ("testkit", &[]),
    ("xtask", &["laws", "testkit"]),
];

/// Crates that compute: values in, values out.
const PURE: [&str; 5] = ["types", "laws", "graph", "route", "report"];

/// What a pure crate does not touch.
const IMPURE: [&str; 7] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::time::Instant",
    "SystemTime",
    "std::io::stdout",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn packages() -> Vec<serde_json::Value> {
    let output =
        Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version=1"]).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Returns the folder of one of our packages, or `None` for a stranger's.
fn ours(package: &str) -> Option<&str> {
    if package == "festina" { Some(package) } else { package.strip_prefix("festina-") }
}

#[test]
fn crates_use_only_what_the_picture_shows() {
    for package in packages() {
        let name = ours(package["name"].as_str().unwrap()).expect("every package is named festina-FOLDER");
        let (_, allowed) =
            ARROWS.iter().find(|arrow| arrow.0 == name).unwrap_or_else(|| panic!("{name} is in the picture"));
        for dependency in package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null()) {
            if let Some(used) = ours(dependency["name"].as_str().unwrap()) {
                assert!(allowed.contains(&used), "{name} must not use {used}");
            }
        }
    }
}

#[test]
fn pure_crates_do_no_input_or_output() {
    for name in PURE {
        let folder = crates().join(name).join("src");
        for file in rust_files(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                assert!(!IMPURE.iter().any(|word| line.contains(word)), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn only_run_starts_processes_and_only_machine_reads_proc() {
    for package in packages() {
        let name = ours(package["name"].as_str().unwrap()).unwrap();
        for file in rust_files(&crates().join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let starts = ["process::Command", "posix_spawn", "libc::fork", "libc::execv"]
                    .iter()
                    .any(|w| line.contains(w));
                assert!(!starts || ["run", "xtask", "testkit"].contains(&name), "{}: {line}", file.display());
                // Paths of one's own open files, and of one's own program, are names, not readings.
                let names_a_file = line.contains("/proc/self/fd") || line.contains("/proc/self/exe");
                let reads = !names_a_file && (line.contains("\"/proc/") || line.contains("\"/sys/"));
                assert!(!reads || name == "machine", "{}: {line}", file.display());
            }
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
