//! The format of pprof: a protocol buffer, not compressed, which its tools read as well.
//!
//! A sample is a stack in a state, with its time over all threads and its CPU time, in nanoseconds; its label `state` says
//! what the threads did. Source: `profile.proto`, <https://github.com/google/pprof/tree/main/proto>.

use std::collections::HashMap;

use super::stack_times;
use crate::recording::{Recording, State};

/// Returns `recording` in pprof's format.
pub fn pprof(recording: &Recording) -> Vec<u8> {
    let mut texts = Texts::default();
    let mut out = Message::default();
    for (kind, unit) in [("time", "nanoseconds"), ("cpu", "nanoseconds")] {
        out.message(1, &value_type(&mut texts, kind, unit));
    }
    let state_label = texts.index("state");
    for (stack, times) in stack_times(recording).iter().enumerate().skip(1) {
        for (state, time) in State::ALL.into_iter().zip(times).filter(|(_, time)| **time > 0) {
            let mut sample = Message::default();
            let mut index = stack as u32;
            let mut locations = Message::default();
            while index != 0 {
                let node = recording.stacks[index as usize];
                locations.varint(u64::from(node.frame) + 1);
                index = node.parent;
            }
            sample.message(1, &locations);
            let cpu = if state == State::Cpu { *time } else { 0 };
            let mut values = Message::default();
            values.varint(*time);
            values.varint(cpu);
            sample.message(2, &values);
            let mut label = Message::default();
            label.number(1, state_label);
            label.number(2, texts.index(state.name()));
            sample.message(3, &label);
            out.message(2, &sample);
        }
    }
    for (index, frame) in recording.frames.iter().enumerate() {
        let mut line = Message::default();
        line.number(1, u64::from(frame.function) + 1);
        line.number(2, u64::from(frame.line));
        let mut location = Message::default();
        location.number(1, index as u64 + 1);
        location.message(4, &line);
        out.message(4, &location);
    }
    for (index, function) in recording.functions.iter().enumerate() {
        let name = texts.index(&function.name);
        let mut message = Message::default();
        message.number(1, index as u64 + 1);
        message.number(2, name);
        message.number(3, name);
        message.number(4, texts.index(&function.file));
        message.number(5, u64::from(function.first_line));
        out.message(5, &message);
    }
    let wall = value_type(&mut texts, "time", "nanoseconds");
    for text in &texts.list {
        out.bytes(6, text.as_bytes());
    }
    out.number(9, (recording.started_at_s * 1e9) as u64);
    out.number(10, recording.end_ns);
    out.message(11, &wall);
    out.number(12, (1e9 / recording.sampling.rate_hz.max(1e-3)) as u64);
    out.0
}

fn value_type(texts: &mut Texts, kind: &str, unit: &str) -> Message {
    let mut message = Message::default();
    message.number(1, texts.index(kind));
    message.number(2, texts.index(unit));
    message
}

/// The table of texts, the first of which is empty.
struct Texts {
    list: Vec<String>,
    indexes: HashMap<String, u64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { list: vec![String::new()], indexes: HashMap::from([(String::new(), 0)]) }
    }
}

impl Texts {
    fn index(&mut self, text: &str) -> u64 {
        if let Some(index) = self.indexes.get(text) {
            return *index;
        }
        let index = self.list.len() as u64;
        self.list.push(text.to_owned());
        self.indexes.insert(text.to_owned(), index);
        index
    }
}

/// A protocol buffer message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_format_says() {
        let mut message = Message::default();
        message.number(1, 150);
        // The example of the format's own documentation.
        assert_eq!(message.0, [0x08, 0x96, 0x01]);
        let mut text = Message::default();
        text.bytes(2, b"testing");
        assert_eq!(text.0, b"\x12\x07testing");
    }
}
