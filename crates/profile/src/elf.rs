//! What is needed of an ELF file: where a symbol is once the file is mapped.

use std::fs::File;
use std::rc::Rc;

use festina_machine::target::Mapping;
use object::elf::{FileHeader64, PT_LOAD, STT_FUNC, STT_GNU_IFUNC, Sym64};
use object::read::ReadCache;
use object::read::elf::{ElfFile, ProgramHeader, SectionHeader, Sym, SymbolTable};
use object::{CompressionFormat, Endianness, Object, ObjectSection, StringTable};

/// A file that is mapped into a process.
#[derive(Debug)]
pub(crate) struct ElfImage {
    cache: ReadCache<File>,
}

/// Addresses as the file names them, before it is mapped somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) address: u64,
    pub(crate) size: u64,
}

type Elf<'a> = ElfFile<'a, FileHeader64<Endianness>, &'a ReadCache<File>>;

impl ElfImage {
    pub(crate) fn new(file: File) -> Self {
        Self { cache: ReadCache::new(file) }
    }

    /// Returns the file, if it is a 64-bit ELF file.
    fn parse(&self) -> Option<Elf<'_>> {
        ElfFile::parse(&self.cache).ok()
    }

    /// Returns where `names` are defined, in their order: from the table that survives stripping, or the full one.
    pub(crate) fn symbols<const N: usize>(&self, names: [&str; N]) -> [Option<Found>; N] {
        let mut found = [None; N];
        let Some(elf) = self.parse() else { return found };
        for table in [elf.elf_dynamic_symbol_table(), elf.elf_symbol_table()] {
            self.each_definition(&elf, table, |symbol, name| {
                if let Some(place) = names.iter().position(|wanted| wanted.as_bytes() == name) {
                    let (address, size) = place_of(symbol, elf.endian());
                    found[place].get_or_insert(Found { address, size });
                }
                found.iter().any(Option::is_none)
            });
        }
        found
    }

    /// Returns address, length and name of all functions that it defines, by address, each address once.
    pub(crate) fn functions(&self) -> Vec<(u64, u64, Box<str>)> {
        let Some(elf) = self.parse() else { return Vec::new() };
        let mut functions: Vec<(u64, u64, Box<str>)> = Vec::new();
        for table in [elf.elf_symbol_table(), elf.elf_dynamic_symbol_table()] {
            self.each_definition(&elf, table, |symbol, name| {
                let is_function = [STT_FUNC, STT_GNU_IFUNC].contains(&symbol.st_type());
                if let Some(name) = std::str::from_utf8(name).ok().filter(|_| is_function) {
                    let (address, size) = place_of(symbol, elf.endian());
                    functions.push((address, size, name.into()));
                }
                true
            });
        }
        functions.sort_by_key(|(address, length, _)| (*address, std::cmp::Reverse(*length)));
        functions.dedup_by_key(|(address, ..)| *address);
        functions
    }

    /// Gives each symbol that `table` defines to `take` with its name, as long as that returns true.
    ///
    /// All names are read at once: one by one, each would be two system calls.
    fn each_definition<'a>(
        &'a self,
        elf: &Elf<'a>,
        table: &SymbolTable<'a, FileHeader64<Endianness>, &'a ReadCache<File>>,
        mut take: impl FnMut(&Sym64<Endianness>, &[u8]) -> bool,
    ) {
        let endian = elf.endian();
        let section = elf.elf_section_table().section(table.string_section());
        let Some(names) = section.ok().and_then(|section| section.data(endian, &self.cache).ok()) else {
            return;
        };
        let names = StringTable::new(names, 0, names.len() as u64);
        let is_definition = |symbol: &&Sym64<Endianness>| symbol.is_definition(endian, names);
        for symbol in table.iter().filter(is_definition) {
            let Ok(name) = symbol.name(endian, names) else { continue };
            if !take(symbol, name) {
                break;
            }
        }
    }

    /// Returns where the section called `name` is.
    pub(crate) fn section(&self, name: &str) -> Option<Found> {
        let elf = self.parse()?;
        let section = elf.section_by_name(name)?;
        Some(Found { address: section.address(), size: section.size() })
    }

    /// Returns the bytes of the section called `name`; `None` if there is none, or it is compressed.
    pub(crate) fn data(&self, name: &str) -> Option<Rc<[u8]>> {
        let elf = self.parse()?;
        let section = elf.section_by_name(name)?;
        let is_plain = section.compressed_file_range().ok()?.format == CompressionFormat::None;
        section.data().ok().filter(|data| is_plain && !data.is_empty()).map(Rc::from)
    }

    /// Returns the segments that are mapped into memory.
    pub(crate) fn segments(&self) -> Segments {
        let Some(elf) = self.parse() else { return Segments::default() };
        let endian = elf.endian();
        let loaded = elf.elf_program_headers().iter().filter(|header| header.p_type(endian) == PT_LOAD);
        Segments(loaded.map(|header| (header.p_offset(endian), header.p_vaddr(endian))).collect())
    }
}

/// Returns address and length of `symbol`.
fn place_of(symbol: &Sym64<Endianness>, endian: Endianness) -> (u64, u64) {
    (symbol.st_value(endian), symbol.st_size(endian))
}

/// The segments of a file that are mapped into memory: where each starts in the file, and at which of its addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments(Vec<(u64, u64)>);

impl Segments {
    /// Returns what is to be added to the file's addresses where it is mapped at `mapping`.
    pub(crate) fn bias(&self, mapping: &Mapping) -> Option<u64> {
        let mapped = mapping.offset..mapping.offset + (mapping.end - mapping.start);
        // The kernel maps whole pages, from the one that holds the segment's first byte.
        let (offset, address) = self.0.iter().find(|(offset, _)| mapped.contains(offset))?;
        Some((mapping.start + (offset - mapping.offset)).wrapping_sub(*address))
    }
}

#[cfg(test)]
mod tests {
    use festina_machine::Source;
    use festina_machine::target::TargetProcess;

    use super::*;

    #[unsafe(no_mangle)]
    #[allow(unsafe_code, reason = "a symbol to be found by its name")]
    static FESTINA_SEEN: u64 = 42;

    #[test]
    fn a_symbol_of_our_own_is_found_where_it_is() {
        let own = TargetProcess::open(&Source::live(), std::process::id()).unwrap();
        let program = own.program().unwrap();
        let image = ElfImage::new(own.open_file(&program).unwrap());
        let mapping = own.mappings().into_iter().find(|mapping| mapping.path == program).unwrap();
        let [found, missing] = image.symbols(["FESTINA_SEEN", "no such symbol"]);
        let address = found.unwrap().address.wrapping_add(image.segments().bias(&mapping).unwrap());
        assert_eq!(address, &raw const FESTINA_SEEN as u64);
        assert_eq!(missing, None);
        assert!(image.section(".text").is_some());
        assert!(image.data(".eh_frame").is_some_and(|data| data.len() > 100));
        assert_eq!(image.data(".no_such_section"), None);
    }

    #[test]
    fn what_is_no_elf_file_has_nothing() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"#!/bin/sh\n").unwrap();
        let image = ElfImage::new(file);
        assert_eq!(image.symbols(["main"]), [None]);
        assert_eq!(image.section(".text"), None);
    }
}
