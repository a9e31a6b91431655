//! The journal of a run: an append-only text file, a line an outcome, each with a checksum.
//!
//! An outcome is written by one `write` before it is reported, and reaches the disk within a second (`fdatasync`, in
//! groups): kill -9 loses what ran at that moment, power loss at most the last second. Damage costs the lines that it
//! hits: lines are found by their ends and believed by their checksums, so what is readable is kept, and the rest is
//! told and run again.

mod line;
mod record;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(crate) use line::Line;
pub use line::{JOURNAL_VERSION, Session};
pub use record::{Record, TaskEnd};
use rustix::fs::FlockOperation;

use super::{TaskError, TaskKey};

/// The longest line that is read: inputs and captured values are bounded far below.
const LONGEST: u64 = 256 << 20;

/// A journal that is open for writing; no other festina can open it at the same time.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    end: u64,
    buffer: Vec<u8>,
    is_dirty: bool,
}

impl Journal {
    /// Opens the journal at `path`, which is made where there is none. A line that a crash cut short is closed.
    pub(crate) fn open(path: &Path) -> Result<Self, TaskError> {
        let fail = |source| TaskError::writing(path, source);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(fail)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => TaskError::InUse { path: path.to_owned() },
            error => fail(error.into()),
        })?;
        let end = file.seek(SeekFrom::End(0)).map_err(fail)?;
        let mut journal = Self { file, path: path.to_owned(), end, buffer: Vec::new(), is_dirty: false };
        let mut last = [b'\n'];
        if end > 0 {
            journal.file.read_exact_at(&mut last, end - 1).map_err(fail)?;
        }
        if last != [b'\n'] {
            journal.buffer.push(b'\n');
            journal.write()?;
        }
        Ok(journal)
    }

    /// Appends a line and returns where it begins.
    pub(crate) fn append(&mut self, line: &Line) -> Result<u64, TaskError> {
        line::write(line, &mut self.buffer);
        self.write()
    }

    fn write(&mut self) -> Result<u64, TaskError> {
        let start = self.end;
        if let Err(error) = self.file.write_all(&self.buffer) {
            // A full disk takes part of a line; without it the next start finds a clean end.
            let _ = self.file.set_len(start);
            return Err(TaskError::writing(&self.path, error));
        }
        self.end += self.buffer.len() as u64;
        self.is_dirty = true;
        Ok(start)
    }

    /// Returns another handle of the file if there is something to bring to the disk: the caller need not keep the
    /// journal locked while the disk is slow.
    pub(crate) fn take_dirty(&mut self) -> Result<Option<File>, TaskError> {
        if !std::mem::take(&mut self.is_dirty) {
            return Ok(None);
        }
        self.file.try_clone().map(Some).map_err(|source| TaskError::writing(&self.path, source))
    }

    /// Reads the outcome whose line begins at `offset`.
    pub(crate) fn record_at(&self, offset: u64) -> Result<Record, TaskError> {
        record_at(&self.file, &self.path, offset)
    }
}

fn record_at(file: &File, path: &Path, offset: u64) -> Result<Record, TaskError> {
    let fail = |source| TaskError::Journal { path: path.to_owned(), source };
    let mut text = vec![0; 512];
    let mut length = 0;
    loop {
        let got = file.read_at(&mut text[length..], offset + length as u64).map_err(fail)?;
        let end = text[length..length + got].iter().position(|&byte| byte == b'\n');
        length += end.unwrap_or(got);
        if end.is_some() || got == 0 {
            break;
        }
        text.resize(2 * text.len().max(length), 0);
    }
    match line::read(&text[..length]) {
        Some(Line::Task(record)) => Ok(*record),
        _ => Err(fail(io::Error::new(io::ErrorKind::InvalidData, "an outcome changed while it was read"))),
    }
}

/// A place in a journal that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes, without its end.
    pub length: u64,
    /// Whether it is the last and was cut short, as kill -9 in the middle of a write leaves it.
    pub is_torn: bool,
}

/// Where a task's outcome begins in the journal, and whether it is a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    const FAILED: u64 = 1 << 63;

    pub(crate) fn new(offset: u64, is_finished: bool) -> Self {
        Self(if is_finished { offset } else { offset | Self::FAILED })
    }

    pub(crate) fn offset(self) -> u64 {
        self.0 & !Self::FAILED
    }

    pub(crate) fn is_finished(self) -> bool {
        self.0 & Self::FAILED == 0
    }
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The sessions, in the order of time.
    pub sessions: Vec<Session>,
    /// Where the last outcome of each task begins, in the order of the keys.
    outcomes: Vec<(TaskKey, Place)>,
    /// What could not be read.
    pub damaged: Vec<Damage>,
}

impl Reading {
    /// Reads the journal at `path`.
    ///
    /// # Errors
    ///
    /// [`TaskError::Journal`] if the file cannot be read, [`TaskError::JournalVersion`] if a newer festina wrote it.
    /// Damage is no error.
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let mut reading = Self::default();
        for_each_line(path, |offset, line| {
            match line {
                Ok(Line::Session(session)) if session.version != JOURNAL_VERSION => {
                    return Err(TaskError::JournalVersion {
                        path: path.to_owned(),
                        version: session.version,
                    });
                }
                Ok(Line::Session(session)) => reading.sessions.push(session),
                Ok(Line::Task(record)) => {
                    reading.outcomes.push((record.key, Place::new(offset, record.end.is_finished())));
                }
                Err(damage) => reading.damaged.push(damage),
            }
            Ok(())
        })?;
        // Of several outcomes of a task the last counts: the sort is stable.
        reading.outcomes.sort_by_key(|(key, _)| *key);
        reading.outcomes.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
        Ok(reading)
    }

    /// Returns the first session of the journal at `path`, if one can be read.
    pub(crate) fn first_session(path: &Path) -> Option<Session> {
        let mut lines = BufReader::new(File::open(path).ok()?.take(1 << 20)).split(b'\n');
        lines.find_map(|line| match line::read(&line.ok()?)? {
            Line::Session(session) => Some(session),
            Line::Task(_) => None,
        })
    }

    /// Returns where the outcome of a task begins.
    pub(crate) fn outcome(&self, key: &TaskKey) -> Option<Place> {
        let index = self.outcomes.binary_search_by_key(key, |(key, _)| *key).ok()?;
        Some(self.outcomes[index].1)
    }

    /// Returns the number of tasks whose outcome is recorded.
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Returns whether no outcome is recorded.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Reads all outcomes in the order in which they were recorded, the last of each task only.
    ///
    /// # Errors
    ///
    /// [`TaskError::Journal`] if the file cannot be read.
    pub fn records(&self, path: &Path) -> Result<Vec<Record>, TaskError> {
        let file = File::open(path).map_err(|source| TaskError::Journal { path: path.to_owned(), source })?;
        let mut offsets: Vec<u64> = self.outcomes.iter().map(|(_, place)| place.offset()).collect();
        offsets.sort_unstable();
        offsets.into_iter().map(|offset| record_at(&file, path, offset)).collect()
    }
}

/// Calls `act` on every line that is not empty.
fn for_each_line(
    path: &Path,
    mut act: impl FnMut(u64, Result<Line, Damage>) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    let fail = |source| TaskError::Journal { path: path.to_owned(), source };
    let mut reader = BufReader::with_capacity(256 << 10, File::open(path).map_err(fail)?);
    let (mut offset, mut line, mut text) = (0, 0, Vec::new());
    loop {
        text.clear();
        let length = (&mut reader).take(LONGEST).read_until(b'\n', &mut text).map_err(fail)? as u64;
        if length == 0 {
            return Ok(());
        }
        line += 1;
        let has_end = text.last() == Some(&b'\n');
        if has_end {
            text.pop();
        }
        if !text.is_empty() {
            let damage = Damage { line, offset, length: text.len() as u64, is_torn: !has_end };
            // Without its end a line was not wholly written, even where its checksum is right.
            act(offset, if has_end { line::read(&text).ok_or(damage) } else { Err(damage) })?;
        }
        offset += length;
    }
}

#[cfg(test)]
mod tests;
