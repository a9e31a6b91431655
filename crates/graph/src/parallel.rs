//! Loops over shared memory, in safe code: every task owns its part of what is written.

use std::ops::Range;
use std::sync::Mutex;

use festina_types::SharedMemory;

/// Fewer items than this are one task: handing them out would cost more than they take.
const SMALL: usize = 1 << 14;

/// Parts for each worker, so that one slow part does not keep the others waiting.
const PARTS_PER_WORKER: usize = 4;

/// Returns what `task` gives for each of `inputs`, in their order.
pub(crate) fn map<I: Send, O: Send>(
    memory: &dyn SharedMemory,
    inputs: Vec<I>,
    task: impl Fn(I) -> O + Sync,
) -> Vec<O> {
    let inputs: Vec<Mutex<Option<I>>> = inputs.into_iter().map(|input| Mutex::new(Some(input))).collect();
    let outputs: Vec<Mutex<Option<O>>> = inputs.iter().map(|_| Mutex::new(None)).collect();
    memory.for_each(inputs.len(), &|i| {
        let input = inputs[i].lock().expect("a task that panics ends the loop").take();
        let output = task(input.expect("each task runs once"));
        *outputs[i].lock().expect("a task that panics ends the loop") = Some(output);
    });
    let take = |output: Mutex<Option<O>>| {
        output.into_inner().expect("no task panicked").expect("every task ran before the loop returned")
    };
    outputs.into_iter().map(take).collect()
}

/// Returns ranges that cut `0..n` into parts for the workers.
pub(crate) fn parts(memory: &dyn SharedMemory, n: usize) -> Vec<Range<usize>> {
    let most = memory.workers().get() as usize * PARTS_PER_WORKER;
    let count = if memory.workers().get() == 1 { 1 } else { most.min(n.div_ceil(SMALL)).max(1) };
    (0..count).map(|i| i * n / count..(i + 1) * n / count).collect()
}

/// Returns what `task` gives for each part of `0..n`.
pub(crate) fn map_parts<O: Send>(
    memory: &dyn SharedMemory,
    n: usize,
    task: impl Fn(Range<usize>) -> O + Sync,
) -> Vec<O> {
    map(memory, parts(memory, n), task)
}

/// Calls `task` with each part of `items` and the number of its first one.
pub(crate) fn for_each_part<T: Send>(
    memory: &dyn SharedMemory,
    items: &mut [T],
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    let mut rest = items;
    let mut inputs = Vec::new();
    let mut first = 0;
    for part in parts(memory, rest.len()) {
        let (own, others) = std::mem::take(&mut rest).split_at_mut(part.len());
        inputs.push((first, own));
        first += part.len();
        rest = others;
    }
    map(memory, inputs, |(first, own)| task(first, own));
}
