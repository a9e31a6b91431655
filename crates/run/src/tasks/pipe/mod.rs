//! Splits one long text into blocks of whole records, which tasks read as their standard input.
//!
//! A file is never read here: blocks are found by looking around their ends, and the kernel passes the file's pages to
//! the programs. A stream is read once, into files in memory, one a block, which programs read themselves.

mod feed;
mod find;
mod memory;
mod pool;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use festina_types::Bytes;

pub(super) use feed::feed;
use find::{find, find_last};
use memory::MemoryFile;
use pool::{Pool, Pooled};

use super::key::{Hasher, fingerprint};
use super::{Origin, TaskError};
use crate::stdio::widen;

/// A record that is longer is refused: a stream's blocks are held in memory.
const LONGEST: usize = 1 << 30;

/// The size of blocks of a stream where none is asked for: some of them for each slot are held in memory.
const STREAM_BLOCK: u64 = 8 << 20;

/// The sizes between which blocks of a file are where none is asked for: shorter ones cost more in processes than they
/// gain, and longer ones gain nothing more.
const FILE_BLOCKS: (u64, u64) = (1 << 20, 64 << 20);

/// So many blocks of a file there are for each slot where no size is asked for, so that all end at about the same time.
const BLOCKS_PER_SLOT: u64 = 8;

/// A text to be split, and where it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipe {
    /// The text.
    pub origin: Origin,
    /// The size that blocks have about: they end with a record. Without one a stream has blocks of 8 MiB, a file eight
    /// for each slot, of 1 to 64 MiB.
    pub block: Option<Bytes>,
    /// What ends a record.
    pub record_end: Vec<u8>,
}

impl Pipe {
    /// Returns the text of `origin`, split at line ends.
    pub fn lines(origin: Origin) -> Self {
        Self { origin, block: None, record_end: b"\n".to_vec() }
    }

    /// Returns the blocks for so many slots; a run that is resumed keeps the size of its blocks.
    ///
    /// # Errors
    ///
    /// [`TaskError::Read`] if the text cannot be read, [`TaskError::Split`] if blocks have no size or records no end.
    pub(super) fn blocks(&self, slots: u32, recorded: Option<Bytes>) -> Result<Blocks, TaskError> {
        if self.block == Some(Bytes(0)) || self.record_end.is_empty() {
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
            widen(&file);
            Text::Stream { file, files: Pool::new(), rest: Vec::new(), is_at_end: false }
        };
        let block = self.block.or(recorded).unwrap_or_else(|| source.usual_block(slots));
        Ok(Blocks { pipe: self.clone(), block, source })
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
    /// A part of a file, which a pipe passes on.
    Range { file: Arc<File>, offset: u64, length: u64 },
    /// A part of a stream, in a file of its own, which a program reads itself, at its own pace.
    Memory(Arc<Pooled<MemoryFile>>),
}

impl Content {
    /// Reads all of it, for a program on another host.
    pub(super) fn read(&self) -> io::Result<Arc<[u8]>> {
        match self {
            Self::Range { file, offset, length } => read_range(file, *offset, *length),
            Self::Memory(file) => Ok(Arc::from(file.bytes())),
        }
    }
}

fn read_range(file: &File, offset: u64, length: u64) -> io::Result<Arc<[u8]>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(Arc::from(bytes))
}

pub(super) struct Blocks {
    pipe: Pipe,
    block: Bytes,
    source: Text,
}

enum Text {
    File { file: Arc<File>, offset: u64, length: u64, identity: [u8; 16] },
    Stream { file: File, files: Pool<MemoryFile>, rest: Vec<u8>, is_at_end: bool },
}

impl Text {
    /// Returns the size of blocks where none is asked for.
    fn usual_block(&self, slots: u32) -> Bytes {
        match self {
            Self::Stream { .. } => Bytes(STREAM_BLOCK),
            Self::File { offset, length, .. } => {
                let share =
                    length.saturating_sub(*offset).div_ceil(BLOCKS_PER_SLOT * u64::from(slots.max(1)));
                Bytes(share.clamp(FILE_BLOCKS.0, FILE_BLOCKS.1))
            }
        }
    }
}

impl Blocks {
    /// Returns the size that blocks have about.
    pub(super) fn size(&self) -> Bytes {
        self.block
    }

    /// Returns how many blocks there are at most, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.source {
            Text::File { offset, length, .. } => Some(length.saturating_sub(*offset).div_ceil(self.block.0)),
            Text::Stream { .. } => None,
        }
    }

    fn next_block(&mut self) -> io::Result<Option<Block>> {
        let block = usize::try_from(self.block.0).unwrap_or(LONGEST);
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
            Text::Stream { file, files, rest, is_at_end } => {
                let mut memory = files.take(MemoryFile::new)?;
                let filled = fill(file, &mut memory, rest, is_at_end, block, &self.pipe.record_end)?;
                if filled == 0 {
                    return Ok(None);
                }
                memory.set_length(filled)?;
                let hash = Hasher::new("block").text(&fingerprint(memory.bytes())).finish();
                Ok(Some(Block { content: Content::Memory(Arc::new(memory)), hash }))
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

/// Fills `memory` with `rest` and from a stream up to `block`, or as far as the first record goes; returns where the
/// last whole record ends, and leaves what comes after it in `rest`.
fn fill(
    file: &mut File,
    memory: &mut MemoryFile,
    rest: &mut Vec<u8>,
    is_at_end: &mut bool,
    block: usize,
    record_end: &[u8],
) -> io::Result<usize> {
    let mut wanted = block.max(1);
    memory.set_length(wanted.max(rest.len()))?;
    memory.bytes_mut()[..rest.len()].copy_from_slice(rest);
    let mut length = rest.len();
    rest.clear();
    // What was searched before is not searched again.
    let mut searched = 0;
    loop {
        while length < wanted && !*is_at_end {
            match file.read(&mut memory.bytes_mut()[length..wanted]) {
                Ok(0) => *is_at_end = true,
                Ok(got) => length += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if *is_at_end && length <= wanted {
            return Ok(length);
        }
        if let Some(index) = find_last(&memory.bytes()[searched..wanted], record_end) {
            let end = searched + index + record_end.len();
            rest.extend_from_slice(&memory.bytes()[end..length]);
            return Ok(end);
        }
        if length >= LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is longer than 1 GiB"));
        }
        searched = (wanted + 1).saturating_sub(record_end.len());
        wanted *= 2;
        if *is_at_end {
            wanted = wanted.min(length);
        }
        memory.set_length(wanted.max(length))?;
    }
}

#[cfg(test)]
mod tests;
