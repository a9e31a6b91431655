//! The one place where all ends of tasks come together: journal, counts, outputs, observer.

use std::path::{Path, PathBuf};
use std::time::Instant;

use festina_types::{Finding, Seconds, Severity};

use crate::tasks::emit::{Emitter, Written};
use crate::tasks::journal::{Journal, Line, Place};
use crate::tasks::{Progress, Record, TaskError, TaskObserver};

/// Of findings of one kind so many are kept; the others are counted.
const KEPT_OF_A_KIND: u64 = 5;

/// So many of the longest tasks are named.
const LONGEST: usize = 3;

pub(super) struct Sink<'a> {
    pub(super) journal: Journal,
    pub(super) emitter: Emitter<'a>,
    pub(super) observer: &'a mut dyn TaskObserver,
    /// Where the outcome of each task begins in the journal, by number; offset 0 is the first session's.
    pub(super) places: Vec<u64>,
    pub(super) counts: Progress,
    pub(super) n_recorded_failures: u64,
    pub(super) n_retries: u64,
    pub(super) findings: Vec<Finding>,
    kinds: Vec<(String, u64)>,
    pub(super) durations: Vec<(u32, f32)>,
    pub(super) longest: Vec<(u64, f64)>,
    pub(super) run_delay_s: f64,
    /// The time of slots in which their tasks waited for a CPU.
    pub(super) waited_s: f64,
    /// Whether tasks ran on other hosts, of whose conditions nothing is known.
    pub(super) is_remote: bool,
    pub(super) cpu_s: f64,
    pub(super) started: Instant,
    /// The cores of a task.
    cores: u32,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        journal: Journal,
        emitter: Emitter<'a>,
        observer: &'a mut dyn TaskObserver,
        (slots, cores): (u32, u32),
        started: Instant,
    ) -> Self {
        Self {
            journal,
            emitter,
            observer,
            places: Vec::new(),
            counts: Progress { slots, ..Progress::default() },
            n_recorded_failures: 0,
            n_retries: 0,
            findings: Vec::new(),
            kinds: Vec::new(),
            durations: Vec::new(),
            longest: Vec::new(),
            run_delay_s: 0.0,
            waited_s: 0.0,
            is_remote: false,
            cores,
            cpu_s: 0.0,
            started,
        }
    }

    /// Takes the outcome of a task: it is in the journal before anyone is told.
    pub(super) fn take(&mut self, record: Record, written: Written) -> Result<(), TaskError> {
        let number = record.number;
        let is_finished = record.end.is_finished();
        let line = Line::Task(Box::new(record));
        let offset = self.journal.append(&line)?;
        let Line::Task(record) = line else { unreachable!("it was made a task above") };
        self.place(number, offset);
        *(if is_finished { &mut self.counts.finished } else { &mut self.counts.failed }) += 1;
        self.counts.task_time.0 += record.wall().0;
        self.run_delay_s += record.run_delay_us as f64 * 1e-6;
        self.cpu_s += record.cpu().0;
        self.waited_s += waited(&record, self.cores);
        self.is_remote |= record.host.is_some();
        self.durations.push((number as u32, record.wall().0 as f32));
        self.note_longest(number, record.wall().0);
        self.observer.ended(&record);
        self.emitter.take(number, Some(written))
    }

    /// Takes tasks whose outcomes were recorded before.
    pub(super) fn take_recorded(&mut self, tasks: &[(u64, Place)]) -> Result<(), TaskError> {
        for &(number, place) in tasks {
            self.place(number, place.offset());
            self.counts.recorded += 1;
            self.n_recorded_failures += u64::from(!place.is_finished());
            self.emitter.take(number, None)?;
        }
        Ok(())
    }

    fn place(&mut self, number: u64, offset: u64) {
        let index = number as usize - 1;
        if index >= self.places.len() {
            self.places.resize(index + 1, 0);
        }
        self.places[index] = offset;
    }

    fn note_longest(&mut self, number: u64, wall_s: f64) {
        let index = self.longest.partition_point(|(_, other)| *other >= wall_s);
        if index < LONGEST {
            self.longest.insert(index, (number, wall_s));
            self.longest.truncate(LONGEST);
        }
    }

    /// Keeps what was noticed of a task, whose number and inputs `about` names.
    pub(super) fn find(&mut self, about: &str, finding: Finding) {
        let index = match self.kinds.iter().position(|(code, _)| *code == finding.code) {
            Some(index) => index,
            None => {
                self.kinds.push((finding.code.clone(), 0));
                self.kinds.len() - 1
            }
        };
        self.kinds[index].1 += 1;
        if self.kinds[index].1 <= KEPT_OF_A_KIND {
            let message = format!("{about}: {}", finding.message);
            self.findings.push(Finding { message, ..finding });
        }
    }

    /// Says how many findings were left out.
    pub(super) fn count_findings(&mut self) {
        for (code, count) in &self.kinds {
            if *count > KEPT_OF_A_KIND {
                let message = format!("{} more of the kind '{code}'", count - KEPT_OF_A_KIND);
                self.findings.push(Finding::new(Severity::Note, code, message));
            }
        }
    }

    pub(super) fn tell_progress(&mut self, total: Option<u64>) {
        self.counts.total = total.or(self.counts.total);
        self.counts.elapsed = Seconds(self.started.elapsed().as_secs_f64());
        let counts = self.counts;
        self.observer.progress(&counts);
    }
}

/// Returns how long a slot could not go on because its task waited for a CPU. Of several threads some may wait while others
/// keep the cores busy: only what these leave can be lost.
fn waited(record: &Record, cores: u32) -> f64 {
    let cores = f64::from(cores.max(1));
    let idle = (cores * record.wall().0 - record.cpu().0).max(0.0);
    (record.run_delay_us as f64 * 1e-6).min(idle) / cores
}

/// Writes what a task wrote into a folder of its own, unless it is there already.
pub(super) fn keep(written: &Written, folder: &Path) -> Result<(), TaskError> {
    for (captured, name) in [(&written.output, "stdout"), (&written.errors, "stderr")] {
        if captured.spilled.is_none() {
            let path: PathBuf = folder.join(name);
            std::fs::write(&path, &captured.bytes).map_err(|source| TaskError::writing(&path, source))?;
        }
    }
    Ok(())
}
