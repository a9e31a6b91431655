//! Opens what a program is given: its three streams and its working directory.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{MemfdFlags, Mode, OFlags};

use crate::capture::Capture;
use crate::guardian::Files;
use crate::watch::Captures;
use crate::{Captured, Input, Launch, RunError, Sink};

/// The size of a pipe through which much goes: fewer, longer reads and writes.
pub(crate) const LARGE_PIPE: usize = 1 << 20;

/// Makes a pipe larger, if it is one; beyond a user's share of the memory in pipes it stays as it is.
pub fn widen(pipe: impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, LARGE_PIPE);
}

/// What a program is given, and what is read of it.
pub(crate) struct Streams {
    directory: Option<OwnedFd>,
    input: End,
    /// The program's ends of what is read stay open as long as it runs: nobody is woken when a program closes its own.
    output: End,
    errors: End,
    pub(crate) captures: Captures,
}

impl Streams {
    /// Opens what `launch` asks for.
    pub(crate) fn open(launch: &Launch) -> Result<Self, RunError> {
        let directory = launch.directory.as_deref().map(open_directory).transpose()?;
        let input = open_input(&launch.input)?;
        let (output, output_capture) = open_output(&launch.output, rustix::stdio::stdout())?;
        let (errors, errors_capture) = open_output(&launch.errors, rustix::stdio::stderr())?;
        let captures = Captures { output: output_capture, errors: errors_capture };
        Ok(Self { directory, input, output, errors, captures })
    }

    /// Returns what the program is to be given.
    pub(crate) fn files<'a>(&'a self, null: &'a OwnedFd) -> Files<'a> {
        Files {
            streams: [self.input.borrow(null), self.output.borrow(null), self.errors.borrow(null)],
            directory: self.directory.as_ref().map(AsFd::as_fd),
        }
    }

    /// Closes what only the program is to have: as the only reader of a pipe it ends those that write there when it ends.
    pub(crate) fn give_away(&mut self) {
        (self.directory, self.input) = (None, End::Null);
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, RunError> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| RunError::Directory { path: path.to_owned(), source: error.into() })
}

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
fn open_input(input: &Input) -> Result<End, RunError> {
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
