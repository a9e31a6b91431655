//! From an instruction to its line.

use super::layout::LineFormat;

/// The lines of a code object: from which instruction on which line holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Offsets in bytes, ascending, each with its line; 0 where there is none.
    starts: Vec<(u32, u32)>,
}

impl Lines {
    /// Reads the table `bytes` of a code object that starts at `first_line`; what is cut short ends there.
    pub(crate) fn parse(format: LineFormat, bytes: &[u8], first_line: u32) -> Self {
        let starts = match format {
            LineFormat::Increments => increments(bytes, first_line),
            LineFormat::Ranges => ranges(bytes, first_line),
            LineFormat::Locations => locations(bytes, first_line),
        };
        Self { starts }
    }

    /// Returns the line of the instruction at `offset`; `None` where the compiler gave it none.
    pub(crate) fn line(&self, offset: u32) -> Option<u32> {
        let behind = self.starts.partition_point(|(start, _)| *start <= offset);
        let (_, line) = self.starts.get(behind.checked_sub(1)?)?;
        (*line != 0).then_some(*line)
    }
}

/// 3.9: pairs of an increment of the offset and a signed one of the line.
fn increments(bytes: &[u8], first_line: u32) -> Vec<(u32, u32)> {
    let mut starts = vec![(0, first_line)];
    let (mut offset, mut line) = (0_u32, first_line);
    for pair in bytes.chunks_exact(2) {
        offset += u32::from(pair[0]);
        line = line.saturating_add_signed(i32::from(pair[1].cast_signed()));
        starts.push((offset, line));
    }
    starts
}

/// 3.10: pairs of a length in bytes and a signed increment of the line; −128 is a range without one.
fn ranges(bytes: &[u8], first_line: u32) -> Vec<(u32, u32)> {
    let mut starts = Vec::new();
    let (mut offset, mut line) = (0_u32, first_line);
    for pair in bytes.chunks_exact(2) {
        let increment = pair[1].cast_signed();
        if increment != i8::MIN {
            line = line.saturating_add_signed(i32::from(increment));
        }
        starts.push((offset, if increment == i8::MIN { 0 } else { line }));
        offset += u32::from(pair[0]);
    }
    starts
}

/// 3.11 and later: entries of a byte `1kkkklll` (kind, length − 1 in units of two bytes) and what the kind says.
fn locations(bytes: &[u8], first_line: u32) -> Vec<(u32, u32)> {
    let mut starts = Vec::new();
    let (mut offset, mut line) = (0_u32, first_line);
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_first() {
        rest = tail;
        let (kind, length) = (head >> 3 & 15, u32::from(head & 7) + 1);
        let increment = match kind {
            10..=12 => i32::from(kind) - 10,
            13 | 14 => signed(&mut rest),
            _ => 0,
        };
        line = line.saturating_add_signed(increment);
        starts.push((offset, if kind == 15 { 0 } else { line }));
        offset += 2 * length;
        // What is left of the entry are columns: none of their bytes has the first bit set.
        let columns = rest.iter().position(|byte| byte & 0x80 != 0).unwrap_or(rest.len());
        rest = &rest[columns..];
    }
    starts
}

/// Reads a number of six bits a byte, the lowest first, with its sign in the last bit.
fn signed(bytes: &mut &[u8]) -> i32 {
    let (mut value, mut shift) = (0_u32, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u32::from(byte & 63).checked_shl(shift).unwrap_or(0);
        shift += 6;
        if byte & 64 == 0 {
            break;
        }
    }
    let magnitude = (value >> 1).cast_signed();
    if value & 1 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_as_cpython_3_11_writes_them() {
        // def f(x):          # line 1
        //     y = x + 1      # line 2
        //     return y       # line 3
        // f.__code__.co_linetable, and list(co_positions()) beside it.
        let table = b"\x80\x00\xd8\x08\t\x88A\x89\x05\x80A\xd8\x0b\x0c\x80H";
        let lines = Lines::parse(LineFormat::Locations, table, 1);
        let at = |offset| lines.line(offset);
        assert_eq!([at(0), at(2), at(10), at(12), at(14), at(16)], [1, 2, 2, 3, 3, 3].map(Some));
    }

    #[test]
    fn a_range_without_line_has_none() {
        let lines = Lines::parse(LineFormat::Ranges, &[4, 1, 2, 0x80, 6, 2], 10);
        assert_eq!([lines.line(0), lines.line(4), lines.line(6)], [Some(11), None, Some(13)]);
        let lines = Lines::parse(LineFormat::Increments, &[6, 1, 8, 255], 10);
        assert_eq!([lines.line(5), lines.line(6), lines.line(14)], [Some(10), Some(11), Some(10)]);
    }

    proptest::proptest! {
        #[test]
        fn any_table_is_read_without_panic(bytes: Vec<u8>, first in 0_u32..1_000_000, offset: u32) {
            for format in [LineFormat::Increments, LineFormat::Ranges, LineFormat::Locations] {
                let _ = Lines::parse(format, &bytes, first).line(offset);
            }
        }
    }
}
