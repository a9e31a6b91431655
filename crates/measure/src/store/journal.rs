//! Lines of JSON, appended one a time: what was written stays, whatever happens next.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use festina_types::{Finding, Severity};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::MeasureError;

/// A file of JSON lines to append to.
///
/// Each line is handed to the kernel at once, so that a killed process loses nothing; it isn't forced to the disk,
/// since that would disturb the next run, and a power cut may lose the last seconds.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Journal {
    pub(super) fn create(path: PathBuf) -> Result<Self, MeasureError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| MeasureError::file("create", &path, e))?;
        Ok(Self { path, file, length: 0 })
    }

    /// Appends `record` as a line. After a failure the file ends with the line before.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn append(&mut self, record: &impl Serialize) -> Result<(), MeasureError> {
        let mut line = serde_json::to_vec(record).expect("records of the journal are plain data");
        line.push(b'\n');
        match self.file.write_all(&line) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What cannot be cut off is told as a torn line by the reader.
                let _ = self.file.set_len(self.length);
                Err(MeasureError::file("write", &self.path, error))
            }
        }
    }
}

/// What was read of a file of JSON lines.
#[derive(Debug)]
pub(super) struct Lines<T> {
    pub(super) records: Vec<T>,
    pub(super) findings: Vec<Finding>,
}

/// Reads the file at `path`: lines that are no records are told with their number and left out.
pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Lines<T>, MeasureError> {
    let corrupt = |e: std::io::Error| MeasureError::Corrupt { path: path.to_owned(), reason: e.to_string() };
    let bytes = std::fs::read(path).map_err(corrupt)?;
    Ok(parse_lines(&bytes, &path.file_name().unwrap_or_default().to_string_lossy()))
}

pub(super) fn parse_lines<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Lines<T> {
    let mut lines = Lines { records: Vec::new(), findings: Vec::new() };
    let mut number = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        number += 1;
        let complete = line.ends_with(b"\n");
        match serde_json::from_slice(line) {
            Ok(record) => lines.records.push(record),
            Err(_) if !complete => lines.findings.push(torn_line(name, number)),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(error) => lines.findings.push(corrupt_line(name, number, &error)),
        }
    }
    lines
}

fn torn_line(name: &str, number: usize) -> Finding {
    let message =
        format!("the last line of {name}, line {number}, was cut off while it was written: left out");
    Finding::new(Severity::Note, "torn-line", message)
}

fn corrupt_line(name: &str, number: usize, error: &serde_json::Error) -> Finding {
    let message = format!("line {number} of {name} cannot be read and is left out: {error}");
    Finding::new(Severity::Warning, "corrupt-line", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_one_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let error = Journal::create(path).unwrap().append(&1).unwrap_err();
        assert!(matches!(error, MeasureError::NoSpace { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("--from"));
    }

    #[test]
    fn torn_and_corrupt_lines_are_told_and_the_rest_is_kept() {
        let lines = parse_lines::<u32>(b"1\nx\n\n3\n4", "f");
        assert_eq!(lines.records, [1, 3, 4]);
        assert_eq!(lines.findings.len(), 1);
        assert!(lines.findings[0].message.starts_with("line 2 of f"));
        let torn = parse_lines::<Vec<u32>>(b"[1]\n[2", "f");
        assert_eq!(torn.records, [[1]]);
        assert_eq!(torn.findings[0].code, "torn-line");
    }

    proptest::proptest! {
        #[test]
        fn a_journal_cut_anywhere_keeps_all_whole_lines(count in 0_usize..20, cut in 0_usize..400) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let mut journal = Journal::create(path.clone()).unwrap();
            let records: Vec<String> = (0..count).map(|i| format!("record {i}\n")).collect();
            for record in &records {
                journal.append(record).unwrap();
            }
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.truncate(cut);
            let whole = bytes.iter().filter(|b| **b == b'\n').count();
            let read = parse_lines::<String>(&bytes, "journal").records;
            // A last line that lacks nothing but its end is whole as well.
            proptest::prop_assert!(read.len() == whole || read.len() == whole + 1);
            proptest::prop_assert_eq!(&read[..], &records[..read.len()]);
        }
    }
}
