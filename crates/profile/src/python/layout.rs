//! Where `CPython` keeps what we read, by version: offsets in bytes within its structures, on 64-bit Linux.
//!
//! Up to 3.12 they are those of `CPython`'s own headers (`offsetof` over `Include/internal`), the same in all releases of
//! a minor version. From 3.13 on the interpreter carries a table of them at the start of `_PyRuntime`
//! (`_Py_DebugOffsets`), from which they are read; the order of the table is that of each version's own header.

/// The version of an interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u8,
    pub(crate) minor: u8,
}

impl Version {
    /// Returns the version in `CPython`'s hexadecimal form, 0x030B07F0 for 3.11.7.
    pub(crate) fn from_hex(hex: u64) -> Option<Self> {
        let version = Self { major: (hex >> 24) as u8, minor: (hex >> 16) as u8 };
        (hex >> 32 == 0 && version.major == 3).then_some(version)
    }

    /// Returns the version in a file's name, such as `python3.11` or `libpython3.9.so.1.0`.
    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python3.")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Self { major: 3, minor: rest[..digits].parse().ok()? })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// How lines are stored in a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// `co_lnotab` of 3.9: pairs of increments.
    Increments,
    /// `co_linetable` of 3.10: ranges with line increments (PEP 626).
    Ranges,
    /// `co_linetable` of 3.11 and later: locations (PEP 657).
    Locations,
}

/// How a frame tells which instruction it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// An `int` that counts units of so many bytes.
    Index { offset: usize, unit: u32 },
    /// A pointer into the code object, whose instructions start at `code_bytes`.
    Pointer { offset: usize, code_bytes: u64 },
}

/// Where a thread's innermost frame is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Top {
    /// In the thread's state.
    Frame { offset: usize },
    /// In a structure on the C stack to which the thread's state points.
    CFrame { offset: usize, current: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLayout {
    /// How many bytes of it hold all that is read.
    pub(crate) size: usize,
    pub(crate) next: usize,
    pub(crate) interpreter: usize,
    pub(crate) pthread: usize,
    /// The kernel's id of the thread, where it is told.
    pub(crate) native_id: Option<usize>,
    pub(crate) top: Top,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameLayout {
    pub(crate) size: usize,
    pub(crate) previous: usize,
    pub(crate) code: usize,
    pub(crate) instruction: Instruction,
    /// Who owns the frame: what C code owns is no Python function.
    pub(crate) owner: Option<usize>,
    /// Where its local variables start.
    pub(crate) locals: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeLayout {
    pub(crate) size: usize,
    pub(crate) name: usize,
    pub(crate) file: usize,
    pub(crate) first_line: usize,
    pub(crate) lines: usize,
    pub(crate) format: LineFormat,
    /// The tuple with the names of its local variables.
    pub(crate) local_names: usize,
}

/// All offsets of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// In `_PyRuntime`.
    pub(crate) interpreters_head: u64,
    /// In an interpreter's state.
    pub(crate) interpreter_next: u64,
    pub(crate) threads_head: u64,
    pub(crate) thread: ThreadLayout,
    pub(crate) frame: FrameLayout,
    pub(crate) code: CodeLayout,
    /// Where the characters of a string start: of an ASCII one, of another.
    pub(crate) text: [u64; 2],
    /// Where the items of a tuple start.
    pub(crate) tuple_items: u64,
}

/// The least value of a frame's owner that is no function: the C stack of 3.12 and 3.13, the interpreter and the C stack later.
const OWNED_BY_NO_FUNCTION: u8 = 3;

/// The bits of a reference within a frame that are no part of the address, from 3.14 on; before they are 0.
const TAG: u64 = 3;

/// The length of `_Py_DebugOffsets` as far as it is read.
pub(crate) const DEBUG_OFFSETS_SIZE: usize = 8 * 72;

/// Where the parts of `_Py_DebugOffsets` begin whose place differs between versions, in words.
#[derive(Clone, Copy, Debug)]
struct Parts {
    thread: usize,
    /// Of the part of threads, the identifiers.
    identifiers: usize,
    frame: usize,
    code: usize,
    /// That of tuples; `None` where items start behind the length.
    tuple: Option<usize>,
}

impl Parts {
    fn of(version: Version) -> Option<Self> {
        match (version.major, version.minor) {
            (3, 13) => Some(Self { thread: 19, identifiers: 24, frame: 28, code: 34, tuple: None }),
            (3, 14) => Some(Self { thread: 22, identifiers: 27, frame: 31, code: 39, tuple: Some(56) }),
            (3, 15) => Some(Self { thread: 22, identifiers: 30, frame: 39, code: 47, tuple: Some(68) }),
            _ => None,
        }
    }
}

/// Why a table is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is none.
    NoTable,
    /// It is of a version that is not known here.
    Version(Version),
    /// Its interpreter was built without the GIL.
    FreeThreaded(Version),
}

impl FrameLayout {
    /// Returns whether the frame of these bytes is no Python function's.
    pub(crate) fn is_no_function(&self, frame: &[u8]) -> bool {
        let owner = self.owner.and_then(|offset| frame.get(offset));
        owner.is_some_and(|owner| *owner >= OWNED_BY_NO_FUNCTION)
    }

    /// Returns the address of the code object that the frame of these bytes runs.
    pub(crate) fn code_of(&self, frame: &[u8]) -> Option<u64> {
        super::word_at(frame, self.code).map(untagged)
    }
}

/// Returns the address in a reference of a frame.
pub(crate) fn untagged(reference: u64) -> u64 {
    reference & !TAG
}

impl Layout {
    /// Returns the layout of `version`; `None` for those that are not known, or carry it themselves.
    pub(crate) fn of(version: Version) -> Option<Self> {
        match (version.major, version.minor) {
            (3, 9) => Some(Self::with_frame_objects(104, 1, 360, LineFormat::Increments)),
            (3, 10) => Some(Self::with_frame_objects(96, 2, 352, LineFormat::Ranges)),
            (3, 11) => Some(PYTHON_3_11),
            (3, 12) => Some(PYTHON_3_12),
            _ => None,
        }
    }

    /// 3.9 and 3.10: frames are objects on the heap.
    fn with_frame_objects(last_instruction: usize, unit: u32, locals: u64, format: LineFormat) -> Self {
        Self {
            interpreters_head: 32,
            interpreter_next: 0,
            threads_head: 8,
            thread: ThreadLayout {
                size: 184,
                next: 8,
                interpreter: 16,
                pthread: 176,
                native_id: None,
                top: Top::Frame { offset: 24 },
            },
            frame: FrameLayout {
                size: 112,
                previous: 24,
                code: 32,
                instruction: Instruction::Index { offset: last_instruction, unit },
                owner: None,
                locals,
            },
            code: CodeLayout {
                size: 128,
                name: 112,
                file: 104,
                first_line: 40,
                lines: 120,
                format,
                local_names: 72,
            },
            text: [48, 72],
            tuple_items: TUPLE_ITEMS,
        }
    }

    /// Reads the table that interpreters carry from 3.13 on.
    pub(crate) fn from_debug_offsets(bytes: &[u8]) -> Result<(Version, Self), Unread> {
        let word = |index: usize| super::word_at(bytes, 8 * index);
        if bytes.get(..8) != Some(b"xdebugpy") {
            return Err(Unread::NoTable);
        }
        let version = word(1).and_then(Version::from_hex).ok_or(Unread::NoTable)?;
        let parts = Parts::of(version).ok_or(Unread::Version(version))?;
        if word(2) != Some(0) {
            return Err(Unread::FreeThreaded(version));
        }
        Self::from_words(parts, &word).map(|layout| (version, layout)).ok_or(Unread::Version(version))
    }

    fn from_words(parts: Parts, word: &impl Fn(usize) -> Option<u64>) -> Option<Self> {
        // What is out of all proportion is no offset within a structure.
        let offset = |index: usize| word(index).filter(|value| *value < 1 << 20).map(|value| value as usize);
        let Parts { thread, identifiers, frame, code, tuple } = parts;
        let code_bytes = offset(code + 9)?;
        Some(Self {
            interpreters_head: word(5)?,
            interpreter_next: word(8)?,
            threads_head: word(9)?,
            thread: ThreadLayout {
                size: offset(thread)?.min(256),
                next: offset(thread + 2)?,
                interpreter: offset(thread + 3)?,
                pthread: offset(identifiers)?,
                native_id: Some(offset(identifiers + 1)?),
                top: Top::Frame { offset: offset(thread + 4)? },
            },
            frame: FrameLayout {
                size: offset(frame)?.min(80),
                previous: offset(frame + 1)?,
                code: offset(frame + 2)?,
                instruction: Instruction::Pointer {
                    offset: offset(frame + 3)?,
                    code_bytes: code_bytes as u64,
                },
                owner: Some(offset(frame + 5)?),
                locals: offset(frame + 4)? as u64,
            },
            code: CodeLayout {
                size: code_bytes,
                file: offset(code + 1)?,
                name: offset(code + 3)?,
                lines: offset(code + 4)?,
                first_line: offset(code + 5)?,
                format: LineFormat::Locations,
                local_names: offset(code + 7)?,
            },
            text: [40, 56],
            tuple_items: match tuple {
                Some(tuple) => offset(tuple + 1)? as u64,
                None => TUPLE_ITEMS,
            },
        })
    }
}

/// Where the items of a tuple start, up to 3.13.
const TUPLE_ITEMS: u64 = 24;

const PYTHON_3_11: Layout = Layout {
    interpreters_head: 40,
    interpreter_next: 0,
    threads_head: 16,
    thread: ThreadLayout {
        size: 168,
        next: 8,
        interpreter: 16,
        pthread: 152,
        native_id: Some(160),
        top: Top::CFrame { offset: 56, current: 8 },
    },
    frame: FrameLayout {
        size: 80,
        previous: 48,
        code: 32,
        instruction: Instruction::Pointer { offset: 56, code_bytes: 184 },
        owner: Some(69),
        locals: 72,
    },
    code: CodeLayout {
        size: 184,
        name: 128,
        file: 112,
        first_line: 72,
        lines: 136,
        format: LineFormat::Locations,
        local_names: 96,
    },
    text: [48, 72],
    tuple_items: TUPLE_ITEMS,
};

const PYTHON_3_12: Layout = Layout {
    interpreters_head: 40,
    interpreter_next: 0,
    threads_head: 72,
    thread: ThreadLayout {
        size: 152,
        next: 8,
        interpreter: 16,
        pthread: 136,
        native_id: Some(144),
        top: Top::CFrame { offset: 56, current: 0 },
    },
    frame: FrameLayout {
        size: 80,
        previous: 8,
        code: 0,
        instruction: Instruction::Pointer { offset: 56, code_bytes: 192 },
        owner: Some(70),
        locals: 72,
    },
    code: CodeLayout {
        size: 192,
        name: 128,
        file: 112,
        first_line: 68,
        lines: 136,
        format: LineFormat::Locations,
        local_names: 96,
    },
    text: [40, 56],
    tuple_items: TUPLE_ITEMS,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_and_numbers() {
        let version = |minor| Some(Version { major: 3, minor });
        assert_eq!(Version::from_file_name("python3.11"), version(11));
        assert_eq!(Version::from_file_name("libpython3.9.so.1.0"), version(9));
        assert_eq!(Version::from_file_name("libpython3.12d.so"), version(12));
        assert_eq!(Version::from_file_name("python3"), None);
        assert_eq!(Version::from_hex(0x030b_07f0), version(11));
        assert_eq!(Version::from_hex(0x0203_0405_0607_0809), None);
    }

    /// A table of a version, in which every offset is the number of its word.
    fn table(version: u64, is_free_threaded: u64) -> Vec<u8> {
        let mut words: Vec<u64> = (0..DEBUG_OFFSETS_SIZE as u64 / 8).collect();
        words[..3].copy_from_slice(&[u64::from_le_bytes(*b"xdebugpy"), version, is_free_threaded]);
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_table_of_another_version_or_without_the_lock_names_it() {
        let read = |version, is_free_threaded| {
            Layout::from_debug_offsets(&table(version, is_free_threaded)).map(|(version, _)| version)
        };
        let version = |minor| Version { major: 3, minor };
        assert_eq!(read(0x0310_00a1, 0), Err(Unread::Version(version(16))));
        assert_eq!(read(0x030e_00f0, 1), Err(Unread::FreeThreaded(version(14))));
        assert_eq!(read(0x030f_02f0, 0), Ok(version(15)));
        assert_eq!(Layout::from_debug_offsets(b"xdebugpy"), Err(Unread::NoTable));
        assert_eq!(Layout::from_debug_offsets(&[0; 100]), Err(Unread::NoTable));
    }

    #[test]
    fn references_are_addresses_without_their_tag() {
        let (_, layout) = Layout::from_debug_offsets(&table(0x030e_0af0, 0)).unwrap();
        let mut frame = vec![0; 80];
        let place = layout.frame.code;
        frame[place..place + 8].copy_from_slice(&0x7001_u64.to_le_bytes());
        assert_eq!(layout.frame.code_of(&frame), Some(0x7000));
    }
}
