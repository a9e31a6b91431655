//! Short tasks are handed to a distant worker ahead of time, so that it never waits for the next.

use std::collections::VecDeque;
use std::time::Duration;

use super::queue::{Item, Task};
use super::slot::{Attempt, Slot, in_memory, judge};
use crate::RunError;
use crate::tasks::TaskError;

/// A task that a worker has, or that turned out before that it cannot be started.
struct Begun {
    task: Task,
    end: Option<Attempt>,
}

impl Slot<'_, '_> {
    /// Runs a task, and, while the worker has one that runs, hands it others.
    pub(super) fn attempt_ahead(&mut self, task: Task) -> Result<(), TaskError> {
        let mut begun = VecDeque::new();
        begun.push_back(self.begin(task)?);
        while !begun.is_empty() {
            let limit = self.runner.ahead().map_or(1, |runner| runner.limit(self.recent_s));
            while begun.len() < limit
                && let Some(item) = self.engine.queue.take_if_any()
            {
                match item {
                    Item::Recorded(tasks) => self.engine.sink().take_recorded(&tasks)?,
                    Item::Task(task) => begun.push_back(self.begin(task)?),
                }
            }
            if let Some(first) = begun.pop_front() {
                self.complete(first)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, task: Task) -> Result<Begun, TaskError> {
        if let Some(end) = self.prepare(&task)? {
            return Ok(Begun { task, end: Some(end) });
        }
        if let Some(block) = &task.block {
            match in_memory(block) {
                Ok(input) => self.launch.input = input,
                Err(error) => return Ok(Begun { task, end: Some(judge(Err(error))?) }),
            }
        }
        if let Some(runner) = self.runner.ahead() {
            runner.begin(&self.launch);
        }
        Ok(Begun { task, end: None })
    }

    fn complete(&mut self, Begun { mut task, end }: Begun) -> Result<(), TaskError> {
        let attempt = match (end, self.runner.ahead()) {
            (Some(end), _) => end,
            (None, Some(runner)) => match runner.wait(&self.engine.kill) {
                // The other host is short of something for a moment: this one waits for it.
                Err(RunError::Exhausted { .. }) => self.run(&mut task)?,
                result => judge(result)?,
            },
            (None, None) => self.run(&mut task)?,
        };
        self.learn(attempt.wall());
        self.settle(task, attempt)
    }

    fn learn(&mut self, wall: Duration) {
        let wall = wall.as_secs_f64();
        self.recent_s = Some(self.recent_s.map_or(wall, |recent| 0.7 * recent + 0.3 * wall));
    }
}
