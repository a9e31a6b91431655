//! What the exit code says.

/// The exit codes of every festina command: a kind of ending chooses its code once, here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Ran to the end, and the answer is no: a task failed, a result differs, not ready, infeasible.
    No = 1,
    /// Bad command line or bad input.
    BadInput = 2,
    /// The machine lacks something: a permission, an engine, a device, space.
    Unavailable = 3,
    /// It cannot be told: unsure.
    Unsure = 4,
    /// The measurement is invalid: the measuring tool, not what it measured, was the limit.
    Invalid = 5,
    /// A bug of ours.
    Bug = 70,
    /// Interrupted by the user; what was done so far is kept.
    Interrupted = 130,
}

impl Exit {
    /// Returns the code that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns what a process that ended with `code` means by it, if it is one of these.
    ///
    /// ```
    /// use festina_types::Exit;
    ///
    /// assert_eq!(Exit::from_code(Exit::Unsure.code()), Some(Exit::Unsure));
    /// assert_eq!(Exit::from_code(99), None);
    /// ```
    pub fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::Done,
            Self::No,
            Self::BadInput,
            Self::Unavailable,
            Self::Unsure,
            Self::Invalid,
            Self::Bug,
            Self::Interrupted,
        ];
        all.into_iter().find(|exit| exit.code() == code)
    }
}
