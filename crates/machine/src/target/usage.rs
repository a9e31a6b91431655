//! What a process has used so far: reads, writes, and CPU time in the kernel.

/// What a process has used since it was started, with all of its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// System calls that read or wrote, of whatever kind.
    pub calls: u64,
    /// The bytes that they moved.
    pub bytes: u64,
    /// CPU time in the kernel, in nanoseconds, as finely as the kernel's clock ticks.
    pub kernel_ns: u64,
}

/// Reads the text of `/proc/<pid>/io`: calls and bytes.
///
/// ```
/// use festina_machine::target::parse_io;
/// let text = "rchar: 700\nwchar: 300\nsyscr: 4\nsyscw: 6\nread_bytes: 0\nwrite_bytes: 0\n";
/// assert_eq!(parse_io(text), Some((10, 1000)));
/// assert_eq!(parse_io("rchar: 700\n"), None);
/// ```
pub fn parse_io(text: &str) -> Option<(u64, u64)> {
    let number = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    };
    Some((number("syscr")? + number("syscw")?, number("rchar")? + number("wchar")?))
}

/// Reads the CPU time in the kernel from the text of `/proc/<pid>/stat`, in clock ticks.
///
/// ```
/// use festina_machine::target::parse_kernel_ticks;
/// let text = "7 (a) b) S 1 7 7 0 -1 4194304 90 0 0 0 250 40 0 0 20 0 1 0 100 0 0";
/// assert_eq!(parse_kernel_ticks(text), Some(40));
/// ```
pub fn parse_kernel_ticks(text: &str) -> Option<u64> {
    // The name may hold anything; behind it come the state and ten numbers before the two times.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(12)?.parse().ok()
}
