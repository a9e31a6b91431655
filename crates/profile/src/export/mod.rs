//! Profiles for other tools. Pure: a recording in, text or bytes out.

mod collapsed;
mod firefox;
mod pprof;
mod speedscope;
mod tree;

pub use collapsed::collapsed;
pub use firefox::firefox;
pub use pprof::pprof;
pub use speedscope::speedscope;
pub use tree::{Call, call_tree};

use crate::analysis::segments;
use crate::recording::{Recording, State};

/// Returns the time of every stack in every state, in nanoseconds, over all threads.
pub(crate) fn stack_times(recording: &Recording) -> Vec<[u64; 9]> {
    let weights = recording.weights();
    let mut times = vec![[0; 9]; recording.stacks.len()];
    for segment in segments(recording).iter().flatten() {
        let rounds = segment.rounds.start as usize..segment.rounds.end as usize;
        times[segment.stack as usize][segment.state.index()] += weights[rounds].iter().sum::<u64>();
    }
    times
}

/// Returns the name that a state has as the innermost frame of a stack; `None` for a thread that ran.
pub(crate) fn state_frame(state: State) -> Option<String> {
    (state != State::Cpu).then(|| format!("[{}]", state.name()))
}
