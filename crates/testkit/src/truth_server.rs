//! An HTTP server on loopback whose latencies are computed, not suffered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::Queue;

/// Answers each request when a [`Queue`] says that it is done, counted from the server's start.
///
/// It serves until it is dropped. A connection has a thread of its own, which sleeps until its answer is due: the server
/// does nothing else with a core, so that a thousand connections cost none.
#[derive(Debug)]
pub struct TruthServer {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    begin: Instant,
    queue: Mutex<Queue>,
    /// What every request needs next, one at a time, and for how many seconds.
    lock: Option<(Mutex<Queue>, f64)>,
    service: Service,
    state: Mutex<State>,
    is_over: AtomicBool,
}

/// How many seconds a request needs.
#[derive(Clone, Copy, Debug)]
enum Service {
    Alone(fn(u64) -> f64),
    Overlapping(fn(u64, usize) -> f64),
}

#[derive(Debug, Default)]
struct State {
    n: u64,
    /// When requests came, in seconds from the begin.
    arrivals: Vec<f64>,
    /// By how much the latest answer was late, in seconds.
    latest: f64,
    connections: Vec<TcpStream>,
}

impl TruthServer {
    /// Starts a server; request number k needs `service(k)` seconds of one of the queue's servers.
    ///
    /// # Errors
    ///
    /// If there is no port or thread for it.
    pub fn start(queue: Queue, service: fn(u64) -> f64) -> std::io::Result<Self> {
        Self::serve(queue, None, Service::Alone(service))
    }

    /// Starts a server whose requests need a server of the queue for `service` seconds each, and then all the same lock for
    /// `held` seconds: a request that waits for the lock leaves its server to the next.
    ///
    /// # Errors
    ///
    /// If there is no port or thread for it.
    pub fn start_locking(queue: Queue, service: fn(u64) -> f64, held: f64) -> std::io::Result<Self> {
        Self::serve(queue, Some((Mutex::new(Queue::new(1, None)), held)), Service::Alone(service))
    }

    /// Starts a server whose requests hinder each other: number k, which meets `busy` busy servers, needs
    /// `service(k, busy)` seconds.
    ///
    /// # Errors
    ///
    /// If there is no port or thread for it.
    pub fn start_overlapping(queue: Queue, service: fn(u64, usize) -> f64) -> std::io::Result<Self> {
        Self::serve(queue, None, Service::Overlapping(service))
    }

    fn serve(queue: Queue, lock: Option<(Mutex<Queue>, f64)>, service: Service) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            begin: Instant::now(),
            queue: Mutex::new(queue),
            lock,
            service,
            state: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        thread::Builder::new().spawn(move || accept(&listener, &own))?;
        Ok(Self { port, shared })
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns how long it has been running, in seconds: the time on which its stalls stand.
    pub fn age(&self) -> f64 {
        self.shared.begin.elapsed().as_secs_f64()
    }

    /// Returns by how much the latest answer was later than the queue says, in seconds: a crowded machine disturbs the
    /// truth as well.
    pub fn latest(&self) -> f64 {
        self.shared.state.lock().map(|state| state.latest).unwrap_or_default()
    }

    /// Returns when requests came, in seconds from the start, in order.
    pub fn arrivals(&self) -> Vec<f64> {
        self.shared.state.lock().map(|state| state.arrivals.clone()).unwrap_or_default()
    }
}

impl Drop for TruthServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Ok(state) = self.shared.state.lock() {
            state.connections.iter().for_each(|stream| drop(stream.shutdown(std::net::Shutdown::Both)));
        }
        // Wakes the thread that accepts.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let (Ok(copy), Ok(mut state)) = (stream.try_clone(), shared.state.lock()) {
            state.connections.push(copy);
        }
        let shared = Arc::clone(shared);
        let serving = thread::Builder::new().stack_size(128 << 10);
        drop(serving.spawn(move || drop(serve(&stream, &shared))));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        let done = due(shared);
        if let Some(wait) = done.checked_duration_since(Instant::now()) {
            thread::sleep(wait);
        }
        if let Ok(mut state) = shared.state.lock() {
            state.latest = state.latest.max(done.elapsed().as_secs_f64());
        }
        (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}")?;
    }
}

/// Returns when the request that has just come is done.
fn due(shared: &Shared) -> Instant {
    let now = shared.begin.elapsed().as_secs_f64();
    let (Ok(mut state), Ok(mut queue)) = (shared.state.lock(), shared.queue.lock()) else {
        return Instant::now();
    };
    let number = state.n;
    state.n += 1;
    // Two threads may come in another order than their requests: the queue takes them in order of time.
    let arrival = state.arrivals.last().map_or(now, |last| now.max(*last));
    state.arrivals.push(arrival);
    let service = match shared.service {
        Service::Alone(seconds) => seconds(number),
        Service::Overlapping(seconds) => seconds(number, queue.busy(arrival)),
    };
    let mut done = queue.serve(arrival, service);
    if let Some((lock, held)) = &shared.lock
        && let Ok(mut lock) = lock.lock()
    {
        done = lock.serve(done, *held);
    }
    shared.begin + Duration::from_secs_f64(done)
}
