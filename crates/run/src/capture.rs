//! Reads a program's stream from a pipe: into memory up to a limit, then into a file, or nowhere.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use festina_types::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::stdio::{LARGE_PIPE, widen};
use crate::{Captured, RunError};

/// What is read at once.
const CHUNK: usize = 64 << 10;

/// How many chunks are read before other things get their turn.
const TURN: usize = 16;

/// A stream that is being read.
pub(crate) struct Capture {
    /// The pipe, until its end.
    pipe: Option<OwnedFd>,
    limit: u64,
    spill: Option<PathBuf>,
    file: Option<File>,
    bytes: Vec<u8>,
    total: u64,
    is_large: bool,
}

impl Capture {
    /// Makes a pipe; returns its reader, and the end that is the program's.
    pub(crate) fn new(limit: Bytes, spill: Option<PathBuf>) -> io::Result<(Self, OwnedFd)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&read, true)?;
        let capture = Self {
            pipe: Some(read),
            limit: limit.0,
            spill,
            file: None,
            bytes: Vec::new(),
            total: 0,
            is_large: false,
        };
        Ok((capture, write))
    }

    /// Returns the pipe, if its end was not reached.
    pub(crate) fn pipe(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// Reads what is there, though not for ever; returns whether it may have left something.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<bool, RunError> {
        for _ in 0..TURN {
            let is_in_place = self.has_room();
            let Some(pipe) = &self.pipe else { return Ok(false) };
            let length = if is_in_place {
                rustix::io::read(pipe, spare_capacity(&mut self.bytes))
            } else {
                rustix::io::read(pipe, &mut *buffer)
            };
            match length {
                Ok(0) => self.pipe = None,
                Ok(length) if is_in_place => self.total += length as u64,
                Ok(length) => {
                    if length == buffer.len() && !self.is_large {
                        self.is_large = true;
                        widen(pipe);
                    }
                    self.take(&buffer[..length])?;
                }
                Err(Errno::INTR) => {}
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Makes room for a chunk of a long stream, so that it is read to where it stays; returns whether there is some, within
    /// the limit.
    fn has_room(&mut self) -> bool {
        let (length, limit) = (self.bytes.len(), usize::try_from(self.limit).unwrap_or(usize::MAX));
        if !self.is_large || self.file.is_some() || limit.saturating_sub(length) < CHUNK {
            return false;
        }
        if self.bytes.capacity() - length < CHUNK {
            let wanted = (2 * length).max(LARGE_PIPE).min(limit);
            self.bytes.reserve_exact(wanted - length);
        }
        self.bytes.capacity() <= limit
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), RunError> {
        self.total += chunk.len() as u64;
        let room = usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_sub(self.bytes.len());
        let (kept, rest) = chunk.split_at(room.min(chunk.len()));
        if !rest.is_empty() && self.file.is_none() && self.spill.is_some() {
            self.spill(kept)?;
        } else if let Some(file) = &mut self.file {
            write(file, chunk, self.spill.as_ref())?;
            return Ok(());
        }
        self.bytes.extend_from_slice(kept);
        if let Some(file) = &mut self.file {
            write(file, rest, self.spill.as_ref())?;
        }
        Ok(())
    }

    /// Makes the file, and writes to it what is in memory and `kept`, which will be.
    fn spill(&mut self, kept: &[u8]) -> Result<(), RunError> {
        let Some(path) = &self.spill else { return Ok(()) };
        let mut file = File::create(path).map_err(|source| RunError::writing(path.clone(), source))?;
        write(&mut file, &self.bytes, Some(path))?;
        write(&mut file, kept, Some(path))?;
        self.file = Some(file);
        Ok(())
    }

    /// Returns what was read.
    pub(crate) fn finish(self) -> Captured {
        let spilled = self.file.and(self.spill);
        Captured { bytes: self.bytes, total: Bytes(self.total), spilled }
    }
}

fn write(file: &mut File, bytes: &[u8], path: Option<&PathBuf>) -> Result<(), RunError> {
    file.write_all(bytes).map_err(|source| RunError::writing(path.cloned().unwrap_or_default(), source))
}

/// Returns a buffer to read with.
pub(crate) fn buffer() -> Vec<u8> {
    vec![0; CHUNK]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `text` in pieces of `piece` bytes, reading after each.
    fn captured(text: &[u8], piece: usize, limit: u64, spill: Option<PathBuf>) -> Captured {
        let (mut capture, end) = Capture::new(Bytes(limit), spill).unwrap();
        let mut buffer = vec![0; 64];
        for part in text.chunks(piece) {
            rustix::io::write(&end, part).unwrap();
            while capture.read(&mut buffer).unwrap() {}
        }
        drop(end);
        while capture.pipe().is_some() {
            capture.read(&mut buffer).unwrap();
        }
        capture.finish()
    }

    #[test]
    fn a_long_stream_is_kept_up_to_the_limit_and_spilled_beyond() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        for limit in [0, 100_000, 2_000_000, 4_000_000] {
            let folder = tempfile::tempdir().unwrap();
            let captured = captured(&text, 50_000, limit, Some(folder.path().join("stream")));
            assert_eq!(captured.total.0, 3_000_000);
            assert!(captured.bytes == text[..text.len().min(limit as usize)], "{limit}");
            match captured.spilled {
                Some(path) => assert!(std::fs::read(path).unwrap() == text),
                None => assert_eq!(limit, 4_000_000),
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn all_is_kept_counted_or_spilled(
            text in proptest::collection::vec(proptest::num::u8::ANY, 0..500),
            piece in 1_usize..200, limit in 0_u64..600, spills: bool,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let spill = spills.then(|| folder.path().join("stream"));
            let captured = captured(&text, piece, limit, spill);
            let kept = text.len().min(limit as usize);
            proptest::prop_assert_eq!(&captured.bytes[..], &text[..kept]);
            proptest::prop_assert_eq!(captured.total.0, text.len() as u64);
            proptest::prop_assert_eq!(captured.is_truncated(), !spills && kept < text.len());
            match &captured.spilled {
                Some(path) => proptest::prop_assert_eq!(std::fs::read(path).unwrap(), text),
                None => proptest::prop_assert!(!spills || kept == text.len()),
            }
        }
    }
}
