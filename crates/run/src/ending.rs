//! What is said of a run that has ended.

use festina_machine::process::{TreeReader, TreeReading};
use festina_types::{Bytes, Finding, Seconds, Severity, Status};

use crate::Launch;

/// The part of the CPU time that may escape sampling without being mentioned.
const UNSEEN: f64 = 0.1;

/// The CPU time that may do so whatever its part: that of a program and its helpers to start.
const UNSEEN_AT_LEAST: Seconds = Seconds(0.05);

/// Reads a wait status.
pub(crate) fn plain_status(status: i32) -> Status {
    if libc::WIFSIGNALED(status) {
        return Status::Killed { signal: libc::WTERMSIG(status) };
    }
    match libc::WEXITSTATUS(status) {
        0 => Status::Finished,
        code => Status::Failed { code },
    }
}

/// Returns the peak of the memory of a tree: the largest sample, or what the kernel says of the largest process
/// where it says more than what a process has from the guardian's fork, or where there was no sample.
pub(crate) fn peak_rss(sampled: Bytes, largest: Bytes, floor: Bytes) -> Bytes {
    // The kernel's own count of resident pages is off by some for each CPU.
    let floor = Bytes(floor.0 + floor.0 / 32 + (1 << 20));
    if largest > floor || sampled.0 == 0 { sampled.max(largest) } else { sampled }
}

/// Returns what is to be said of descendants of `root` that are still alive.
pub(crate) fn left_running(root: u32, reader: &mut TreeReader) -> Option<Finding> {
    let mut tree = TreeReading::default();
    reader.read(root, &mut tree);
    let alive: Vec<u32> =
        tree.processes.iter().filter(|process| process.is_alive()).map(|process| process.pid).collect();
    let name = reader.name(*alive.first()?)?;
    let others = match alive.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message = format!("the program ended and left '{name}'{others} running: killed");
    let hint = "let the program wait for its children; elapsed time ends with the program";
    Some(Finding::new(Severity::Warning, "left-running", message).with_hint(hint))
}

/// Returns what is to be said where processes used `unseen` of the CPU time `all` between two samples: what they
/// waited for a CPU is not known.
pub(crate) fn unseen(unseen: Seconds, all: Seconds) -> Option<Finding> {
    if unseen.0 <= UNSEEN * all.0 || unseen <= UNSEEN_AT_LEAST {
        return None;
    }
    let message = format!(
        "{unseen} of {all} of CPU time were of threads too short-lived to be sampled to their end: run delay and \
         peaks are too low by what those waited and held"
    );
    Some(Finding::new(Severity::Note, "short-lived-processes", message))
}

/// Returns what is to be said where the kernel killed for memory.
pub(crate) fn killed_for_memory() -> Finding {
    let message = "the kernel killed a process for memory while the program ran";
    let hint = "festina cores tells the memory that the machine and its control groups leave";
    Finding::new(Severity::Error, "killed-for-memory", message).with_hint(hint)
}

/// Returns what is to be said of a program that was killed at its limit.
pub(crate) fn over_limit(memory: Bytes, launch: &Launch) -> Finding {
    let limit = launch.memory_limit.unwrap_or_default();
    let message =
        format!("the program's processes had {memory} in memory, above the limit of {limit}: killed");
    Finding::new(Severity::Error, "memory-limit", message)
}

/// Returns what is to be said of a process that cannot be killed.
pub(crate) fn unkillable() -> Finding {
    let message = "a process of the program did not die of SIGKILL within two seconds";
    let hint =
        "it hangs in a call of the kernel, a dead network file system for one: see ps -o pid,stat,wchan,cmd";
    Finding::new(Severity::Error, "not-killable", message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_are_read() {
        assert_eq!(plain_status(0), Status::Finished);
        assert_eq!(plain_status(3 << 8), Status::Failed { code: 3 });
        // With the flag of a core dump.
        assert_eq!(plain_status(11 | 0x80), Status::Killed { signal: 11 });
    }

    #[test]
    fn the_guardians_memory_is_not_the_programs() {
        let mib = |mib: u64| Bytes(mib << 20);
        assert_eq!(peak_rss(mib(3), mib(101), mib(100)), mib(3));
        assert_eq!(peak_rss(mib(3), mib(200), mib(100)), mib(200));
        assert_eq!(peak_rss(mib(300), mib(200), mib(100)), mib(300));
        // Too short for a sample: an upper bound is all there is.
        assert_eq!(peak_rss(mib(0), mib(8), mib(8)), mib(8));
    }

    #[test]
    fn short_lived_processes_are_mentioned_where_they_matter() {
        assert!(unseen(Seconds(0.4), Seconds(10.0)).is_none());
        assert!(unseen(Seconds(0.03), Seconds(0.03)).is_none());
        assert!(unseen(Seconds(4.0), Seconds(10.0)).unwrap().message.starts_with("4.00 s of 10.0 s"));
    }
}
