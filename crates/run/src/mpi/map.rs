//! Native functions over the ranks: tasks go out in batches, on demand, a few batches ahead of each rank.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use festina_types::{Backend, BackendError, Function, Workers};

use super::Mpi;
use super::frame::Frame;
use super::router::Arrival;
use crate::native::{Batch, Crew, Done, Event, Schedule, Sink, Streamed, collected, drive, work};

impl Backend for Mpi {
    fn workers(&self) -> Workers {
        self.size()
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        collected(inputs, |inputs, all| self.drive(function, inputs, all))
    }

    fn stream(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        take: &mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    ) -> Result<(), BackendError> {
        self.drive(function, inputs, &mut Streamed::new(take))
    }
}

impl Mpi {
    fn drive(
        &self,
        function: Function,
        inputs: &mut dyn Iterator<Item = Vec<u8>>,
        sink: &mut dyn Sink,
    ) -> Result<(), BackendError> {
        thread::scope(|scope| {
            let (events, told) = mpsc::channel();
            let (own, own_batches) = mpsc::channel();
            let to_self = events.clone();
            let start = thread::Builder::new().name("festina-map".to_owned());
            start
                .spawn_scoped(scope, move || {
                    work(0, function, &own_batches, |done| to_self.send(Message::Done(done)).is_ok());
                })
                .map_err(|error| BackendError::Lost { message: error.to_string() })?;
            let mut crew = Ranks { mpi: self, function, own, events, told, pending: HashMap::new() };
            drive(&mut crew, Schedule::new(self.size().get() as usize, inputs), sink)
        })
    }
}

enum Message {
    Arrival(Arrival),
    Done(Done),
}

/// A batch that another rank has.
struct Pending {
    rank: u32,
    first: usize,
    count: usize,
}

/// The ranks during a map: a thread of this one, and the others by messages.
struct Ranks<'m> {
    mpi: &'m Mpi,
    function: Function,
    own: Sender<Batch>,
    events: Sender<Message>,
    told: Receiver<Message>,
    pending: HashMap<u64, Pending>,
}

impl Crew for Ranks<'_> {
    fn hand_out(&mut self, rank: usize, batch: Batch) -> Result<(), BackendError> {
        if rank == 0 {
            self.own.send(batch).expect("the thread lives as long as the map");
            return Ok(());
        }
        let Batch { first, inputs, .. } = batch;
        let id = self.mpi.router.new_id();
        self.pending.insert(id, Pending { rank: rank as u32, first, count: inputs.len() });
        let events = self.events.clone();
        self.mpi.router.open(id, move |arrival| _ = events.send(Message::Arrival(arrival)));
        let function = self.function.name.to_owned();
        self.mpi.send(rank as u32, id, &Frame::Map { function, inputs });
        Ok(())
    }

    fn wait(&mut self) -> Result<Event, BackendError> {
        match self.told.recv().expect("this map holds a sender itself") {
            Message::Done(done) => Ok(Event::Done(done)),
            Message::Arrival(Arrival::Lost) => Err(lost("MPI failed".to_owned())),
            Message::Arrival(Arrival::Message { from, bytes }) => self.take(from, &bytes).map(Event::Done),
        }
    }
}

impl Ranks<'_> {
    /// Takes what another rank's batch came to.
    fn take(&mut self, from: u32, bytes: &[u8]) -> Result<Done, BackendError> {
        let (id, elapsed_ns, outputs) = match Frame::decode(bytes) {
            Ok((id, Frame::Mapped { elapsed_ns, outputs })) => (id, elapsed_ns, outputs),
            Ok(_) => return Err(lost(format!("rank {from} sent something unasked"))),
            Err(error) => return Err(lost(format!("rank {from} sent a message: {error}"))),
        };
        self.mpi.router.close(id);
        let Some(Pending { rank, first, count }) = self.pending.remove(&id) else {
            return Err(lost("an answer came twice".to_owned()));
        };
        if outputs.len() != count {
            return Err(lost(format!("rank {rank} sent {} of {count} outputs", outputs.len())));
        }
        Ok(Done { worker: rank as usize, first, elapsed_ns, outputs })
    }
}

impl Drop for Ranks<'_> {
    /// What was given up is not waited for.
    fn drop(&mut self) {
        self.pending.keys().for_each(|id| self.mpi.router.close(*id));
    }
}

fn lost(message: String) -> BackendError {
    BackendError::Lost { message }
}
