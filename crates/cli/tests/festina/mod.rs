//! The binary under test, in a folder of its own.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder in which festina is run.
pub(crate) struct Festina {
    folder: tempfile::TempDir,
}

/// How a call ended.
pub(crate) struct Call(Output);

impl Festina {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Runs `festina scale` on the known-answer program.
    pub(crate) fn scale(&self, arguments: &[&str], program: &[&str]) -> Call {
        let known_answer = example("known-answer");
        let mut all = vec!["scale"];
        all.extend(arguments);
        all.extend(["--", known_answer.to_str().unwrap()]);
        all.extend(program);
        self.run(&all)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Call {
        Call(self.command().args(arguments).output().unwrap())
    }

    /// Returns the command of the binary under test, in this folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_festina"));
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `script` in a shell in this folder, in which `festina` and `known-answer` are what is under test.
    pub(crate) fn shell(&self, script: &str) -> Call {
        let (festina, known_answer) = (env!("CARGO_BIN_EXE_festina"), example("known-answer"));
        let script = format!(
            "festina() {{ '{festina}' \"$@\"; }}; known_answer='{}'; {script}",
            known_answer.display()
        );
        Call(Command::new("bash").args(["-c", &script]).current_dir(self.folder.path()).output().unwrap())
    }

    /// Starts `festina scale` on the known-answer program.
    pub(crate) fn start(&self, arguments: &[&str], program: &[&str]) -> Child {
        let mut command = self.command();
        command.arg("scale").args(arguments).arg("--").arg(example("known-answer")).args(program);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Returns the outputs that the last measurement compared with, by their names.
    pub(crate) fn references(&self) -> Vec<Vec<u8>> {
        let run = self.stored().pop().unwrap();
        let folder = self.folder.path().join(".festina").join(run).join("reference");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = entries.collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Returns how many runs the stored measurements hold.
    pub(crate) fn runs_kept(&self) -> usize {
        let lines = |run: &String| {
            let path = self.folder.path().join(".festina").join(run).join("samples.jsonl");
            std::fs::read_to_string(path).unwrap_or_default().lines().count()
        };
        self.stored().iter().map(lines).sum()
    }

    /// Returns the names of the stored runs, the oldest first.
    pub(crate) fn stored(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join(".festina"));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Returns how many processes have `name` in their command line and this folder as their working directory.
    pub(crate) fn processes_left(&self, name: &str) -> usize {
        let is_ours = |process: &Path| {
            let command = std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            let folder = std::fs::read_link(process.join("cwd")).unwrap_or_default();
            command.contains(name) && folder == self.folder.path().canonicalize().unwrap()
        };
        std::fs::read_dir("/proc").unwrap().filter(|entry| is_ours(&entry.as_ref().unwrap().path())).count()
    }
}

impl Call {
    pub(crate) fn of(output: Output) -> Self {
        Self(output)
    }

    /// Asserts the exit code, one error line with each of `parts`, and a hint below it.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, parts: &[&str]) {
        self.code(code);
        let errors = String::from_utf8_lossy(&self.0.stderr);
        assert_eq!(errors.matches("error: ").count(), 1, "{errors}");
        assert!(parts.iter().all(|part| errors.contains(part)), "{parts:?} in {errors}");
        assert!(errors.contains("\nhint: ") && !errors.contains("panicked"), "{errors}");
    }

    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
    /// Asserts the exit code and returns what was printed as JSON.
    #[track_caller]
    pub(crate) fn json(&self, code: i32) -> Value {
        self.code(code);
        serde_json::from_slice(&self.0.stdout).expect("standard output is JSON")
    }

    #[track_caller]
    pub(crate) fn code(&self, code: i32) {
        let errors = String::from_utf8_lossy(&self.0.stderr);
        let output = String::from_utf8_lossy(&self.0.stdout);
        assert_eq!(self.0.status.code(), Some(code), "{errors}\n{output}");
    }
}

/// Returns an example of this crate, which cargo builds with its tests.
fn example(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_festina"));
    let example = binary.parent().unwrap().join("examples").join(name);
    assert!(example.is_file(), "{} is not built: cargo build --examples", example.display());
    example
}

/// Returns value, lower and upper end of an estimate; a missing interval is the value itself.
pub(crate) fn estimate(estimate: &Value) -> (f64, f64, f64) {
    let value = f64_at(estimate, "value");
    let interval = &estimate["interval"];
    if interval.is_null() {
        return (value, value, value);
    }
    (value, f64_at(interval, "lower"), f64_at(interval, "upper"))
}

pub(crate) fn f64_at(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} of {value} is a number"))
}
