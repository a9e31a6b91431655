//! Python stacks of another process, from its memory, without stopping it.
//!
//! [`Interpreter::find`] finds `CPython` in a process; [`Interpreter::threads`] says which of its threads run Python;
//! [`StackReader`] reads the stacks of many threads with one system call, where they look as they did before.
//!
//! A thread that runs changes its stack while we read. Every reading is therefore checked: the innermost frame is the
//! same before and behind the copy, every frame's code object is one, every instruction lies within its code, the
//! chain ends. What does not hold together is read again, and in the end left out and counted.

mod code;
mod find;
mod layout;
mod lines;
mod locals;
mod stack;

pub(crate) use code::CodeReader;
pub(crate) use find::{Interpreter, NotFound, RuntimeFiles};
pub(crate) use locals::LocalReader;
pub(crate) use stack::{RawFrame, StackReader, Tried};

/// Reads memory of a process that runs: [`festina_machine::target::ProcessMemory`], or a copy for tests.
pub(crate) trait Memory {
    /// Fills `buffer` from `address`, and returns whether all of it could be read.
    fn fill(&mut self, address: u64, buffer: &mut [u8]) -> bool;

    /// Copies ranges, and returns how many bytes were copied before one failed.
    fn copy(&mut self, ranges: &[festina_machine::target::MemoryRange], buffer: &mut Vec<u8>) -> usize;

    /// Returns the 8 bytes at `address`.
    fn word(&mut self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.fill(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}

impl Memory for festina_machine::target::ProcessMemory {
    fn fill(&mut self, address: u64, buffer: &mut [u8]) -> bool {
        self.read(address, buffer).is_ok()
    }

    fn copy(&mut self, ranges: &[festina_machine::target::MemoryRange], buffer: &mut Vec<u8>) -> usize {
        self.read_ranges(ranges, buffer).unwrap_or(0)
    }
}

/// Returns the 8 bytes at `offset` of `bytes`.
fn word_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(offset..offset.checked_add(8)?)?.try_into().ok()?))
}

/// Returns the 4 bytes at `offset` of `bytes`.
fn half_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use festina_machine::target::MemoryRange;

    use super::Memory;

    /// Memory that is a list of pieces.
    pub(super) struct Pieces(pub(super) Vec<(u64, Vec<u8>)>);

    impl Memory for Pieces {
        fn fill(&mut self, address: u64, buffer: &mut [u8]) -> bool {
            let found = self.0.iter().find(|(start, bytes)| {
                *start <= address && address + buffer.len() as u64 <= start + bytes.len() as u64
            });
            let Some((start, bytes)) = found else { return false };
            let offset = (address - start) as usize;
            buffer.copy_from_slice(&bytes[offset..offset + buffer.len()]);
            true
        }

        fn copy(&mut self, ranges: &[MemoryRange], buffer: &mut Vec<u8>) -> usize {
            buffer.clear();
            buffer.resize(ranges.iter().map(|range| range.length).sum(), 0);
            let mut done = 0;
            for range in ranges {
                if !self.fill(range.address, &mut buffer[done..done + range.length]) {
                    return done;
                }
                done += range.length;
            }
            done
        }
    }
}
