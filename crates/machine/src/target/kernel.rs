//! Names of the kernel's functions: `/proc/kallsyms`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use crate::Source;

const FILE: &str = "/proc/kallsyms";
/// No function is longer; what lies further behind a symbol is of no symbol.
const LONGEST: u64 = 1 << 20;

/// Returns whether the kernel tells where its functions are; where it does not, all addresses are 0.
pub fn tells_kernel_functions(source: &Source) -> bool {
    let first = lines(source).find_map(|line| function(&line).map(|(address, _)| address));
    first.is_some_and(|address| address > 0)
}

/// Returns the names of the kernel's functions at `addresses`, as far as they are told. It takes some tens of milliseconds.
pub fn kernel_functions(source: &Source, addresses: &[u64]) -> HashMap<u64, String> {
    names(lines(source), addresses)
}

fn lines(source: &Source) -> impl Iterator<Item = String> {
    let lines = source.open(FILE).map(BufReader::new).into_iter().flat_map(BufRead::lines);
    lines.map_while(Result::ok)
}

/// Returns the names at `addresses` from the lines of the file: `ffffffff81000000 T name [module]`.
fn names(lines: impl Iterator<Item = String>, addresses: &[u64]) -> HashMap<u64, String> {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    // Symbols come in any order: the last before each stretch of addresses is kept, for the first address of it.
    let mut nearest: Vec<(u64, String)> = vec![(0, String::new()); sorted.len()];
    for line in lines {
        let Some((start, name)) = function(&line) else { continue };
        let first = sorted.partition_point(|address| *address < start);
        if let Some(known) = nearest.get_mut(first).filter(|known| known.0 < start) {
            *known = (start, name.to_owned());
        }
    }
    let mut found = HashMap::new();
    let mut last = (0, String::new());
    for (address, own) in sorted.into_iter().zip(nearest) {
        if own.0 > last.0 {
            last = own;
        }
        if last.0 > 0 && address - last.0 < LONGEST {
            found.insert(address, last.1.clone());
        }
    }
    found
}

/// Returns address and name of a function; `None` for data.
fn function(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let is_code = matches!(words.next()?, "t" | "T" | "w" | "W");
    is_code.then_some((address, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ffffffff81000000 T _stext\nffffffff81000100 t do_read\nffffffff81000100 d data\n\
                        ffffffff81000300 T do_write\nffffffff81000200 W do_open\nffffffffc0000000 t loaded\t[module]\n";

    fn at(addresses: &[u64]) -> Vec<(u64, String)> {
        let mut found: Vec<_> = names(TEXT.lines().map(str::to_owned), addresses).into_iter().collect();
        found.sort();
        found
    }

    #[test]
    fn an_address_has_the_function_that_begins_before_it() {
        let addresses = [
            0xffff_ffff_8100_0310,
            0xffff_ffff_8100_0100,
            0xffff_ffff_8100_02ff,
            0xffff_ffff_8100_0180,
            0xffff_ffff_c000_0004,
        ];
        let found = at(&addresses);
        let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["do_read", "do_read", "do_open", "do_write", "loaded"]);
        // Before the first, far behind one, and nothing at all.
        assert!(at(&[0xffff_ffff_80ff_ffff, 0xffff_ffff_9000_0000]).is_empty() && at(&[]).is_empty());
    }

    #[test]
    fn hidden_addresses_are_not_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("proc")).unwrap();
        let source = Source::at(folder.path());
        assert!(!tells_kernel_functions(&source));
        let write = |text: &str| std::fs::write(folder.path().join("proc/kallsyms"), text).unwrap();
        write("0000000000000000 T _stext\n");
        assert!(!tells_kernel_functions(&source));
        write(TEXT);
        assert!(tells_kernel_functions(&source));
        let found = kernel_functions(&source, &[0xffff_ffff_8100_0104]);
        assert_eq!(found[&0xffff_ffff_8100_0104], "do_read");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(lines in proptest::collection::vec("[0-9a-f ]{0,18}[tTd ]{0,3}.{0,8}", 0..8), address: u64) {
            let found = names(lines.into_iter(), &[address]);
            proptest::prop_assert!(found.len() <= 1);
        }
    }
}
