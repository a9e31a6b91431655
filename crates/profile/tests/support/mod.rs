//! What tests with real programs share.

#![allow(dead_code, reason = "not every test binary uses all of it")]
#![allow(clippy::print_stdout, reason = "what is not on this machine is to be told")]

pub(crate) mod compiled;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use festina_profile::{Options, Profile, Recording, Spot, Target, analyse, profile_command};
use festina_types::CancelToken;

/// The versions that are read.
const VERSIONS: [&str; 7] = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"];

/// Returns the Pythons on this machine, with their versions: those on the `PATH`, those of `pyenv`, and those that
/// `cargo xtask test` has installed.
pub(crate) fn pythons() -> &'static [(String, String)] {
    static FOUND: OnceLock<Vec<(String, String)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found: Vec<(String, String)> = Vec::new();
        for program in candidates() {
            let told = Command::new(&program)
                .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"])
                .output();
            let text = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            if let Some((version, path)) = text.as_deref().unwrap_or_default().trim().split_once(' ')
                && found.iter().all(|(known, _)| known != version)
            {
                found.push((version.to_owned(), path.to_owned()));
            }
        }
        for version in VERSIONS.iter().filter(|version| found.iter().all(|(known, _)| known != *version)) {
            println!("Python {version} is not on this machine, and was not looked at");
        }
        assert!(!found.is_empty(), "there is a python3");
        found
    })
}

/// Returns one of them.
pub(crate) fn python() -> &'static str {
    let newest = pythons().iter().max_by_key(|(version, _)| version.rsplit('.').next()?.parse::<u32>().ok());
    &newest.expect("there is a python3").1
}

fn candidates() -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> =
        VERSIONS.iter().map(|version| PathBuf::from(format!("python{version}"))).collect();
    candidates.push("python3".into());
    let installed = VERSIONS.iter().map(|version| format!("pythons/{version}/usr/bin/python{version}"));
    candidates.extend(installed.map(|path| target().join(path)));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    let installed = pyenv.and_then(|pyenv| std::fs::read_dir(pyenv.join("versions")).ok());
    for folder in installed.into_iter().flatten().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        if VERSIONS.iter().any(|version| name.starts_with(&format!("{version}."))) {
            candidates.push(folder.path().join("bin/python3"));
        }
    }
    candidates
}

/// What a test has to say against a recording.
pub(crate) type Held = Result<(), String>;

/// How often a program is recorded at the most.
const ATTEMPTS: u32 = 4;

/// Tries `attempt`, to which it is told how many times as long its program is to take: 1, 2, 4 and at last 8 times, until it holds.
///
/// Where a machine is slow, or does other things as well, looks come late, and few: what a recording says is then as rough as it says
/// itself, and a longer one tells more. One attempt at a time: the programs of several tests would wait for CPUs.
pub(crate) fn tried(attempt: impl Fn(f64) -> Held) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut told = Vec::new();
    for number in 0..ATTEMPTS {
        match attempt(f64::from(1 << number)) {
            Ok(()) => return,
            Err(failure) => told.push(failure),
        }
    }
    panic!("each time something else than expected: {told:#?}");
}

/// Returns from an attempt with what is told, where `condition` does not hold.
macro_rules! holds {
    ($condition:expr, $($told:tt)+) => {
        let is_so: bool = $condition;
        if !is_so {
            return Err(format!($($told)+));
        }
    };
}
pub(crate) use holds;

/// Returns the folder `target`.
fn target() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/findings-0123
    own.ancestors().nth(3).unwrap().to_owned()
}

pub(crate) fn record(words: &[&str], rate_hz: f64) -> Recording {
    record_with(words, &Options { rate_hz, ..Options::default() })
}

pub(crate) fn record_with(words: &[&str], options: &Options) -> Recording {
    let target = Target {
        program: words[0].into(),
        arguments: words[1..].iter().map(Into::into).collect(),
        environment: std::env::vars_os().collect(),
    };
    profile_command(&target, options, None, &CancelToken::new(), &mut ()).unwrap()
}

pub(crate) fn program(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name).display().to_string()
}

/// Returns the function `name`; where it was not seen, what was.
pub(crate) fn spot<'a>(profile: &'a Profile, name: &str) -> Result<&'a Spot, String> {
    let found = profile.functions.iter().find(|spot| spot.name == name);
    found.ok_or_else(|| {
        format!("no {name} in {:?}", profile.functions.iter().map(|spot| &spot.name).collect::<Vec<_>>())
    })
}

pub(crate) fn codes(profile: &Profile) -> Vec<&str> {
    profile.findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// Returns a python with `NumPy`: that of the tests' own environment, or the machine's.
pub(crate) fn python_with_numpy() -> PathBuf {
    let usual = target().join("test-venv/bin/python");
    let python = std::env::var_os("FESTINA_TEST_PYTHON").map_or(usual, PathBuf::from);
    let check = Command::new(&python).args(["-c", "import numpy"]).output();
    assert!(
        check.is_ok_and(|output| output.status.success()),
        "{} has no NumPy: cargo xtask test installs it; or let FESTINA_TEST_PYTHON name a python that has it",
        python.display()
    );
    python
}

/// Returns the codes of what is found in the program of these words, but for remarks on the recording itself, and on the
/// start of Python, which is slow where the machine is busy.
pub(crate) fn findings(words: &[&str], cores: u32) -> Vec<String> {
    let profile = analyse(&record(words, 500.0), cores);
    let others = [
        "callers-not-seen",
        "few-samples",
        "import-dominates",
        "kernel-not-seen",
        "machine-code-not-seen",
        "mostly-waiting",
        "rate-lowered",
        "stacks-not-readable",
    ];
    codes(&profile).into_iter().filter(|code| !others.contains(code)).map(str::to_owned).collect()
}
