//! Calls within calls, over all threads and processes.

use std::collections::HashMap;

use super::stack_times;
use crate::recording::{Kind, Recording, State};

/// A function where it was called, or what it waited for there.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's name, or that of the state in brackets.
    pub name: String,
    /// The file and the line at which the function starts; empty where they are not known.
    pub place: String,
    /// What kind of code it is; `None` for a wait.
    pub kind: Option<Kind>,
    /// The index of its caller.
    pub parent: Option<u32>,
    /// Time over all threads, callees and waits included, in seconds.
    pub seconds: f64,
}

/// Returns the calls of `recording`, callers before what they call; lines of a function are one.
pub fn call_tree(recording: &Recording) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut children: HashMap<(Option<u32>, u32), u32> = HashMap::new();
    let mut node_of_stack: Vec<Option<u32>> = vec![None; recording.stacks.len()];
    for (index, stack) in recording.stacks.iter().enumerate().skip(1) {
        let parent = node_of_stack[stack.parent as usize];
        let function = recording.frames[stack.frame as usize].function;
        let node = *children.entry((parent, function)).or_insert_with(|| {
            let told = &recording.functions[function as usize];
            let place = match told.first_line {
                0 => told.file.clone(),
                line => format!("{}:{line}", told.file),
            };
            calls.push(Call { name: told.name.clone(), place, kind: Some(told.kind), parent, seconds: 0.0 });
            calls.len() as u32 - 1
        });
        node_of_stack[index] = Some(node);
    }
    let n_functions = recording.functions.len() as u32;
    for (index, times) in stack_times(recording).iter().enumerate() {
        let Some(node) = node_of_stack[index] else { continue };
        for (state, time) in State::ALL.into_iter().zip(times).filter(|(_, time)| **time > 0) {
            let seconds = *time as f64 * 1e-9;
            let mut at = Some(node);
            if state != State::Cpu {
                let key = (Some(node), n_functions + state.index() as u32);
                let wait = *children.entry(key).or_insert_with(|| {
                    let name = format!("[{}]", state.name());
                    calls.push(Call {
                        name,
                        place: String::new(),
                        kind: None,
                        parent: Some(node),
                        seconds: 0.0,
                    });
                    calls.len() as u32 - 1
                });
                calls[wait as usize].seconds += seconds;
            }
            while let Some(own) = at {
                calls[own as usize].seconds += seconds;
                at = calls[own as usize].parent;
            }
        }
    }
    calls
}
