//! A file of machine code: its symbols, what its stacks are walked by, its lines.

use std::cell::OnceCell;
use std::fs::File;

use festina_machine::target::Mapping;

use super::lines::{Lines, Told, Unread};
use super::unwind::Sections;
use super::{Place, native, readable};
use crate::elf::{ElfImage, Segments};

/// A file of machine code; what it holds is read when it is needed first.
#[derive(Debug)]
pub(super) struct CodeFile {
    file: File,
    segments: Segments,
    symbols: OnceCell<Vec<Symbol>>,
    lines: OnceCell<Result<Lines, Unread>>,
}

/// Address, length (0 where it is not told) and name as the linker has it.
type Symbol = (u64, u64, Box<str>);

impl CodeFile {
    pub(super) fn new(file: File) -> Self {
        let segments = image(&file).map(|image| image.segments()).unwrap_or_default();
        Self { file, segments, symbols: OnceCell::new(), lines: OnceCell::new() }
    }

    /// Returns what is to be added to the file's addresses where it is mapped at `mapping`.
    pub(super) fn bias(&self, mapping: &Mapping) -> Option<u64> {
        self.segments.bias(mapping)
    }

    /// Returns by what stacks are walked.
    pub(super) fn sections(&self) -> Option<Sections> {
        image(&self.file).and_then(|image| Sections::of(&image))
    }

    /// Returns the name of the function that holds `address`.
    pub(super) fn symbol(&self, address: u64) -> Option<&str> {
        let symbols = self.symbols.get_or_init(|| image(&self.file).map_or_else(Vec::new, |i| i.functions()));
        symbol_at(symbols, address)
    }

    /// Returns whether its symbols were read.
    pub(super) fn has_symbols(&self) -> bool {
        self.symbols.get().is_some()
    }

    /// Returns the functions that `address` is in, the innermost first; nothing where no debug information tells.
    pub(super) fn places(&self, address: u64) -> Vec<Place> {
        let read = || Lines::read(&image(&self.file).ok_or(Unread::Absent)?);
        let Ok(lines) = self.lines.get_or_init(read) else { return Vec::new() };
        let place = |told: Told| {
            let name = told.name.as_deref().or(self.symbol(address))?;
            Some(Place { function: native(readable(name), told.file?), line: told.line })
        };
        lines.at(address).into_iter().filter_map(place).collect()
    }

    /// Returns whether its lines were left out, since its debug information is too long.
    pub(super) fn has_left_out_lines(&self) -> bool {
        matches!(self.lines.get(), Some(Err(Unread::TooLong)))
    }
}

fn image(file: &File) -> Option<ElfImage> {
    file.try_clone().ok().map(ElfImage::new)
}

fn symbol_at(symbols: &[Symbol], address: u64) -> Option<&str> {
    let behind = symbols.partition_point(|(start, ..)| *start <= address);
    let (start, length, name) = symbols.get(behind.checked_sub(1)?)?;
    // Assembly often has no lengths: its functions go on to the next.
    (*length == 0 || address - start < *length).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_behind_a_function_of_known_length_has_no_name() {
        let symbols = [(10, 4, "first".into()), (20, 0, "second".into())];
        assert_eq!(symbol_at(&symbols, 13), Some("first"));
        assert_eq!((symbol_at(&symbols, 14), symbol_at(&symbols, 9)), (None, None));
        assert_eq!(symbol_at(&symbols, 1_000), Some("second"));
    }

    #[test]
    fn what_is_no_elf_file_tells_nothing() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"#!/bin/sh\n").unwrap();
        let file = CodeFile::new(file);
        assert_eq!((file.symbol(1), file.places(1)), (None, Vec::new()));
        assert!(file.sections().is_none() && !file.has_left_out_lines());
    }
}
