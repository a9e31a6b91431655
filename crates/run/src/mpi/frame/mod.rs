//! The messages between the first rank and the others.
//!
//! ```text
//! u8 version · u8 kind · u64 id · the kind's values
//! ```
//!
//! The id says which task, which batch of calls or which setting is meant; 0 where there is none.

mod launch;
mod outcome;

#[cfg(test)]
mod tests;

use festina_types::Bytes;

pub(crate) use launch::{Job, Setting};
pub(crate) use outcome::Failure;

use crate::Outcome;
use crate::native::Output;
pub use crate::wire::FrameError;
use crate::wire::{Reader, Writer};

/// The version of the messages: ranks of different festinas refuse each other.
pub(super) const VERSION: u8 = 2;

/// The kind of a request to stop, which is looked for before all others.
const CANCEL: u8 = 4;

/// What a rank is and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The name of its host.
    pub(crate) host: String,
    /// The number of CPUs that it may use.
    pub(crate) cpus: u32,
    /// The memory that its host has available.
    pub(crate) memory: Bytes,
}

/// A stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Errors,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    /// To the first rank: here I am.
    Hello(Hello),
    /// What the following jobs have in common.
    Setting(Box<Setting>),
    /// Run a program.
    Run(Box<Job>),
    /// The user asks to stop.
    Cancel { is_urgent: bool },
    /// A part of what a program wrote beyond what is captured in memory, in order.
    Spilled { stream: Stream, bytes: Vec<u8> },
    /// A part of an output was taken: another may follow.
    Taken,
    /// A program has ended.
    Ended(Box<Outcome>),
    /// A program could not be run.
    Refused(Failure),
    /// Call a function on each input.
    Map { function: String, inputs: Vec<Vec<u8>> },
    /// What the calls returned, and how long they took.
    Mapped { elapsed_ns: u64, outputs: Vec<Output> },
    /// There is nothing more to do.
    Bye,
}

impl Frame {
    /// Returns the message with its id as bytes.
    pub(crate) fn encode(&self, id: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(VERSION).byte(self.kind()).u64(id);
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads a message and its id.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(u64, Self), FrameError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            VERSION => {}
            found => return Err(FrameError::Version { found, wanted: VERSION }),
        }
        let (kind, id) = (reader.byte()?, reader.u64()?);
        let frame = Self::read(kind, &mut reader)?;
        reader.finish()?;
        Ok((id, frame))
    }

    /// Returns the id of a message without reading the rest.
    pub(super) fn id(bytes: &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(bytes.get(2..10)?.try_into().ok()?))
    }

    /// Returns whether a message is a request to stop, without reading the rest.
    pub(super) fn is_cancel(bytes: &[u8]) -> bool {
        bytes.get(1) == Some(&CANCEL)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 1,
            Self::Setting(_) => 2,
            Self::Run(_) => 3,
            Self::Cancel { .. } => CANCEL,
            Self::Spilled { .. } => 5,
            Self::Ended(_) => 6,
            Self::Refused(_) => 7,
            Self::Map { .. } => 8,
            Self::Mapped { .. } => 9,
            Self::Bye => 10,
            Self::Taken => 11,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Hello(hello) => {
                writer.text(&hello.host).u32(hello.cpus).u64(hello.memory.0);
            }
            Self::Setting(setting) => setting.write(writer),
            Self::Run(job) => job.write(writer),
            Self::Cancel { is_urgent } => {
                writer.byte((*is_urgent).into());
            }
            Self::Spilled { stream, bytes } => {
                writer.byte(u8::from(*stream == Stream::Errors)).bytes(bytes);
            }
            Self::Ended(outcome) => outcome::write(outcome, writer),
            Self::Refused(failure) => failure.write(writer),
            Self::Map { function, inputs } => {
                writer.text(function).list(inputs.iter(), |writer, input| _ = writer.bytes(input));
            }
            Self::Mapped { elapsed_ns, outputs } => {
                writer.u64(*elapsed_ns).list(outputs.iter(), |writer, output| _ = writer.output(output));
            }
            Self::Bye | Self::Taken => {}
        }
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let vector = |reader: &mut Reader<'_>| Ok(reader.bytes()?.to_vec());
        Ok(match kind {
            1 => Self::Hello(Hello {
                host: reader.string()?,
                cpus: reader.u32()?,
                memory: Bytes(reader.u64()?),
            }),
            2 => Self::Setting(Box::new(Setting::read(reader)?)),
            3 => Self::Run(Box::new(Job::read(reader)?)),
            CANCEL => Self::Cancel { is_urgent: reader.bool()? },
            5 => {
                let stream = if reader.bool()? { Stream::Errors } else { Stream::Output };
                Self::Spilled { stream, bytes: vector(reader)? }
            }
            6 => Self::Ended(Box::new(outcome::read(reader)?)),
            7 => Self::Refused(Failure::read(reader)?),
            8 => Self::Map { function: reader.string()?, inputs: reader.list(vector)? },
            9 => Self::Mapped { elapsed_ns: reader.u64()?, outputs: reader.list(Reader::output)? },
            10 => Self::Bye,
            11 => Self::Taken,
            value => return Err(FrameError::Unknown { what: "kind of message", value }),
        })
    }
}
