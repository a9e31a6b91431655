//! Native functions over the ranks: tasks go out in batches, on demand, a few batches ahead of each rank.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use festina_types::{Backend, BackendError, Function, Workers};

use super::Mpi;
use super::frame::Frame;
use super::router::Arrival;
use super::worker::call_each;

/// Batches that a rank has at the same time, at most: one that it works at, the others on their way to it or back.
const AHEAD: usize = 3;

/// A batch takes about so long: long against the way there and back, short against what anybody waits for.
const BATCH: Duration = Duration::from_millis(2);

/// From one measurement to the next batches grow by no more than this factor: the first tasks may not be like the rest.
const GROWTH: f64 = 8.0;

/// A batch has about so many bytes at most, unless it is a single task.
const BATCH_BYTES: usize = 1 << 20;

impl Backend for Mpi {
    fn workers(&self) -> Workers {
        self.size()
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        thread::scope(|scope| {
            let (events, told) = mpsc::channel();
            let (own, own_batches) = mpsc::channel();
            let to_self = events.clone();
            let start = thread::Builder::new().name("festina-map".to_owned());
            start
                .spawn_scoped(scope, move || work(function, &own_batches, &to_self))
                .map_err(|error| BackendError::Lost { message: error.to_string() })?;
            Map::new(self, function, inputs, own, events).run(&told)
        })
    }
}

/// A batch for this rank's own thread.
struct Batch {
    id: u64,
    inputs: Vec<Vec<u8>>,
}

/// What a batch came to.
struct Done {
    id: u64,
    elapsed_ns: u64,
    outputs: Vec<Vec<u8>>,
    failure: Option<String>,
}

enum Event {
    Arrival(Arrival),
    Done(Done),
}

/// Calls the function for this rank's own batches.
fn work(function: Function, batches: &Receiver<Batch>, done: &Sender<Event>) {
    while let Ok(Batch { id, inputs }) = batches.recv() {
        let started = Instant::now();
        let (outputs, failure) = call_each(function, &inputs);
        let elapsed_ns = started.elapsed().as_nanos() as u64;
        if done.send(Event::Done(Done { id, elapsed_ns, outputs, failure })).is_err() {
            return;
        }
    }
}

/// A batch that was handed out.
struct Pending {
    rank: u32,
    first: usize,
    count: usize,
}

/// One map while it goes on.
struct Map<'m> {
    mpi: &'m Mpi,
    function: Function,
    inputs: std::iter::Enumerate<std::vec::IntoIter<Vec<u8>>>,
    outputs: Vec<Vec<u8>>,
    own: Sender<Batch>,
    events: Sender<Event>,
    pending: HashMap<u64, Pending>,
    /// Batches that each rank has.
    ahead: Vec<usize>,
    pace: Pace,
    /// The first task, in the order of the inputs, that is known to have failed.
    failed: Option<(usize, String)>,
}

impl<'m> Map<'m> {
    fn new(
        mpi: &'m Mpi,
        function: Function,
        inputs: Vec<Vec<u8>>,
        own: Sender<Batch>,
        events: Sender<Event>,
    ) -> Self {
        let n_ranks = mpi.size().get() as usize;
        Self {
            mpi,
            function,
            outputs: vec![Vec::new(); inputs.len()],
            inputs: inputs.into_iter().enumerate(),
            own,
            events,
            pending: HashMap::new(),
            ahead: vec![0; n_ranks],
            pace: Pace::new(n_ranks),
            failed: None,
        }
    }

    fn run(mut self, told: &Receiver<Event>) -> Result<Vec<Vec<u8>>, BackendError> {
        // The others first: this rank has the shortest way.
        for rank in (0..self.ahead.len()).rev() {
            self.hand_out(rank);
        }
        while !self.pending.is_empty() {
            let event = told.recv().expect("this map holds a sender itself");
            let rank = self.take(event).inspect_err(|_| self.give_up())?;
            while self.ahead[rank] < self.pace.ahead() && self.hand_out(rank) {}
        }
        match self.failed {
            Some((task, message)) => Err(BackendError::Task { task, message }),
            None => Ok(self.outputs),
        }
    }

    /// Gives a rank its next batch; returns whether there was one.
    fn hand_out(&mut self, rank: usize) -> bool {
        // What comes after a failure is of no use; all before it was handed out earlier.
        if self.failed.is_some() {
            return false;
        }
        let size = self.pace.size(self.inputs.len());
        let mut inputs = Vec::with_capacity(size);
        let mut first = None;
        let mut n_bytes = 0;
        while inputs.len() < size && n_bytes < BATCH_BYTES {
            let Some((index, input)) = self.inputs.next() else { break };
            first.get_or_insert(index);
            n_bytes += input.len();
            inputs.push(input);
        }
        let Some(first) = first else { return false };
        let (id, count) = (self.mpi.router.new_id(), inputs.len());
        self.pending.insert(id, Pending { rank: rank as u32, first, count });
        self.ahead[rank] += 1;
        if rank == 0 {
            self.own.send(Batch { id, inputs }).expect("the thread lives as long as the map");
        } else {
            let events = self.events.clone();
            self.mpi.router.open(id, move |arrival| _ = events.send(Event::Arrival(arrival)));
            let function = self.function.name.to_owned();
            self.mpi.send(rank as u32, id, &Frame::Map { function, inputs });
        }
        true
    }

    /// Takes what a batch came to; returns the rank that it was of.
    fn take(&mut self, event: Event) -> Result<usize, BackendError> {
        let done = match event {
            Event::Done(done) => done,
            Event::Arrival(Arrival::Lost) => return Err(lost("MPI failed".to_owned())),
            Event::Arrival(Arrival::Message { from, bytes }) => match Frame::decode(&bytes) {
                Ok((id, Frame::Mapped { elapsed_ns, outputs, failure })) => {
                    self.mpi.router.close(id);
                    Done { id, elapsed_ns, outputs, failure }
                }
                Ok(_) => return Err(lost(format!("rank {from} sent something unasked"))),
                Err(error) => return Err(lost(format!("rank {from} sent a message: {error}"))),
            },
        };
        let Some(Pending { rank, first, count }) = self.pending.remove(&done.id) else {
            return Err(lost("an answer came twice".to_owned()));
        };
        self.ahead[rank as usize] -= 1;
        let n_called = done.outputs.len() + usize::from(done.failure.is_some());
        self.pace.learn(n_called, done.elapsed_ns);
        match done.failure {
            Some(message) => {
                let task = first + done.outputs.len();
                if self.failed.as_ref().is_none_or(|(earliest, _)| task < *earliest) {
                    self.failed = Some((task, message));
                }
            }
            None if done.outputs.len() != count => {
                return Err(lost(format!("rank {rank} sent {} of {count} outputs", done.outputs.len())));
            }
            None => {}
        }
        for (output, place) in done.outputs.into_iter().zip(&mut self.outputs[first..]) {
            *place = output;
        }
        Ok(rank as usize)
    }

    /// Waits for nothing more.
    fn give_up(&self) {
        self.pending.keys().for_each(|id| self.mpi.router.close(*id));
    }
}

fn lost(message: String) -> BackendError {
    BackendError::Lost { message }
}

/// How many tasks make a batch.
///
/// As many as take [`BATCH`], by what tasks took so far; and of what is left no more than its share of a half, so that
/// the last batches are small and no rank is waited for long (guided self-scheduling: C. D. Polychronopoulos and
/// D. J. Kuck, IEEE Trans. Computers C-36, 1987).
#[derive(Debug)]
struct Pace {
    n_ranks: usize,
    n_tasks: f64,
    elapsed_ns: f64,
    largest: f64,
}

impl Pace {
    fn new(n_ranks: usize) -> Self {
        Self { n_ranks, n_tasks: 0.0, elapsed_ns: 0.0, largest: 1.0 }
    }

    fn learn(&mut self, n_tasks: usize, elapsed_ns: u64) {
        // What is long past counts less and less.
        self.n_tasks = 0.9 * self.n_tasks + n_tasks as f64;
        self.elapsed_ns = 0.9 * self.elapsed_ns + elapsed_ns as f64;
        let a_task = (self.elapsed_ns / self.n_tasks.max(1.0)).max(1.0);
        self.largest = (BATCH.as_nanos() as f64 / a_task).clamp(1.0, self.largest * GROWTH);
    }

    /// Returns the time that a task takes.
    fn task(&self) -> Duration {
        Duration::from_nanos((self.elapsed_ns / self.n_tasks.max(1.0)) as u64)
    }

    /// Returns how many batches a rank may have. What waits behind a long task is not done elsewhere, so that of
    /// long tasks none waits: the way there and back, below 2 ms, is then little.
    fn ahead(&self) -> usize {
        match self.task() {
            task if task < Duration::from_millis(10) => AHEAD,
            task if task < Duration::from_millis(100) => 2,
            _ => 1,
        }
    }

    fn size(&self, n_left: usize) -> usize {
        (self.largest as usize).min(n_left.div_ceil(2 * self.n_ranks)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_take_two_milliseconds_and_shrink_at_the_end() {
        let mut pace = Pace::new(2);
        assert_eq!(pace.size(1_000_000), 1, "nothing is known yet");
        pace.learn(1, 1000);
        assert_eq!(pace.size(1_000_000), 8, "2000 tasks of 1 µs take 2 ms, but one was seen only");
        (0..9).for_each(|_| pace.learn(8, 8000));
        assert_eq!(pace.size(1_000_000), 2000);
        assert_eq!(pace.size(1000), 250, "of 1000 left each of two ranks gets a quarter");
        assert_eq!(pace.size(1), 1);
        assert_eq!(pace.size(0), 1);
        (0..99).for_each(|_| pace.learn(1, 50_000_000));
        assert_eq!((pace.size(1_000_000), pace.ahead()), (1, 2), "tasks of 50 ms go one by one");
        (0..99).for_each(|_| pace.learn(1, 500_000_000));
        assert_eq!(pace.ahead(), 1);
    }
}
