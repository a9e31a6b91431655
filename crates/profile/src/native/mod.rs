//! Machine code of another process: who called whom, and the names, files and lines of addresses.
//!
//! [`CodeMap::unwind`] walks a stack by the tables that compilers write for exceptions (`.eh_frame`), which also optimised and
//! stripped programs have; where there is none, by frame pointers. [`CodeMap::code`] names the function of an
//! address; [`CodeFiles::places`] tells lines and inlined functions from debug information, which takes longer: that is
//! for later.

mod file;
mod lines;
mod unwind;

use std::collections::HashMap;
use std::rc::Rc;

use festina_machine::target::{Mapping, TargetProcess};

use crate::recording::{Function, Kind};
use file::CodeFile;
use unwind::{Cache, Modules};
pub(crate) use unwind::{End, NO_FRAME_POINTER, StackMemory};

/// A function at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) function: Function,
    /// 0 where lines are not known.
    pub(crate) line: u32,
}

/// What an address of code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// Where it is in its file; `None` for code without a file.
    pub(crate) address: Option<FileAddress>,
    /// The function that it is in, as the linker has it.
    pub(crate) function: Function,
    /// The function's name as the linker has it.
    pub(crate) symbol: Option<Box<str>>,
}

/// An address as its file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileAddress {
    /// Device and inode of the file.
    pub(crate) file: (u64, u64),
    pub(crate) address: u64,
}

/// The files of machine code that were met; each is read once, whatever the number of processes.
#[derive(Debug, Default)]
pub(crate) struct CodeFiles {
    files: HashMap<(u64, u64), Option<Rc<CodeFile>>>,
    cache: Cache,
    n_readings: u64,
}

/// What is mapped where in one process.
#[derive(Debug, Default)]
pub(crate) struct CodeMap {
    mappings: Vec<Mapping>,
    modules: Modules,
}

impl CodeMap {
    /// Returns whether something is known to be mapped at `address`.
    pub(crate) fn covers(&self, address: u64) -> bool {
        self.mapping(address).is_some()
    }

    /// Reads again what is mapped where in `process`.
    pub(crate) fn refresh(&mut self, process: &TargetProcess) {
        let mappings = process.mappings();
        if mappings != self.mappings {
            self.mappings = mappings;
            self.modules = Modules::default();
        }
    }

    /// Walks the stack in `memory` outwards from its innermost frame, and puts the address of an instruction of each frame
    /// into `addresses`; returns how the walk ended.
    pub(crate) fn unwind(
        &mut self,
        memory: &mut StackMemory<'_>,
        process: &TargetProcess,
        files: &mut CodeFiles,
        addresses: &mut Vec<u64>,
    ) -> End {
        loop {
            let end = self.modules.walk(memory, &mut files.cache, addresses);
            // What a file has for walking is read when an address of it is met first.
            let new = addresses.iter().rev().find_map(|address| {
                let mapping = self.mapping(*address)?;
                (mapping.is_file() && !self.modules.has(mapping)).then(|| mapping.clone())
            });
            let Some(mapping) = new else { return end };
            files.n_readings += 1;
            self.modules.add(&mapping, files.of(&mapping, process).as_deref());
        }
    }

    /// Returns what the address `address` of `process` is; `None` if nothing is there.
    pub(crate) fn code(
        &mut self,
        address: u64,
        process: &TargetProcess,
        files: &mut CodeFiles,
    ) -> Option<Code> {
        let mapping = self.mapping(address)?;
        let path = mapping.path.to_string_lossy();
        if !mapping.is_file() {
            let function = match path.is_empty() {
                true => native("[code made at run time]".to_owned(), String::new()),
                false => unseen(&path, ""),
            };
            return Some(Code { address: None, function, symbol: None });
        }
        let file = files.of(mapping, process);
        let own = file.as_ref().and_then(|file| Some((file, address.wrapping_sub(file.bias(mapping)?))));
        files.n_readings += u64::from(own.is_some_and(|(file, _)| !file.has_symbols()));
        let symbol = own.and_then(|(file, own)| file.symbol(own));
        let function = match symbol {
            Some(symbol) => native(readable(symbol), path.into_owned()),
            None => unseen(&mapping.file_name(), &path),
        };
        let address = own.map(|(_, address)| FileAddress { file: mapping.identity, address });
        Some(Code { address, function, symbol: symbol.map(Into::into) })
    }

    fn mapping(&self, address: u64) -> Option<&Mapping> {
        let behind = self.mappings.partition_point(|mapping| mapping.start <= address);
        self.mappings.get(behind.checked_sub(1)?).filter(|mapping| address < mapping.end)
    }
}

impl CodeFiles {
    fn of(&mut self, mapping: &Mapping, process: &TargetProcess) -> Option<Rc<CodeFile>> {
        let read = || Some(Rc::new(CodeFile::new(process.open_file(&mapping.path)?)));
        self.files.entry(mapping.identity).or_insert_with(read).clone()
    }

    /// Returns how often something was read of a file: that takes far longer than a look.
    pub(crate) fn n_readings(&self) -> u64 {
        self.n_readings
    }

    /// Returns the functions that `address` is in, the innermost first: all but the last were inlined. There are none where no
    /// debug information tells.
    pub(crate) fn places(&self, address: FileAddress) -> Vec<Place> {
        let file = self.files.get(&address.file).and_then(Option::as_ref);
        file.map_or_else(Vec::new, |file| file.places(address.address))
    }

    /// Returns whether the lines of a file were left out, since its debug information is too long.
    pub(crate) fn has_left_out_lines(&self) -> bool {
        self.files.values().flatten().any(|file| file.has_left_out_lines())
    }
}

/// Returns the name of a function as its source has it.
///
/// ```text
/// _ZN4core3fmt5Write9write_fmt17h0123456789abcdefE   core::fmt::Write::write_fmt
/// _ZNSt6vectorIiSaIiEE9push_backEOi                  std::vector<int, std::allocator<int> >::push_back(int&&)
/// ```
fn readable(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    let cpp = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    // Versions of dynamic symbols, as in memcpy@@GLIBC_2.14, are of no interest.
    cpp.unwrap_or_else(|| name.split('@').next().unwrap_or(name).to_owned())
}

fn native(name: String, file: String) -> Function {
    Function { name, file, first_line: 0, kind: Kind::Native }
}

fn unseen(name: &str, file: &str) -> Function {
    let name = if name.starts_with('[') { name.to_owned() } else { format!("[{name}]") };
    Function { name, file: file.to_owned(), first_line: 0, kind: Kind::Unseen }
}

#[cfg(test)]
mod tests {
    use festina_machine::Source;

    use super::*;

    #[inline(never)]
    #[unsafe(no_mangle)]
    #[allow(unsafe_code, reason = "a function to be found by its name")]
    extern "C" fn festina_seen_code(value: u64) -> u64 {
        std::hint::black_box(value) + 1
    }

    #[test]
    fn our_own_functions_have_their_names_and_lines() {
        let own = TargetProcess::open(&Source::live(), std::process::id()).unwrap();
        let (mut map, mut files) = (CodeMap::default(), CodeFiles::default());
        map.refresh(&own);
        let address = festina_seen_code as extern "C" fn(u64) -> u64 as usize as u64;
        assert_eq!(festina_seen_code(1), 2);
        let code = map.code(address + 1, &own, &mut files).unwrap();
        assert_eq!(code.symbol.as_deref(), Some("festina_seen_code"));
        assert_eq!((code.function.name.as_str(), code.function.kind), ("festina_seen_code", Kind::Native));
        let places = files.places(code.address.unwrap());
        let outermost = &places.last().unwrap().function;
        assert_eq!((outermost.name.as_str(), outermost.kind), ("festina_seen_code", Kind::Native));
        assert!(outermost.file.ends_with("src/native/mod.rs"), "{}", outermost.file);
        assert!(places.iter().all(|place| place.line > 0), "{places:?}");
        assert_eq!(map.code(8, &own, &mut files), None);
        let heap = Box::new(1_u64);
        let data = map.code(&raw const *heap as u64, &own, &mut files).unwrap();
        assert!(data.address.is_none() && data.function.name.starts_with('['), "{data:?}");
    }

    #[test]
    fn names_are_as_in_the_source() {
        assert_eq!(
            readable("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt"
        );
        assert!(readable("_ZNSt6vectorIiSaIiEE9push_backEOi").starts_with("std::vector<int"));
        assert_eq!(readable("memcpy@@GLIBC_2.14"), "memcpy");
        assert_eq!(readable("dgemm_kernel"), "dgemm_kernel");
    }
}
