//! A line of the journal: a checksum, a space, and JSON.

use std::ffi::OsString;

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use super::record::{Record, byte_strings};

/// The version of the journal's format.
pub const JOURNAL_VERSION: u32 = 1;

/// How a session's line begins.
const SESSION: &[u8] = b"{\"festina-run-journal\":";

/// What is known of one start of festina on this run; written before its first task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The version of the journal's format.
    #[serde(rename = "festina-run-journal")]
    pub version: u32,
    /// The command with its placeholders.
    #[serde(with = "byte_strings")]
    pub command: Vec<OsString>,
    /// What identifies the set of tasks: a run is resumed only by the same command with the same options.
    pub identity: String,
    /// The names of the inputs.
    pub columns: Vec<String>,
    /// The number of slots.
    pub slots: u32,
    /// The cores of a slot.
    pub cores_per_task: u32,
    /// The size of the blocks into which one text is split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Bytes>,
    /// The seed from which the tasks' seeds are derived.
    pub seed: u64,
    /// The name of the machine.
    pub host: String,
    /// When the session started, in seconds since the Unix epoch.
    pub started_at_unix_s: f64,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Session(Session),
    Task(Box<Record>),
}

/// Writes `line` with its checksum and its end.
pub(super) fn write(line: &Line, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(b"00000000 ");
    serde_json::to_writer(&mut *buffer, line)
        .expect("strings and numbers are always JSON, and memory takes them");
    let checksum = format!("{:08x}", crc32(&buffer[9..]));
    buffer[..8].copy_from_slice(checksum.as_bytes());
    buffer.push(b'\n');
}

/// Reads a line without its end; `None` if it is not what was written.
pub(super) fn read(text: &[u8]) -> Option<Line> {
    let (checksum, json) = (text.get(..8)?, text.get(9..)?);
    let is_lower_case = checksum.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if !is_lower_case || text[8] != b' ' || crc32(json) != checksum {
        return None;
    }
    // Told apart by their beginnings: serde would try both, and read most lines twice.
    if json.starts_with(SESSION) {
        serde_json::from_slice(json).ok().map(Line::Session)
    } else {
        serde_json::from_slice(json).ok().map(|record| Line::Task(Box::new(record)))
    }
}

/// The cyclic redundancy check of IEEE 802.3 (reflected polynomial 0xEDB88320), as in gzip and PNG: it finds every
/// error burst of up to 32 bits.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(byte)) & 0xff) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
