//! What a process and its workers tell each other.
//!
//! ```text
//! u8 kind · the kind's values, little-endian; long ones after their length
//! ```

use std::io::IoSlice;

use crate::native::{Batch, Output};
use crate::wire::{FrameError, Reader, Writer};

/// Values from this length on are not copied into the message.
const LARGE: usize = 4 << 10;

const READY: u8 = 1;
const CALL: u8 = 2;
const DONE: u8 = 3;

/// A message on its way: small values in a buffer, large ones where they are.
#[derive(Default)]
pub(super) struct Parts<'a> {
    writer: Writer,
    /// Large values, each with the length of the buffer before it.
    large: Vec<(usize, &'a [u8])>,
}

impl<'a> Parts<'a> {
    /// The worker is ready.
    pub(super) fn ready() -> Self {
        let mut parts = Self::default();
        parts.writer.byte(READY);
        parts
    }

    /// Call the function on each input.
    pub(super) fn call(function: &str, batch: &'a Batch) -> Self {
        let mut parts = Self::default();
        parts.writer.byte(CALL).u64(batch.first as u64).text(function).u64(batch.inputs.len() as u64);
        batch.inputs.iter().for_each(|input| parts.bytes(input));
        parts
    }

    /// What the calls returned.
    pub(super) fn done(first: u64, elapsed_ns: u64, outputs: &'a [Output]) -> Self {
        let mut parts = Self::default();
        parts.writer.byte(DONE).u64(first).u64(elapsed_ns).u64(outputs.len() as u64);
        for output in outputs {
            match output {
                Ok(bytes) => {
                    parts.writer.byte(1);
                    parts.bytes(bytes);
                }
                Err(message) => _ = parts.writer.byte(0).text(message),
            }
        }
        parts
    }

    fn bytes(&mut self, bytes: &'a [u8]) {
        if bytes.len() < LARGE {
            self.writer.bytes(bytes);
        } else {
            self.writer.u64(bytes.len() as u64);
            self.large.push((self.writer.written().len(), bytes));
        }
    }

    /// Returns all parts in their order.
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        let small = self.writer.written();
        let mut slices = Vec::with_capacity(2 * self.large.len() + 1);
        let mut begin = 0;
        for (end, bytes) in &self.large {
            slices.push(IoSlice::new(&small[begin..*end]));
            slices.push(IoSlice::new(bytes));
            begin = *end;
        }
        slices.push(IoSlice::new(&small[begin..]));
        slices
    }
}

/// A message that has arrived: inputs stay where they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'m> {
    Ready,
    Call { first: u64, function: String, inputs: Vec<&'m [u8]> },
    Done { first: u64, elapsed_ns: u64, outputs: Vec<Output> },
}

impl<'m> Message<'m> {
    pub(super) fn read(bytes: &'m [u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(bytes);
        let message = match reader.byte()? {
            READY => Self::Ready,
            CALL => Self::Call {
                first: reader.u64()?,
                function: reader.string()?,
                inputs: reader.list(Reader::bytes)?,
            },
            DONE => Self::Done {
                first: reader.u64()?,
                elapsed_ns: reader.u64()?,
                outputs: reader.list(Reader::output)?,
            },
            value => return Err(FrameError::Unknown { what: "kind of message", value }),
        };
        reader.finish().map(|()| message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(parts: &Parts<'_>) -> Vec<u8> {
        parts.slices().iter().flat_map(|slice| slice.to_vec()).collect()
    }

    fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
        // Short ones, and some that are not copied.
        let long = (0_u8.., LARGE - 1..LARGE + 2).prop_map(|(byte, length)| vec![byte; length]);
        prop::collection::vec(prop_oneof![prop::collection::vec(any::<u8>(), 0..9), long], 0..9)
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(Message::read(&joined(&Parts::ready())), Ok(Message::Ready));
        assert_eq!(Message::read(&[]), Err(FrameError::Short { length: 0 }));
        assert_eq!(Message::read(&[READY, 0]), Err(FrameError::Long { extra: 1 }));
        assert!(matches!(Message::read(&[77]), Err(FrameError::Unknown { value: 77, .. })));
    }

    proptest! {
        #[test]
        fn calls_arrive_as_they_were_sent(first in 0_usize..9, function: String, inputs in values()) {
            let batch = Batch::new(first, inputs.clone());
            let bytes = joined(&Parts::call(&function, &batch));
            let inputs = inputs.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(Message::read(&bytes), Ok(Message::Call { first: first as u64, function, inputs }));
        }

        #[test]
        fn outputs_arrive_as_they_were_sent(first: u64, elapsed_ns: u64, good in values(), bad: String) {
            let outputs: Vec<Output> = good.into_iter().map(Ok).chain([Err(bad)]).collect();
            let bytes = joined(&Parts::done(first, elapsed_ns, &outputs));
            prop_assert_eq!(Message::read(&bytes), Ok(Message::Done { first, elapsed_ns, outputs }));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(0_u8..4, 0..60)) {
            let _ = Message::read(&bytes);
        }
    }
}
