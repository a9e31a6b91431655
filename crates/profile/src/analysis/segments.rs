//! What each thread did from which round to which, with the time in run queues told apart.
//!
//! A poll sees a thread that is ready, whether it has a CPU or not. The kernel adds a wait for a CPU to its counter once it
//! ends. So when the counter is seen to have grown by d in a round, the rounds of the last d before it were in the queue.

use std::ops::Range;

use crate::recording::{Recording, State, Thread};

/// Some rounds in which a thread did the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) rounds: Range<u32>,
    pub(crate) state: State,
    pub(crate) stack: u32,
}

/// Returns the segments of every thread.
pub(crate) fn segments(recording: &Recording) -> Vec<Vec<Segment>> {
    recording.threads.iter().map(|thread| of_thread(thread, &recording.rounds)).collect()
}

fn of_thread(thread: &Thread, rounds: &[u64]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::with_capacity(thread.changes.len());
    for (index, change) in thread.changes.iter().enumerate() {
        if change.queued_ns > 0 {
            mark_queue(&mut segments, rounds, change.round, u64::from(change.queued_ns));
        }
        let end = thread.changes.get(index + 1).map_or(thread.rounds.end, |next| next.round);
        if change.round < end {
            segments.push(Segment { rounds: change.round..end, state: change.state, stack: change.stack });
        }
    }
    segments
}

/// Marks the rounds of a wait that lasted `waited_ns` and was seen to have ended in `round`.
fn mark_queue(segments: &mut Vec<Segment>, rounds: &[u64], round: u32, waited_ns: u64) {
    let Some(before) = round.checked_sub(1) else { return };
    // It ended between the two rounds: half-way, on average.
    let (last, now) = (rounds[before as usize], rounds[round as usize]);
    let began = (last + (now - last) / 2).saturating_sub(waited_ns);
    let first = rounds[..round as usize].partition_point(|time| *time < began) as u32;
    if first == round {
        return;
    }
    let mut tail = Vec::new();
    while let Some(segment) = segments.pop_if(|segment| segment.rounds.end > first) {
        let from = segment.rounds.start.max(first);
        tail.push(Segment { rounds: from..segment.rounds.end, state: State::Queue, stack: segment.stack });
        if segment.rounds.start < first {
            segments.push(Segment { rounds: segment.rounds.start..first, ..segment });
            break;
        }
    }
    segments.extend(tail.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Change;

    #[test]
    fn a_wait_for_a_cpu_is_marked_back_to_its_beginning() {
        // A round a millisecond; in round 6 a wait of 3 ms is seen to have ended.
        let rounds: Vec<u64> = (0..10).map(|round| round * 1_000_000).collect();
        let change = |round, state, stack, queued_ns| Change { round, state, stack, queued_ns };
        let thread = Thread {
            name: None,
            process: 0,
            tid: 1,
            rounds: 0..10,
            changes: vec![
                change(0, State::Lock, 1, 0),
                change(4, State::Cpu, 2, 0),
                change(6, State::Cpu, 2, 3_000_000),
            ],
            cpu_ns: 0,
            queued_ns: 0,
        };
        let found = of_thread(&thread, &rounds);
        // It ended at 5.5 ms, and began at 2.5: rounds 3 to 5.
        let segment = |rounds, state, stack| Segment { rounds, state, stack };
        let expected = [
            segment(0..3, State::Lock, 1),
            segment(3..4, State::Queue, 1),
            segment(4..6, State::Queue, 2),
            segment(6..10, State::Cpu, 2),
        ];
        assert_eq!(found, expected);
    }
}
