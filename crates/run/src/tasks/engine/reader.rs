//! Reads inputs ahead of the slots, and tells those with a recorded outcome apart.

use std::sync::Arc;
use std::time::Duration;

use festina_types::Bytes;

use super::queue::{Item, Queue, Task};
use crate::tasks::journal::Reading;
use crate::tasks::key::Keys;
use crate::tasks::pipe::{Block, Blocks};
use crate::tasks::{Row, Rows, TaskError};

/// What tasks are made of.
pub(super) enum Feed {
    Rows(Rows),
    Blocks(Blocks),
}

impl Feed {
    fn next(&mut self) -> Option<Result<(Row, Option<Block>), TaskError>> {
        match self {
            Self::Rows(rows) => Some(rows.next()?.map(|row| (row, None))),
            Self::Blocks(blocks) => Some(blocks.next()?.map(|block| (Row::unnamed(Vec::new()), Some(block)))),
        }
    }

    /// Returns the number of tasks where it is known before they are read.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Rows(rows) => rows.length(),
            Self::Blocks(blocks) => blocks.length(),
        }
    }
}

pub(super) struct Reader {
    pub(super) feed: Feed,
    pub(super) keys: Keys,
    pub(super) recorded: Reading,
    pub(super) retry_failed: bool,
    pub(super) memory: Option<Bytes>,
    pub(super) queue: Arc<Queue>,
}

impl Reader {
    /// Puts all tasks into the queue; returns how many there are.
    pub(super) fn read(mut self) -> u64 {
        let mut number = 0;
        while let Some(next) = self.feed.next() {
            let (row, block) = match next {
                Ok(next) => next,
                Err(error) => {
                    self.queue.close(Some(error));
                    return number;
                }
            };
            number += 1;
            let item = self.item(number, row, block);
            if !self.queue.put(item) {
                break;
            }
        }
        self.queue.close(None);
        number
    }

    fn item(&mut self, number: u64, row: Row, block: Option<Block>) -> Item {
        let hash = block.as_ref().map(|block| block.hash);
        let (key, seed) = self.keys.next(number, &row, hash);
        match self.recorded.outcome(&key) {
            Some(place) if place.is_finished() || !self.retry_failed => Item::Recorded { number, place },
            _ => {
                let (failures, lost, memory) = (0, Duration::ZERO, self.memory);
                Item::Task(Task { number, row, key, seed, block, failures, lost, memory })
            }
        }
    }
}
