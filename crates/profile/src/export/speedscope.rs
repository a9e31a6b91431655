//! The file format of <https://www.speedscope.app>: a sampled profile a thread, in seconds.

use serde_json::{Value, json};

use crate::analysis::segments;
use crate::recording::{Recording, State};

/// Returns `recording` in speedscope's format.
pub fn speedscope(recording: &Recording) -> Value {
    let mut frames: Vec<Value> = recording
        .frames
        .iter()
        .map(|frame| {
            let function = &recording.functions[frame.function as usize];
            let mut value = json!({"name": function.name});
            if !function.file.is_empty() {
                value["file"] = json!(function.file);
            }
            if frame.line > 0 {
                value["line"] = json!(frame.line);
            }
            value
        })
        .collect();
    let n_frames = frames.len();
    // A frame for each state in which a thread does not run.
    frames.extend(State::ALL.iter().map(|state| json!({"name": format!("[{}]", state.name())})));
    let at = |round: u32| recording.time_of(round) as f64 * 1e-9;
    let profiles: Vec<Value> = recording
        .threads
        .iter()
        .zip(segments(recording))
        .filter(|(_, segments)| !segments.is_empty())
        .map(|(thread, segments)| {
            let process = &recording.processes[thread.process as usize];
            let (mut samples, mut weights) = (Vec::new(), Vec::new());
            for segment in &segments {
                let mut stack: Vec<usize> = Vec::new();
                let mut index = segment.stack;
                while index != 0 {
                    let node = recording.stacks[index as usize];
                    stack.push(node.frame as usize);
                    index = node.parent;
                }
                stack.reverse();
                if segment.state != State::Cpu {
                    stack.push(n_frames + segment.state.index());
                }
                samples.push(stack);
                weights.push(at(segment.rounds.end) - at(segment.rounds.start));
            }
            let from = at(segments[0].rounds.start);
            json!({
                "type": "sampled",
                "name": format!("{} {} thread {}", process.name, process.pid, thread.tid),
                "unit": "seconds",
                "startValue": from,
                "endValue": from + weights.iter().sum::<f64>(),
                "samples": samples,
                "weights": weights,
            })
        })
        .collect();
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("festina ", env!("CARGO_PKG_VERSION")),
        "name": recording.command.join(" "),
        "shared": {"frames": frames},
        "profiles": profiles,
    })
}
