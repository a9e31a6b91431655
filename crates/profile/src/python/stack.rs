//! Stacks of threads that run Python.

use std::collections::HashMap;

use festina_machine::target::MemoryRange;

use super::code::instruction;
use super::find::{Interpreter, ThreadId, place_of_id};
use super::layout::{Layout, Top};
use super::{Memory, word_at};

/// No stack is followed deeper.
const DEEPEST: usize = 2_000;
/// How often a stack that does not hold together is read again.
const TRIES: usize = 6;
/// Frames that lie so near to each other are copied as one range.
const GAP: u64 = 512;
/// What is copied for one thread has at most so many ranges.
const MOST_RANGES: usize = 200;

/// A frame as it stands in memory: its code object, and the instruction's offset therein.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawFrame {
    pub(crate) code: u64,
    pub(crate) instruction: u32,
}

/// What came of reading a thread's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// Its frames were read.
    Read,
    /// It runs no Python code.
    NoPython,
    /// It changed faster than it could be read; frames are the outer ones that stood still, none if none did.
    Torn,
}

/// A thread whose stack is read again and again.
#[derive(Debug)]
struct Known {
    /// The address of its state.
    state: u64,
    /// Where the pointer to its innermost frame was last time.
    top: u64,
    /// Where its frames were: what is copied at once next time.
    window: Vec<MemoryRange>,
    /// Where the frame of its innermost Python function was.
    innermost: u64,
    /// Where its frames were when they were read last, the innermost first.
    chain: Vec<u64>,
}

impl Known {
    fn new(state: u64) -> Self {
        Self { state, top: 0, window: Vec::new(), innermost: 0, chain: Vec::new() }
    }
}

/// Reads the stacks of the threads of one process.
#[derive(Debug)]
pub(crate) struct StackReader {
    layout: Layout,
    threads: HashMap<u32, Known>,
    place_of_id: Option<usize>,
    ranges: Vec<MemoryRange>,
    buffer: Vec<u8>,
}

impl StackReader {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, threads: HashMap::new(), place_of_id: None, ranges: Vec::new(), buffer: Vec::new() }
    }

    /// Returns the layout by which it reads.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Finds out which of the threads `tids` run Python.
    pub(crate) fn refresh(&mut self, interpreter: &Interpreter, tids: &[u32], memory: &mut impl Memory) {
        let states = interpreter.threads(memory);
        let mut known = HashMap::new();
        let pthreads: Vec<u64> = states
            .iter()
            .filter_map(|(_, id)| if let ThreadId::Pthread(address) = id { Some(*address) } else { None })
            .collect();
        if !pthreads.is_empty() && self.place_of_id.is_none() {
            self.place_of_id = place_of_id(&pthreads, tids, memory);
        }
        for (state, id) in states {
            let tid = match id {
                ThreadId::Native(tid) => Some(tid),
                ThreadId::Pthread(address) => self.place_of_id.and_then(|place| {
                    let mut bytes = [0; 4];
                    memory.fill(address + place as u64, &mut bytes).then(|| u32::from_le_bytes(bytes))
                }),
            };
            let Some(tid) = tid.filter(|tid| tids.contains(tid)) else { continue };
            let before = self.threads.remove(&tid).filter(|thread| thread.state == state);
            known.insert(tid, before.unwrap_or_else(|| Known::new(state)));
        }
        self.threads = known;
    }

    /// Returns whether the thread `tid` was seen to run Python.
    pub(crate) fn knows(&self, tid: u32) -> bool {
        self.threads.contains_key(&tid)
    }

    /// Returns where the innermost frame of the thread `tid` was when it was read last; 0 where there was none.
    pub(crate) fn innermost(&self, tid: u32) -> u64 {
        self.threads.get(&tid).map_or(0, |known| known.innermost)
    }

    /// Reads the stacks of `tids` and gives each to `take`, innermost frame first.
    pub(crate) fn read(
        &mut self,
        tids: &[u32],
        memory: &mut impl Memory,
        mut take: impl FnMut(usize, Tried, &[RawFrame]),
    ) {
        let layout = self.layout;
        self.ranges.clear();
        let mut places = Vec::with_capacity(tids.len());
        for tid in tids {
            let first = self.ranges.len();
            if let Some(known) = self.threads.get(tid) {
                ranges_of(known, &layout, &mut self.ranges);
            }
            places.push(first..self.ranges.len());
        }
        let copied = if self.ranges.is_empty() { 0 } else { memory.copy(&self.ranges, &mut self.buffer) };
        let mut start = 0;
        let mut frames = Vec::new();
        for (index, (tid, place)) in tids.iter().zip(places).enumerate() {
            let Some(known) = self.threads.get_mut(tid) else {
                take(index, Tried::NoPython, &[]);
                continue;
            };
            let ranges = &self.ranges[place];
            let length: usize = ranges.iter().map(|range| range.length).sum();
            let bytes = self.buffer.get(start..(start + length).min(copied)).unwrap_or_default();
            start += length;
            let mut walk = Walk {
                layout: &layout,
                ranges,
                bytes,
                frames: &mut frames,
                seen: Vec::new(),
                innermost: 0,
                missed: false,
            };
            let mut tried = if bytes.len() == length { walk.thread(known, memory) } else { Tried::Torn };
            for _ in 1..TRIES {
                if tried != Tried::Torn {
                    break;
                }
                tried = again(known, &layout, &mut frames, memory);
            }
            if tried == Tried::Torn {
                outer_frames(known, &layout, &mut frames, memory);
            }
            take(index, tried, &frames);
        }
    }
}

/// Adds what is to be copied for a thread: its state, what points to its innermost frame, its frames, and that pointer
/// again.
fn ranges_of(known: &Known, layout: &Layout, ranges: &mut Vec<MemoryRange>) {
    ranges.push(MemoryRange::new(known.state, layout.thread.size));
    if known.top != 0 {
        ranges.push(MemoryRange::new(known.top, 8));
        ranges.extend_from_slice(&known.window);
        ranges.push(MemoryRange::new(known.top, 8));
    }
}

/// Reads one thread anew.
fn again(known: &mut Known, layout: &Layout, frames: &mut Vec<RawFrame>, memory: &mut impl Memory) -> Tried {
    let mut ranges = Vec::new();
    ranges_of(known, layout, &mut ranges);
    let mut bytes = Vec::new();
    let copied = memory.copy(&ranges, &mut bytes);
    if copied < bytes.len() {
        // Something is not mapped any more: begin without what was known.
        known.window.clear();
        known.top = 0;
        ranges.truncate(1);
        if copied < layout.thread.size {
            return Tried::Torn;
        }
        bytes.truncate(layout.thread.size);
    }
    Walk { layout, ranges: &ranges, bytes: &bytes, frames, seen: Vec::new(), innermost: 0, missed: false }
        .thread(known, memory)
}

/// Reads those frames of a thread, from the outermost on, that are where they were when all could be read: calls that go on while
/// what they call changes too fast.
fn outer_frames(known: &Known, layout: &Layout, frames: &mut Vec<RawFrame>, memory: &mut impl Memory) {
    /// Python's own stack grows upwards in pieces that are shorter: what is above the innermost frame has ended.
    const LONGEST_PIECE: u64 = 1 << 20;
    frames.clear();
    let Some(innermost) = memory.word(known.top) else { return };
    let size = layout.frame.size;
    let ranges: Vec<MemoryRange> =
        known.chain.iter().rev().map(|address| MemoryRange::new(*address, size)).collect();
    let mut bytes = Vec::new();
    let copied = memory.copy(&ranges, &mut bytes);
    let mut caller = 0;
    for (range, frame) in ranges.iter().zip(bytes[..copied.min(bytes.len())].chunks_exact(size)) {
        let has_ended = range.address > innermost && range.address - innermost < LONGEST_PIECE;
        if has_ended || word_at(frame, layout.frame.previous) != Some(caller) {
            break;
        }
        if !layout.frame.is_no_function(frame) {
            let code = layout.frame.code_of(frame);
            let place =
                code.and_then(|code| Some((code, instruction(frame, code, layout.frame.instruction)?)));
            let Some((code, instruction)) = place else { break };
            frames.push(RawFrame { code, instruction });
        }
        caller = range.address;
    }
    frames.reverse();
}

/// One walk from the innermost frame outwards.
struct Walk<'a> {
    layout: &'a Layout,
    ranges: &'a [MemoryRange],
    bytes: &'a [u8],
    frames: &'a mut Vec<RawFrame>,
    /// The addresses of the frames.
    seen: Vec<u64>,
    /// The address of the innermost Python function's frame.
    innermost: u64,
    /// Whether a frame was not where it was looked for.
    missed: bool,
}

impl Walk<'_> {
    fn thread(&mut self, known: &mut Known, memory: &mut impl Memory) -> Tried {
        self.frames.clear();
        let Some(top) = self.top_pointer(known) else { return Tried::Torn };
        let expected = known.top;
        known.top = top;
        if top == 0 {
            return Tried::NoPython;
        }
        let is_copied = top == expected;
        let first = if is_copied { self.copied_word(1) } else { memory.word(top) };
        let Some(first) = first else { return Tried::Torn };
        let walked = self.frames_from(first, memory);
        known.innermost = self.innermost;
        if self.missed || !is_copied {
            self.remember(known);
        }
        let last = if is_copied && !self.missed {
            self.copied_word(self.ranges.len() - 1)
        } else {
            memory.word(top)
        };
        if walked && last == Some(first) {
            known.chain.clone_from(&self.seen);
            Tried::Read
        } else {
            Tried::Torn
        }
    }

    /// Returns the address of the pointer to the innermost frame; 0 for a thread without frames.
    fn top_pointer(&self, known: &Known) -> Option<u64> {
        match self.layout.thread.top {
            Top::Frame { offset } => Some(known.state + offset as u64),
            Top::CFrame { offset, current } => {
                let frame = word_at(self.bytes, offset)?;
                Some(if frame == 0 { 0 } else { frame.checked_add(current)? })
            }
        }
    }

    /// Returns the word at the start of the range at `index`.
    fn copied_word(&self, index: usize) -> Option<u64> {
        let start: usize = self.ranges.get(..index)?.iter().map(|range| range.length).sum();
        word_at(self.bytes, start)
    }

    /// Follows the chain of frames from `address`, and returns whether it ended as it should.
    fn frames_from(&mut self, mut address: u64, memory: &mut impl Memory) -> bool {
        let layout = self.layout.frame;
        let mut own = [0; 128];
        while address != 0 {
            if self.seen.len() == DEEPEST {
                return true;
            }
            self.seen.push(address);
            let size = layout.size;
            let frame = match find(self.ranges, self.bytes, address, size) {
                Some(frame) => frame,
                None => {
                    self.missed = true;
                    if !memory.fill(address, &mut own[..size]) {
                        return false;
                    }
                    &own[..size]
                }
            };
            if !layout.is_no_function(frame) {
                let Some(code) = layout.code_of(frame) else { return false };
                let Some(instruction) = instruction(frame, code, layout.instruction) else { return false };
                if self.frames.is_empty() {
                    self.innermost = address;
                }
                self.frames.push(RawFrame { code, instruction });
            }
            let Some(previous) = word_at(frame, layout.previous) else { return false };
            address = previous;
        }
        true
    }

    /// Notes where the frames were, for the next time.
    fn remember(&self, known: &mut Known) {
        let size = self.layout.frame.size as u64;
        let mut addresses: Vec<(u64, u64)> =
            self.seen.iter().filter_map(|start| Some((*start, start.checked_add(size)?))).collect();
        if known.window.len() < MOST_RANGES / 2 {
            addresses.extend(
                known.window.iter().map(|range| (range.address, range.address + range.length as u64)),
            );
        }
        addresses.sort_unstable();
        known.window.clear();
        for (start, end) in addresses {
            match known.window.last_mut() {
                Some(last) if start <= last.address + last.length as u64 + GAP => {
                    let end = end.max(last.address + last.length as u64);
                    last.length = (end - last.address) as usize;
                }
                _ => known.window.push(MemoryRange::new(start, (end - start) as usize)),
            }
        }
        known.window.truncate(MOST_RANGES);
    }
}

/// Returns `size` bytes at `address`, if they were copied with the frames.
fn find<'a>(ranges: &[MemoryRange], bytes: &'a [u8], address: u64, size: usize) -> Option<&'a [u8]> {
    let mut start = 0;
    for range in ranges {
        let offset = address.wrapping_sub(range.address);
        if offset < range.length as u64 && range.length as u64 - offset >= size as u64 {
            return bytes.get(start + offset as usize..start + offset as usize + size);
        }
        start += range.length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::layout::Version;
    use crate::python::tests::Pieces;

    fn put(bytes: &mut [u8], offset: usize, word: u64) {
        bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }

    /// A thread of 3.12 whose frames stand at these addresses, outermost first, each with a code object 0x1000 further.
    fn thread(frames: &[u64]) -> Pieces {
        let mut state = vec![0; 152];
        put(&mut state, 56, 0x9000);
        let mut cframe = vec![0; 16];
        put(&mut cframe, 0, frames.last().copied().unwrap_or(0));
        let mut pieces = vec![(0x8000, state), (0x9000, cframe)];
        let mut previous = 0;
        for (index, address) in frames.iter().enumerate() {
            let mut frame = vec![0; 80];
            let code = address + 0x1000;
            put(&mut frame, 0, code);
            put(&mut frame, 8, previous);
            put(&mut frame, 56, code + 192 + 2 * index as u64);
            pieces.push((*address, frame));
            previous = *address;
        }
        Pieces(pieces)
    }

    fn reader() -> StackReader {
        let mut reader = StackReader::new(Layout::of(Version { major: 3, minor: 12 }).unwrap());
        reader.threads.insert(7, Known::new(0x8000));
        reader
    }

    fn read(reader: &mut StackReader, memory: &mut Pieces) -> (Tried, Vec<RawFrame>) {
        let mut result = None;
        reader.read(&[7], memory, |_, tried, frames| result = Some((tried, frames.to_vec())));
        result.unwrap()
    }

    #[test]
    fn a_stack_is_read_innermost_first_with_and_without_what_was_known() {
        let mut memory = thread(&[0x100_000, 0x100_100, 0x200_000]);
        let mut reader = reader();
        let expected = [(0x201_000, 4), (0x101_100, 2), (0x101_000, 0)]
            .map(|(code, instruction)| RawFrame { code, instruction });
        for _ in 0..3 {
            assert_eq!(read(&mut reader, &mut memory), (Tried::Read, expected.to_vec()));
        }
        // Now all is copied at once.
        assert_eq!(reader.threads[&7].window.len(), 2);
    }

    #[test]
    fn a_frame_that_is_gone_is_torn_and_a_thread_without_frames_is_none_of_pythons() {
        let mut reader = reader();
        let mut memory = thread(&[0x100_000, 0x200_000]);
        assert_eq!(read(&mut reader, &mut memory).0, Tried::Read);
        memory.0.retain(|(start, _)| *start != 0x100_000);
        assert_eq!(read(&mut reader, &mut memory).0, Tried::Torn);
        assert_eq!(read(&mut reader, &mut thread(&[])), (Tried::Read, Vec::new()));
        let mut other = Vec::new();
        reader.read(&[8], &mut thread(&[]), |_, tried, _| other.push(tried));
        assert_eq!(other, [Tried::NoPython]);
    }

    #[test]
    fn of_a_torn_stack_the_outer_frames_that_stand_still_are_read() {
        let mut reader = reader();
        let mut memory = thread(&[0x100_000, 0x100_100, 0x100_200, 0x100_300]);
        assert_eq!(read(&mut reader, &mut memory).0, Tried::Read);
        // The fourth has returned, and where the third is cannot be told.
        put(&mut memory.0[1].1, 0, 0x100_200);
        put(&mut memory.0[4].1, 56, 0x10);
        let (tried, frames) = read(&mut reader, &mut memory);
        let expected = [(0x101_100, 2), (0x101_000, 0)];
        let expected = expected.map(|(code, instruction)| RawFrame { code, instruction });
        assert_eq!((tried, frames), (Tried::Torn, expected.to_vec()));
    }

    #[test]
    fn an_instruction_outside_of_its_code_is_torn() {
        let mut memory = thread(&[0x100_000]);
        put(&mut memory.0[2].1, 56, 0x10);
        assert_eq!(read(&mut reader(), &mut memory).0, Tried::Torn);
    }
}
