//! The tasks that wait: those just read, bounded in number, and those that wait for their next attempt.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use festina_types::Bytes;

use crate::tasks::journal::Place;
use crate::tasks::pipe::Block;
use crate::tasks::{Row, TaskError, TaskKey};

/// Waits are no longer than this, so that a retry or a stop is never missed for long.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A task that waits or runs.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) number: u64,
    pub(super) row: Row,
    pub(super) key: TaskKey,
    pub(super) seed: u64,
    /// What it reads as standard input.
    pub(super) block: Option<Block>,
    /// Attempts before this one, and the time that they took.
    pub(super) failures: u32,
    pub(super) lost: Duration,
    /// The memory that this attempt is given.
    pub(super) memory: Option<Bytes>,
}

/// What the reader of inputs puts into the queue.
#[derive(Debug)]
pub(super) enum Item {
    Task(Task),
    /// Tasks whose outcomes are recorded already, by number.
    Recorded(Vec<(u64, Place)>),
}

/// How long a slot waited, and what for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Waited {
    pub(super) for_inputs: Duration,
    pub(super) for_memory: Duration,
    pub(super) for_back_off: Duration,
    /// Other slots still ran, and there was nothing left to do.
    pub(super) for_others: Duration,
}

impl Waited {
    pub(super) fn total(&self) -> Duration {
        self.for_inputs + self.for_memory + self.for_back_off + self.for_others
    }
}

struct Retry {
    due: Instant,
    task: Task,
}

struct State {
    items: VecDeque<Item>,
    retries: BinaryHeap<Reverse<ByDue>>,
    is_read: bool,
    is_stopped: bool,
    error: Option<TaskError>,
    n_running: usize,
    free_memory: u64,
    /// Slots that wait: without any, nobody needs to be woken.
    n_waiting: usize,
}

/// Retries in the order in which they are due; of equals the first that came.
struct ByDue(Retry);

impl PartialEq for ByDue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByDue {}

impl PartialOrd for ByDue {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByDue {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.due.cmp(&other.0.due).then(self.0.task.number.cmp(&other.0.task.number))
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    /// Something can be taken, or nothing ever will be.
    filled: Condvar,
    /// Something can be put in.
    drained: Condvar,
    capacity: usize,
}

/// Why nothing can be taken now.
enum Blocked {
    Inputs,
    Memory,
    BackOff(Instant),
    Others,
    ForEver,
}

impl Queue {
    pub(super) fn new(capacity: usize, memory: Bytes) -> Self {
        let state = State {
            items: VecDeque::new(),
            retries: BinaryHeap::new(),
            is_read: false,
            is_stopped: false,
            error: None,
            n_running: 0,
            free_memory: memory.0,
            n_waiting: 0,
        };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
            drained: Condvar::new(),
            capacity: capacity.max(2),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the queue")
    }

    /// Puts an item in, when there is room; returns whether more are wanted.
    pub(super) fn put(&self, item: Item) -> bool {
        let mut state = self.lock();
        while state.items.len() >= self.capacity && !state.is_stopped {
            state = self.drained.wait(state).expect("no thread panics while it holds the queue");
        }
        if state.is_stopped {
            return false;
        }
        state.items.push_back(item);
        let is_awaited = state.n_waiting > 0;
        drop(state);
        if is_awaited {
            self.filled.notify_one();
        }
        true
    }

    /// All inputs are read, or reading failed.
    pub(super) fn close(&self, error: Option<TaskError>) {
        let mut state = self.lock();
        state.is_read = true;
        state.error = state.error.take().or(error);
        drop(state);
        self.filled.notify_all();
    }

    /// Nothing more is started.
    pub(super) fn stop(&self) {
        self.lock().is_stopped = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Stops because of an error; the first counts.
    pub(super) fn fail(&self, error: TaskError) {
        self.lock().error.get_or_insert(error);
        self.stop();
    }

    pub(super) fn take_error(&self) -> Option<TaskError> {
        self.lock().error.take()
    }

    /// Returns whether tasks are left that will not be run.
    pub(super) fn is_cut_short(&self) -> bool {
        let state = self.lock();
        state.is_stopped && !(state.is_read && state.items.is_empty() && state.retries.is_empty())
    }

    /// Returns the next item, when there is one, and adds up how long that took; `None` if there will be none.
    pub(super) fn take(&self, waited: &mut Waited) -> Option<Item> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let blocked = match state.take(now) {
                Ok(item) => {
                    let has_room = state.items.len() == self.capacity / 2 || state.items.is_empty();
                    drop(state);
                    if has_room {
                        self.drained.notify_one();
                    }
                    return Some(item);
                }
                Err(Blocked::ForEver) => return None,
                Err(blocked) => blocked,
            };
            let longest = match blocked {
                Blocked::BackOff(due) => due.saturating_duration_since(now).min(LONGEST_WAIT),
                _ => LONGEST_WAIT,
            };
            state.n_waiting += 1;
            state = self
                .filled
                .wait_timeout(state, longest)
                .expect("no thread panics while it holds the queue")
                .0;
            state.n_waiting -= 1;
            *match blocked {
                Blocked::Inputs => &mut waited.for_inputs,
                Blocked::Memory => &mut waited.for_memory,
                Blocked::BackOff(_) => &mut waited.for_back_off,
                Blocked::Others | Blocked::ForEver => &mut waited.for_others,
            } += now.elapsed();
        }
    }

    /// Returns the next item if there is one now.
    pub(super) fn take_if_any(&self) -> Option<Item> {
        let mut state = self.lock();
        let item = state.take(Instant::now()).ok()?;
        drop(state);
        self.drained.notify_one();
        Some(item)
    }

    /// A task of `memory` ended for good.
    pub(super) fn end(&self, memory: Option<Bytes>) {
        let mut state = self.lock();
        state.release(memory);
        let is_awaited = state.n_waiting > 0;
        drop(state);
        // Others may wait for the memory, or for the end.
        if is_awaited {
            self.filled.notify_all();
        }
    }

    /// A task that had `memory` is to run again.
    pub(super) fn retry(&self, memory: Option<Bytes>, task: Task, delay: Duration) {
        let mut state = self.lock();
        state.release(memory);
        state.retries.push(Reverse(ByDue(Retry { due: Instant::now() + delay, task })));
        drop(state);
        self.filled.notify_all();
    }
}

impl State {
    fn take(&mut self, now: Instant) -> Result<Item, Blocked> {
        if self.is_stopped {
            return Err(Blocked::ForEver);
        }
        let due = self.retries.peek().map(|Reverse(ByDue(retry))| (retry.due, retry.task.memory));
        if let Some((due, memory)) = due
            && due <= now
            && self.admits(memory)
            && let Some(Reverse(ByDue(Retry { task, .. }))) = self.retries.pop()
        {
            return Ok(self.start(task));
        }
        match self.items.front() {
            Some(Item::Task(task)) if !self.admits(task.memory) => return Err(Blocked::Memory),
            Some(_) => {
                return match self.items.pop_front() {
                    Some(Item::Task(task)) => Ok(self.start(task)),
                    Some(recorded) => Ok(recorded),
                    None => Err(Blocked::Inputs),
                };
            }
            None => {}
        }
        Err(match due {
            _ if !self.is_read => Blocked::Inputs,
            Some((due, _)) if due > now => Blocked::BackOff(due),
            Some(_) => Blocked::Memory,
            None if self.n_running > 0 => Blocked::Others,
            None => Blocked::ForEver,
        })
    }

    /// Returns whether there is memory for a task; one that wants more than there is runs alone.
    fn admits(&self, memory: Option<Bytes>) -> bool {
        memory.is_none_or(|memory| memory.0 <= self.free_memory || self.n_running == 0)
    }

    fn start(&mut self, task: Task) -> Item {
        self.n_running += 1;
        self.free_memory = self.free_memory.wrapping_sub(task.memory.map_or(0, |memory| memory.0));
        Item::Task(task)
    }

    fn release(&mut self, memory: Option<Bytes>) {
        self.n_running -= 1;
        // What ran alone may have wanted more than there was: the difference wraps back.
        self.free_memory = self.free_memory.wrapping_add(memory.map_or(0, |memory| memory.0));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tasks::key::Keys;

    fn task(number: u64, memory: u64) -> Task {
        let row = Row::unnamed(vec![number.to_string().into()]);
        let (key, seed) = Keys::new([0; 16], 0, false, false).next(number, &row, None);
        let memory = (memory > 0).then_some(Bytes(memory));
        Task { number, row, key, seed, block: None, failures: 0, lost: Duration::ZERO, memory }
    }

    fn number(item: Option<Item>) -> Option<u64> {
        item.map(|item| match item {
            Item::Task(task) => task.number,
            Item::Recorded(tasks) => tasks[0].0,
        })
    }

    #[test]
    fn the_reader_waits_when_the_queue_is_full() {
        let queue = Arc::new(Queue::new(4, Bytes(0)));
        let filled = queue.clone();
        let reader = std::thread::spawn(move || {
            (1..=1000).for_each(|n| assert!(filled.put(Item::Task(task(n, 0)))));
            filled.close(None);
        });
        let mut waited = Waited::default();
        for expected in 1..=1000 {
            assert!(queue.lock().items.len() <= 4);
            assert_eq!(number(queue.take(&mut waited)), Some(expected));
            queue.end(None);
        }
        assert_eq!(number(queue.take(&mut waited)), None);
        reader.join().unwrap();
    }

    #[test]
    fn memory_is_given_once() {
        let queue = Queue::new(9, Bytes(10));
        for (number, memory) in [(1, 6), (2, 4), (3, 1), (4, 99)] {
            queue.put(Item::Task(task(number, memory)));
        }
        queue.close(None);
        let mut waited = Waited::default();
        assert_eq!((number(queue.take(&mut waited)), number(queue.take(&mut waited))), (Some(1), Some(2)));
        assert!(matches!(queue.lock().take(Instant::now()), Err(Blocked::Memory)));
        queue.end(Some(Bytes(6)));
        assert_eq!(number(queue.take(&mut waited)), Some(3));
        assert!(
            matches!(queue.lock().take(Instant::now()), Err(Blocked::Memory)),
            "too much: it waits to run alone"
        );
        queue.end(Some(Bytes(4)));
        queue.end(Some(Bytes(1)));
        assert_eq!(number(queue.take(&mut waited)), Some(4));
        queue.end(Some(Bytes(99)));
        assert_eq!(queue.lock().free_memory, 10);
        assert_eq!(number(queue.take(&mut waited)), None);
    }

    #[test]
    fn retries_come_when_they_are_due() {
        let queue = Queue::new(9, Bytes(0));
        queue.put(Item::Task(task(1, 0)));
        queue.close(None);
        let mut waited = Waited::default();
        assert_eq!(number(queue.take(&mut waited)), Some(1));
        queue.retry(None, task(1, 0), Duration::from_millis(20));
        assert_eq!(number(queue.take(&mut waited)), Some(1));
        assert!(waited.for_back_off >= Duration::from_millis(19), "{waited:?}");
        queue.stop();
        assert_eq!(number(queue.take(&mut waited)), None);
        assert!(!queue.put(Item::Task(task(2, 0))));
    }
}
