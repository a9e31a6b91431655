//! The lines of a text, one at a time.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;

use super::Origin;
use crate::tasks::TaskError;

/// A line that is longer is refused: it cannot be an argument, and would fill the memory.
const LONGEST: u64 = 64 << 20;

pub(super) fn read(origin: &Origin, end: u8) -> Result<Lines, TaskError> {
    Ok(Lines {
        reader: BufReader::with_capacity(64 << 10, origin.open()?),
        origin: origin.clone(),
        end,
        line: 0,
    })
}

pub(super) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    origin: Origin,
    end: u8,
    line: u64,
}

impl Lines {
    fn next_line(&mut self) -> Result<Option<OsString>, TaskError> {
        let mut line = Vec::new();
        let limited = &mut (&mut self.reader).take(LONGEST + 1);
        limited.read_until(self.end, &mut line).map_err(|source| self.origin.unreadable(source))?;
        self.line += 1;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&self.end) {
            line.pop();
        } else if line.len() as u64 > LONGEST {
            return Err(TaskError::Malformed {
                origin: self.origin.name(),
                line: self.line,
                column: LONGEST,
                message: "the line is longer than 64 MiB".to_owned(),
            });
        }
        Ok(Some(OsString::from_vec(line)))
    }
}

impl Iterator for Lines {
    type Item = Result<OsString, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}
