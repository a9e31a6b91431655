//! What stands in the files by which the pool and its workers talk: records, one after the other.
//!
//! ```text
//! u32 length of what follows the checksum · 8 bytes of its BLAKE3 · u8 kind · u64 id · the kind's values
//! ```
//!
//! Whoever reads a file that is still being written sees whole records and, at the end, perhaps a part of one: it is
//! left for the next look.

use crate::mpi::frame::{Frame, FrameError};

/// Bytes before a record's kind.
const HEAD: usize = 12;

/// What identifies what a job does: its outcome is that of any job with the same.
pub(crate) type Fingerprint = [u8; 16];

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// A worker: so many slots on this host, in this job of the engine that started it.
    Hello { slots: u32, host: String, job: String },
    /// The worker is there; nothing else has happened.
    Beat,
    /// A task has started.
    Started,
    /// A task has ended, or cannot be run: a message that says how.
    Answer { fingerprint: Fingerprint, frame: Frame },
    /// A task was not run, or not to its end, for reasons of the worker's: it is to run elsewhere.
    Returned,
    /// The worker leaves, and has nothing left.
    Bye,
    /// Of a chunk: the 95th percentile of the durations so far, in seconds, 0 where none is known.
    Pace { p95_s: f64 },
    /// Of a chunk: a task to run.
    Job(Frame),
    /// What all jobs have in common.
    Setting(Frame),
}

/// Returns what identifies what `job` does.
pub(crate) fn fingerprint(job: &Frame) -> Fingerprint {
    let hash = blake3::hash(&job.encode(0));
    hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => 1,
            Self::Beat => 2,
            Self::Started => 3,
            Self::Answer { .. } => 4,
            Self::Returned => 5,
            Self::Bye => 6,
            Self::Pace { .. } => 7,
            Self::Job(_) => 8,
            Self::Setting(_) => 9,
        }
    }

    /// Adds the record to `bytes`; `id` is the task's, 0 where it is of none.
    pub(crate) fn write(&self, id: u64, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; HEAD]);
        bytes.push(self.kind());
        bytes.extend_from_slice(&id.to_le_bytes());
        match self {
            Self::Hello { slots, host, job } => {
                bytes.extend_from_slice(&slots.to_le_bytes());
                bytes.extend_from_slice(format!("{host}\0{job}").as_bytes());
            }
            Self::Answer { fingerprint, frame } => {
                bytes.extend_from_slice(fingerprint);
                bytes.extend_from_slice(&frame.encode(id));
            }
            Self::Pace { p95_s } => bytes.extend_from_slice(&p95_s.to_le_bytes()),
            Self::Job(frame) | Self::Setting(frame) => bytes.extend_from_slice(&frame.encode(id)),
            Self::Beat | Self::Started | Self::Returned | Self::Bye => {}
        }
        let body = start + HEAD;
        let length =
            u32::try_from(bytes.len() - body).expect("outputs beyond 32 MB are in files of their own");
        let checksum = checksum(&bytes[body..]);
        bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        bytes[start + 4..body].copy_from_slice(&checksum);
    }

    fn read(kind: u8, rest: &[u8]) -> Result<Self, FrameError> {
        let short = || FrameError::Short { length: rest.len() };
        let frame = |bytes: &[u8]| Frame::decode(bytes).map(|(_, frame)| frame);
        Ok(match kind {
            1 => {
                let (slots, names) = rest.split_first_chunk().ok_or_else(short)?;
                let names = std::str::from_utf8(names).map_err(|_| FrameError::Malformed { what: "name" })?;
                let (host, job) = names.split_once('\0').ok_or(FrameError::Malformed { what: "name" })?;
                Self::Hello { slots: u32::from_le_bytes(*slots), host: host.to_owned(), job: job.to_owned() }
            }
            2 => Self::Beat,
            3 => Self::Started,
            4 => {
                let (fingerprint, bytes) = rest.split_first_chunk().ok_or_else(short)?;
                Self::Answer { fingerprint: *fingerprint, frame: frame(bytes)? }
            }
            5 => Self::Returned,
            6 => Self::Bye,
            7 => Self::Pace { p95_s: f64::from_le_bytes(rest.try_into().map_err(|_| short())?) },
            8 => Self::Job(frame(rest)?),
            9 => Self::Setting(frame(rest)?),
            value => return Err(FrameError::Unknown { what: "kind of record", value }),
        })
    }
}

fn checksum(body: &[u8]) -> [u8; 8] {
    blake3::hash(body).as_bytes()[..8].try_into().expect("a hash has 32 bytes")
}

/// Reads the records at the start of `bytes`; returns them and the number of bytes that they take.
///
/// # Errors
///
/// [`FrameError`] if a record is not what was written.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<(u64, Record)>, usize), FrameError> {
    let (mut records, mut taken) = (Vec::new(), 0);
    while let Some((head, rest)) = bytes[taken..].split_first_chunk::<HEAD>() {
        let length = u32::from_le_bytes(*head.first_chunk().expect("a head has 12 bytes")) as usize;
        let Some(body) = rest.get(..length) else { break };
        if checksum(body) != head[4..] || length < 9 {
            return Err(FrameError::Malformed { what: "checksum" });
        }
        let id = u64::from_le_bytes(*body[1..].first_chunk().expect("its length was looked at"));
        records.push((id, Record::read(body[0], &body[9..])?));
        taken += HEAD + length;
    }
    Ok((records, taken))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<(u64, Record)> {
        let hello = Record::Hello { slots: 7, host: "n1".to_owned(), job: "12_3".to_owned() };
        let answer = Record::Answer { fingerprint: [9; 16], frame: Frame::Bye };
        let records =
            [hello, Record::Beat, Record::Started, answer, Record::Returned, Record::Pace { p95_s: 0.25 }];
        (1..).zip(records.into_iter().chain([Record::Job(Frame::Taken), Record::Bye])).collect()
    }

    proptest! {
        #[test]
        fn what_is_cut_off_is_left_for_later(cut in 0_usize..400) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for (id, record) in all() {
                record.write(id, &mut bytes);
                ends.push(bytes.len());
            }
            let cut = cut.min(bytes.len());
            let (records, taken) = read(&bytes[..cut]).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            prop_assert_eq!(records, all()[..whole].to_vec());
            prop_assert_eq!(taken, ends[whole]);
        }

        #[test]
        fn damage_is_told(at in 0_usize..400, flip in 1_u8..) {
            let mut bytes = Vec::new();
            all().into_iter().for_each(|(id, record)| record.write(id, &mut bytes));
            let at = at % bytes.len();
            bytes[at] ^= flip;
            // A length that was damaged may reach beyond the end: then what follows is never whole.
            let is_told = read(&bytes).map_or(true, |(records, _)| records.len() < all().len());
            prop_assert!(is_told);
        }
    }
}
