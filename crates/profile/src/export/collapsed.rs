//! Collapsed stacks: a line a stack, outermost first, with its time in microseconds.
//!
//! Threads that waited have their state as innermost frame. Format: B. Gregg, *Flame graphs*,
//! <https://github.com/brendangregg/FlameGraph>.

use std::fmt::Write;

use super::{stack_times, state_frame};
use crate::recording::{Recording, State};

/// Returns `recording` as collapsed stacks.
pub fn collapsed(recording: &Recording) -> String {
    let mut out = String::new();
    for (stack, times) in stack_times(recording).iter().enumerate() {
        for (state, time) in State::ALL.into_iter().zip(times).filter(|(_, time)| **time >= 500) {
            let mut frames: Vec<String> =
                recording.frames_of(stack as u32).map(|frame| name(recording, frame)).collect();
            frames.reverse();
            frames.extend(state_frame(state));
            if !frames.is_empty() {
                let _ = writeln!(out, "{} {}", frames.join(";"), (time + 500) / 1000);
            }
        }
    }
    out
}

/// Returns the frame without what separates frames and lines.
fn name(recording: &Recording, frame: crate::Frame) -> String {
    crate::analysis::shown(recording, frame).replace(';', ":").replace(['\n', '\r'], " ")
}
