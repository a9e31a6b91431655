//! What the examples share: threads, a clock, options.

use std::error::Error;
use std::sync::Mutex;
use std::time::Instant;

use festina_types::{Backend, BackendError, Function, Seconds, Workers};

/// Threads that take tasks off a common list.
pub(crate) struct Threads(pub(crate) Workers);

impl Backend for Threads {
    fn workers(&self) -> Workers {
        self.0
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        let count = inputs.len();
        let waiting = Mutex::new(inputs.into_iter().enumerate());
        let outputs = Mutex::new(vec![Ok(Vec::new()); count]);
        std::thread::scope(|scope| {
            for _ in 0..(self.0.get() as usize).min(count) {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().expect("no worker panics with the lock").next();
                        let Some((task, input)) = next else { break };
                        let output = (function.call)(&input);
                        outputs.lock().expect("no worker panics with the lock")[task] =
                            output.map_err(|message| BackendError::Task { task, message });
                    }
                });
            }
        });
        outputs.into_inner().expect("all workers have ended").into_iter().collect()
    }
}

/// Returns a clock that begins now: of seconds, or, with `CPU_CLOCK` in the environment, of CPU seconds over the number of
/// workers, which say more on a machine that others use too.
pub(crate) fn clock(workers: Workers) -> impl Fn() -> Seconds {
    let begin = Instant::now();
    let is_cpu = std::env::var_os("CPU_CLOCK").is_some();
    move || {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        Seconds(if is_cpu { used / f64::from(workers.get()) } else { begin.elapsed().as_secs_f64() })
    }
}

/// Returns the file that is named first, and calls `set` with the name and the value of each option.
pub(crate) fn arguments(
    mut set: impl FnMut(&str, &str) -> Result<(), Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("an option without a value")?;
        set(&name, &value)?;
    }
    Ok(file)
}

/// Returns how far `cost` is above the best that is known, in percent.
pub(crate) fn excess(cost: f64, best: Option<f64>) -> Option<f64> {
    best.map(|best| 100.0 * (cost / best - 1.0))
}
