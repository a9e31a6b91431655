//! Source lines and inlined functions of addresses, from debug information (DWARF).

use std::fmt;
use std::rc::Rc;

use addr2line::Context;
use gimli::{EndianRcSlice, LittleEndian};

use crate::elf::ElfImage;

/// Longer debug information is not read: the reading would take seconds in which the program is not looked at.
const LONGEST: u64 = 160 << 20;

/// The lines of a file.
pub(super) struct Lines(Context<EndianRcSlice<LittleEndian>>);

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// Why there are no lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The file has none, or they are not understood.
    Absent,
    /// There are too many.
    TooLong,
}

/// What is told of a function at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Its name as the linker has it.
    pub(super) name: Option<String>,
    pub(super) file: Option<String>,
    /// 0 where it is not told.
    pub(super) line: u32,
}

impl Lines {
    /// Reads the debug information of `image`.
    pub(super) fn read(image: &ElfImage) -> Result<Self, Unread> {
        let length = |name: &str| image.section(name).map_or(0, |section| section.size);
        let sections = [".debug_info", ".debug_line", ".debug_str", ".debug_ranges", ".debug_rnglists"];
        if length(".debug_info") == 0 || length(".debug_line") == 0 {
            return Err(Unread::Absent);
        }
        if sections.iter().map(|name| length(name)).sum::<u64>() > LONGEST {
            return Err(Unread::TooLong);
        }
        let section = |id: gimli::SectionId| {
            let data = image.data(id.name()).unwrap_or_else(|| Rc::from([]));
            Ok::<_, gimli::Error>(EndianRcSlice::new(data, LittleEndian))
        };
        let dwarf = gimli::Dwarf::load(section).map_err(|_| Unread::Absent)?;
        Context::from_dwarf(dwarf).map(Self).map_err(|_| Unread::Absent)
    }

    /// Returns the functions at `address`, the innermost first: all but the last were inlined.
    pub(super) fn at(&self, address: u64) -> Vec<Told> {
        let mut told = Vec::new();
        let Ok(mut frames) = self.0.find_frames(address).skip_all_loads() else { return told };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().and_then(|name| Some(name.raw_name().ok()?.into_owned()));
            let location = frame.location.as_ref();
            let file = location.and_then(|location| location.file).map(str::to_owned);
            told.push(Told { name, file, line: location.and_then(|location| location.line).unwrap_or(0) });
        }
        told
    }
}
