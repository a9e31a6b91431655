//! Code objects: the function, its file, and the line of an instruction.

use std::collections::HashMap;

use festina_machine::target::MemoryRange;

use super::Memory;
use super::layout::{CodeLayout, Instruction, Layout};
use super::lines::Lines;
use super::{half_at, word_at};

/// No name, path or table that is read is longer.
const LONGEST: u64 = 1 << 20;

/// Where an instruction stands in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) file: String,
    /// The line at which the function starts.
    pub(crate) first_line: u32,
    /// The line of the instruction; that of the function's start where it has none.
    pub(crate) line: u32,
}

/// What is kept of a code object.
#[derive(Debug)]
struct Code {
    name: String,
    file: String,
    first_line: u32,
    lines: Lines,
    /// The addresses of its name, file and table, and its line: as long as these stay, it is the same object.
    identity: [u64; 4],
}

/// Reads code objects of one process, each once.
#[derive(Debug, Default)]
pub(crate) struct CodeReader {
    codes: HashMap<u64, Code>,
    /// The type of code objects: known once one was read.
    kind: Option<u64>,
}

/// Where the type of any object is.
const OBJECT_TYPE: usize = 8;

impl CodeReader {
    /// Returns the place of the instruction at `offset` of the code object at `address`; `None` if there is none.
    pub(crate) fn place(
        &mut self,
        address: u64,
        offset: u32,
        layout: &Layout,
        memory: &mut impl Memory,
    ) -> Option<Place> {
        if !self.codes.contains_key(&address) {
            let code = self.read(address, layout, memory)?;
            self.codes.insert(address, code);
        }
        let code = &self.codes[&address];
        Some(Place {
            name: code.name.clone(),
            file: code.file.clone(),
            first_line: code.first_line,
            line: code.lines.line(offset).unwrap_or(code.first_line),
        })
    }

    /// Forgets code objects whose memory holds something else by now, and returns whether there were any.
    pub(crate) fn forget_stale(&mut self, layout: &Layout, memory: &mut impl Memory) -> bool {
        let before = self.codes.len();
        let size = layout.code.size;
        let addresses: Vec<u64> = self.codes.keys().copied().collect();
        let ranges: Vec<MemoryRange> =
            addresses.iter().map(|address| MemoryRange::new(*address, size)).collect();
        let mut headers = Vec::new();
        let copied = if ranges.is_empty() { 0 } else { memory.copy(&ranges, &mut headers) };
        let mut own = vec![0; size];
        for (index, address) in addresses.iter().enumerate() {
            // Behind what is not mapped any more nothing was copied.
            let header = match headers.get(index * size..(index + 1) * size) {
                Some(header) if (index + 1) * size <= copied => header,
                _ if memory.fill(*address, &mut own) => &own,
                _ => &[],
            };
            if identity(header, &layout.code) != Some(self.codes[address].identity) {
                self.codes.remove(address);
            }
        }
        self.codes.len() < before
    }

    fn read(&mut self, address: u64, layout: &Layout, memory: &mut impl Memory) -> Option<Code> {
        let mut header = vec![0; layout.code.size];
        if address == 0 || !memory.fill(address, &mut header) {
            return None;
        }
        let kind = word_at(&header, OBJECT_TYPE)?;
        if self.kind.is_some_and(|known| known != kind) {
            return None;
        }
        let identity = identity(&header, &layout.code)?;
        let [name, file, table, first_line] = identity;
        let code = Code {
            name: text(name, layout, memory)?,
            file: text(file, layout, memory)?,
            first_line: first_line as u32,
            lines: Lines::parse(layout.code.format, &bytes(table, memory)?, first_line as u32),
            identity,
        };
        self.kind = Some(kind);
        Some(code)
    }
}

fn identity(header: &[u8], layout: &CodeLayout) -> Option<[u64; 4]> {
    Some([
        word_at(header, layout.name)?,
        word_at(header, layout.file)?,
        word_at(header, layout.lines)?,
        u64::from(half_at(header, layout.first_line)?),
    ])
}

/// Returns the names of the local variables of the code object at `address`, in the order in which a frame has them.
pub(crate) fn local_names(address: u64, layout: &Layout, memory: &mut impl Memory) -> Option<Vec<String>> {
    /// A function with more is looked at as far as these.
    const MOST: u64 = 64;
    let names = memory.word(address.checked_add(layout.code.local_names as u64)?)?;
    let count = memory.word(names.checked_add(16)?)?.min(MOST);
    let items = names.checked_add(layout.tuple_items)?;
    (0..count).map(|index| text(memory.word(items.checked_add(8 * index)?)?, layout, memory)).collect()
}

/// Returns the content of the `bytes` object at `address`.
fn bytes(address: u64, memory: &mut impl Memory) -> Option<Vec<u8>> {
    let length = memory.word(address.checked_add(16)?)?;
    if length > LONGEST {
        return None;
    }
    let mut bytes = vec![0; length as usize];
    memory.fill(address.checked_add(32)?, &mut bytes).then_some(bytes)
}

/// Returns the content of the `str` object at `address`. Names and paths are always stored in the compact form.
fn text(address: u64, layout: &Layout, memory: &mut impl Memory) -> Option<String> {
    let mut header = [0; 40];
    if !memory.fill(address, &mut header) {
        return None;
    }
    let length = word_at(&header, 16)?;
    let state = half_at(&header, 32)?;
    // interned:2, kind:3, compact:1, ascii:1
    let (kind, is_compact, is_ascii) = (state >> 2 & 7, state >> 5 & 1 == 1, state >> 6 & 1 == 1);
    if !is_compact || ![1, 2, 4].contains(&kind) || length.checked_mul(u64::from(kind))? > LONGEST {
        return None;
    }
    let start = address.checked_add(layout.text[usize::from(!is_ascii)])?;
    let mut bytes = vec![0; (length * u64::from(kind)) as usize];
    if !memory.fill(start, &mut bytes) {
        return None;
    }
    let character = |unit: &[u8]| {
        let code = unit.iter().rev().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
        // Names of files that are not UTF-8 hold lone surrogates.
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    Some(bytes.chunks_exact(kind as usize).map(character).collect())
}

/// Returns the offset of the instruction that `frame` is at, in bytes of the code object at `code`; `None` if it is none
/// of it.
pub(crate) fn instruction(frame: &[u8], code: u64, instruction: Instruction) -> Option<u32> {
    /// No function is longer.
    const LONGEST_CODE: i64 = 1 << 28;
    match instruction {
        Instruction::Index { offset, unit } => {
            let index = half_at(frame, offset)?.cast_signed();
            // −1 is a function that has not begun.
            u32::try_from(i64::from(index.max(0)) * i64::from(unit)).ok()
        }
        Instruction::Pointer { offset, code_bytes } => {
            let start = code.checked_add(code_bytes)?;
            let distance = word_at(frame, offset)?.wrapping_sub(start).cast_signed();
            // One unit before its start is a function that has not begun.
            (-2..LONGEST_CODE).contains(&distance).then_some(distance.max(0) as u32)
        }
    }
}
