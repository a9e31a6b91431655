//! What a thread does at one instant: `/proc/<pid>/task/<tid>/syscall`.
//!
//! The kernel writes `running` for a thread that runs or is ready to, and for a blocked one the number of its system
//! call, six arguments, stack pointer and program counter, in hexadecimal but for the number; −1 is a thread that
//! blocked outside of any call: at a page that has to be fetched.

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It runs on a CPU, or is ready to.
    Running,
    /// It is blocked in a system call.
    Blocked(Call),
    /// It is blocked outside of any call, with its stack pointer and program counter where the kernel tells them.
    Paging {
        /// The stack pointer.
        stack_pointer: u64,
        /// The program counter.
        program_counter: u64,
    },
    /// It is blocked, and the kernel does not tell in what.
    Untold,
}

/// A system call in which a thread is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number on this architecture.
    pub number: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// The thread's stack pointer.
    pub stack_pointer: u64,
    /// The thread's program counter, behind the instruction that entered the kernel.
    pub program_counter: u64,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Another thread: a futex, with the address of its word; a semaphore or a file lock, without.
    Lock {
        /// The futex word.
        address: Option<u64>,
    },
    /// A time.
    Sleep,
    /// Files, pipes, sockets, terminals, storage.
    Io,
    /// The end of a child process.
    Child,
    /// Memory that has to be fetched.
    Paging,
    /// A signal, a debugger, or something that is not told.
    Other,
}

impl Doing {
    /// Reads the text of `syscall`.
    ///
    /// ```
    /// use festina_machine::target::{Doing, Wait};
    /// assert_eq!(Doing::parse("running\n"), Some(Doing::Running));
    /// let paging = Doing::parse("-1 0x7ffe10 0x55d0c0").unwrap();
    /// assert_eq!(paging.wait(), Some(Wait::Paging));
    /// assert_eq!(Doing::parse("0 0x3"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let first = fields.next()?;
        if first == "running" {
            return Some(Self::Running);
        }
        let number: i64 = first.parse().ok()?;
        let mut word = || u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok();
        if number < 0 {
            return Some(Self::Paging { stack_pointer: word()?, program_counter: word()? });
        }
        let mut arguments = [0; 6];
        for argument in &mut arguments {
            *argument = word()?;
        }
        Some(Self::Blocked(Call { number, arguments, stack_pointer: word()?, program_counter: word()? }))
    }

    /// Returns stack pointer and program counter of a blocked thread.
    pub fn registers(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Blocked(call) => Some((call.stack_pointer, call.program_counter)),
            Self::Paging { stack_pointer, program_counter } => Some((stack_pointer, program_counter)),
            Self::Running | Self::Untold => None,
        }
    }

    /// Returns what the thread waits for; `None` if it does not wait.
    pub fn wait(&self) -> Option<Wait> {
        match self {
            Self::Running => None,
            Self::Blocked(call) => Some(call.wait()),
            Self::Paging { .. } => Some(Wait::Paging),
            Self::Untold => Some(Wait::Other),
        }
    }
}

/// The number of `restart_syscall`, the tail of a call that a stop interrupted: waits with a time limit.
const RESTARTED: i64 = libc::SYS_restart_syscall;

/// Waits for a vector of futexes, of which no word stands in the arguments, and for one: the same numbers on all
/// architectures.
const FUTEX_WAITV: i64 = 449;
const FUTEX_WAIT: i64 = 455;

impl Call {
    /// Returns what a thread in this call waits for.
    pub fn wait(&self) -> Wait {
        let Self { number, arguments, .. } = *self;
        match number {
            libc::SYS_futex => Wait::Lock { address: Some(arguments[0]) },
            libc::SYS_semop | libc::SYS_semtimedop | libc::SYS_flock | libc::SYS_fcntl => {
                Wait::Lock { address: None }
            }
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep | RESTARTED => Wait::Sleep,
            libc::SYS_wait4 | libc::SYS_waitid => Wait::Child,
            libc::SYS_rt_sigsuspend | libc::SYS_rt_sigtimedwait | libc::SYS_ptrace => Wait::Other,
            // The ways to wait for files: without any, only the time limit is left.
            libc::SYS_pselect6 if arguments[0] == 0 => Wait::Sleep,
            libc::SYS_ppoll if arguments[1] == 0 => Wait::Sleep,
            number => old_call(number, &arguments).unwrap_or(Wait::Io),
        }
    }
}

/// Returns the wait in a call that only some architectures still have.
#[cfg(target_arch = "x86_64")]
fn old_call(number: i64, arguments: &[u64; 6]) -> Option<Wait> {
    match number {
        libc::SYS_select if arguments[0] == 0 => Some(Wait::Sleep),
        libc::SYS_poll if arguments[1] == 0 => Some(Wait::Sleep),
        libc::SYS_pause => Some(Wait::Other),
        FUTEX_WAITV => Some(Wait::Lock { address: None }),
        FUTEX_WAIT => Some(Wait::Lock { address: Some(arguments[0]) }),
        // A parent in vfork waits until its child has called exec.
        libc::SYS_vfork | libc::SYS_clone | libc::SYS_clone3 => Some(Wait::Child),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn old_call(number: i64, arguments: &[u64; 6]) -> Option<Wait> {
    match number {
        FUTEX_WAITV => Some(Wait::Lock { address: None }),
        FUTEX_WAIT => Some(Wait::Lock { address: Some(arguments[0]) }),
        libc::SYS_clone | libc::SYS_clone3 => Some(Wait::Child),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(number: i64, arguments: [u64; 6]) -> Wait {
        Call { number, arguments, stack_pointer: 0, program_counter: 0 }.wait()
    }

    #[test]
    fn waits_are_told_apart_by_their_call() {
        assert_eq!(wait(libc::SYS_futex, [0x55d0, 0, 0, 0, 0, 0]), Wait::Lock { address: Some(0x55d0) });
        assert_eq!(wait(libc::SYS_clock_nanosleep, [0; 6]), Wait::Sleep);
        assert_eq!(wait(libc::SYS_pselect6, [0; 6]), Wait::Sleep);
        assert_eq!(wait(libc::SYS_pselect6, [4, 0, 0, 0, 0, 0]), Wait::Io);
        assert_eq!(wait(libc::SYS_read, [3, 0, 0, 0, 0, 0]), Wait::Io);
        assert_eq!(wait(libc::SYS_wait4, [0; 6]), Wait::Child);
    }

    #[test]
    fn a_blocked_call_is_read_whole() {
        let doing = Doing::parse("7 0x7ffe 0x1 0xffffffff 0x0 0x0 0x0 0x7ffd1 0x7f2b\n").unwrap();
        assert_eq!(doing.registers(), Some((0x7ffd1, 0x7f2b)));
        assert!(
            matches!(doing, Doing::Blocked(call) if call.number == 7 && call.arguments[2] == 0xffff_ffff)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "(?s).*") {
            let _ = Doing::parse(&text);
        }
    }
}
