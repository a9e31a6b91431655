//! What is told of a run while it goes on.

use festina_types::Seconds;

use super::{Record, RunFolder, TaskEnd};

/// Is told of a run while it goes on. Calls come one at a time, from whatever thread has something to tell; they are
/// made while the run waits, so they should be short.
pub trait TaskObserver: Send {
    /// The run begins, with its outcomes in `folder`.
    fn started(&mut self, _folder: &RunFolder) {}

    /// A task ended; its outcome is in the journal.
    fn ended(&mut self, _record: &Record) {}

    /// An attempt failed, and another follows after `delay`.
    fn retried(&mut self, _number: u64, _end: &TaskEnd, _delay: Seconds) {}

    /// How far the run is; called some ten times a second.
    fn progress(&mut self, _progress: &Progress) {}
}

/// Observes nothing.
impl TaskObserver for () {}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// The number of tasks; `None` while inputs are still read.
    pub total: Option<u64>,
    /// Tasks that ended in this session with exit code 0.
    pub finished: u64,
    /// Tasks that ended in this session otherwise.
    pub failed: u64,
    /// Tasks whose outcome was recorded before.
    pub recorded: u64,
    /// The number of slots.
    pub slots: u32,
    /// Elapsed time.
    pub elapsed: Seconds,
    /// The sum of the times of the tasks that ended.
    pub task_time: Seconds,
}

impl Progress {
    /// Returns the part of the slots' time so far that went into tasks that ended, `[0, 1]`.
    pub fn efficiency(&self) -> f64 {
        let all = self.elapsed.0 * f64::from(self.slots);
        if all > 0.0 { (self.task_time.0 / all).min(1.0) } else { 0.0 }
    }

    /// Returns the time that is left if the other tasks take as long on average as those that ended.
    pub fn left(&self) -> Option<Seconds> {
        let ended = self.finished + self.failed;
        let left = self.total?.checked_sub(ended + self.recorded)?;
        (ended > 0).then(|| Seconds(self.elapsed.0 * left as f64 / ended as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let progress = Progress {
            total: Some(50),
            finished: 9,
            failed: 1,
            recorded: 20,
            slots: 4,
            elapsed: Seconds(5.0),
            task_time: Seconds(15.0),
        };
        assert_eq!((progress.left(), progress.efficiency()), (Some(Seconds(10.0)), 0.75));
        assert_eq!(Progress { total: None, ..progress }.left(), None);
        assert_eq!(Progress::default().left(), None);
    }
}
