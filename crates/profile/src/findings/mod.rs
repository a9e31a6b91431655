//! What a profile shows to be wrong, in words. Pure.
//!
//! Each finding rests on what was measured, never on how the source looks alone; each has a least share below which it is not
//! worth a word.

mod lines;
mod tokens;

use festina_machine::target::Usage;
use festina_types::{Finding, Seconds, Severity};

use crate::analysis::{Profile, Spot};
use crate::recording::{Recording, State};

/// Returns what `profile` of `recording` shows.
pub(crate) fn find(recording: &Recording, profile: &Profile) -> Vec<Finding> {
    let detectors = [few_rounds, gil, oversubscribed, imports, iterrows, pickling, waiting, torn];
    let mut found: Vec<Finding> = detectors.iter().filter_map(|detector| detector(profile)).collect();
    found.extend(short_processes(recording, profile));
    found.extend(small_io(recording, profile));
    found.extend(lines::find(recording, profile));
    found
}

/// Returns a share as a percentage.
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Returns the share of `part` in `whole`, 0 where there is nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn few_rounds(profile: &Profile) -> Option<Finding> {
    const FEWEST: usize = 100;
    (profile.rounds < FEWEST).then(|| {
        let message = format!("only {} looks at the program: shares are rough", profile.rounds);
        Finding::new(Severity::Warning, "few-samples", message)
            .with_hint("look more often: --rate 1000; or give it more to do")
    })
}

/// Threads that wait for the interpreter's lock.
fn gil(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.2;
    const LEAST_THREAD: f64 = 0.05;
    let state = |state: State| profile.whole.states_s[state.index()];
    let (waited, ran) = (state(State::Gil), state(State::Cpu));
    let share = ratio(waited, waited + ran);
    let waits = |thread: &&crate::ThreadSummary| thread.states_s[State::Gil.index()] > LEAST_THREAD * waited;
    let n_threads = profile.threads.iter().filter(waits).count();
    (share >= LEAST && n_threads >= 2).then(|| {
        let message = format!(
            "{n_threads} threads waited {} for Python's global lock while they could have run: {} of their ready time",
            Seconds(waited),
            percent(share)
        );
        Finding::new(Severity::Warning, "gil-contention", message).with_hint(
            "threads run Python code one at a time: use processes (concurrent.futures.ProcessPoolExecutor), or move the \
             loop into NumPy or a compiled extension that releases the lock",
        )
    })
}

/// More threads that want to run than cores.
fn oversubscribed(profile: &Profile) -> Option<Finding> {
    const LEAST_QUEUE: f64 = 0.25;
    const LEAST_EXCESS: f64 = 1.25;
    let state = |state: State| profile.whole.states_s[state.index()];
    let share = ratio(state(State::Queue), state(State::Queue) + state(State::Cpu));
    let wanted = profile.whole.average_parallelism;
    (share >= LEAST_QUEUE && wanted > LEAST_EXCESS * f64::from(profile.cores)).then(|| {
        let message = format!(
            "{wanted:.1} threads wanted to run at a time on {} cores: {} of their ready time they waited for one",
            profile.cores,
            percent(share)
        );
        Finding::new(Severity::Warning, "oversubscribed", message).with_hint(
            "start as many workers as there are cores (festina cores), and tell libraries how many threads each may use: \
             OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS",
        )
    })
}

/// The share of the functions that `test` picks, of which none calls another of them.
fn share_of(profile: &Profile, test: impl Fn(&Spot) -> bool) -> f64 {
    profile.functions.iter().filter(|spot| test(spot)).map(|spot| spot.share.value).fold(0.0, f64::max)
}

fn imports(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.3;
    let share = share_of(profile, |spot| {
        spot.name == "_find_and_load" && spot.file == "<frozen importlib._bootstrap>"
    });
    (share >= LEAST).then(|| {
        let message = format!(
            "{} of the time, {}, goes into importing modules",
            percent(share),
            Seconds(share * profile.elapsed_s)
        );
        Finding::new(Severity::Warning, "import-dominates", message).with_hint(
            "python3 -X importtime tells the module: import it where it is used, or do more in one process",
        )
    })
}

fn iterrows(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.1;
    let share = share_of(profile, |spot| {
        spot.name.rsplit('.').next() == Some("iterrows") && spot.file.contains("/pandas/")
    });
    (share >= LEAST).then(|| {
        let message = format!(
            "{} of the time goes into DataFrame.iterrows, which makes a Series of every row",
            percent(share)
        );
        Finding::new(Severity::Warning, "iterrows", message)
            .with_hint("work on whole columns; where rows it must be, itertuples is many times faster")
    })
}

/// CPU time on packing and unpacking what processes send each other.
fn pickling(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.1;
    const FUNCTIONS: [(&str, &str); 6] = [
        ("dumps", "/multiprocessing/reduction.py"),
        ("dump", "/multiprocessing/reduction.py"),
        ("recv", "/multiprocessing/connection.py"),
        ("get", "/multiprocessing/queues.py"),
        ("_feed", "/multiprocessing/queues.py"),
        ("loads", "/multiprocessing/reduction.py"),
    ];
    let is_one = |spot: &&Spot| {
        let plain = spot.name.rsplit('.').next().unwrap_or_default();
        FUNCTIONS.iter().any(|(name, file)| plain == *name && spot.file.ends_with(file))
    };
    let packing: f64 = profile.functions.iter().filter(is_one).map(|spot| spot.self_cpu_s).sum();
    let share = ratio(packing, profile.whole.states_s[State::Cpu.index()]);
    (share >= LEAST).then(|| {
        let message = format!(
            "{} of the CPU time, {}, goes into packing and unpacking what processes send each other",
            percent(share),
            Seconds(packing)
        );
        Finding::new(Severity::Warning, "pickling", message).with_hint(
            "send less: larger pieces (chunksize), names of files rather than their content, shared memory for arrays \
             (multiprocessing.shared_memory)",
        )
    })
}

fn waiting(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.3;
    const FEWEST_LOOKS: usize = 10;
    let share = profile.whole.idle_share;
    let causes = [State::Io, State::Sleep, State::Paging];
    let time = |state: State| profile.whole.states_s[state.index()];
    let cause = causes.into_iter().max_by(|a, b| time(*a).total_cmp(&time(*b)))?;
    let hint = match cause {
        State::Io => {
            "do several transfers at the same time, or compute while they go on: more cores do not help here"
        }
        State::Sleep => "wait for the event itself rather than for a time: a pipe, a condition, inotify",
        _ => {
            "programs and libraries that are read from disk for the first time wait so: run it again; if it stays, the program \
             needs more memory than there is: see festina cores"
        }
    };
    (share >= LEAST && time(cause) > 0.0 && profile.rounds >= FEWEST_LOOKS).then(|| {
        let message = format!(
            "{} of the time no thread needed a CPU: the program waited, mostly for {}",
            percent(share),
            cause.name()
        );
        Finding::new(Severity::Note, "mostly-waiting", message).with_hint(hint)
    })
}

fn torn(profile: &Profile) -> Option<Finding> {
    const LEAST: f64 = 0.01;
    let (torn, read) = (profile.sampling.stacks_torn as f64, profile.sampling.stacks_read as f64);
    let share = ratio(torn, torn + read);
    (share >= LEAST && torn >= 10.0).then(|| {
        let message = format!(
            "{} of the stacks changed faster than they could be read, and are missing",
            percent(share)
        );
        Finding::new(Severity::Note, "stacks-not-readable", message)
    })
}

/// Reads and writes of little each, which take the kernel's time.
fn small_io(recording: &Recording, profile: &Profile) -> Option<Finding> {
    const FEWEST_CALLS: u64 = 20_000;
    const SMALL: u64 = 1_024;
    const LEAST: f64 = 0.15;
    // Where a call takes longer, the time in the kernel goes into something else.
    const LONGEST_CALL_NS: u64 = 20_000;
    let is_small = |usage: &&Usage| {
        usage.calls >= FEWEST_CALLS
            && usage.bytes / usage.calls < SMALL
            && usage.kernel_ns / usage.calls < LONGEST_CALL_NS
    };
    let usages: Vec<&Usage> =
        recording.processes.iter().map(|process| &process.usage).filter(is_small).collect();
    let calls: u64 = usages.iter().map(|usage| usage.calls).sum();
    let bytes: u64 = usages.iter().map(|usage| usage.bytes).sum();
    let kernel_s = usages.iter().map(|usage| usage.kernel_ns as f64 * 1e-9).sum();
    let share = ratio(kernel_s, profile.whole.states_s[State::Cpu.index()]).min(1.0);
    (share >= LEAST).then(|| {
        let message = format!(
            "{calls} reads and writes of {} bytes each on average: {} of the CPU time, {}, was the kernel's",
            bytes / calls,
            percent(share),
            Seconds(kernel_s)
        );
        Finding::new(Severity::Warning, "small-io", message).with_hint(
            "read and write larger pieces: a file opened with a buffer (not os.read, os.write, or buffering=0), a whole file or \
             many lines at a time, no flush after each",
        )
    })
}

/// Many processes that do little each.
fn short_processes(recording: &Recording, profile: &Profile) -> Option<Finding> {
    const FEWEST: usize = 20;
    const SHORT_S: f64 = 0.1;
    let lives: Vec<f64> = (1..recording.processes.len())
        .map(|index| {
            let threads = recording.threads.iter().zip(&profile.threads);
            let own = threads.filter(|(thread, _)| thread.process as usize == index);
            own.map(|(_, summary)| summary.to_s - summary.from_s).fold(0.0, f64::max)
        })
        .collect();
    let short: Vec<f64> = lives.into_iter().filter(|life| *life < SHORT_S).collect();
    let spent: f64 = short.iter().sum();
    (short.len() >= FEWEST && spent >= 0.1 * profile.elapsed_s).then(|| {
        let message = format!(
            "{} processes lived for {} each on average, and {} in all",
            short.len(),
            Seconds(spent / short.len() as f64),
            Seconds(spent)
        );
        Finding::new(Severity::Warning, "many-short-processes", message).with_hint(
            "starting a program costs more than it does then: let one process do many pieces, or call a library",
        )
    })
}
