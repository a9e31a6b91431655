//! What an earlier session left: it was killed before it could write down all that its workers had done.

use std::path::Path;
use std::time::{Duration, Instant};

use super::folder::{Folder, Stop};
use super::pool::{Outcomes, Supply};
use super::record::{Fingerprint, Record};
use crate::mpi::frame::Frame;

/// Workers say that they are there once a second: one that is quiet for so long is none any more.
const QUIET: Duration = Duration::from_secs(3);

/// Workers that are asked to stop at once get so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Outcomes of an earlier session that nobody has written into the journal.
#[derive(Debug, Default)]
pub(super) struct Left(Outcomes);

impl Left {
    /// Ends the workers of earlier sessions of this run, and takes what they had done; their folders are removed.
    pub(super) fn take(run: &Path, supply: &mut dyn Supply, is_kept: impl Fn(&Frame) -> bool) -> Self {
        let mut left = Self::default();
        for folder in Folder::left_in(run) {
            left.end(&folder, supply);
            left.read(&folder, &is_kept);
            // What stays is looked at again by the next session.
            let _ = folder.remove();
        }
        left
    }

    fn end(&self, folder: &Folder, supply: &mut dyn Supply) {
        let _ = folder.write_stop(Stop::Urgent);
        folder.withdraw();
        supply.stop(&folder.jobs());
        let give_up = Instant::now() + PATIENCE;
        let mut workers: Vec<(String, u64, Instant)> =
            folder.workers().into_iter().map(|worker| (worker, 0, Instant::now())).collect();
        while !workers.is_empty() && Instant::now() < give_up {
            workers.retain_mut(|(worker, offset, heard)| {
                let records = folder.said(worker, offset).unwrap_or_default();
                if !records.is_empty() {
                    *heard = Instant::now();
                }
                let has_left = records.iter().any(|(_, record)| *record == Record::Bye);
                !has_left && heard.elapsed() < QUIET
            });
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn read(&mut self, folder: &Folder, is_kept: &impl Fn(&Frame) -> bool) {
        for worker in folder.workers() {
            for (_, record) in folder.said(&worker, &mut 0).unwrap_or_default() {
                if let Record::Answer { fingerprint, frame } = record
                    && is_whole(&frame)
                    && is_kept(&frame)
                {
                    self.0.entry(fingerprint).or_default().push_back(frame);
                }
            }
        }
    }

    /// Returns the outcome of a task that had ended, if it is one.
    pub(super) fn outcome(&mut self, fingerprint: &Fingerprint) -> Option<Frame> {
        self.0.get_mut(fingerprint)?.pop_front()
    }
}

/// Returns whether a task ended, and all of its output is still there.
fn is_whole(frame: &Frame) -> bool {
    let Frame::Ended(outcome) = frame else { return false };
    let files = [&outcome.output.spilled, &outcome.errors.spilled];
    outcome.status != festina_types::Status::Canceled && files.into_iter().flatten().all(|file| file.exists())
}
