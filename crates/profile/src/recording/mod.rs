//! A recording: what every thread of every process did, round by round.
//!
//! A *round* is one look at all threads. Threads are described by *changes*: what was seen in a round holds in the rounds
//! that follow, until the next change or the thread's last round. Ten minutes of a hundred threads, most of which wait,
//! are then some megabytes; where they would be many, every second round is left out.
//!
//! Units: times in nanoseconds since the start of the recording, unless a name says otherwise.

mod file;
mod thin;

use std::collections::HashMap;
use std::ops::Range;

use festina_machine::target::Usage;
use festina_types::{Finding, Status};
use serde::{Deserialize, Serialize};

pub use file::{RecordingError, RecordingWriter, read_recording};

/// What a thread did when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It ran on a CPU.
    Cpu,
    /// It was ready to run, and waited for a CPU.
    Queue,
    /// It waited for Python's global interpreter lock.
    Gil,
    /// It waited for another thread: a lock, a condition, a queue.
    Lock,
    /// It waited for files, pipes, sockets or storage.
    Io,
    /// It waited for a time.
    Sleep,
    /// It waited for a child process.
    Child,
    /// It waited for memory that had to be fetched.
    Paging,
    /// It waited for something that is not told.
    Other,
}

impl State {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Cpu,
        Self::Queue,
        Self::Gil,
        Self::Lock,
        Self::Io,
        Self::Sleep,
        Self::Child,
        Self::Paging,
        Self::Other,
    ];

    /// Returns its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "on CPU",
            Self::Queue => "run queue",
            Self::Gil => "GIL wait",
            Self::Lock => "lock wait",
            Self::Io => "I/O",
            Self::Sleep => "sleep",
            Self::Child => "child wait",
            Self::Paging => "paging",
            Self::Other => "other wait",
        }
    }

    /// Returns whether the thread had work to do, for which it needed a CPU.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Cpu | Self::Queue)
    }

    /// Returns whether the thread waited for the world outside of the program.
    pub fn is_outside_wait(self) -> bool {
        matches!(self, Self::Io | Self::Sleep | Self::Paging)
    }

    /// Returns its place in [`State::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What kind of code a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Python, with lines.
    Python,
    /// Machine code; the kernel's is one function, `[kernel]`.
    Native,
    /// Not a function: a program whose functions are not seen, or what could not be read. Its name is in brackets.
    Unseen,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Function {
    /// Its name, qualified by its class or module where that is told.
    pub name: String,
    /// The file or library that it is in.
    pub file: String,
    /// The line at which it starts; 0 where lines are not known.
    pub first_line: u32,
    /// What kind of code it is.
    pub kind: Kind,
}

impl Function {
    /// Returns whether it is machine code, also of a file that does not tell its functions' names.
    pub(crate) fn is_machine_code(&self) -> bool {
        self.kind == Kind::Native || self.kind == Kind::Unseen && !self.file.is_empty()
    }
}

/// A function at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The index of the function.
    pub function: u32,
    /// The line; 0 where lines are not known.
    pub line: u32,
}

/// A stack: its innermost frame, and the stack of its caller. Stack 0 is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stack {
    /// The index of the caller's stack, lower than its own.
    pub parent: u32,
    /// The index of the innermost frame.
    pub frame: u32,
}

/// A local variable of a function, as it was found at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The index of the function's frame.
    pub frame: u32,
    /// Its name.
    pub name: String,
    /// The name of its type, such as `list` or `numpy.ndarray`.
    pub kind: String,
    /// The largest number of items of a container, of dimensions of a `NumPy` array; of no meaning for other types.
    pub size: u64,
    /// How often it was found to be this.
    pub looks: u32,
}

/// A line of a source file, as it stood there when the program was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The file, as functions name it.
    pub file: String,
    /// The number of the line, from 1.
    pub line: u32,
    /// What stands there.
    pub text: String,
}

/// Something new about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The round in which it was seen.
    pub round: u32,
    /// What it did.
    pub state: State,
    /// The index of its stack.
    pub stack: u32,
    /// For how long it had waited for a CPU since it was looked at before, as far as the waits have ended.
    pub queued_ns: u32,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The index of its process.
    pub process: u32,
    /// The kernel's id.
    pub tid: u32,
    /// The name that the program gave it, or the kernel from that of the thread that started it; not told of the first thread
    /// of a process.
    pub name: Option<String>,
    /// The rounds in which it was there.
    pub rounds: Range<u32>,
    /// What it did, in the order of rounds.
    pub changes: Vec<Change>,
    /// Its time on CPUs, as the kernel counts, as far as it was seen.
    pub cpu_ns: u64,
    /// Its time in run queues.
    pub queued_ns: u64,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The index of the process that started it; `None` for the first.
    pub parent: Option<u32>,
    /// The program's name.
    pub name: String,
    /// The version of its Python, where it runs one.
    pub python: Option<String>,
    /// When it was first seen.
    pub from_ns: u64,
    /// What it had used when that was looked at last.
    pub usage: Usage,
}

/// The memory of all processes in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPoint {
    /// The round.
    pub round: u32,
    /// Resident memory of all processes; pages that several share are counted in each.
    pub rss_bytes: u64,
}

/// How a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Rounds a second, as asked for.
    pub rate_hz: f64,
    /// The seed of the irregular intervals.
    pub seed: u64,
    /// The ways in which stacks and states were seen, in words.
    pub backends: Vec<String>,
    /// CPU time that the sampling took, in seconds.
    pub cpu_s: f64,
    /// Stacks that were read.
    pub stacks_read: u64,
    /// Stacks that changed faster than they could be read.
    pub stacks_torn: u64,
}

/// All of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When it began, in seconds since 1970.
    pub started_at_s: f64,
    /// How it was made.
    pub sampling: Sampling,
    /// When each round was, ascending.
    pub rounds: Vec<u64>,
    /// When it ended.
    pub end_ns: u64,
    /// The processes, parents before children.
    pub processes: Vec<Process>,
    /// The threads.
    pub threads: Vec<Thread>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The frames.
    pub frames: Vec<Frame>,
    /// The stacks; the first is empty.
    pub stacks: Vec<Stack>,
    /// Memory over time.
    pub memory: Vec<MemoryPoint>,
    /// Local variables of functions that were seen often.
    pub locals: Vec<Local>,
    /// The source around the lines that took the most time, by file and line.
    pub source: Vec<SourceLine>,
    /// How the program ended; `None` where it was not waited for.
    pub status: Option<Status>,
    /// What was noticed while recording.
    pub findings: Vec<Finding>,
}

impl Recording {
    /// Returns the frames of the stack at `index`, innermost first.
    pub fn frames_of(&self, mut index: u32) -> impl Iterator<Item = Frame> {
        std::iter::from_fn(move || {
            if index == 0 {
                return None;
            }
            let stack = self.stacks[index as usize];
            index = stack.parent;
            Some(self.frames[stack.frame as usize])
        })
    }

    /// Returns, for each stack that ends in machine code which Python called, the stack of the Python function that called it; 0
    /// for every other.
    pub(crate) fn callers_in_python(&self) -> Vec<u32> {
        let function = |stack: u32| {
            let frame = self.frames[self.stacks[stack as usize].frame as usize];
            &self.functions[frame.function as usize]
        };
        let mut callers = vec![0; self.stacks.len()];
        for index in 1..self.stacks.len() as u32 {
            let parent = self.stacks[index as usize].parent;
            if parent != 0 && function(index).is_machine_code() {
                let is_call = function(parent).kind == Kind::Python;
                callers[index as usize] = if is_call { parent } else { callers[parent as usize] };
            }
        }
        callers
    }

    /// Returns for how much time each round stands, in nanoseconds: from half-way to the round before to half-way to the
    /// one behind. They sum to the length of the recording.
    pub fn weights(&self) -> Vec<u64> {
        let middle = |a: u64, b: u64| a + (b - a) / 2;
        let mut edges = vec![0];
        edges.extend(self.rounds.windows(2).map(|pair| middle(pair[0], pair[1])));
        edges.push(self.end_ns.max(self.rounds.last().copied().unwrap_or(0)));
        edges.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Returns the functions in which threads were on CPUs most in the last two seconds, with their shares of the time on
    /// CPUs: for a view while the recording grows.
    pub fn hottest(&self, most: usize) -> Vec<(&str, f64)> {
        const LATEST_NS: u64 = 2_000_000_000;
        let since = self.rounds.last().map_or(0, |last| last.saturating_sub(LATEST_NS));
        let first = self.rounds.partition_point(|round| *round < since) as u32;
        let mut rounds: HashMap<u32, u32> = HashMap::new();
        for thread in &self.threads {
            let mut end = thread.rounds.end;
            for change in thread.changes.iter().rev() {
                if end <= first {
                    break;
                }
                if change.state == State::Cpu && change.stack != 0 {
                    let frame = self.stacks[change.stack as usize].frame;
                    let function = self.frames[frame as usize].function;
                    *rounds.entry(function).or_default() += end - change.round.max(first);
                }
                end = change.round;
            }
        }
        let all: u32 = rounds.values().sum();
        let mut rounds: Vec<(u32, u32)> = rounds.into_iter().collect();
        rounds.sort_unstable_by_key(|(function, count)| (std::cmp::Reverse(*count), *function));
        let named = |(function, count): (u32, u32)| {
            (self.functions[function as usize].name.as_str(), f64::from(count) / f64::from(all))
        };
        rounds.into_iter().take(most).map(named).collect()
    }

    /// Returns when `round` was; the end of the recording for the one behind the last.
    pub fn time_of(&self, round: u32) -> u64 {
        self.rounds.get(round as usize).copied().unwrap_or(self.end_ns)
    }

    /// Returns what stands at `line` of `file`, where that was noted.
    pub fn source_at(&self, file: &str, line: u32) -> Option<&str> {
        let key = (file, line);
        let found = self.source.binary_search_by(|own| (own.file.as_str(), own.line).cmp(&key));
        found.ok().map(|index| self.source[index].text.as_str())
    }

    /// Returns its length in seconds.
    pub fn elapsed_s(&self) -> f64 {
        self.end_ns as f64 * 1e-9
    }
}

/// Gives each function, frame and stack its index, once.
#[derive(Debug, Default)]
pub struct Catalogue {
    functions: HashMap<Function, u32>,
    frames: HashMap<Frame, u32>,
    stacks: HashMap<Stack, u32>,
    locals: HashMap<(u32, String, String), usize>,
}

impl Catalogue {
    /// Returns the catalogue of a new recording, which gets the empty stack.
    pub fn new(recording: &mut Recording) -> Self {
        recording.stacks.push(Stack { parent: 0, frame: 0 });
        Self::default()
    }

    /// Returns the index of `function`.
    pub fn function(&mut self, recording: &mut Recording, function: Function) -> u32 {
        let functions = &mut recording.functions;
        *self.functions.entry(function).or_insert_with_key(|function| {
            functions.push(function.clone());
            functions.len() as u32 - 1
        })
    }

    /// Returns the index of `frame`.
    pub fn frame(&mut self, recording: &mut Recording, frame: Frame) -> u32 {
        let frames = &mut recording.frames;
        *self.frames.entry(frame).or_insert_with(|| {
            frames.push(frame);
            frames.len() as u32 - 1
        })
    }

    /// Returns the index of the stack with `frame` on top of `parent`.
    pub fn stack(&mut self, recording: &mut Recording, parent: u32, frame: u32) -> u32 {
        let stacks = &mut recording.stacks;
        let stack = Stack { parent, frame };
        *self.stacks.entry(stack).or_insert_with(|| {
            stacks.push(stack);
            stacks.len() as u32 - 1
        })
    }

    /// Notes what a variable was found to be.
    pub fn local(&mut self, recording: &mut Recording, found: Local) {
        let key = (found.frame, found.name.clone(), found.kind.clone());
        match self.locals.get(&key) {
            Some(index) => {
                let known = &mut recording.locals[*index];
                known.looks += found.looks;
                known.size = known.size.max(found.size);
            }
            None => {
                self.locals.insert(key, recording.locals.len());
                recording.locals.push(found);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two threads over ten rounds of 1 ms: the first computes in `inner` of `main` for six, and sleeps for four; the
    /// second computes in `other` in the rounds 2 to 5, and is gone.
    pub(crate) fn two_threads() -> Recording {
        let function = |name: &str, first_line| Function {
            name: name.to_owned(),
            file: "/a/program.py".to_owned(),
            first_line,
            kind: Kind::Python,
        };
        let thread = |tid, rounds, changes| Thread {
            process: 0,
            tid,
            name: None,
            rounds,
            changes,
            cpu_ns: 0,
            queued_ns: 0,
        };
        let change = |round, state, stack| Change { round, state, stack, queued_ns: 0 };
        Recording {
            command: vec!["python3".to_owned(), "program.py".to_owned()],
            rounds: (0..10).map(|round| round * 1_000_000 + 500_000).collect(),
            end_ns: 10_000_000,
            processes: vec![Process {
                pid: 7,
                parent: None,
                name: "python3".to_owned(),
                python: Some("3.12".to_owned()),
                from_ns: 0,
                usage: Usage::default(),
            }],
            threads: vec![
                thread(7, 0..10, vec![change(0, State::Cpu, 2), change(6, State::Sleep, 1)]),
                thread(8, 2..6, vec![change(2, State::Cpu, 3)]),
            ],
            functions: vec![function("main", 1), function("inner", 5), function("other", 9)],
            frames: vec![
                Frame { function: 0, line: 2 },
                Frame { function: 1, line: 6 },
                Frame { function: 2, line: 10 },
            ],
            stacks: vec![
                Stack { parent: 0, frame: 0 },
                Stack { parent: 0, frame: 0 },
                Stack { parent: 1, frame: 1 },
                Stack { parent: 0, frame: 2 },
            ],
            ..Recording::default()
        }
    }

    #[test]
    fn the_hottest_functions_are_those_of_the_latest_rounds() {
        let hottest: Vec<(String, f64)> =
            two_threads().hottest(3).into_iter().map(|(name, share)| (name.to_owned(), share)).collect();
        assert_eq!(hottest, [("inner".to_owned(), 0.6), ("other".to_owned(), 0.4)]);
        let mut later = two_threads();
        // Of the rounds 4 to 9 alone.
        later.rounds[4..].iter_mut().for_each(|round| *round += 2_001_000_000);
        assert_eq!(later.hottest(1), [("inner", 0.5)]);
    }

    #[test]
    fn rounds_stand_for_the_time_around_them() {
        let recording = Recording { rounds: vec![10, 20, 50], end_ns: 60, ..Recording::default() };
        // Up to 15, to 35, to the end.
        assert_eq!(recording.weights(), [15, 20, 25]);
        assert_eq!(Recording::default().weights().iter().sum::<u64>(), 0);
    }
}
