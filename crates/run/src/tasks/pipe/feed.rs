//! Passes a block to a program through a pipe.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};

use crate::stdio::widen;

/// Moves a part of a file into `pipe`, or as much of it as the program cares to read.
///
/// # Errors
///
/// If the file was cut short or could not be read.
pub(in crate::tasks) fn feed(file: &File, offset: u64, length: u64, pipe: OwnedFd) -> io::Result<()> {
    // It saves changes of context: the program and its feeder share a CPU.
    widen(&pipe);
    yield_to_readers();
    match pass_on(file, offset, length, &pipe) {
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

/// Makes this thread one that takes no CPU from a program which runs.
///
/// A program that reads some kilobytes from a full pipe wakes its feeder, which is bound to the same CPU: as an ordinary
/// thread it would run at once, for those kilobytes only, and the two would change places for every one of the program's reads. One of
/// the batch policy runs when the program waits, and then fills the whole pipe.
#[expect(unsafe_code, reason = "the scheduling policy has no safe interface")]
fn yield_to_readers() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads the parameters; 0 is the calling thread. Refused nowhere, and only speed is lost if it were.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) };
}
