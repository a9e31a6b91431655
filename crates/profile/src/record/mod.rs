//! Records what a program does, without stopping it.
//!
//! Once in each period, at a random time of it, all threads of the program and of its descendants are looked at: has it run
//! since (`schedstat`), what does it do (`syscall`), what is on its Python stack (its memory), where is its machine code. A
//! thread that has not run and was blocked is where it was: it is not looked at further.

mod clock;
mod lines;
mod native;
mod processes;
mod python;
mod schedule;
mod source;
mod thread;

use std::path::Path;
use std::time::Duration;

use festina_machine::Source;
use festina_types::{CancelToken, Finding, Seconds, Severity};

use crate::ProfileError;
use crate::recording::{Catalogue, MemoryPoint, Recording, RecordingWriter, Sampling};
use processes::Processes;
use schedule::Schedule;

/// How a program is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Rounds a second.
    pub rate_hz: f64,
    /// The seed of the times at which it is looked.
    pub seed: u64,
    /// After how much time the recording ends; `None` is with the program.
    pub duration: Option<Seconds>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rate_hz: 200.0, seed: 0, duration: None }
    }
}

/// The rates that can be asked for.
pub const RATES: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

/// Is shown a recording while it grows.
pub trait Observer {
    /// The recording goes on; called some four times a second.
    fn growing(&mut self, _recording: &Recording) {}
}

/// Observes nothing.
impl Observer for () {}

/// The largest part of a core that sampling takes, and how many rounds it is measured over: asking for one's CPU time is a system
/// call as well.
const LARGEST_SHARE: f64 = 0.1;
const ROUNDS_MEASURED: usize = 8;
/// How often observers are called, memory is looked at, and the file is written.
const SLOW_NS: u64 = 250_000_000;
/// No more rounds and changes than these are held: with what is needed to analyse them, they take some 150 MB.
const MOST_HELD: usize = 3_000_000;
const MEMORY_NS: u64 = 40_000_000;

/// What is recorded, and where to.
pub(crate) struct Recorder<'a> {
    options: &'a Options,
    recording: Recording,
    catalogue: Catalogue,
    processes: Processes,
    file: Option<RecordingWriter>,
    schedule: Schedule,
    start_ns: u64,
    next_memory_ns: u64,
    next_slow_ns: u64,
    stretched: f64,
    /// Whether every second look is to be left out, and how many times as many there had been otherwise.
    is_full: bool,
    thinned: f64,
}

impl<'a> Recorder<'a> {
    /// Begins to record the process `root` and what it starts; to the file `path` as well.
    ///
    /// # Errors
    ///
    /// If there is no such process, or the file cannot be made.
    pub(crate) fn new(
        source: &Source,
        root: u32,
        command: Vec<String>,
        options: &'a Options,
        path: Option<&Path>,
    ) -> Result<Self, ProfileError> {
        let start_ns = clock::now_ns();
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mut recording = Recording {
            command,
            started_at_s: since.as_secs_f64(),
            sampling: Sampling { rate_hz: options.rate_hz, seed: options.seed, ..Sampling::default() },
            ..Recording::default()
        };
        let catalogue = Catalogue::new(&mut recording);
        let failed =
            |path: &Path, source| ProfileError::File { action: format!("write {}", path.display()), source };
        let file = match path {
            Some(path) => {
                Some(RecordingWriter::create(path, &recording).map_err(|error| failed(path, error))?)
            }
            None => None,
        };
        let processes = Processes::new(source.clone(), root);
        Ok(Self {
            options,
            recording,
            catalogue,
            processes,
            file,
            schedule: Schedule::new(start_ns, options.seed),
            start_ns,
            next_memory_ns: 0,
            next_slow_ns: SLOW_NS,
            stretched: 1.0,
            is_full: false,
            thinned: 1.0,
        })
    }

    /// Records until the program `has_ended`, which is waited for that long, the time is over, or it is canceled.
    pub(crate) fn run(
        &mut self,
        has_ended: &mut dyn FnMut(Duration) -> bool,
        cancel: &CancelToken,
        observer: &mut dyn Observer,
    ) {
        let _precise = clock::PreciseSleep::new();
        let cpu_before = clock::cpu_ns();
        let limit = self.options.duration.map_or(u64::MAX, |duration| (duration.0 * 1e9) as u64);
        let mut spent_before = cpu_before;
        loop {
            let now = clock::now_ns() - self.start_ns;
            if now >= limit {
                break;
            }
            self.round(now);
            self.slow(now, observer);
            self.thin();
            if self.recording.rounds.len().is_multiple_of(ROUNDS_MEASURED) {
                let spent = clock::cpu_ns();
                // What is spent once is no reason to look less often.
                let once = self.processes.take_single_ns();
                self.adapt((spent - spent_before).saturating_sub(once) / ROUNDS_MEASURED as u64);
                spent_before = spent;
            }
            let period_ns = self.stretched.max(self.thinned) * 1e9 / self.options.rate_hz;
            let due = self.schedule.next(clock::now_ns(), period_ns);
            if ends_before(due, has_ended, cancel) {
                break;
            }
        }
        self.recording.end_ns = (clock::now_ns() - self.start_ns).min(limit);
        self.recording.sampling.cpu_s = (clock::cpu_ns() - cpu_before) as f64 * 1e-9;
    }

    /// Ends the recording.
    ///
    /// # Errors
    ///
    /// If its file cannot be written.
    pub(crate) fn finish(mut self, status: Option<festina_types::Status>) -> Result<Recording, ProfileError> {
        let has_lines = self.processes.finish(&mut self.recording);
        source::note(&mut self.recording, self.processes.files());
        self.recording.status = status;
        if self.stretched > 1.2 {
            let reached = self.options.rate_hz / self.stretched;
            let message = format!(
                "looked at the program {reached:.0} times a second rather than {:.0}: each look takes so long that more \
                 would disturb it",
                self.options.rate_hz
            );
            self.recording.findings.push(Finding::new(Severity::Note, "rate-lowered", message));
        }
        let is_thinned = self.thinned > 1.0;
        if is_thinned {
            let kept = self.options.rate_hz / self.thinned;
            let message = format!(
                "so much went on that of {:.0} looks a second {kept:.0} were kept, to hold little memory",
                self.options.rate_hz
            );
            self.recording.findings.push(Finding::new(Severity::Note, "looks-left-out", message));
        }
        if let Some(file) = self.file.take() {
            let action = "write the recording".to_owned();
            file.finish(&self.recording, has_lines || is_thinned)
                .map_err(|source| ProfileError::File { action, source })?;
        }
        Ok(self.recording)
    }

    fn round(&mut self, now: u64) {
        self.recording.rounds.push(now);
        self.processes.look(now, &mut self.recording, &mut self.catalogue);
        if now >= self.next_memory_ns {
            self.next_memory_ns = now + MEMORY_NS;
            let round = self.recording.rounds.len() as u32 - 1;
            let rss_bytes = self.processes.rss().0;
            self.recording.memory.push(MemoryPoint { round, rss_bytes });
        }
    }

    fn slow(&mut self, now: u64, observer: &mut dyn Observer) {
        if now < self.next_slow_ns {
            return;
        }
        self.next_slow_ns = now + SLOW_NS;
        self.is_full = self.recording.n_held() > MOST_HELD;
        // What was written is of other rounds then: until the end, when all is written anew, it is what it was.
        if self.thinned == 1.0
            && let Some(file) = &mut self.file
            && let Err(error) = file.append(&self.recording)
        {
            // A full disk takes the file, not the recording.
            let message = format!("the recording could not be written: {error}");
            self.recording.findings.push(Finding::new(Severity::Warning, "recording-not-written", message));
            self.file = None;
        }
        observer.growing(&self.recording);
    }

    /// Leaves out every second look, so far and from now on, where too much is held.
    fn thin(&mut self) {
        if self.is_full && self.recording.rounds.len() % 2 == 1 {
            self.recording.thin();
            self.is_full = false;
            self.thinned *= 2.0;
        }
    }

    /// Keeps the share of a core that sampling takes below its largest.
    fn adapt(&mut self, spent_ns: u64) {
        let fitting = spent_ns as f64 * self.options.rate_hz * 1e-9 / LARGEST_SHARE;
        self.stretched += (fitting.max(1.0) - self.stretched) / 8.0;
    }
}

/// Waits until `due`, and returns whether the recording ended before: with the program, or since it was canceled.
fn ends_before(due: u64, has_ended: &mut dyn FnMut(Duration) -> bool, cancel: &CancelToken) -> bool {
    loop {
        let pause = due.saturating_sub(clock::now_ns());
        if cancel.is_requested() || has_ended(Duration::from_nanos(pause)) {
            return true;
        }
        // A signal may have ended the pause.
        if clock::now_ns() >= due {
            return false;
        }
    }
}
