//! What the backends for native functions have in common: calls, batches, and the loop that hands them out.
//!
//! ```text
//! inputs ─▶ Schedule ─ batch ─▶ Crew: threads, worker processes, ranks ─ Event ─▶ Sink: outputs, or whoever streams
//!              ▲                                                            │
//!              └───────── Pace: how long tasks take ◀───────────────────────┘
//! ```

mod drive;
mod pace;
mod schedule;
mod sink;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use festina_types::Function;

pub(crate) use drive::{Crew, Done, Event, drive};
pub(crate) use schedule::{Batch, Schedule};
pub(crate) use sink::{Sink, Streamed, collected};

/// What a call came to: bytes, or a message for people.
pub(crate) type Output = Result<Vec<u8>, String>;

/// Calls the function; a panic is an error like any other.
pub(crate) fn call(function: Function, input: &[u8]) -> Output {
    catch_unwind(AssertUnwindSafe(|| (function.call)(input)))
        .unwrap_or_else(|panic| Err(format!("panicked: {}", message_of(panic.as_ref()))))
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "without a message",
    }
}

/// Calls the function on each input; returns also how long that took, in nanoseconds.
pub(crate) fn call_each<'i>(
    function: Function,
    inputs: impl Iterator<Item = &'i [u8]>,
) -> (Vec<Output>, u64) {
    let started = Instant::now();
    let outputs = inputs.map(|input| call(function, input)).collect();
    (outputs, started.elapsed().as_nanos() as u64)
}

/// Calls the function of this name, one of `functions`, on each input, as [`call_each`].
pub(crate) fn call_named<'i>(
    functions: &[Function],
    name: &str,
    inputs: impl Iterator<Item = &'i [u8]>,
) -> (Vec<Output>, u64) {
    match functions.iter().find(|known| known.name == name) {
        Some(function) => call_each(*function, inputs),
        None => {
            let message = format!("no function is called '{name}' in the other processes");
            (inputs.map(|_| Err(message.clone())).collect(), 0)
        }
    }
}

/// Does the batches that a thread of this process is handed, as the worker of this number, until there are no more or
/// nobody is told of them any more.
pub(crate) fn work(
    worker: usize,
    function: Function,
    batches: &Receiver<Batch>,
    tell: impl Fn(Done) -> bool,
) {
    while let Ok(Batch { first, inputs, .. }) = batches.recv() {
        let (outputs, elapsed_ns) = call_each(function, inputs.iter().map(Vec::as_slice));
        if !tell(Done { worker, first, elapsed_ns, outputs }) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALVE: Function = Function {
        name: "halve",
        call: |bytes| match bytes {
            [n] if n % 2 == 0 => Ok(vec![n / 2]),
            [7] => panic!("seven"),
            _ => Err("odd".to_owned()),
        },
    };

    #[test]
    fn failures_and_panics_are_outputs_like_others() {
        let call = |name| call_named(&[HALVE], name, [2, 7, 3, 4].iter().map(std::slice::from_ref)).0;
        let message = |text: &str| Err(text.to_owned());
        assert_eq!(call("halve"), [Ok(vec![1]), message("panicked: seven"), message("odd"), Ok(vec![2])]);
        let unknown = message("no function is called 'double' in the other processes");
        assert_eq!(call("double"), vec![unknown; 4]);
    }
}
