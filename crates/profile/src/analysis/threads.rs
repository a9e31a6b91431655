//! Threads: their states, and what they are for.

use serde::{Deserialize, Serialize};

use super::StateTimes;
use super::segments::{Segment, segments};
use crate::recording::{Kind, Recording, State};

/// A thread in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadSummary {
    /// The id of its process.
    pub pid: u32,
    /// Its id.
    pub tid: u32,
    /// What the program calls it; else the outermost function of its own, or its program.
    pub name: String,
    /// When it was first seen, in seconds.
    pub from_s: f64,
    /// When it was last seen.
    pub to_s: f64,
    /// Time by state, in seconds, from what was seen.
    pub states_s: StateTimes,
    /// CPU time as the kernel counts, in seconds.
    pub cpu_s: f64,
}

/// What a thread did over time, for a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The thread's index in [`Profile::threads`](super::Profile::threads).
    pub thread: usize,
    /// Stretches in the same state, from and to in seconds, with the innermost function of their longest part.
    pub spans: Vec<(State, f64, f64, String)>,
}

pub(super) fn summaries(
    recording: &Recording,
    segments: &[Vec<Segment>],
    weights: &[u64],
) -> Vec<ThreadSummary> {
    let at = |round: u32| recording.time_of(round) as f64 * 1e-9;
    let sums: Vec<u64> = std::iter::once(0)
        .chain(weights.iter().scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        }))
        .collect();
    let summary = |(thread, segments): (&crate::Thread, &Vec<Segment>)| {
        let mut states_s = [0.0; 9];
        for segment in segments {
            let time = sums[segment.rounds.end as usize] - sums[segment.rounds.start as usize];
            states_s[segment.state.index()] += time as f64 * 1e-9;
        }
        let process = &recording.processes[thread.process as usize];
        ThreadSummary {
            pid: process.pid,
            tid: thread.tid,
            name: name(recording, thread, segments),
            from_s: at(thread.rounds.start),
            to_s: at(thread.rounds.end),
            states_s,
            cpu_s: thread.cpu_ns as f64 * 1e-9,
        }
    };
    recording.threads.iter().zip(segments).map(summary).collect()
}

/// Functions with which the interpreter and its library begin a thread or a process.
const BEGINNINGS: [&str; 14] = [
    "_bootstrap",
    "_bootstrap_inner",
    "run",
    "start",
    "_launch",
    "__init__",
    "_Popen",
    "<module>",
    "_run_module_as_main",
    "_run_code",
    "main",
    "spawn_main",
    "_main",
    "__enter__",
];

/// Returns the names of all threads.
pub(crate) fn names(recording: &Recording) -> Vec<String> {
    let named = |(thread, segments): (&crate::Thread, Vec<Segment>)| name(recording, thread, &segments);
    recording.threads.iter().zip(segments(recording)).map(named).collect()
}

fn name(recording: &Recording, thread: &crate::Thread, segments: &[Segment]) -> String {
    let process = &recording.processes[thread.process as usize];
    // A thread that was not given a name has that of its program.
    let given = thread.name.clone().filter(|name| *name != process.name);
    let of_its_own = || outermost(recording, segments, thread.tid == process.pid);
    given.or_else(of_its_own).unwrap_or_else(|| process.name.clone())
}

/// Returns whether a thread of machine code begins with a function of this name, before its own.
fn is_native_beginning(name: &str) -> bool {
    const NAMES: [&str; 3] = ["_start", "start_thread", "execute_native_thread_routine"];
    const PREFIXES: [&str; 6] = ["__libc_start", "clone", "__clone", "std::", "core::", "<"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the outermost function that is the thread's own, of the stack on which it was longest; none for the first thread of a
/// process that runs machine code alone.
fn outermost(recording: &Recording, segments: &[Segment], is_first: bool) -> Option<String> {
    let longest = segments.iter().max_by_key(|segment| segment.rounds.len())?;
    let mut frames: Vec<_> = recording.frames_of(longest.stack).collect();
    frames.reverse();
    let functions = frames.iter().map(|frame| &recording.functions[frame.function as usize]);
    let mut functions = functions.filter(|function| function.kind != Kind::Unseen).peekable();
    if functions.clone().all(|function| function.kind == Kind::Native) {
        let own = functions.find(|function| !is_first && !is_native_beginning(&function.name));
        return own.map(|function| function.name.clone());
    }
    let first = functions.peek()?.name.clone();
    let is_library = |file: &str| {
        ["/threading.py", "/multiprocessing/", "/concurrent/futures/"].iter().any(|part| file.contains(part))
    };
    // A child that was forked still has its parent's frames below its own.
    let own: Vec<_> = functions.collect();
    let after_library = own.iter().rposition(|function| is_library(&function.file)).map_or(0, |at| at + 1);
    let named = own[after_library.min(own.len() - 1)..].iter().find(|function| {
        let plain = function.name.rsplit('.').next().unwrap_or_default();
        !BEGINNINGS.contains(&plain) && !function.file.starts_with('<')
    });
    Some(named.map_or(first, |function| function.name.clone()))
}

/// Returns the timelines of all threads, with at most `most` spans a thread: shorter ones are joined to what is longest
/// around them.
pub fn timelines(recording: &Recording, most: usize) -> Vec<Timeline> {
    let at = |round: u32| recording.time_of(round) as f64 * 1e-9;
    let grain = recording.elapsed_s() / most.max(1) as f64;
    segments(recording)
        .iter()
        .enumerate()
        .filter(|(_, segments)| !segments.is_empty())
        .map(|(thread, segments)| {
            let mut spans: Vec<(State, f64, f64, String)> = Vec::new();
            let mut bucket: Option<Bucket> = None;
            for segment in segments {
                let (mut from, to) = (at(segment.rounds.start), at(segment.rounds.end));
                while from < to {
                    let current = bucket.get_or_insert_with(|| Bucket::new(from, grain));
                    let end = to.min(current.end);
                    current.add(segment, end - from);
                    from = end;
                    if from >= current.end {
                        bucket.take().into_iter().for_each(|full| full.push(recording, from, &mut spans));
                    }
                }
            }
            let last = segments.last().map_or(0.0, |segment| at(segment.rounds.end));
            bucket.into_iter().for_each(|rest| rest.push(recording, last, &mut spans));
            Timeline { thread, spans }
        })
        .collect()
}

/// A stretch of a timeline that is shown as one.
struct Bucket {
    start: f64,
    end: f64,
    states: StateTimes,
    longest: (f64, u32),
}

impl Bucket {
    fn new(start: f64, grain: f64) -> Self {
        Self { start, end: start + grain.max(1e-9), states: [0.0; 9], longest: (0.0, 0) }
    }

    fn add(&mut self, segment: &Segment, time: f64) {
        self.states[segment.state.index()] += time;
        if time > self.longest.0 {
            self.longest = (time, segment.stack);
        }
    }

    fn push(self, recording: &Recording, end: f64, spans: &mut Vec<(State, f64, f64, String)>) {
        let longest = (0..9).max_by(|a, b| self.states[*a].total_cmp(&self.states[*b])).unwrap_or(0);
        let state = State::ALL[longest];
        let leaf = recording.frames_of(self.longest.1).next();
        let name = leaf.map_or_else(String::new, |frame| super::shown(recording, frame));
        match spans.last_mut() {
            Some(last) if last.0 == state && last.3 == name => last.2 = end,
            _ => spans.push((state, self.start, end, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::tests::two_threads;
    use crate::recording::{Catalogue, Frame, Function};

    #[test]
    fn a_thread_is_called_what_its_program_calls_it_else_after_its_function() {
        let mut recording = two_threads();
        assert_eq!(names(&recording), ["inner", "other"]);
        recording.threads[1].name = Some("worker 3".to_owned());
        assert_eq!(names(&recording)[1], "worker 3");
        // A thread that was not given a name has that of its program.
        recording.threads[1].name = Some("python3".to_owned());
        assert_eq!(names(&recording)[1], "other");
    }

    #[test]
    fn a_thread_of_machine_code_is_not_called_after_how_threads_begin() {
        let mut recording = two_threads();
        let mut catalogue = Catalogue::default();
        let mut stack = 0;
        for name in ["__clone3", "start_thread", "std::thread::run", "crunches", "inner loop"] {
            let (name, file) = (name.to_owned(), "program.cpp".to_owned());
            let function = Function { name, file, first_line: 0, kind: Kind::Native };
            let function = catalogue.function(&mut recording, function);
            let frame = catalogue.frame(&mut recording, Frame { function, line: 0 });
            stack = catalogue.stack(&mut recording, stack, frame);
        }
        for thread in &mut recording.threads {
            thread.changes.truncate(1);
            thread.changes[0].stack = stack;
        }
        recording.threads[0].tid = recording.processes[0].pid;
        recording.threads[1].tid = recording.processes[0].pid + 1;
        assert_eq!(names(&recording), ["python3", "crunches"]);
    }
}
