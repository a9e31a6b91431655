//! Where files are in the memory of a process: `/proc/<pid>/maps`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A part of a process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
    /// Whether it holds code.
    pub is_executable: bool,
    /// Where in the file it starts.
    pub offset: u64,
    /// Device and inode of the file, which tell it from every other; inode 0 is no file.
    pub identity: (u64, u64),
    /// The file's path as the process sees it, or a name such as `[vdso]`; empty for anonymous memory.
    pub path: PathBuf,
}

impl Mapping {
    /// Returns whether a file is mapped here.
    pub fn is_file(&self) -> bool {
        self.identity.1 != 0
    }

    /// Returns the last part of the path, without the kernel's mark of a deleted file.
    pub fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned()
    }
}

/// Reads the text of `maps`; lines that are not understood are left out.
///
/// ```
/// use festina_machine::target::parse_mappings;
/// let text = b"55d0c000-55d0d000 r-xp 00001000 fe:01 393 /usr/bin/a b\n7ffd8000-7ffda000 rw-p 00000000 00:00 0 [stack]\n";
/// let mappings = parse_mappings(text);
/// assert_eq!(mappings.len(), 2);
/// assert_eq!((mappings[0].start, mappings[0].offset), (0x55d0_c000, 0x1000));
/// assert!(mappings[0].is_executable && mappings[0].file_name() == "a b");
/// assert!(!mappings[1].is_file());
/// ```
pub fn parse_mappings(text: &[u8]) -> Vec<Mapping> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    // Six fields; only the path may hold spaces, or bytes that are not UTF-8.
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let (start, end) = text()?.split_once('-')?;
    let permissions = text()?;
    let offset = text()?;
    let (major, minor) = text()?.split_once(':')?;
    let inode = text()?;
    let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
    let path = fields.next().unwrap_or_default().trim_ascii_start();
    Some(Mapping {
        start: hexadecimal(start)?,
        end: hexadecimal(end)?,
        is_executable: permissions.as_bytes().get(2) == Some(&b'x'),
        offset: hexadecimal(offset)?,
        identity: (hexadecimal(major)? << 32 | hexadecimal(minor)?, inode.parse().ok()?),
        path: Path::new(std::ffi::OsStr::from_bytes(path)).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_are_left_out_and_odd_names_kept() {
        let text = b"nonsense\n1000-2000 r--p 0 00:00 0\n3000-4000 rw-p 0 08:10 7 /a/\xff (deleted)\n\n";
        let mappings = parse_mappings(text);
        assert_eq!(mappings.len(), 2);
        assert_eq!(mappings[0].path, Path::new(""));
        assert_eq!(mappings[1].identity, (8 << 32 | 0x10, 7));
        assert_eq!(mappings[1].file_name(), "\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            parse_mappings(&bytes);
        }
    }
}
