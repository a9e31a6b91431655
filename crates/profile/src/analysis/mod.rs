//! What a recording says: where the time went, what ran alone, and what it would gain to fix it. Pure.
//!
//! In each round, the *running* threads R are those on a CPU or ready for one. Where there is none, they are those that
//! wait for the world outside (I/O, sleep, paging): the program waits for them. The round's time w is charged to the
//! threads of R in equal parts, so that all charges sum to the elapsed time T. With a function's charge B, and c threads on
//! CPUs while it was charged:
//!
//! ```text
//! made free          S = T / (T − B)
//! spread over p      S = T / (T − Σ w/|R| · max(0, 1 − e(c)/e(p)))      over rounds in which R was ready
//! ```
//!
//! with e(p) the work of p cores together as a multiple of that of one: p, unless it was measured. Where the function runs
//! alone (c = 1), the second is Amdahl's law. `docs/concepts/profile.md` has the definitions.

mod charge;
mod compare;
mod cores;
mod order;
mod segments;
mod spots;
mod sweep;
mod threads;
mod whole;

use festina_laws::amdahl::Amdahl;
use festina_types::{Bytes, Estimate, Finding, Interval, Method, Seconds};
use serde::{Deserialize, Serialize};

use crate::recording::{Kind, Recording, Sampling};

pub(crate) use segments::{Segment, segments};
pub(crate) use threads::names as thread_names;

pub use compare::{Comparison, SpotChange, compare};
pub use cores::{Cores, Together};
pub use threads::{ThreadSummary, Timeline, timelines};
pub use whole::Whole;

/// The coverage of all intervals.
pub const LEVEL: f64 = 0.95;

/// The quantile of the normal distribution for [`LEVEL`].
const QUANTILE: f64 = 1.96;

/// The part of an interval that is not the sampling's: what looking disturbs, and how late it sees. As a share of the
/// elapsed time, one standard deviation.
const SYSTEMATIC: f64 = 0.005;

/// How much the times of two runs differ that differ in nothing, as one standard deviation of either: what is usual on virtual
/// machines and machines that others use as well. One recording cannot tell it, and a gain is seen in another run.
const BETWEEN_RUNS: f64 = 0.03;

/// Seconds in each state, in the order of [`State::ALL`](crate::State::ALL).
pub type StateTimes = [f64; 9];

/// A function, or a line of one, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// The function's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The line: of the function's start, or the line itself; 0 where lines are not known.
    pub line: u32,
    /// What kind of code it is.
    pub kind: Kind,
    /// Time on it itself, over all threads, waits included; of a Python function with the machine code that it called, such as
    /// that of a C extension.
    pub self_s: f64,
    /// Time on it and what it called, over all threads, waits included.
    pub total_s: f64,
    /// CPU time on it itself.
    pub self_cpu_s: f64,
    /// CPU time on it and what it called.
    pub total_cpu_s: f64,
    /// Time on it and what it called, by state.
    pub states_s: StateTimes,
    /// Its share of the elapsed time, callees not included.
    pub self_share: Estimate,
    /// Its share of the elapsed time, with what it called.
    pub share: Estimate,
    /// The share of the elapsed time in which only it, or what it called, ran.
    pub serial_share: Estimate,
    /// How many other threads ran while it did, on average.
    pub overlap: f64,
    /// Seconds that other threads waited for a lock, the GIL or a child while it ran.
    pub waited_for_s: f64,
    /// The speed-up of the program if it took no time; `None` where nothing would be left. The interval is for what a run of the mended
    /// program is going to show.
    pub gain_free: Option<Estimate>,
    /// The speed-up of the program if it were spread over all cores.
    pub gain_spread: Option<Estimate>,
    /// Whether it does little but call another: such as `main`.
    pub is_wrapper: bool,
}

/// The most memory that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryPeak {
    /// Resident memory of all processes.
    pub rss: Bytes,
    /// When it was, in seconds since the start.
    pub at_s: f64,
    /// The stack that ran then, innermost first: `function (file:line)`.
    pub stack: Vec<String>,
}

/// What a recording says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When it was recorded, in seconds since 1970.
    pub started_at_s: f64,
    /// The elapsed time.
    pub elapsed_s: f64,
    /// The number of rounds.
    pub rounds: usize,
    /// How it was recorded.
    pub sampling: Sampling,
    /// The number of cores for which gains are told.
    pub cores: u32,
    /// What cores such as these do together, where that was measured.
    pub together: Option<Together>,
    /// The program as a whole.
    pub whole: Whole,
    /// Functions, the largest gain first.
    pub functions: Vec<Spot>,
    /// Lines, the largest share first.
    pub lines: Vec<Spot>,
    /// Threads, in the order in which they began.
    pub threads: Vec<ThreadSummary>,
    /// Memory over time, in seconds and bytes.
    pub memory: Vec<(f64, u64)>,
    /// The most memory.
    pub memory_peak: Option<MemoryPeak>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// Analyses `recording`; gains are told for `cores`.
pub fn analyse(recording: &Recording, cores: impl Into<Cores>) -> Profile {
    let cores = cores.into();
    let weights = recording.weights();
    let sweep = sweep::sweep(recording, &weights, &cores);
    let whole = whole::whole(&sweep, recording, &cores);
    let (functions, lines) = spots::spots(recording, &sweep, &cores);
    let threads = threads::summaries(recording, &sweep.segments, &weights);
    let mut profile = Profile {
        command: recording.command.clone(),
        started_at_s: recording.started_at_s,
        elapsed_s: recording.elapsed_s(),
        rounds: recording.rounds.len(),
        sampling: recording.sampling.clone(),
        cores: cores.count,
        together: cores.together,
        whole,
        functions,
        lines,
        threads,
        memory: memory(recording),
        memory_peak: memory_peak(recording, &sweep),
        findings: recording.findings.clone(),
    };
    profile.findings.extend(crate::findings::find(recording, &profile));
    profile
}

fn memory(recording: &Recording) -> Vec<(f64, u64)> {
    let at = |round: u32| recording.rounds.get(round as usize).copied().unwrap_or(0) as f64 * 1e-9;
    recording.memory.iter().map(|point| (at(point.round), point.rss_bytes)).collect()
}

fn memory_peak(recording: &Recording, sweep: &sweep::Sweep) -> Option<MemoryPeak> {
    let peak = recording.memory.iter().max_by_key(|point| point.rss_bytes)?;
    let at = |thread: &Vec<Segment>| {
        let index = thread.partition_point(|segment| segment.rounds.end <= peak.round);
        thread.get(index).filter(|segment| segment.rounds.contains(&peak.round)).cloned()
    };
    let there: Vec<Segment> = sweep.segments.iter().filter_map(at).collect();
    let running = there.iter().find(|segment| segment.state.is_ready()).or(there.first())?;
    Some(MemoryPeak {
        rss: Bytes(peak.rss_bytes),
        at_s: recording.rounds[peak.round as usize] as f64 * 1e-9,
        stack: recording.frames_of(running.stack).map(|frame| shown(recording, frame)).collect(),
    })
}

/// Returns `frame` for people: `function (file:line)`.
pub(crate) fn shown(recording: &Recording, frame: crate::Frame) -> String {
    let function = &recording.functions[frame.function as usize];
    match (function.file.as_str(), frame.line) {
        ("", _) => function.name.clone(),
        (file, 0) => format!("{} ({file})", function.name),
        (file, line) => format!("{} ({file}:{line})", function.name),
    }
}

/// Returns the estimate of a share with this standard deviation from sampling.
fn share(value: f64, deviation: f64) -> Estimate {
    let value = value.clamp(0.0, 1.0);
    let half = QUANTILE * deviation.hypot(SYSTEMATIC);
    let interval = Interval { lower: (value - half).max(0.0), upper: (value + half).min(1.0), level: LEVEL };
    Estimate { value, interval: Some(interval), method: Method::Sampling }
}

/// Returns `1 / (1 − saved)`; `None` where nothing would be left. The interval is for what a run of the mended program shows beside
/// this one: that of what is saved, and what runs differ by, in quadrature on the logarithmic scale.
fn gain(saved: &Estimate) -> Option<Estimate> {
    /// What is left is not told apart from nothing.
    const LEAST_LEFT: f64 = 0.01;
    let speedup = |saved: f64| {
        let left = (1.0 - saved).clamp(LEAST_LEFT, 1.0);
        Amdahl::new(Seconds(1.0), left).map_or(1.0, |law| law.speedup_limit())
    };
    if 1.0 - saved.value < LEAST_LEFT {
        return None;
    }
    let value = speedup(saved.value);
    let between_runs = QUANTILE * f64::sqrt(2.0) * BETWEEN_RUNS;
    let away = |end: f64| (speedup(end) / value).ln().hypot(between_runs);
    let interval = saved.interval.map(|i| Interval {
        lower: value * (-away(i.lower)).exp(),
        upper: value * away(i.upper).exp(),
        level: i.level,
    });
    Some(Estimate { value, interval, method: Method::Sampling })
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::recording::tests::two_threads;
    use crate::{Change, State};

    fn spot<'a>(profile: &'a Profile, name: &str) -> &'a Spot {
        profile.functions.iter().find(|spot| spot.name == name).unwrap()
    }

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} for {expected}");
    }

    #[test]
    fn charges_shares_and_gains_are_those_worked_by_hand() {
        // Ten rounds of 1 ms: two in which `inner` runs alone, four beside `other`, four in which `main` sleeps.
        let profile = analyse(&two_threads(), 4);
        let inner = spot(&profile, "inner");
        near(inner.self_share.value, (2.0 + 4.0 / 2.0) / 10.0);
        near(inner.serial_share.value, 2.0 / 10.0);
        near(inner.overlap, (4.0 / 2.0) / 4.0);
        near(inner.total_cpu_s, 6e-3);
        near(inner.gain_free.unwrap().value, 10.0 / (10.0 - 4.0));
        // Alone, three quarters are saved on four cores; beside another, one half of its part.
        near(inner.gain_spread.unwrap().value, 10.0 / (10.0 - 2.0 * 0.75 - 2.0 * 0.5));
        let main = spot(&profile, "main");
        near(main.self_share.value, 4.0 / 10.0);
        near(main.share.value, 8.0 / 10.0);
        near(main.states_s[State::Sleep.index()], 4e-3);
        near(spot(&profile, "other").share.value, 2.0 / 10.0);
        let sum: f64 = profile.functions.iter().map(|spot| spot.self_share.value).sum();
        near(sum, 1.0);
    }

    #[test]
    fn the_whole_is_that_worked_by_hand() {
        let whole = analyse(&two_threads(), 4).whole;
        near(whole.serial_fraction.value, 6.0 / 10.0);
        near(whole.average_parallelism, 10.0 / 6.0);
        near(whole.cores_used, 10.0 / 10.0);
        near(whole.idle_share, 4.0 / 10.0);
        let (cores, speedup) = &whole.speedups[1];
        assert_eq!(*cores, 4);
        near(speedup.unwrap().value, 10.0 / (10.0 - 2.0 * 0.75 - 4.0 * 0.5));
    }

    /// Returns a number of the standard normal distribution: twelve uniform ones, less six.
    fn normal(random: &mut Pcg64Mcg) -> f64 {
        (0..12).map(|_| random.next_u64() as f64 / u64::MAX as f64).sum::<f64>() - 6.0
    }

    #[test]
    fn the_interval_of_a_gain_covers_what_the_mended_program_shows() {
        // `inner` has a part of the time, in spells far shorter than a round; runs of either version are as fast as chance has it, and so
        // is what two cores do together for this program.
        const PART: f64 = 0.55;
        const TOGETHER: f64 = 1.6;
        let interval = Some(Interval { lower: 1.55, upper: 1.65, level: LEVEL });
        let effective = Estimate { value: TOGETHER, interval, method: Method::OrderStatistics };
        let cores = Cores { count: 2, together: Some(Together { workers: 2, effective }) };
        let covered = |seed: u64| {
            let mut random = Pcg64Mcg::seed_from_u64(seed);
            let mut recording = two_threads();
            recording.rounds = (0..1_000).map(|round| round * 1_000_000 + 500_000).collect();
            recording.end_ns = 1_000_000_000;
            recording.threads.truncate(1);
            let thread = &mut recording.threads[0];
            thread.rounds = 0..1_000;
            thread.changes = (0..1_000)
                .map(|round| {
                    let is_inner = random.next_u64() as f64 / (u64::MAX as f64) < PART;
                    let stack = if is_inner { 2 } else { 1 };
                    Change { round, state: State::Cpu, stack, queued_ns: 0 }
                })
                .collect();
            let speed = |random: &mut Pcg64Mcg| 1.0 + BETWEEN_RUNS * normal(random);
            let measured = TOGETHER + 0.05 / QUANTILE * normal(&mut random);
            let own = measured * (1.0 + cores::BETWEEN_PROGRAMS * normal(&mut random));
            let spread = PART * (1.0 - 1.0 / own.clamp(1.0, 2.0));
            let profile = analyse(&recording, cores);
            let inner = spot(&profile, "inner");
            [(PART, inner.gain_free), (spread, inner.gain_spread)].map(|(saved, foretold)| {
                let made = speed(&mut random) / ((1.0 - saved) * speed(&mut random));
                foretold.unwrap().interval.unwrap().contains(made)
            })
        };
        let told: Vec<[bool; 2]> = (0..400).map(covered).collect();
        for kind in 0..2 {
            let count = told.iter().filter(|told| told[kind]).count();
            assert!((368..400).contains(&count), "{count} of 400");
        }
    }

    #[test]
    fn an_empty_recording_has_an_empty_profile() {
        let profile = analyse(&Recording::default(), 4);
        assert!(profile.functions.is_empty() && profile.lines.is_empty() && profile.memory_peak.is_none());
    }
}
