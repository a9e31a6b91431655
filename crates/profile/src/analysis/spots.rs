//! Functions and lines with their costs.

use super::order::{self, Cost};
use super::sweep::{Charges, Sweep};
use super::{Cores, Spot, StateTimes, gain};
use crate::recording::{Recording, State};

/// A function whose time is this share of its caller's, or more, makes a wrapper of it, if little is its own.
const WRAPPED: f64 = 0.9;

/// Times of a function or a frame, over all threads.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    own: StateTimes,
    total: StateTimes,
}

/// Returns functions, the largest gain first, and lines, the largest share first.
pub(super) fn spots(recording: &Recording, sweep: &Sweep, cores: &Cores) -> (Vec<Spot>, Vec<Spot>) {
    let (functions, frames) = times(recording, sweep);
    let function_spot = |index: usize| {
        let line = recording.functions[index].first_line;
        spot(recording, index, line, &functions[index], &sweep.functions[index], (sweep.elapsed_ns, cores))
    };
    let line_spot = |index: usize| {
        let frame = recording.frames[index];
        let function = frame.function as usize;
        spot(recording, function, frame.line, &frames[index], &sweep.frames[index], (sweep.elapsed_ns, cores))
    };
    let mut by_function: Vec<Spot> = (0..recording.functions.len()).map(function_spot).collect();
    let costs: Vec<Cost> = by_function.iter().map(Cost::of).collect();
    let callees = order::callees(recording);
    for (spot, callees) in by_function.iter_mut().zip(&callees) {
        let heaviest = callees.iter().map(|callee| costs[*callee].share).fold(0.0, f64::max);
        spot.is_wrapper = Cost::of(spot).is_little_its_own() && heaviest >= WRAPPED * spot.share.value;
    }
    let mut by_function = order::sorted(by_function, &costs, &callees);
    let mut by_line: Vec<Spot> = (0..recording.frames.len())
        .filter(|index| recording.frames[*index].line > 0)
        .map(line_spot)
        .collect();
    by_function.retain(|spot| spot.total_s > 0.0);
    by_line.retain(|spot| spot.total_s > 0.0);
    by_line.sort_by(|a, b| {
        let key = |spot: &Spot| (spot.self_share.value, spot.share.value);
        key(b).0.total_cmp(&key(a).0).then(key(b).1.total_cmp(&key(a).1))
    });
    (by_function, by_line)
}

fn spot(
    recording: &Recording,
    function: usize,
    line: u32,
    times: &Times,
    charges: &Charges,
    (elapsed_ns, cores): (f64, &Cores),
) -> Spot {
    let function = &recording.functions[function];
    let share = charges.total.share(elapsed_ns);
    let charged_ns = charges.total.sum_ns.max(1.0);
    Spot {
        name: function.name.clone(),
        file: function.file.clone(),
        line,
        kind: function.kind,
        self_s: times.own.iter().sum(),
        total_s: times.total.iter().sum(),
        self_cpu_s: times.own[State::Cpu.index()],
        total_cpu_s: times.total[State::Cpu.index()],
        states_s: times.total,
        self_share: charges.own.share(elapsed_ns),
        share,
        serial_share: charges.serial.share(elapsed_ns),
        overlap: charges.others_ns / charged_ns,
        waited_for_s: charges.waited_for_ns * 1e-9,
        gain_free: gain(&share),
        gain_spread: gain(&charges.spread.share(elapsed_ns, cores)),
        is_wrapper: false,
    }
}

/// Returns the times of functions and of frames.
fn times(recording: &Recording, sweep: &Sweep) -> (Vec<Times>, Vec<Times>) {
    let mut functions = vec![Times::default(); recording.functions.len()];
    let mut frames = vec![Times::default(); recording.frames.len()];
    let add = |into: &mut StateTimes, from: &[f64; 9]| {
        for (sum, time) in into.iter_mut().zip(from) {
            *sum += time * 1e-9;
        }
    };
    let callers = recording.callers_in_python();
    let (mut seen_functions, mut seen_frames) = (Vec::new(), Vec::new());
    for (index, states) in sweep.stacks.iter().enumerate().skip(1) {
        if states.iter().all(|time| *time == 0.0) {
            continue;
        }
        seen_functions.clear();
        seen_frames.clear();
        let mut stack = index as u32;
        while stack != 0 {
            let node = recording.stacks[stack as usize];
            let function = recording.frames[node.frame as usize].function;
            if stack == index as u32 || stack == callers[index] {
                add(&mut functions[function as usize].own, states);
                add(&mut frames[node.frame as usize].own, states);
            }
            if !seen_functions.contains(&function) {
                seen_functions.push(function);
                add(&mut functions[function as usize].total, states);
            }
            if !seen_frames.contains(&node.frame) {
                seen_frames.push(node.frame);
                add(&mut frames[node.frame as usize].total, states);
            }
            stack = node.parent;
        }
    }
    (functions, frames)
}
