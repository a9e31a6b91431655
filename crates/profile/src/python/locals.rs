//! What the local variables of a function are: the evidence for findings about its lines.
//!
//! Objects are looked at seldom: when a place in the code has been seen to be the innermost two, four, eight, … times. The
//! thread runs on meanwhile, so an object may be gone: one whose type has no plausible name is left out, and findings
//! want the same type at least twice.

use std::collections::HashMap;

use super::code::local_names;
use super::layout::{Layout, untagged};
use super::stack::RawFrame;
use super::{Memory, half_at, word_at};

/// A local variable as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    /// The name of its type, such as `list` or `numpy.ndarray`.
    pub(crate) kind: String,
    /// The number of items of a container, of dimensions of a `NumPy` array; of no meaning for other types.
    pub(crate) size: u64,
}

/// Reads local variables of one process.
#[derive(Debug, Default)]
pub(crate) struct LocalReader {
    /// How often each place was the innermost.
    seen: HashMap<RawFrame, u32>,
    names: HashMap<u64, Vec<String>>,
    /// Names of types by their address; `None` for what is none.
    kinds: HashMap<u64, Option<String>>,
}

/// Where the type of an object is, and where the name of a type.
const OBJECT_TYPE: u64 = 8;
const TYPE_NAME: u64 = 24;
/// What is read of an object.
const HEADER: usize = 32;

impl LocalReader {
    /// Counts that `frame` was the innermost, and returns whether it is time to look at its variables.
    pub(crate) fn wants(&mut self, frame: RawFrame) -> bool {
        let count = self.seen.entry(frame).or_default();
        *count += 1;
        *count >= 2 && count.is_power_of_two()
    }

    /// Forgets what was known of code objects.
    pub(crate) fn forget(&mut self) {
        self.names.clear();
        self.seen.clear();
    }

    /// Returns the variables of the frame at `address`, which runs `code`; none if it has ended meanwhile.
    pub(crate) fn read(
        &mut self,
        address: u64,
        code: u64,
        layout: &Layout,
        memory: &mut impl Memory,
    ) -> Vec<Found> {
        let read = || local_names(code, layout, memory).unwrap_or_default();
        let names = self.names.entry(code).or_insert_with(read).clone();
        let mut slots = vec![0; 8 * names.len()];
        if names.is_empty() || !memory.fill(address.wrapping_add(layout.frame.locals), &mut slots) {
            return Vec::new();
        }
        let found: Vec<Found> = names
            .into_iter()
            .enumerate()
            .filter_map(|(index, name)| self.object(name, untagged(word_at(&slots, 8 * index)?), memory))
            .collect();
        let runs = memory.word(address.wrapping_add(layout.frame.code as u64)).map(untagged);
        if runs == Some(code) { found } else { Vec::new() }
    }

    fn object(&mut self, name: String, address: u64, memory: &mut impl Memory) -> Option<Found> {
        let (mut kind, mut header) = self.header(address, memory)?;
        if kind == "cell" {
            // A variable that functions within this one use too.
            (kind, header) = self.header(word_at(&header, 16)?, memory)?;
        }
        let size = match kind.as_str() {
            "numpy.ndarray" => u64::from(half_at(&header, 24)?),
            "set" | "frozenset" => word_at(&header, 24)?,
            _ => word_at(&header, 16)?,
        };
        Some(Found { name, kind, size })
    }

    fn header(&mut self, address: u64, memory: &mut impl Memory) -> Option<(String, [u8; HEADER])> {
        let mut header = [0; HEADER];
        if address == 0 || !memory.fill(address, &mut header) {
            return None;
        }
        let kind = word_at(&header, OBJECT_TYPE as usize)?;
        let name = self.kinds.entry(kind).or_insert_with(|| type_name(kind, memory)).clone();
        Some((name?, header))
    }
}

/// Returns the name of the type at `address`; `None` where there is none.
fn type_name(address: u64, memory: &mut impl Memory) -> Option<String> {
    const LONGEST: usize = 64;
    let place = memory.word(address.checked_add(TYPE_NAME)?)?;
    let mut bytes = [0; LONGEST];
    if !memory.fill(place, &mut bytes) {
        return None;
    }
    let length = bytes.iter().position(|byte| *byte == 0)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
    let name = &bytes[..length];
    (length > 0 && name.iter().all(is_name)).then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::layout::Version;
    use crate::python::tests::Pieces;

    fn put(bytes: &mut [u8], offset: usize, word: u64) {
        bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }

    /// An ASCII string of 3.12.
    fn text(text: &str) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        put(&mut bytes, 16, text.len() as u64);
        bytes[32] = 1 << 2 | 1 << 5 | 1 << 6;
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn a_list_of_seven_is_found_by_its_name() {
        let mut code = vec![0; 192];
        put(&mut code, 96, 0x2000);
        let mut names = vec![0; 40];
        put(&mut names, 16, 2);
        put(&mut names, 24, 0x3000);
        put(&mut names, 32, 0x3100);
        let mut frame = vec![0; 88];
        put(&mut frame, 0, 0x1000);
        put(&mut frame, 72, 0x5000);
        let mut list = vec![0; 32];
        put(&mut list, 8, 0x6000);
        put(&mut list, 16, 7);
        let mut kind = vec![0; 32];
        put(&mut kind, 24, 0x7000);
        let mut name = vec![0; 64];
        name[..4].copy_from_slice(b"list");
        let mut memory = Pieces(vec![
            (0x1000, code),
            (0x2000, names),
            (0x3000, text("seen")),
            (0x3100, text("unset")),
            (0x4000, frame),
            (0x5000, list),
            (0x6000, kind),
            (0x7000, name),
        ]);
        let layout = Layout::of(Version { major: 3, minor: 12 }).unwrap();
        let found = LocalReader::default().read(0x4000, 0x1000, &layout, &mut memory);
        assert_eq!(found, [Found { name: "seen".to_owned(), kind: "list".to_owned(), size: 7 }]);
        assert!(LocalReader::default().read(0x4000, 0x1008, &layout, &mut memory).is_empty());
    }

    #[test]
    fn a_place_is_looked_at_less_and_less_often() {
        let mut reader = LocalReader::default();
        let frame = RawFrame { code: 1, instruction: 2 };
        let looks: Vec<usize> = (1..=20).filter(|_| reader.wants(frame)).collect();
        assert_eq!(looks, [2, 4, 8, 16]);
    }
}
