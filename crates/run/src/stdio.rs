//! Opens what a program is given as its three streams.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::MemfdFlags;

use crate::capture::Capture;
use crate::{Captured, Input, RunError, Sink};

/// The program's end of a stream.
pub(crate) enum End {
    /// `/dev/null`.
    Null,
    /// The same stream of this process.
    Own(BorrowedFd<'static>),
    /// A file or a pipe.
    File(OwnedFd),
}

impl End {
    pub(crate) fn borrow<'a>(&'a self, null: &'a OwnedFd) -> BorrowedFd<'a> {
        match self {
            Self::Null => null.as_fd(),
            Self::Own(stream) => *stream,
            Self::File(file) => file.as_fd(),
        }
    }
}

/// Opens standard input.
pub(crate) fn open_input(input: &Input) -> Result<End, RunError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Input { path, source }
    };
    match input {
        Input::Empty => Ok(End::Null),
        // A process that was started without the stream has nothing to read.
        Input::Inherit if rustix::io::fcntl_getfd(rustix::stdio::stdin()).is_err() => Ok(End::Null),
        Input::Inherit => Ok(End::Own(rustix::stdio::stdin())),
        Input::File(path) => Ok(End::File(File::open(path).map_err(fail(path))?.into())),
        Input::Bytes(bytes) => {
            Ok(End::File(in_memory(bytes).map_err(fail(Path::new("bytes in memory")))?.into()))
        }
    }
}

fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Opens an output stream; `own` is this process's.
pub(crate) fn open_output(sink: &Sink, own: BorrowedFd<'static>) -> Result<(End, Option<Capture>), RunError> {
    match sink {
        Sink::Discard => Ok((End::Null, None)),
        // A process that was started without the stream has nowhere to pass on.
        Sink::Inherit if rustix::io::fcntl_getfd(own).is_err() => Ok((End::Null, None)),
        Sink::Inherit => Ok((End::Own(own), None)),
        Sink::File(path) => {
            let file = File::create(path).map_err(|source| RunError::writing(path.clone(), source))?;
            Ok((End::File(file.into()), None))
        }
        Sink::Capture { limit, spill } => {
            let (capture, end) =
                Capture::new(*limit, spill.clone()).map_err(|source| RunError::Exhausted { source })?;
            Ok((End::File(end), Some(capture)))
        }
    }
}

/// Returns what `capture`, if there is one, has read.
pub(crate) fn captured(capture: Option<Capture>) -> Captured {
    capture.map(Capture::finish).unwrap_or_default()
}
