//! Passes a block to a program through a pipe.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};

use super::Content;

/// Large pipes save changes of context: the program and its feeder share a CPU.
const PIPE_SIZE: usize = 1 << 20;

/// Writes all of `content` into `pipe`, or as much as the program cares to read.
///
/// # Errors
///
/// If the file was cut short or could not be read.
pub(in crate::tasks) fn feed(content: &Content, pipe: OwnedFd) -> io::Result<()> {
    // Refused beyond a user's limit of pages in pipes: then the pipe stays small.
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_SIZE);
    let result = match content {
        Content::Bytes(bytes) => File::from(pipe).write_all(bytes),
        Content::Range { file, offset, length } => pass_on(file, *offset, *length, &pipe),
    };
    match result {
        // A program may end before it has read everything, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Moves pages of a file into a pipe without copying them.
fn pass_on(file: &File, mut offset: u64, length: u64, pipe: &OwnedFd) -> io::Result<()> {
    let end = offset + length;
    while offset < end {
        let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(1 << 30);
        match splice(file, Some(&mut offset), pipe, None, wanted, SpliceFlags::MOVE) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut short")),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
