//! Where `CPython` keeps what we read, by version: offsets in bytes within its structures, on 64-bit Linux.
//!
//! Up to 3.12 they are those of `CPython`'s own headers (`offsetof` over `Include/internal`), the same in all releases of
//! a minor version. From 3.13 on the interpreter carries a table of them at the start of `_PyRuntime`
//! (`_Py_DebugOffsets`), from which they are read.

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
}

/// The value of a frame's owner that is the C stack, from 3.12 on.
pub(crate) const OWNED_BY_C_STACK: u8 = 3;

/// The length of `_Py_DebugOffsets` as far as it is read.
pub(crate) const DEBUG_OFFSETS_SIZE: usize = 8 * 60;

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
        }
    }

    /// Reads the table that interpreters carry from 3.13 on; `None` for what is not that of 3.13, or has no GIL.
    pub(crate) fn from_debug_offsets(bytes: &[u8]) -> Result<Self, Option<Version>> {
        let word = |index: usize| -> Option<u64> {
            Some(u64::from_le_bytes(bytes.get(8 * index..8 * index + 8)?.try_into().ok()?))
        };
        if bytes.get(..8) != Some(b"xdebugpy") {
            return Err(None);
        }
        let version = word(1).and_then(Version::from_hex).ok_or(None)?;
        if version != (Version { major: 3, minor: 13 }) || word(2) != Some(0) {
            return Err(Some(version));
        }
        Self::from_words(&word).ok_or(Some(version))
    }

    /// The table of 3.13, in the order of its `pycore_runtime.h`.
    fn from_words(word: &impl Fn(usize) -> Option<u64>) -> Option<Self> {
        // What is out of all proportion is no offset within a structure.
        let offset = |index: usize| word(index).filter(|value| *value < 1 << 20).map(|value| value as usize);
        let thread_size = offset(19)?;
        Some(Self {
            interpreters_head: word(5)?,
            interpreter_next: word(8)?,
            threads_head: word(9)?,
            thread: ThreadLayout {
                size: thread_size.min(256),
                next: offset(21)?,
                interpreter: offset(22)?,
                pthread: offset(24)?,
                native_id: Some(offset(25)?),
                top: Top::Frame { offset: offset(23)? },
            },
            frame: FrameLayout {
                size: offset(28)?.min(80),
                previous: offset(29)?,
                code: offset(30)?,
                instruction: Instruction::Pointer { offset: offset(31)?, code_bytes: word(43)? },
                owner: Some(offset(33)?),
                locals: offset(32)? as u64,
            },
            code: CodeLayout {
                size: offset(43)?,
                file: offset(35)?,
                name: offset(37)?,
                lines: offset(38)?,
                first_line: offset(39)?,
                format: LineFormat::Locations,
                local_names: offset(41)?,
            },
            text: [40, 56],
        })
    }
}

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

    #[test]
    fn a_table_of_another_version_names_it() {
        let mut table = vec![0; DEBUG_OFFSETS_SIZE];
        table[..8].copy_from_slice(b"xdebugpy");
        table[8..16].copy_from_slice(&0x030e_00f0_u64.to_le_bytes());
        assert_eq!(Layout::from_debug_offsets(&table), Err(Some(Version { major: 3, minor: 14 })));
        assert_eq!(Layout::from_debug_offsets(b"xdebugpy"), Err(None));
        assert_eq!(Layout::from_debug_offsets(&[0; 100]), Err(None));
    }
}
