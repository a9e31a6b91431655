//! Functions of machine code: from the address of an instruction to the name of its function.

use std::collections::HashMap;
use std::rc::Rc;

use festina_machine::target::{Mapping, TargetProcess};

use crate::elf::ElfImage;
use crate::recording::{Function, Kind};

/// The functions of one file, by their addresses within it.
#[derive(Debug)]
struct Table {
    image: ElfImage,
    /// Address, length (0 where it is not told) and name as the linker has it.
    functions: Vec<(u64, u64, Box<str>)>,
}

/// Names the functions of machine code; tables are read once a file, whatever the number of processes.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    files: HashMap<(u64, u64), Option<Rc<Table>>>,
}

/// What is mapped where in one process.
#[derive(Debug, Default)]
pub(crate) struct CodeMap {
    mappings: Vec<Mapping>,
}

impl CodeMap {
    /// Returns the function at the address `instruction` of `process`; `None` if nothing is there any more, as in a process
    /// that has ended, or called exec.
    pub(crate) fn function(
        &mut self,
        instruction: u64,
        process: &TargetProcess,
        tables: &mut Tables,
    ) -> Option<Function> {
        let is_here = |mapping: &&Mapping| (mapping.start..mapping.end).contains(&instruction);
        if !self.mappings.iter().any(|mapping| is_here(&mapping)) {
            // A library that was loaded since.
            self.mappings = process.mappings();
        }
        let mapping = self.mappings.iter().find(is_here)?;
        if !mapping.is_file() {
            let name = mapping.path.to_string_lossy();
            return Some(unseen(if name.is_empty() { "[code made at run time]" } else { &name }, ""));
        }
        let file = mapping.path.to_string_lossy().into_owned();
        let table = tables.of(mapping, process);
        let named = table.and_then(|table| {
            let address = instruction.wrapping_sub(table.image.bias(mapping)?);
            table.name(address)
        });
        Some(match named {
            Some(name) => Function { name, file, first_line: 0, kind: Kind::Native },
            None => unseen(&mapping.file_name(), &file),
        })
    }
}

impl Tables {
    fn of(&mut self, mapping: &Mapping, process: &TargetProcess) -> Option<Rc<Table>> {
        let read = || {
            let image = ElfImage::new(process.open_file(&mapping.path)?);
            let functions = image.functions();
            Some(Rc::new(Table { image, functions }))
        };
        self.files.entry(mapping.identity).or_insert_with(read).clone()
    }
}

impl Table {
    /// Returns the name of the function that holds `address`.
    fn name(&self, address: u64) -> Option<String> {
        let behind = self.functions.partition_point(|(start, ..)| *start <= address);
        let (start, length, name) = self.functions.get(behind.checked_sub(1)?)?;
        // Assembly often has no lengths: its functions go on to the next.
        (*length == 0 || address - start < *length).then(|| readable(name))
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
    fn our_own_functions_have_their_names() {
        let own = TargetProcess::open(&Source::live(), std::process::id()).unwrap();
        let (mut map, mut tables) = (CodeMap::default(), Tables::default());
        let address = festina_seen_code as extern "C" fn(u64) -> u64 as usize as u64;
        assert_eq!(festina_seen_code(1), 2);
        let function = map.function(address + 1, &own, &mut tables).unwrap();
        assert_eq!((function.name.as_str(), function.kind), ("festina_seen_code", Kind::Native));
        assert_eq!(map.function(8, &own, &mut tables), None);
        let heap = Box::new(1_u64);
        let data = map.function(&raw const *heap as u64, &own, &mut tables).unwrap();
        assert_eq!(data.kind, Kind::Unseen, "{data:?}");
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

    #[test]
    fn an_address_behind_a_function_of_known_length_has_no_name() {
        let file = tempfile::tempfile().unwrap();
        let functions = vec![(10, 4, "first".into()), (20, 0, "second".into())];
        let table = Table { image: ElfImage::new(file), functions };
        assert_eq!(table.name(13).as_deref(), Some("first"));
        assert_eq!((table.name(14), table.name(9)), (None, None));
        assert_eq!(table.name(1_000).as_deref(), Some("second"));
    }
}
