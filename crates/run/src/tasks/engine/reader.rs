//! Reads inputs ahead of the slots, and tells those with a recorded outcome apart.

use std::sync::Arc;
use std::time::Duration;

use festina_types::Bytes;

use super::queue::{Item, Queue, Task};
use crate::tasks::journal::{Place, Reading};
use crate::tasks::key::Keys;
use crate::tasks::pipe::{Block, Blocks};
use crate::tasks::{Row, Rows, TaskError};

/// So many recorded tasks go through the queue together: each would cost more there than to be read.
const BATCH: usize = 1024;

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

    /// Returns the names of the inputs.
    pub(super) fn columns(&self) -> Vec<String> {
        match self {
            Self::Rows(rows) => rows.names().to_vec(),
            Self::Blocks(_) => Vec::new(),
        }
    }

    /// Returns the size of blocks.
    pub(super) fn block(&self) -> Option<Bytes> {
        match self {
            Self::Rows(_) => None,
            Self::Blocks(blocks) => Some(blocks.size()),
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
        let (mut number, mut recorded, mut error) = (0, Vec::new(), None);
        while let Some(next) = self.feed.next() {
            let (row, block) = match next {
                Ok(next) => next,
                Err(malformed) => {
                    error = Some(malformed);
                    break;
                }
            };
            number += 1;
            let is_wanted = match self.task(number, row, block) {
                Ok(task) => self.put_recorded(&mut recorded) && self.queue.put(Item::Task(task)),
                Err(place) => {
                    recorded.push((number, place));
                    recorded.len() < BATCH || self.put_recorded(&mut recorded)
                }
            };
            if !is_wanted {
                break;
            }
        }
        self.put_recorded(&mut recorded);
        self.queue.close(error);
        number
    }

    /// Puts recorded tasks into the queue; returns whether more are wanted.
    fn put_recorded(&self, tasks: &mut Vec<(u64, Place)>) -> bool {
        tasks.is_empty() || self.queue.put(Item::Recorded(std::mem::take(tasks)))
    }

    /// Returns the next task, or where its outcome is recorded.
    fn task(&mut self, number: u64, row: Row, block: Option<Block>) -> Result<Task, Place> {
        let hash = block.as_ref().map(|block| block.hash);
        let (key, seed) = self.keys.next(number, &row, hash);
        match self.recorded.outcome(&key) {
            Some(place) if place.is_finished() || !self.retry_failed => Err(place),
            _ => {
                let (failures, lost, memory) = (0, Duration::ZERO, self.memory);
                Ok(Task { number, row, key, seed, block, failures, lost, memory })
            }
        }
    }
}
