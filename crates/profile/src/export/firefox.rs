//! The Firefox Profiler's processed profile format, version 55: <https://profiler.firefox.com>.
//!
//! A thread that was ready has a sample a round, one that waited a sample a wait, with the state as innermost frame; the
//! weight of a sample is the time that it stands for, in milliseconds. Source: `docs-developer/processed-profile-format.md`
//! of <https://github.com/firefox-devtools/profiler>.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::state_frame;
use crate::analysis::{Segment, segments, thread_names};
use crate::recording::{Kind, Recording, State, Thread};

const FORMAT: u32 = 55;

/// Categories with their colours: code by its kind, and waits.
const CATEGORIES: [(&str, &str); 4] =
    [("Python", "yellow"), ("Native", "blue"), ("Unseen", "grey"), ("Waiting", "purple")];
const WAITING: usize = 3;

/// Returns `recording` in the Firefox Profiler's format.
pub fn firefox(recording: &Recording) -> Value {
    let weights = recording.weights();
    let names = thread_names(recording);
    let threads: Vec<Value> = recording
        .threads
        .iter()
        .zip(names)
        .zip(segments(recording))
        .filter(|(_, segments)| !segments.is_empty())
        .map(|((own, name), segments)| thread(recording, own, &name, &segments, &weights))
        .collect();
    let categories =
        CATEGORIES.map(|(name, color)| json!({"name": name, "color": color, "subcategories": ["Other"]}));
    json!({
        "meta": {
            "categories": categories,
            "debug": false,
            "extensions": {"length": 0, "baseURL": [], "id": [], "name": []},
            "interval": 1e3 / recording.sampling.rate_hz.max(1e-3),
            "preprocessedProfileVersion": FORMAT,
            "processType": 0,
            "product": recording.command.join(" "),
            "sampleUnits": {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "µs"},
            "startTime": recording.started_at_s * 1e3,
            "symbolicated": true,
            "pausedRanges": [],
            "version": 24,
            "usesOnlyOneStackType": true,
            "sourceCodeIsNotOnSearchfox": true,
            "markerSchema": [],
        },
        "libs": [],
        "threads": threads,
        "pages": [],
        "profilerOverhead": [],
        "counters": [],
    })
}

fn thread(
    recording: &Recording,
    thread: &Thread,
    name: &str,
    segments: &[Segment],
    weights: &[u64],
) -> Value {
    let mut tables = Tables::new(recording);
    let mut samples = Samples::default();
    for segment in segments {
        let stack = tables.stack_in(segment.stack, segment.state);
        let rounds = segment.rounds.clone();
        if segment.state.is_ready() {
            let is_on_cpu = segment.state == State::Cpu;
            for round in rounds {
                samples.add(recording.time_of(round), stack, weights[round as usize], is_on_cpu);
            }
        } else {
            let weight = weights[rounds.start as usize..rounds.end as usize].iter().sum();
            samples.add(recording.time_of(rounds.start), stack, weight, false);
        }
    }
    let process = &recording.processes[thread.process as usize];
    let at_ms = |round: u32| recording.time_of(round) as f64 * 1e-6;
    let mut value = json!({
        "name": name,
        "processName": process.name,
        "processType": "default",
        "processStartupTime": process.from_ns as f64 * 1e-6,
        "processShutdownTime": null,
        "registerTime": at_ms(thread.rounds.start),
        "unregisterTime": at_ms(thread.rounds.end),
        "isMainThread": thread.tid == process.pid,
        "pid": process.pid.to_string(),
        "tid": thread.tid,
        "pausedRanges": [],
        "showMarkersInTimeline": false,
        "samples": samples.to_json(),
        "markers": {
            "length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": [],
        },
        "resourceTable": {"length": 0, "lib": [], "name": [], "host": [], "type": []},
        "nativeSymbols": {"length": 0, "address": [], "functionSize": [], "libIndex": [], "name": []},
    });
    tables.add_to(&mut value);
    value
}

#[derive(Default)]
struct Samples {
    last_ns: u64,
    deltas_ms: Vec<f64>,
    stacks: Vec<Option<usize>>,
    weights_ms: Vec<f64>,
    cpu_us: Vec<f64>,
}

impl Samples {
    fn add(&mut self, at_ns: u64, stack: Option<usize>, weight_ns: u64, is_on_cpu: bool) {
        self.deltas_ms.push((at_ns - self.last_ns) as f64 * 1e-6);
        self.last_ns = at_ns;
        self.stacks.push(stack);
        self.weights_ms.push(weight_ns as f64 * 1e-6);
        self.cpu_us.push(if is_on_cpu { weight_ns as f64 * 1e-3 } else { 0.0 });
    }

    fn to_json(&self) -> Value {
        json!({
            "length": self.stacks.len(),
            "weightType": "tracing-ms",
            "stack": self.stacks,
            "timeDeltas": self.deltas_ms,
            "weight": self.weights_ms,
            "threadCPUDelta": self.cpu_us,
        })
    }
}

/// The tables of one thread, with what its samples use.
struct Tables<'a> {
    recording: &'a Recording,
    strings: Indexed<String>,
    /// Name, file and first line of functions.
    functions: Indexed<(usize, Option<usize>, Option<u32>)>,
    /// Function, category and line of frames.
    frames: Indexed<(usize, usize, Option<u32>)>,
    /// The caller's stack and the frame of stacks.
    stacks: Indexed<(Option<usize>, usize)>,
    /// The places of the recording's stacks.
    known: HashMap<u32, Option<usize>>,
}

impl<'a> Tables<'a> {
    fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            strings: Indexed::default(),
            functions: Indexed::default(),
            frames: Indexed::default(),
            stacks: Indexed::default(),
            known: HashMap::from([(0, None)]),
        }
    }

    /// Returns the place of the stack of a thread in `state`; `None` for an empty one.
    fn stack_in(&mut self, stack: u32, state: State) -> Option<usize> {
        let code = self.stack(stack);
        let Some(name) = state_frame(state) else { return code };
        let name = self.strings.index(name);
        let function = self.functions.index((name, None, None));
        let frame = self.frames.index((function, WAITING, None));
        Some(self.stacks.index((code, frame)))
    }

    fn stack(&mut self, index: u32) -> Option<usize> {
        // From the innermost frame outwards to what is known, and back.
        let mut path = Vec::new();
        let mut at = index;
        while !self.known.contains_key(&at) {
            path.push(at);
            at = self.recording.stacks[at as usize].parent;
        }
        let mut place = self.known[&at];
        for own in path.into_iter().rev() {
            let frame = self.frame(self.recording.stacks[own as usize].frame);
            place = Some(self.stacks.index((place, frame)));
            self.known.insert(own, place);
        }
        place
    }

    fn frame(&mut self, index: u32) -> usize {
        let frame = self.recording.frames[index as usize];
        let function = &self.recording.functions[frame.function as usize];
        let number = |line: u32| (line > 0).then_some(line);
        let name = self.strings.index(function.name.clone());
        let file = (!function.file.is_empty()).then(|| self.strings.index(function.file.clone()));
        let category = match function.kind {
            Kind::Python => 0,
            Kind::Native => 1,
            Kind::Unseen => 2,
        };
        let own = self.functions.index((name, file, number(function.first_line)));
        self.frames.index((own, category, number(frame.line)))
    }

    fn add_to(&self, thread: &mut Value) {
        let (functions, frames) = (&self.functions.list, &self.frames.list);
        let n_functions = functions.len();
        thread["funcTable"] = json!({
            "length": n_functions,
            "name": column(functions, |function| function.0),
            "isJS": vec![false; n_functions],
            "relevantForJS": vec![false; n_functions],
            "resource": vec![-1; n_functions],
            "fileName": column(functions, |function| function.1),
            "lineNumber": column(functions, |function| function.2),
            "columnNumber": vec![Value::Null; n_functions],
        });
        thread["frameTable"] = json!({
            "length": frames.len(),
            "address": vec![-1; frames.len()],
            "inlineDepth": vec![0; frames.len()],
            "category": column(frames, |frame| frame.1),
            "subcategory": vec![0; frames.len()],
            "func": column(frames, |frame| frame.0),
            "nativeSymbol": vec![Value::Null; frames.len()],
            "innerWindowID": vec![0; frames.len()],
            "line": column(frames, |frame| frame.2),
            "column": vec![Value::Null; frames.len()],
        });
        thread["stackTable"] = json!({
            "length": self.stacks.list.len(),
            "prefix": column(&self.stacks.list, |stack| stack.0),
            "frame": column(&self.stacks.list, |stack| stack.1),
        });
        thread["stringArray"] = json!(self.strings.list);
    }
}

fn column<T, V>(rows: &[T], member: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(member).collect()
}

/// A list in which each value stands once.
struct Indexed<T> {
    list: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Indexed<T> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Indexed<T> {
    fn index(&mut self, value: T) -> usize {
        if let Some(place) = self.places.get(&value) {
            return *place;
        }
        self.list.push(value.clone());
        self.places.insert(value, self.list.len() - 1);
        self.list.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::tests::two_threads;

    #[test]
    fn every_sample_leads_to_its_functions_and_the_weights_are_the_time() {
        let recording = two_threads();
        let profile = firefox(&recording);
        let threads = profile["threads"].as_array().unwrap();
        assert_eq!(threads.len(), 2);
        let thread = &threads[0];
        let names = |sample: usize| -> Vec<&str> {
            let mut stack = thread["samples"]["stack"][sample].as_u64();
            let mut names = Vec::new();
            while let Some(place) = stack.map(|place| place as usize) {
                let frame = thread["stackTable"]["frame"][place].as_u64().unwrap() as usize;
                let function = thread["frameTable"]["func"][frame].as_u64().unwrap() as usize;
                let name = thread["funcTable"]["name"][function].as_u64().unwrap() as usize;
                names.push(thread["stringArray"][name].as_str().unwrap());
                stack = thread["stackTable"]["prefix"][place].as_u64();
            }
            names
        };
        assert_eq!(names(0), ["inner", "main"]);
        let last = thread["samples"]["length"].as_u64().unwrap() as usize - 1;
        assert_eq!(names(last), ["[sleep]", "main"]);
        let weights = thread["samples"]["weight"].as_array().unwrap();
        let sum: f64 = weights.iter().map(|weight| weight.as_f64().unwrap()).sum();
        assert!((sum - recording.elapsed_s() * 1e3).abs() < 1e-9, "{sum}");
    }
}
