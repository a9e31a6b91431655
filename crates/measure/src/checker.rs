//! Keeps the outputs of the reference and holds those of the other runs against them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use festina_types::{CancelToken, CheckOutcome, Finding, Point, Severity, Status};

use crate::check::{Check, Place, Rules, Target, Variation, compare, variation};
use crate::error::MeasureError;
use crate::executor::Executor;
use crate::measurement::{describe, shown};
use crate::template::{Values, format_size};
use crate::workload::Task;

/// Compares the outputs of runs with those of the reference of their size.
pub(crate) struct Checker<'a> {
    check: &'a Check,
    rules: Rules,
    seed: u64,
    folder: PathBuf,
    /// Where the standard output of the run in flight goes.
    output: PathBuf,
    references: Vec<Reference>,
    /// The state of the checked file before the run in flight.
    before: Option<Stamp>,
    /// The checked file that a reference did not write.
    missing: Option<PathBuf>,
}

/// What the run on one worker gave.
struct Reference {
    n: Option<f64>,
    status: Status,
    /// Its output; `None` where it wrote nothing, or nothing is compared.
    output: Option<PathBuf>,
    varying: Option<Variation>,
}

/// By which a file that was written again is told from one that was not.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified_ns: i128,
    length: u64,
}

/// What the check says of a run.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) outcome: Option<CheckOutcome>,
    pub(crate) finding: Option<Finding>,
    /// The reference was seen to vary, in words.
    pub(crate) varies: Option<String>,
}

impl<'a> Checker<'a> {
    /// Returns a checker that keeps its outputs in `folder`.
    pub(crate) fn new(check: &'a Check, folder: PathBuf, seed: u64) -> Result<Self, MeasureError> {
        let output = folder.join("candidate.stdout");
        let rules = check.rules()?;
        Ok(Self { check, rules, seed, folder, output, references: Vec::new(), before: None, missing: None })
    }

    /// Returns where the standard output of the next run is to go.
    pub(crate) fn output(&self) -> Option<&Path> {
        (self.check.target == Target::Stdout).then_some(&self.output)
    }

    /// Looks at the checked file before a run, so that one from an earlier run isn't taken for its own.
    pub(crate) fn before(&mut self, task: &Task) {
        self.before = self.checked_file(task).and_then(|path| Stamp::of(&path));
    }

    /// Returns the file to check that a reference did not write: no other run can then be right.
    pub(crate) fn missing_file(&self) -> Option<&Path> {
        self.missing.as_deref()
    }

    /// Returns whether the reference of size `n` is there.
    pub(crate) fn has_reference(&self, n: Option<f64>) -> bool {
        self.references.iter().any(|reference| reference.n == n)
    }

    /// Keeps what the run of `task`, which ended with `status`, gave as the reference of its size.
    pub(crate) fn keep(&mut self, task: &Task, status: Status) -> Result<Judgement, MeasureError> {
        let n = task.point.n;
        if self.check.target == Target::None || !self.is_comparable(status) {
            return Ok(Judgement::default());
        }
        let mut judgement = Judgement::default();
        let mut output = None;
        if self.check.has_output() {
            match self.written(task) {
                Some(path) => {
                    let kept = self.folder.join(self.kept_name(n, &path));
                    fs::copy(&path, &kept).map_err(|e| MeasureError::file("write", &kept, e))?;
                    output = Some(kept);
                }
                None => {
                    self.missing = self.checked_file(task);
                    judgement.finding = self.missing.is_none().then(|| self.nothing_written(task));
                }
            }
        }
        judgement.outcome =
            (output.is_some() || self.check.target == Target::Exit).then_some(CheckOutcome::Identical);
        self.references.push(Reference { n, status, output, varying: None });
        Ok(judgement)
    }

    /// Compares what the run of `task` gave with the reference of its size. A run on one worker that differs
    /// shows that the reference varies; it is nobody's fault.
    pub(crate) fn judge(
        &mut self,
        task: &Task,
        status: Status,
        executor: &mut dyn Executor,
        cancel: &CancelToken,
    ) -> Result<Judgement, MeasureError> {
        let Some(index) = self.references.iter().position(|reference| reference.n == task.point.n) else {
            return Ok(Judgement::default());
        };
        if !self.is_comparable(status) {
            return Ok(Judgement::default());
        }
        if self.check.target == Target::Exit {
            return Ok(judge_exit(self.references[index].status, status));
        }
        let candidate = self.written(task);
        let Some(reference) = self.references[index].output.clone() else {
            // The reference wrote nothing, which was told; a run that writes something is different.
            let outcome =
                candidate.map(|_| different("it wrote something, the reference did not".to_owned()));
            return Ok(Judgement { outcome, ..Judgement::default() });
        };
        let Some(candidate) = candidate else {
            return Ok(Judgement {
                outcome: Some(different(self.nothing_written(task).message)),
                ..Judgement::default()
            });
        };
        if same_bytes(&reference, &candidate)? {
            return Ok(self.judged(index, CheckOutcome::Identical, None));
        }
        if let Some(command) = &self.check.command {
            let values = Values {
                reference: reference.as_os_str(),
                candidate: candidate.as_os_str(),
                ..Values::new(task.point.n, task.point.p, self.seed)
            };
            let outcome =
                executor.shell(&command.fill_for_shell(&values), task.directory.as_deref(), cancel)?;
            return Ok(self.judge_command(index, task.point, outcome.status, &outcome.last_line));
        }
        let (reference, candidate) = (read(&reference)?, read(&candidate)?);
        if task.point.p.get() == 1 {
            return Ok(self.judge_reference(index, &reference, &candidate));
        }
        let none = BTreeSet::new();
        let varying = self.references[index].varying.as_ref().map_or(&none, |variation| &variation.places);
        let comparison = compare(&reference, &candidate, &self.rules, varying);
        Ok(self.judged(index, comparison.outcome, comparison.hint))
    }

    /// Keeps a wrong output beside the reference; returns what to type to see all of the difference.
    pub(crate) fn keep_different(&self, task: &Task) -> Result<Option<Finding>, MeasureError> {
        let reference = self.references.iter().find(|reference| reference.n == task.point.n);
        let Some(reference) = reference.and_then(|reference| reference.output.as_ref()) else {
            return Ok(None);
        };
        let Some(candidate) = self.written(task) else { return Ok(None) };
        let size = task.point.n.map_or(String::new(), |n| format!("n={},", format_size(n)));
        let kept = self.folder.join(format!("{size}p={}.different", task.point.p));
        let kept = match candidate.extension() {
            Some(extension) => kept.with_added_extension(extension),
            None => kept,
        };
        fs::copy(&candidate, &kept).map_err(|e| MeasureError::file("write", &kept, e))?;
        let message = format!("the reference and the first wrong output at {} are kept", shown(task.point));
        let hint = format!("diff {} {}", reference.display(), kept.display());
        Ok(Some(Finding::new(Severity::Note, "outputs-kept", message).with_hint(hint)))
    }

    /// What another run on one worker shows about the reference.
    fn judge_reference(&mut self, index: usize, reference: &[u8], again: &[u8]) -> Judgement {
        let Some(found) = variation(reference, again, &self.rules) else {
            let comparison = compare(reference, again, &self.rules, &BTreeSet::new());
            return self.judged(index, comparison.outcome, None);
        };
        self.vary(index, found)
    }

    fn vary(&mut self, index: usize, found: Variation) -> Judgement {
        let known = &mut self.references[index];
        let is_new = known.varying.as_ref().is_none_or(|old| !found.places.is_subset(&old.places));
        match &mut known.varying {
            Some(old) => old.widen(found),
            none => *none = Some(found),
        }
        let places = known.varying.as_ref().map(Variation::describe).filter(|_| is_new);
        let finding = places.as_ref().map(|places| reference_varies(known.n, places));
        Judgement { outcome: None, finding, varies: places }
    }

    fn judge_command(&mut self, index: usize, point: Point, status: Status, last_line: &str) -> Judgement {
        match status {
            Status::Finished => {
                let within = crate::check::same_by_command();
                self.judged(index, within, None)
            }
            Status::Failed { code: 1 } => {
                let said = if last_line.is_empty() { "the check command says so" } else { last_line };
                if point.p.get() == 1 {
                    let places = BTreeSet::from([Place::Whole]);
                    return self.vary(index, Variation { places, first_difference: said.to_owned() });
                }
                self.judged(index, different(said.to_owned()), None)
            }
            other => {
                let message = format!("the check command could not tell: {}; {last_line}", describe(other));
                Judgement {
                    finding: Some(Finding::new(Severity::Warning, "check-failed", message)),
                    ..Judgement::default()
                }
            }
        }
    }

    /// Where the reference varies, a run that is the same elsewhere is not known to be right; nor is one wrong if
    /// nothing of the reference stands.
    fn judged(&self, index: usize, outcome: CheckOutcome, hint: Option<String>) -> Judgement {
        let varying = self.references[index].varying.as_ref();
        let stands = varying.is_none_or(|variation| !variation.places.contains(&Place::Whole));
        let is_told = match (&outcome, varying) {
            (CheckOutcome::Different { .. }, _) => stands,
            (_, varying) => varying.is_none(),
        };
        let finding = hint.filter(|_| is_told).map(|hint| {
            let message = "a difference from the reference may be harmless";
            Finding::new(Severity::Note, "maybe-harmless", message).with_hint(hint)
        });
        Judgement { outcome: is_told.then_some(outcome), finding, varies: None }
    }

    fn is_comparable(&self, status: Status) -> bool {
        match self.check.target {
            Target::Exit => {
                matches!(status, Status::Finished | Status::Failed { .. } | Status::Killed { .. })
            }
            _ => status.is_finished(),
        }
    }

    /// The checked file of `task`, where a file is checked.
    fn checked_file(&self, task: &Task) -> Option<PathBuf> {
        let Target::File { path } = &self.check.target else { return None };
        let path = PathBuf::from(path.fill(&Values::new(task.point.n, task.point.p, self.seed)));
        Some(task.directory.as_deref().unwrap_or(Path::new("")).join(path))
    }

    /// The output of the run in flight, if it wrote one.
    fn written(&self, task: &Task) -> Option<PathBuf> {
        match self.checked_file(task) {
            Some(path) => Stamp::of(&path).filter(|stamp| Some(*stamp) != self.before).map(|_| path),
            None => Stamp::of(&self.output).filter(|stamp| stamp.length > 0).map(|_| self.output.clone()),
        }
    }

    fn nothing_written(&self, task: &Task) -> Finding {
        let (what, hint) = match self.checked_file(task) {
            Some(path) => {
                (format!("did not write {}", path.display()), "correct the path of --check file:PATH")
            }
            None => (
                "wrote nothing to standard output, so nothing is compared".to_owned(),
                "give --check file:PATH for what it writes elsewhere, or --check exit",
            ),
        };
        let message = format!("the run at {} {what}", shown(task.point));
        Finding::new(Severity::Warning, "nothing-to-check", message).with_hint(hint)
    }

    fn kept_name(&self, n: Option<f64>, path: &Path) -> String {
        let size = n.map_or("reference".to_owned(), |n| format!("n={}", format_size(n)));
        match path.extension() {
            Some(extension) => format!("{size}.{}", extension.to_string_lossy()),
            None => size,
        }
    }
}

impl Drop for Checker<'_> {
    /// The last candidate's output is of no use to anybody.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.output);
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Some(Self { inode: metadata.ino(), modified_ns, length: metadata.len() })
    }
}

fn judge_exit(reference: Status, status: Status) -> Judgement {
    let outcome = if reference == status {
        CheckOutcome::Identical
    } else {
        different(format!("{}; the reference: {}", describe(status), describe(reference)))
    };
    Judgement { outcome: Some(outcome), ..Judgement::default() }
}

fn different(first_difference: String) -> CheckOutcome {
    CheckOutcome::Different { first_difference }
}

fn reference_varies(n: Option<f64>, places: &str) -> Finding {
    let at = n.map_or(String::new(), |n| format!(" at n = {}", format_size(n)));
    let message = format!("two runs on one worker{at} did not give the same answer: {places}");
    let hint = "leave out what may vary with --check-ignore REGEX, or fix the program's seed";
    Finding::new(Severity::Warning, "reference-varies", message).with_hint(hint)
}

fn read(path: &Path) -> Result<Vec<u8>, MeasureError> {
    fs::read(path).map_err(|e| MeasureError::file("read", path, e))
}

/// Compares two files without holding them in memory.
fn same_bytes(a: &Path, b: &Path) -> Result<bool, MeasureError> {
    const CHUNK: usize = 1 << 16;
    let open = |path: &Path| File::open(path).map_err(|e| MeasureError::file("read", path, e));
    let (mut left, mut right) = (open(a)?, open(b)?);
    let mut chunks = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let l = read_chunk(&mut left, &mut chunks.0).map_err(|e| MeasureError::file("read", a, e))?;
        let r = read_chunk(&mut right, &mut chunks.1).map_err(|e| MeasureError::file("read", b, e))?;
        if chunks.0[..l] != chunks.1[..r] {
            return Ok(false);
        }
        if l == 0 {
            return Ok(true);
        }
    }
}

/// Fills `chunk` as far as the file goes.
fn read_chunk(file: &mut File, chunk: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
