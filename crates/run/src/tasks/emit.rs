//! Passes the outputs of tasks on: whole, never mixed, and in the order of the inputs where that is wanted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::TaskError;
use crate::Captured;

/// Outputs that wait for their turn take at most so much memory; what is beyond goes to files.
const HELD: usize = 64 << 20;

/// Where the outputs of tasks go.
pub struct Streams<'a> {
    /// The standard outputs.
    pub output: &'a mut (dyn Write + Send),
    /// The standard errors.
    pub errors: &'a mut (dyn Write + Send),
}

/// What a task wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) output: Captured,
    pub(super) errors: Captured,
}

/// Writes outputs to the streams, a task at a time.
pub(super) struct Emitter<'a> {
    streams: Streams<'a>,
    /// In the order of the inputs: the task whose turn it is, and those that ended before their turn.
    turn: Option<u64>,
    waiting: BTreeMap<u64, Option<Written>>,
    held: usize,
    spool: PathBuf,
    /// Whether the reader of a stream went away.
    pub(super) is_broken: bool,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(streams: Streams<'a>, keep_order: bool, spool: PathBuf) -> Self {
        let turn = keep_order.then_some(1);
        Self { streams, turn, waiting: BTreeMap::new(), held: 0, spool, is_broken: false }
    }

    /// Takes the output of a task that ended; `None` for one that has none to show.
    pub(super) fn take(&mut self, number: u64, written: Option<Written>) -> Result<(), TaskError> {
        match self.turn {
            None => written.map_or(Ok(()), |written| self.write(written)),
            Some(turn) if turn == number => {
                written.map_or(Ok(()), |written| self.write(written))?;
                self.turn = Some(turn + 1);
                self.go_on()
            }
            Some(_) => self.hold(number, written),
        }
    }

    fn go_on(&mut self) -> Result<(), TaskError> {
        while let Some(turn) = self.turn
            && let Some(written) = self.waiting.remove(&turn)
        {
            if let Some(written) = written {
                self.held -= written.output.bytes.len() + written.errors.bytes.len();
                self.write(written)?;
            }
            self.turn = Some(turn + 1);
        }
        Ok(())
    }

    fn hold(&mut self, number: u64, mut written: Option<Written>) -> Result<(), TaskError> {
        if let Some(written) = &mut written {
            let length = written.output.bytes.len() + written.errors.bytes.len();
            if self.held + length > HELD {
                spill(&mut written.output, &self.spool.join(format!("{number}.held.out")))?;
                spill(&mut written.errors, &self.spool.join(format!("{number}.held.err")))?;
            }
            self.held += written.output.bytes.len() + written.errors.bytes.len();
        }
        self.waiting.insert(number, written);
        Ok(())
    }

    /// Writes what still waits, in order: tasks before them never ended.
    pub(super) fn finish(&mut self) -> Result<(), TaskError> {
        for (_, written) in std::mem::take(&mut self.waiting) {
            written.map_or(Ok(()), |written| self.write(written))?;
        }
        Ok(())
    }

    fn write(&mut self, written: Written) -> Result<(), TaskError> {
        let Written { output, errors } = written;
        for (captured, stream, name) in [
            (output, &mut *self.streams.output, "standard output"),
            (errors, &mut *self.streams.errors, "standard error"),
        ] {
            match pass_on(captured, stream) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_broken = true,
                Err(error) => return Err(TaskError::writing(Path::new(name), error)),
            }
        }
        Ok(())
    }
}

fn pass_on(captured: Captured, stream: &mut (dyn Write + Send)) -> io::Result<()> {
    match captured.spilled {
        Some(path) => {
            let copied = io::copy(&mut File::open(&path)?, stream);
            fs::remove_file(path)?;
            copied?;
        }
        None if captured.bytes.is_empty() => return Ok(()),
        None => stream.write_all(&captured.bytes)?,
    }
    stream.flush()
}

/// Moves what was captured from memory to a file.
fn spill(captured: &mut Captured, path: &Path) -> Result<(), TaskError> {
    if captured.spilled.is_none() && !captured.bytes.is_empty() {
        fs::write(path, &captured.bytes).map_err(|source| TaskError::writing(path, source))?;
        captured.spilled = Some(path.to_owned());
    }
    captured.bytes = Vec::new();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<Written> {
        let output = Captured { bytes: text.into(), ..Captured::default() };
        Some(Written { output, errors: Captured::default() })
    }

    fn emitted(keep_order: bool, order: &[u64], text: impl Fn(u64) -> String) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let streams = Streams { output: &mut output, errors: &mut errors };
        let mut emitter = Emitter::new(streams, keep_order, folder.path().to_owned());
        for &number in order {
            let has_output = number != 3;
            emitter.take(number, if has_output { written(&text(number)) } else { None }).unwrap();
        }
        emitter.finish().unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "files are removed once they are passed on"
        );
        output
    }

    #[test]
    fn outputs_come_in_order_where_that_is_wanted() {
        let line = |number: u64| format!("{number}\n");
        assert_eq!(emitted(true, &[2, 3, 1, 5, 4], line), b"1\n2\n4\n5\n");
        assert_eq!(emitted(false, &[2, 3, 1, 5, 4], line), b"2\n1\n5\n4\n");
        assert_eq!(
            emitted(true, &[5, 4], line),
            b"4\n5\n",
            "what waits for a task that never ended comes at the end"
        );
    }

    #[test]
    fn what_waits_beyond_the_memory_waits_in_files() {
        let long = |number: u64| number.to_string().repeat(HELD / 3 + 1);
        let output = emitted(true, &[2, 4, 5, 6, 1], long);
        assert_eq!(output, [1, 2, 4, 5, 6].map(long).concat().into_bytes());
    }
}
