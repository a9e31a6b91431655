//! Hands messages that come to the first rank to whoever waits for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::frame::Frame;

/// What is handed on: a message and the rank that it is from, or, last of all, that nothing will come any more.
pub(super) enum Arrival {
    Message { from: u32, bytes: Vec<u8> },
    Lost,
}

/// Is given what arrives, on the thread that calls MPI.
type Route = Box<dyn Fn(Arrival) + Send>;

/// Who waits for what. The id 0 stands for messages that nobody asked for.
pub(super) struct Router {
    state: Mutex<State>,
    next: AtomicU64,
}

#[derive(Default)]
struct State {
    routes: HashMap<u64, Route>,
    is_lost: bool,
}

impl Router {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), next: AtomicU64::new(1) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the routes")
    }

    /// Returns an id that nobody uses.
    pub(super) fn new_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// From now on messages with this id go to `route`.
    pub(super) fn open(&self, id: u64, route: impl Fn(Arrival) + Send + 'static) {
        let mut state = self.lock();
        if state.is_lost {
            drop(state);
            route(Arrival::Lost);
        } else {
            state.routes.insert(id, Box::new(route));
        }
    }

    pub(super) fn close(&self, id: u64) {
        self.lock().routes.remove(&id);
    }

    pub(super) fn deliver(&self, from: u32, bytes: Vec<u8>) {
        let id = Frame::id(&bytes).unwrap_or(0);
        // A message that nobody waits for is the answer to something that was given up.
        if let Some(route) = self.lock().routes.get(&id) {
            route(Arrival::Message { from, bytes });
        }
    }

    /// Tells all who wait that nothing will come any more.
    pub(super) fn lose(&self) {
        let mut state = self.lock();
        state.is_lost = true;
        for (_, route) in state.routes.drain() {
            route(Arrival::Lost);
        }
    }
}

/// Tells the router of its end: the thread that calls MPI drops it when it ends, for whatever reason.
pub(super) struct Delivery(pub(super) Arc<Router>);

impl Delivery {
    pub(super) fn deliver(&self, from: u32, bytes: Vec<u8>) {
        self.0.deliver(from, bytes);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.0.lose();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn messages_find_who_waits_and_losses_find_all() {
        let router = Router::new();
        let (to_a, a) = mpsc::channel();
        let (to_b, b) = mpsc::channel();
        let (id_a, id_b) = (router.new_id(), router.new_id());
        assert_ne!(id_a, id_b);
        router.open(id_a, move |arrival| to_a.send(arrival).unwrap());
        router.open(id_b, move |arrival| to_b.send(arrival).unwrap());
        router.deliver(3, Frame::Bye.encode(id_b));
        router.deliver(3, Frame::Bye.encode(99));
        router.deliver(3, vec![]);
        assert!(matches!(b.try_recv(), Ok(Arrival::Message { from: 3, .. })));
        router.close(id_b);
        drop(Delivery(router.clone()));
        assert!(matches!(a.try_recv(), Ok(Arrival::Lost)));
        assert!(b.try_recv().is_err());
        let (to_late, late) = mpsc::channel();
        router.open(router.new_id(), move |arrival| to_late.send(arrival).unwrap());
        assert!(matches!(late.try_recv(), Ok(Arrival::Lost)), "who comes late is told at once");
    }
}
