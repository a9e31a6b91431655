//! Splits one long text into blocks of whole records, which tasks read as their standard input.
//!
//! A file is never read here: blocks are found by looking around their ends, and the kernel passes the file's pages to
//! the programs. A stream is read once, block by block.

mod feed;
mod find;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use festina_types::Bytes;

pub(super) use feed::feed;
use find::{find, find_last};

use super::key::{Hasher, fingerprint};
use super::{Origin, TaskError};

/// A record that is longer is refused: a stream's blocks are held in memory.
const LONGEST: usize = 1 << 30;

/// A text to be split, and where it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipe {
    /// The text.
    pub origin: Origin,
    /// The size that blocks have about: they end with a record.
    pub block: Bytes,
    /// What ends a record.
    pub record_end: Vec<u8>,
}

impl Pipe {
    /// Returns the text of `origin`, split at line ends into blocks of about 8 MiB.
    pub fn lines(origin: Origin) -> Self {
        Self { origin, block: Bytes(8 << 20), record_end: b"\n".to_vec() }
    }

    /// Returns the blocks.
    ///
    /// # Errors
    ///
    /// [`TaskError::Read`] if the text cannot be read, [`TaskError::Split`] if blocks have no size or records no end.
    pub(super) fn blocks(&self) -> Result<Blocks, TaskError> {
        if self.block.0 == 0 || self.record_end.is_empty() {
            return Err(TaskError::Split);
        }
        let fail = |source| self.origin.unreadable(source);
        let file = match &self.origin {
            Origin::File(path) => File::open(path).map_err(fail)?,
            Origin::StandardInput => File::from(rustix::stdio::stdin().try_clone_to_owned().map_err(fail)?),
        };
        let data = file.metadata().map_err(fail)?;
        let source = if data.is_file() {
            // Where a shell's redirection has been read in part, the rest is the text.
            let offset = (&file).stream_position().map_err(fail)?;
            let identity = Hasher::new("file").number(data.ino()).number(data.len());
            let identity = identity.number(data.mtime() as u64).number(data.mtime_nsec() as u64).finish();
            Text::File { file: Arc::new(file), offset, length: data.len(), identity }
        } else if data.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        } else {
            // Refused where it is no pipe: then it stays as it is.
            let _ = rustix::pipe::fcntl_setpipe_size(&file, feed::PIPE_SIZE);
            Text::Stream { file, rest: Vec::new(), is_at_end: false }
        };
        Ok(Blocks { pipe: self.clone(), source })
    }
}

/// A part of a text that ends with a record.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) content: Content,
    /// Identifies the content.
    pub(super) hash: [u8; 16],
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Range { file: Arc<File>, offset: u64, length: u64 },
    Bytes(Arc<Vec<u8>>),
}

impl Content {
    /// Reads all of it, for a program on another host.
    pub(super) fn read(&self) -> io::Result<Arc<[u8]>> {
        match self {
            Self::Bytes(bytes) => Ok(Arc::from(bytes.as_slice())),
            Self::Range { file, offset, length } => {
                let mut bytes = vec![0; usize::try_from(*length).map_err(io::Error::other)?];
                file.read_exact_at(&mut bytes, *offset)?;
                Ok(Arc::from(bytes))
            }
        }
    }
}

pub(super) struct Blocks {
    pipe: Pipe,
    source: Text,
}

enum Text {
    File { file: Arc<File>, offset: u64, length: u64, identity: [u8; 16] },
    Stream { file: File, rest: Vec<u8>, is_at_end: bool },
}

impl Blocks {
    /// Returns how many blocks there are at most, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.source {
            Text::File { offset, length, .. } => {
                Some(length.saturating_sub(*offset).div_ceil(self.pipe.block.0))
            }
            Text::Stream { .. } => None,
        }
    }

    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let block = usize::try_from(self.pipe.block.0).unwrap_or(LONGEST);
        match &mut self.source {
            Text::File { file, offset, length, identity } => {
                if *offset >= *length {
                    return Ok(None);
                }
                let end = end_of_block(file, *offset, *length, block as u64, &self.pipe.record_end)?;
                let hash = Hasher::new("block").text(identity).number(*offset).number(end).finish();
                let content = Content::Range { file: file.clone(), offset: *offset, length: end - *offset };
                *offset = end;
                Ok(Some(Block { content, hash }))
            }
            Text::Stream { file, rest, is_at_end } => {
                let mut bytes = std::mem::take(rest);
                let end = fill(file, &mut bytes, is_at_end, block, &self.pipe.record_end)?;
                if bytes.is_empty() {
                    return Ok(None);
                }
                rest.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
                let hash = Hasher::new("block").text(&fingerprint(&bytes)).finish();
                Ok(Some(Block { content: Content::Bytes(Arc::new(bytes)), hash }))
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block().map_err(|source| self.pipe.origin.unreadable(source)).transpose()
    }
}

/// Returns where the block that begins at `start` ends: with the first record that ends at or after its size.
fn end_of_block(file: &File, start: u64, length: u64, block: u64, record_end: &[u8]) -> io::Result<u64> {
    let Some(target) = start.checked_add(block).filter(|target| *target < length) else { return Ok(length) };
    // The end of a record may lie across the target.
    let mut from = (target + 1).saturating_sub(record_end.len() as u64).max(start);
    let mut window = vec![0; (64 << 10).max(2 * record_end.len())];
    loop {
        let got = read_at(file, &mut window, from)?;
        if let Some(index) = find(&window[..got], record_end) {
            return Ok(from + (index + record_end.len()) as u64);
        }
        if got < window.len() {
            return Ok(length);
        }
        from += (got + 1 - record_end.len()) as u64;
    }
}

fn read_at(file: &File, window: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < window.len() {
        match file.read_at(&mut window[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(got) => length += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Fills `bytes` from a stream up to `block`, or as far as the first record goes; returns where the last whole record
/// ends.
fn fill(
    file: &mut File,
    bytes: &mut Vec<u8>,
    is_at_end: &mut bool,
    block: usize,
    record_end: &[u8],
) -> io::Result<usize> {
    let mut wanted = block.max(1);
    // What was searched before is not searched again.
    let mut searched = 0;
    loop {
        bytes.reserve(wanted.saturating_sub(bytes.len()));
        while bytes.len() < wanted && !*is_at_end {
            let missing = (wanted - bytes.len()) as u64;
            *is_at_end = file.by_ref().take(missing).read_to_end(bytes)? as u64 != missing;
        }
        if *is_at_end && bytes.len() <= wanted {
            return Ok(bytes.len());
        }
        if let Some(index) = find_last(&bytes[searched..wanted], record_end) {
            return Ok(searched + index + record_end.len());
        }
        if bytes.len() >= LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is longer than 1 GiB"));
        }
        searched = (wanted + 1).saturating_sub(record_end.len());
        wanted *= 2;
        if *is_at_end {
            wanted = wanted.min(bytes.len());
        }
    }
}

#[cfg(test)]
mod tests;
