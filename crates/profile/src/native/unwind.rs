//! Walks stacks of machine code, with the `framehop` crate.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use festina_machine::target::{Mapping, ProcessMemory, Registers};
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{Error, ExplicitModuleSectionInfo, Module, Unwinder};

use super::file::CodeFile;
use crate::elf::{ElfImage, Found};

/// No stack is followed deeper.
const DEEPEST: usize = 1_000;
/// What is read at a time of a stack that was not noted, and how often for one.
const PAGE: u64 = 4096;
const MOST_PAGES: usize = 128;

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At the function with which the thread began.
    Outermost,
    /// Before that: the caller of the last frame could not be told.
    Lost,
    /// At as many frames as are followed.
    Deep,
}

/// What was learnt about how to step over single instructions, for all processes.
pub(super) struct Cache(CacheX86_64);

impl Default for Cache {
    fn default() -> Self {
        Self(CacheX86_64::new())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// The sections of a file by which stacks are walked.
pub(super) struct Sections {
    text: Option<Range<u64>>,
    got: Option<Range<u64>>,
    frames: (Range<u64>, Rc<[u8]>),
    index: Option<(Range<u64>, Rc<[u8]>)>,
}

impl Sections {
    /// Returns those of `image`; `None` if it has none.
    pub(super) fn of(image: &ElfImage) -> Option<Self> {
        let range = |found: Found| found.address..found.address + found.size;
        let place = |name: &str| image.section(name).map(range);
        let data = |name: &str| Some((place(name)?, image.data(name)?));
        let (frames, index) = (data(".eh_frame")?, data(".eh_frame_hdr"));
        Some(Self { text: place(".text"), got: place(".got"), frames, index })
    }
}

/// What is mapped where in one process, for walking.
#[derive(Default)]
pub(super) struct Modules {
    unwinder: UnwinderX86_64<Rc<[u8]>>,
    /// The first addresses of the mappings that were added.
    added: Vec<u64>,
}

impl fmt::Debug for Modules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Modules").field("added", &self.added).finish_non_exhaustive()
    }
}

impl Modules {
    /// Returns whether `mapping` was added.
    pub(super) fn has(&self, mapping: &Mapping) -> bool {
        self.added.contains(&mapping.start)
    }

    /// Adds the code of `file` that is mapped at `mapping`; without tables, its frames are walked by frame pointers.
    pub(super) fn add(&mut self, mapping: &Mapping, file: Option<&CodeFile>) {
        self.added.push(mapping.start);
        let Some((sections, bias)) = file.and_then(|file| Some((file.sections()?, file.bias(mapping)?)))
        else {
            return;
        };
        let (frames, index) = (sections.frames, sections.index);
        let info = ExplicitModuleSectionInfo {
            text_svma: sections.text,
            got_svma: sections.got,
            eh_frame_svma: Some(frames.0),
            eh_frame: Some(frames.1),
            eh_frame_hdr_svma: index.as_ref().map(|(place, _)| place.clone()),
            eh_frame_hdr: index.map(|(_, data)| data),
            ..Default::default()
        };
        self.unwinder.add_module(Module::new(mapping.file_name(), mapping.start..mapping.end, bias, info));
    }

    /// Walks the stack in `memory`, and puts an address in the code of each frame into `addresses`, the innermost first.
    pub(super) fn walk(
        &self,
        memory: &mut StackMemory<'_>,
        cache: &mut Cache,
        addresses: &mut Vec<u64>,
    ) -> End {
        let Registers { instruction, stack_pointer, frame_pointer } = memory.registers;
        let registers = UnwindRegsX86_64::new(instruction, stack_pointer, frame_pointer);
        let mut read = |address| memory.word(address).ok_or(());
        let mut frames = self.unwinder.iter_frames(instruction, registers, &mut cache.0, &mut read);
        addresses.clear();
        loop {
            match frames.next() {
                // The instruction behind a call may be another function's, or line's.
                Ok(Some(frame)) => addresses.push(frame.address_for_lookup()),
                Ok(None) | Err(Error::ReturnAddressIsNull) => return End::Outermost,
                Err(_) => return End::Lost,
            }
            if addresses.len() == DEEPEST {
                return End::Deep;
            }
        }
    }
}

/// A frame pointer that is not known: where it is needed, the walk ends.
pub(crate) const NO_FRAME_POINTER: u64 = 8;

/// The stack of a thread: what was noted of it, and for the rest the process's memory. What is far out on a stack stands still
/// while the innermost functions come and go.
pub(crate) struct StackMemory<'a> {
    registers: Registers,
    noted: &'a [u8],
    memory: &'a mut ProcessMemory,
    pages: Vec<(u64, Box<[u8]>)>,
}

impl<'a> StackMemory<'a> {
    /// Returns the stack of a thread with `registers`, of which `noted` is the top.
    pub(crate) fn new(registers: Registers, noted: &'a [u8], memory: &'a mut ProcessMemory) -> Self {
        Self { registers, noted, memory, pages: Vec::new() }
    }

    /// Returns the 8 bytes at `address`.
    fn word(&mut self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.registers.stack_pointer)?).ok()?;
        if let Some(bytes) = offset.checked_add(8).and_then(|end| self.noted.get(offset..end)) {
            return Some(u64::from_le_bytes(bytes.try_into().ok()?));
        }
        let start = address & !(PAGE - 1);
        let at = (address - start) as usize;
        let page = match self.pages.iter().position(|(known, _)| *known == start) {
            Some(index) => &self.pages[index].1,
            None if self.pages.len() < MOST_PAGES => {
                let mut page = vec![0; PAGE as usize].into_boxed_slice();
                self.memory.read(start, &mut page).ok()?;
                self.pages.push((start, page));
                &self.pages.last()?.1
            }
            None => return None,
        };
        Some(u64::from_le_bytes(page.get(at..at + 8)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_comes_before_the_memory_and_the_rest_from_there() {
        let words: Vec<u64> = (0..2_000).collect();
        let stack_pointer = words.as_ptr() as u64;
        let mut memory = ProcessMemory::new(std::process::id());
        let noted = [7_u64.to_le_bytes(), 8_u64.to_le_bytes()].concat();
        let registers = Registers { stack_pointer, ..Registers::default() };
        let mut stack = StackMemory::new(registers, &noted, &mut memory);
        let found = [0, 8, 16, 8 * 1_999].map(|offset| stack.word(stack_pointer + offset));
        assert_eq!(found, [Some(7), Some(8), Some(2), Some(1_999)]);
        // Nothing is below the stack pointer.
        assert_eq!(stack.word(stack_pointer - 8), None);
    }

    #[test]
    fn a_chain_of_frame_pointers_is_walked_to_its_end() {
        // Frame pointer and return address of two callers; the outermost has none.
        let base = 0x7000_u64;
        let words = [0, 0, base + 32, 0x1111, base + 48, 0x2222, 0, 0];
        let noted: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        let registers = Registers { instruction: 0x999, stack_pointer: base, frame_pointer: base + 16 };
        let mut memory = ProcessMemory::new(std::process::id());
        let mut addresses = Vec::new();
        let mut stack = StackMemory::new(registers, &noted, &mut memory);
        let end = Modules::default().walk(&mut stack, &mut Cache::default(), &mut addresses);
        assert_eq!((end, addresses), (End::Outermost, vec![0x999, 0x1110, 0x2221]));
        let lost = Registers { frame_pointer: NO_FRAME_POINTER, ..registers };
        let mut addresses = Vec::new();
        let mut stack = StackMemory::new(lost, &noted, &mut memory);
        let end = Modules::default().walk(&mut stack, &mut Cache::default(), &mut addresses);
        assert_eq!((end, addresses), (End::Lost, vec![0x999]));
    }
}
