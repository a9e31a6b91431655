//! Recordings as files: text, a line each, written while the program runs.
//!
//! ```text
//! festina-profile 1
//! H {"command":[…],"started_at_s":…}         how it began
//! P pid parent from_ns python name           a process; - for no parent, no Python
//! T process tid from_round                   a thread
//! F kind first_line "name" "file"            a function
//! f function line                            a frame
//! s parent frame                             a stack
//! R nanoseconds …                            rounds, each as the time since the one before
//! C thread round state stack queued_ns       a change
//! M round bytes                              memory
//! V frame looks size "name" "type"           a local variable
//! L line "text" "file"                       a line of source
//! X thread rounds_end cpu_ns queued_ns       a thread's sums
//! N thread "name"                            what a thread is called
//! p process python name                      what became of a process
//! U process calls bytes kernel_ns            what it used
//! E {"end_ns":…,"status":…,…}                how it ended
//! ```
//!
//! A file that was cut short is read as far as its lines are whole, and says so by a finding.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use festina_machine::target::Usage;
use festina_types::{Finding, Severity, Status};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Change, Frame, Function, Kind, Local, MemoryPoint, Process, Recording, Sampling, SourceLine, Stack,
    State, Thread,
};

/// The first line of every recording of this version.
const HEADER: &str = "festina-profile 1";

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be opened or read.
    #[error("failed to read {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no recording.
    #[error("{path} is not a recording of festina profile")]
    NoRecording {
        /// The file.
        path: String,
    },
    /// It was made by another version of festina.
    #[error("{path} is a recording in format {version}; this festina reads format 1")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: String,
    },
    /// A line is wrong.
    #[error("{path}, line {line}: not understood")]
    Line {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// Nothing was recorded before it was cut short.
    #[error("{path} was cut short before anything was recorded")]
    Empty {
        /// The file.
        path: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    command: Vec<String>,
    started_at_s: f64,
}

#[derive(Serialize, Deserialize)]
struct Tail {
    end_ns: u64,
    status: Option<Status>,
    sampling: Sampling,
    findings: Vec<Finding>,
}

/// Writes a recording while it grows.
#[derive(Debug)]
pub struct RecordingWriter {
    file: BufWriter<File>,
    /// How much of each list was written.
    written: Counts,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    processes: usize,
    functions: usize,
    frames: usize,
    stacks: usize,
    rounds: usize,
    memory: usize,
    /// The changes of each thread.
    threads: Vec<usize>,
}

impl RecordingWriter {
    /// Makes the file of `recording` at `path`, in place of what was there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(path: &Path, recording: &Recording) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        write_head(&mut file, recording)?;
        Ok(Self { file, written: Counts::default() })
    }

    /// Writes what `recording` has gained.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn append(&mut self, recording: &Recording) -> io::Result<()> {
        let (file, written) = (&mut self.file, &mut self.written);
        for process in &recording.processes[written.processes..] {
            let parent = process.parent.map_or("-".to_owned(), |parent| parent.to_string());
            let python = process.python.as_deref().unwrap_or("-");
            writeln!(
                file,
                "P {} {parent} {} {python} {}",
                process.pid,
                process.from_ns,
                quoted(&process.name)?
            )?;
        }
        written.processes = recording.processes.len();
        for function in &recording.functions[written.functions..] {
            let kind = kind_letter(function.kind);
            let (name, path) = (quoted(&function.name)?, quoted(&function.file)?);
            writeln!(file, "F {kind} {} {name} {path}", function.first_line)?;
        }
        written.functions = recording.functions.len();
        for frame in &recording.frames[written.frames..] {
            writeln!(file, "f {} {}", frame.function, frame.line)?;
        }
        written.frames = recording.frames.len();
        for stack in &recording.stacks[written.stacks..] {
            writeln!(file, "s {} {}", stack.parent, stack.frame)?;
        }
        written.stacks = recording.stacks.len();
        append_rounds(file, &recording.rounds, written.rounds)?;
        written.rounds = recording.rounds.len();
        for (index, thread) in recording.threads.iter().enumerate() {
            if index == written.threads.len() {
                writeln!(file, "T {} {} {}", thread.process, thread.tid, thread.rounds.start)?;
                written.threads.push(0);
            }
            for change in &thread.changes[written.threads[index]..] {
                let Change { round, state, stack, queued_ns } = change;
                writeln!(file, "C {index} {round} {} {stack} {queued_ns}", state.index())?;
            }
            written.threads[index] = thread.changes.len();
        }
        for point in &recording.memory[written.memory..] {
            writeln!(file, "M {} {}", point.round, point.rss_bytes)?;
        }
        written.memory = recording.memory.len();
        file.flush()
    }

    /// Writes the rest of `recording`, which has ended; all of it anew if it `is_other` than what was written.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(mut self, recording: &Recording, is_other: bool) -> io::Result<()> {
        if is_other {
            self.file.rewind()?;
            self.file.get_ref().set_len(0)?;
            self.written = Counts::default();
            write_head(&mut self.file, recording)?;
        }
        self.append(recording)?;
        for (index, process) in recording.processes.iter().enumerate() {
            let python = process.python.as_deref().unwrap_or("-");
            writeln!(self.file, "p {index} {python} {}", quoted(&process.name)?)?;
            let Usage { calls, bytes, kernel_ns } = process.usage;
            writeln!(self.file, "U {index} {calls} {bytes} {kernel_ns}")?;
        }
        for (index, thread) in recording.threads.iter().enumerate() {
            writeln!(self.file, "X {index} {} {} {}", thread.rounds.end, thread.cpu_ns, thread.queued_ns)?;
            if let Some(name) = &thread.name {
                writeln!(self.file, "N {index} {}", quoted(name)?)?;
            }
        }
        for Local { frame, name, kind, size, looks } in &recording.locals {
            writeln!(self.file, "V {frame} {looks} {size} {} {}", quoted(name)?, quoted(kind)?)?;
        }
        for SourceLine { file, line, text } in &recording.source {
            writeln!(self.file, "L {line} {} {}", quoted(text)?, quoted(file)?)?;
        }
        let tail = Tail {
            end_ns: recording.end_ns,
            status: recording.status,
            sampling: recording.sampling.clone(),
            findings: recording.findings.clone(),
        };
        writeln!(self.file, "E {}", serde_json::to_string(&tail)?)?;
        self.file.flush()
    }
}

fn write_head(file: &mut impl Write, recording: &Recording) -> io::Result<()> {
    let head = Head { command: recording.command.clone(), started_at_s: recording.started_at_s };
    writeln!(file, "{HEADER}\nH {}", serde_json::to_string(&head)?)
}

fn append_rounds(file: &mut impl Write, rounds: &[u64], from: usize) -> io::Result<()> {
    let mut last = from.checked_sub(1).map_or(0, |index| rounds[index]);
    for some in rounds[from..].chunks(100) {
        write!(file, "R")?;
        for round in some {
            write!(file, " {}", round - last)?;
            last = *round;
        }
        writeln!(file)?;
    }
    Ok(())
}

fn quoted(text: &str) -> io::Result<String> {
    Ok(serde_json::to_string(text)?)
}

fn kind_letter(kind: Kind) -> char {
    match kind {
        Kind::Python => 'p',
        Kind::Native => 'n',
        Kind::Unseen => 'u',
    }
}

/// Reads the recording at `path`.
///
/// # Errors
///
/// [`RecordingError`]; what was cut short but holds something is no error.
pub fn read_recording(path: &Path) -> Result<Recording, RecordingError> {
    let shown = path.display().to_string();
    let unreadable = |source| RecordingError::File { path: shown.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    read_lines(BufReader::new(file), &shown)
}

fn read_lines(mut file: impl BufRead, path: &str) -> Result<Recording, RecordingError> {
    let path = path.to_owned();
    let mut line = Vec::new();
    let mut reader = Reader::default();
    let mut number = 0;
    loop {
        line.clear();
        let read = file.read_until(b'\n', &mut line);
        let count = read.map_err(|source| RecordingError::File { path: path.clone(), source })?;
        if count == 0 || line.last() != Some(&b'\n') {
            break;
        }
        number += 1;
        let text = std::str::from_utf8(&line).ok().map(str::trim_end);
        if number == 1 {
            check_header(text.unwrap_or_default(), &path)?;
        } else if text.and_then(|text| reader.line(text)).is_none() {
            return Err(RecordingError::Line { path, line: number });
        }
    }
    if number == 0 {
        return Err(RecordingError::NoRecording { path });
    }
    reader.finish().ok_or(RecordingError::Empty { path })
}

fn check_header(text: &str, path: &str) -> Result<(), RecordingError> {
    let path = path.to_owned();
    match text.split_once(' ') {
        _ if text == HEADER => Ok(()),
        Some(("festina-profile", version)) => {
            Err(RecordingError::Version { path, version: version.to_owned() })
        }
        _ => Err(RecordingError::NoRecording { path }),
    }
}

#[derive(Default)]
struct Reader {
    recording: Recording,
    is_complete: bool,
}

impl Reader {
    /// Reads one line; `None` if it is not understood.
    fn line(&mut self, text: &str) -> Option<()> {
        let (kind, rest) = text.split_once(' ')?;
        let recording = &mut self.recording;
        let mut words = rest.split(' ');
        match kind {
            "H" => {
                let head: Head = serde_json::from_str(rest).ok()?;
                recording.command = head.command;
                recording.started_at_s = head.started_at_s;
            }
            "P" => recording.processes.push(process(rest, recording.processes.len())?),
            "p" => {
                let mut words = rest.splitn(3, ' ');
                let process = recording.processes.get_mut(number::<usize>(&mut words)?)?;
                process.python = optional(words.next()?);
                process.name = serde_json::from_str(words.next()?).ok()?;
            }
            "U" => {
                let process = recording.processes.get_mut(number::<usize>(&mut words)?)?;
                let (calls, bytes) = (number(&mut words)?, number(&mut words)?);
                process.usage = Usage { calls, bytes, kernel_ns: number(&mut words)? };
            }
            "T" => {
                let process: u32 = number(&mut words)?;
                recording.processes.get(process as usize)?;
                let (tid, from) = (number(&mut words)?, number(&mut words)?);
                recording.threads.push(Thread {
                    process,
                    tid,
                    name: None,
                    rounds: from..from,
                    changes: Vec::new(),
                    cpu_ns: 0,
                    queued_ns: 0,
                });
            }
            "F" => recording.functions.push(function(rest)?),
            "f" => {
                let frame = Frame { function: number(&mut words)?, line: number(&mut words)? };
                recording.functions.get(frame.function as usize)?;
                recording.frames.push(frame);
            }
            "s" => {
                let stack = Stack { parent: number(&mut words)?, frame: number(&mut words)? };
                let own = recording.stacks.len();
                // The first stack is empty; the others stand on one before them.
                let is_sound =
                    (stack.parent as usize) < own && (stack.frame as usize) < recording.frames.len();
                (own == 0 || is_sound).then_some(())?;
                recording.stacks.push(stack);
            }
            "R" => {
                for word in words {
                    let last = recording.rounds.last().copied().unwrap_or(0);
                    recording.rounds.push(last.checked_add(word.parse().ok()?)?);
                }
            }
            "C" => self.change(&mut words)?,
            "M" => {
                let (round, rss_bytes) = (number(&mut words)?, number(&mut words)?);
                ((round as usize) < recording.rounds.len()).then_some(())?;
                recording.memory.push(MemoryPoint { round, rss_bytes });
            }
            "V" => recording.locals.push(local(rest, recording.frames.len())?),
            "L" => {
                let (line, rest) = rest.split_once(' ')?;
                let [text, file] = texts(rest)?;
                recording.source.push(SourceLine { file, line: line.parse().ok()?, text });
            }
            "X" => {
                let thread = recording.threads.get_mut(number::<usize>(&mut words)?)?;
                let end: u32 = number(&mut words)?;
                (end >= thread.rounds.end && end as usize <= recording.rounds.len()).then_some(())?;
                thread.rounds.end = end;
                thread.cpu_ns = number(&mut words)?;
                thread.queued_ns = number(&mut words)?;
            }
            "N" => {
                let (thread, name) = rest.split_once(' ')?;
                let thread = recording.threads.get_mut(thread.parse::<usize>().ok()?)?;
                thread.name = Some(serde_json::from_str(name).ok()?);
            }
            "E" => {
                let tail: Tail = serde_json::from_str(rest).ok()?;
                recording.end_ns = tail.end_ns.max(recording.rounds.last().copied().unwrap_or(0));
                recording.status = tail.status;
                recording.sampling = tail.sampling;
                recording.findings = tail.findings;
                self.is_complete = true;
            }
            _ => return None,
        }
        Some(())
    }

    fn change<'a>(&mut self, words: &mut impl Iterator<Item = &'a str>) -> Option<()> {
        let recording = &mut self.recording;
        let thread = recording.threads.get_mut(number::<usize>(words)?)?;
        let round: u32 = number(words)?;
        let state = *State::ALL.get(number::<usize>(words)?)?;
        let change = Change { round, state, stack: number(words)?, queued_ns: number(words)? };
        let is_next = thread.changes.last().map_or(thread.rounds.start <= round, |last| last.round < round);
        let is_known =
            (round as usize) < recording.rounds.len() && (change.stack as usize) < recording.stacks.len();
        (is_next && is_known).then_some(())?;
        thread.changes.push(change);
        thread.rounds.end = thread.rounds.end.max(round + 1);
        Some(())
    }

    /// Returns what was read; `None` if nothing was recorded.
    fn finish(mut self) -> Option<Recording> {
        let recording = &mut self.recording;
        if !self.is_complete {
            recording.end_ns = *recording.rounds.last()?;
            let kept = festina_types::Seconds(recording.elapsed_s());
            let message = format!("the recording was cut short: {kept} of it are whole");
            recording.findings.push(Finding::new(Severity::Warning, "recording-cut-short", message));
        }
        Some(self.recording)
    }
}

fn number<'a, T: std::str::FromStr>(words: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    words.next()?.parse().ok()
}

fn optional(word: &str) -> Option<String> {
    (word != "-").then(|| word.to_owned())
}

fn process(rest: &str, index: usize) -> Option<Process> {
    let mut words = rest.splitn(5, ' ');
    let pid = number(&mut words)?;
    let parent = match optional(words.next()?) {
        Some(word) => Some(word.parse::<u32>().ok().filter(|parent| (*parent as usize) < index)?),
        None => None,
    };
    let from_ns = number(&mut words)?;
    let python = optional(words.next()?);
    let name = serde_json::from_str(words.next()?).ok()?;
    Some(Process { pid, parent, name, python, from_ns, usage: Usage::default() })
}

fn function(rest: &str) -> Option<Function> {
    let mut words = rest.splitn(3, ' ');
    let kind = match words.next()? {
        "p" => Kind::Python,
        "n" => Kind::Native,
        "u" => Kind::Unseen,
        _ => return None,
    };
    let first_line = number(&mut words)?;
    let [name, file] = texts(words.next()?)?;
    Some(Function { name, file, first_line, kind })
}

fn local(rest: &str, n_frames: usize) -> Option<Local> {
    let mut words = rest.splitn(4, ' ');
    let frame: u32 = number(&mut words)?;
    let (looks, size) = (number(&mut words)?, number(&mut words)?);
    let [name, kind] = texts(words.next()?)?;
    ((frame as usize) < n_frames).then_some(Local { frame, name, kind, size, looks })
}

/// Returns the two texts in quotes.
fn texts(rest: &str) -> Option<[String; 2]> {
    let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    Some([texts.next()?.ok()?, texts.next()?.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Recording {
        let function = |name: &str| Function {
            name: name.to_owned(),
            file: "a \"b\"\n.py".to_owned(),
            first_line: 3,
            kind: Kind::Python,
        };
        Recording {
            command: vec!["python3".to_owned(), "x y.py".to_owned()],
            started_at_s: 1.5,
            sampling: Sampling { rate_hz: 100.0, seed: 7, ..Sampling::default() },
            rounds: vec![10, 25, 30],
            end_ns: 40,
            processes: vec![
                Process {
                    pid: 9,
                    parent: None,
                    name: "python3 x".to_owned(),
                    python: Some("3.11".into()),
                    from_ns: 0,
                    usage: Usage { calls: 3, bytes: 900, kernel_ns: 7 },
                },
                Process {
                    pid: 11,
                    parent: Some(0),
                    name: "ls".to_owned(),
                    python: None,
                    from_ns: 20,
                    usage: Usage::default(),
                },
            ],
            threads: vec![Thread {
                process: 0,
                tid: 9,
                name: Some("worker 1".to_owned()),
                rounds: 0..3,
                changes: vec![
                    Change { round: 0, state: State::Cpu, stack: 1, queued_ns: 0 },
                    Change { round: 2, state: State::Gil, stack: 2, queued_ns: 5 },
                ],
                cpu_ns: 25,
                queued_ns: 5,
            }],
            functions: vec![function("main"), function("f")],
            frames: vec![Frame { function: 0, line: 4 }, Frame { function: 1, line: 8 }],
            stacks: vec![
                Stack { parent: 0, frame: 0 },
                Stack { parent: 0, frame: 0 },
                Stack { parent: 1, frame: 1 },
            ],
            memory: vec![MemoryPoint { round: 1, rss_bytes: 1 << 20 }],
            locals: vec![Local {
                frame: 1,
                name: "seen".to_owned(),
                kind: "list".to_owned(),
                size: 12,
                looks: 3,
            }],
            source: vec![SourceLine { file: "a b.py".to_owned(), line: 8, text: "  x = \"y\"".to_owned() }],
            status: Some(Status::Failed { code: 3 }),
            findings: vec![Finding::new(Severity::Note, "a-note", "noted")],
        }
    }

    fn written(recording: &Recording) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut writer = RecordingWriter::create(&path, recording).unwrap();
        writer.append(recording).unwrap();
        writer.finish(recording, false).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn read(text: &str) -> Result<Recording, RecordingError> {
        read_lines(text.as_bytes(), "here")
    }

    #[test]
    fn what_was_written_is_read_again() {
        let recording = sample();
        assert_eq!(read(&written(&recording)).unwrap(), recording);
    }

    #[test]
    fn a_recording_that_is_cut_anywhere_is_read_as_far_as_it_goes() {
        let text = written(&sample());
        let mut read_ones = 0;
        for length in 0..text.len() {
            match read(&text[..length]) {
                Ok(recording) => {
                    read_ones += 1;
                    assert_eq!(recording.findings.last().unwrap().code, "recording-cut-short");
                    assert_eq!(recording.end_ns, 30);
                }
                Err(error) => assert!(
                    matches!(error, RecordingError::Empty { .. } | RecordingError::NoRecording { .. }),
                    "{error}"
                ),
            }
        }
        assert!(read_ones > 100);
    }

    #[test]
    fn other_versions_and_other_files_are_told() {
        let told = |text| read(text).unwrap_err().to_string();
        assert_eq!(
            told("festina-profile 2\n"),
            "here is a recording in format 2; this festina reads format 1"
        );
        assert_eq!(told("#!/bin/sh\n"), "here is not a recording of festina profile");
        assert_eq!(told("festina-profile 1\nC 0 0 0 0 0\n"), "here, line 2: not understood");
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_line_is_refused_or_read_without_panic(at in 0_usize..2000, with in "[ -~]{1,3}") {
            let mut text = written(&sample());
            let at = at % text.len();
            if text.is_char_boundary(at) && text.is_char_boundary((at + 1).min(text.len())) {
                text.replace_range(at..(at + 1).min(text.len()), &with);
                if let Ok(recording) = read(&text) {
                    // What was read can be used.
                    let _ = recording.weights();
                    for thread in &recording.threads {
                        for change in &thread.changes {
                            let _ = recording.frames_of(change.stack).count();
                        }
                    }
                }
            }
        }
    }
}
