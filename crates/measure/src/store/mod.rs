//! The state folder: every run is a folder that can be moved, compared, analysed again and deleted.
//!
//! ```text
//! .festina/20261122-083059-1f3c/
//!   request.json     what was asked for: workload, design, check; with the version of the format
//!   machine.json     what it ran on
//!   samples.jsonl    one line a run, written when it ends
//!   notes.jsonl      what was noticed and decided on the way
//!   reference/       the outputs that the others are compared with
//! ```

mod journal;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use festina_types::{Finding, Sample, Seconds, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::Check;
use crate::design::Design;
use crate::error::MeasureError;
use crate::workload::Workload;
pub use festina_types::RunId;
use journal::Journal;

/// The version of the format of a run's folder.
pub const FORMAT_VERSION: u32 = 1;

const REQUEST: &str = "request.json";
const MACHINE: &str = "machine.json";
const SAMPLES: &str = "samples.jsonl";
const NOTES: &str = "notes.jsonl";
const REFERENCE: &str = "reference";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The version of the format, [`FORMAT_VERSION`].
    pub version: u32,
    /// The version of festina that measured.
    pub festina: String,
    /// When, in seconds since the Unix epoch.
    pub created_at_unix_s: f64,
    /// What was measured.
    pub workload: Workload,
    /// Where and how often.
    pub design: Design,
    /// How results were compared.
    pub check: Check,
}

impl Request {
    /// Returns the request of this version of festina.
    pub fn new(workload: Workload, design: Design, check: Check, created_at_unix_s: f64) -> Self {
        let festina = env!("CARGO_PKG_VERSION").to_owned();
        Self { version: FORMAT_VERSION, festina, created_at_unix_s, workload, design, check }
    }
}

/// What was noticed or decided while measuring, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Note {
    /// The cost of the tool itself, measured before anything else.
    Calibrated(Calibration),
    /// The sizes that the adaptive search chose.
    Sizes {
        /// The sizes, growing.
        sizes: Vec<f64>,
    },
    /// Two runs on one worker did not give the same answer.
    ReferenceVaries {
        /// At which size.
        n: Option<f64>,
        /// Where, in words.
        places: String,
        /// How many runs there were before it was known.
        runs_before: u32,
    },
    /// Something worth telling.
    Finding {
        /// What.
        finding: Finding,
    },
    /// The measurement came to its end.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Every point is as precise as asked for, or has had its most blocks.
    Complete,
    /// The budget is used.
    Budget,
    /// The user asked to stop.
    Canceled,
    /// No point could be run to its end.
    NothingRuns,
}

/// What the tool itself costs and resolves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The smallest step of the clock.
    pub clock_resolution: Seconds,
    /// The median time to start a program that does nothing and to wait for it.
    pub spawn_median: Seconds,
    /// The standard deviation of that time.
    pub spawn_deviation: Seconds,
}

impl Calibration {
    /// Returns the shortest time that can be told from the tool's own cost:
    /// max(20 ms, 1000 · clock resolution, 50 · deviation of the start).
    pub fn shortest_time(&self) -> Seconds {
        Seconds(0.02_f64.max(1000.0 * self.clock_resolution.0).max(50.0 * self.spawn_deviation.0))
    }
}

/// The state folder, `.festina/` beside the work.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// The folder of a run that is being measured.
#[derive(Debug)]
pub struct RunFolder {
    id: RunId,
    path: PathBuf,
    samples: Journal,
    notes: Journal,
}

/// A run as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// Its name.
    pub id: RunId,
    /// What was asked for.
    pub request: Request,
    /// What it ran on, as `festina cores --json` writes it; `None` if that file is missing or broken.
    pub machine: Option<Value>,
    /// Its samples, in the order in which they ran.
    pub samples: Vec<Sample>,
    /// What was noticed and decided.
    pub notes: Vec<Note>,
    /// What is wrong with the folder: lines cut off or corrupt.
    pub findings: Vec<Finding>,
}

impl Store {
    /// Returns the store in the folder `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the folder of a new run and writes what was asked for and `machine` into it.
    ///
    /// # Errors
    ///
    /// [`MeasureError::File`] or [`MeasureError::NoSpace`] if that cannot be written.
    pub fn create(&self, request: &Request, machine: &impl Serialize) -> Result<RunFolder, MeasureError> {
        fs::create_dir_all(&self.root).map_err(|e| MeasureError::file("create", &self.root, e))?;
        let (id, path) = self.create_folder(request.created_at_unix_s)?;
        // What could not be begun is no run.
        Self::fill_folder(id, path.clone(), request, machine).inspect_err(|_| {
            let _ = fs::remove_dir_all(&path);
        })
    }

    fn fill_folder(
        id: RunId,
        path: PathBuf,
        request: &Request,
        machine: &impl Serialize,
    ) -> Result<RunFolder, MeasureError> {
        let reference = path.join(REFERENCE);
        fs::create_dir(&reference).map_err(|e| MeasureError::file("create", &reference, e))?;
        write_json(&path.join(MACHINE), machine)?;
        let samples = Journal::create(path.join(SAMPLES))?;
        let notes = Journal::create(path.join(NOTES))?;
        write_json(&path.join(REQUEST), request)?;
        Ok(RunFolder { id, path, samples, notes })
    }

    fn create_folder(&self, created_at_unix_s: f64) -> Result<(RunId, PathBuf), MeasureError> {
        loop {
            let random = RandomState::new().hash_one(created_at_unix_s.to_bits()) as u16;
            let id = RunId::new(created_at_unix_s.max(0.0) as u64, random);
            let path = self.root.join(id.as_str());
            match fs::create_dir(&path) {
                Ok(()) => return Ok((id, path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(MeasureError::file("create", &path, error)),
            }
        }
    }

    /// Returns the names of all stored runs, the oldest first; none if there is no state folder.
    ///
    /// # Errors
    ///
    /// [`MeasureError::File`] if the state folder cannot be read.
    pub fn list(&self) -> Result<Vec<RunId>, MeasureError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(MeasureError::file("read", &self.root, error)),
        };
        // Names tell the second; of one second, the files tell which came first.
        let run = |entry: fs::DirEntry| {
            let request = fs::metadata(entry.path().join(REQUEST)).ok().filter(fs::Metadata::is_file)?;
            let id = RunId::from_folder(entry.file_name().to_str()?);
            let written = request.modified().unwrap_or(std::time::UNIX_EPOCH);
            Some((id.second().to_owned(), written, id))
        };
        let mut runs: Vec<_> = entries.filter_map(Result::ok).filter_map(run).collect();
        runs.sort();
        Ok(runs.into_iter().map(|(_, _, id)| id).collect())
    }

    /// Returns the name of the last run, if there is one.
    ///
    /// # Errors
    ///
    /// [`MeasureError::File`] if the state folder cannot be read.
    pub fn latest(&self) -> Result<Option<RunId>, MeasureError> {
        Ok(self.list()?.pop())
    }

    /// Reads the run called `name`: its full name, the beginning of it that no other has, `latest`, or the path of
    /// its folder.
    ///
    /// # Errors
    ///
    /// [`MeasureError::NoSuchRun`], [`MeasureError::Version`], [`MeasureError::Corrupt`], [`MeasureError::File`].
    pub fn open(&self, name: &str) -> Result<StoredRun, MeasureError> {
        if name.contains('/') && Path::new(name).join(REQUEST).is_file() {
            return read_run(Path::new(name));
        }
        let runs = self.list()?;
        let found: Vec<_> = match name {
            "latest" => runs.iter().rev().take(1).collect(),
            _ => runs.iter().filter(|id| id.as_str().starts_with(name) && !name.is_empty()).collect(),
        };
        let missing =
            |hint: String| MeasureError::NoSuchRun { id: name.to_owned(), folder: self.root.clone(), hint };
        match found[..] {
            [id] => read_run(&self.root.join(id.as_str())),
            [first, second, ..] => Err(missing(format!("it could be {first} or {second}: write more of it"))),
            [] => Err(missing(match nearest(name, &runs) {
                Some(id) => format!("the nearest is {id}; 'latest' names the last"),
                None => "measure first: there are no runs here".to_owned(),
            })),
        }
    }
}

impl RunFolder {
    /// Returns the name of the run.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Returns the run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of the reference outputs.
    pub fn reference(&self) -> PathBuf {
        self.path.join(REFERENCE)
    }

    /// Removes the folder of a measurement in which no run ended.
    ///
    /// # Errors
    ///
    /// [`MeasureError::File`] if it cannot be removed.
    pub fn discard(self) -> Result<(), MeasureError> {
        fs::remove_dir_all(&self.path).map_err(|e| MeasureError::file("remove", &self.path, e))
    }

    /// Returns whether no run has ended.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Writes down a run that has ended.
    ///
    /// # Errors
    ///
    /// [`MeasureError::NoSpace`] or [`MeasureError::File`]; what was written before stays.
    pub fn append(&mut self, sample: &Sample) -> Result<(), MeasureError> {
        self.samples.append(sample)
    }

    /// Writes down something that was noticed or decided.
    ///
    /// # Errors
    ///
    /// [`MeasureError::NoSpace`] or [`MeasureError::File`]; what was written before stays.
    pub fn note(&mut self, note: &Note) -> Result<(), MeasureError> {
        self.notes.append(note)
    }
}

fn read_run(path: &Path) -> Result<StoredRun, MeasureError> {
    let request = read_request(&path.join(REQUEST))?;
    let samples = journal::read_lines(&path.join(SAMPLES))?;
    // The runs speak for themselves; the notes only add to them.
    let notes = journal::read_lines(&path.join(NOTES)).unwrap_or_else(|error| journal::Lines {
        records: Vec::new(),
        findings: vec![Finding::new(Severity::Warning, "no-notes", error.to_string())],
    });
    let machine = fs::read(path.join(MACHINE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let no_machine = machine.is_none().then(|| {
        let message = format!("{MACHINE} cannot be read: the limits and edges of the machine are not known");
        Finding::new(Severity::Warning, "no-machine", message)
    });
    let name = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(StoredRun {
        id: RunId::from_folder(&name),
        request,
        machine,
        samples: samples.records,
        notes: notes.records,
        findings: samples.findings.into_iter().chain(notes.findings).chain(no_machine).collect(),
    })
}

/// Reads the request; its version is looked at first, so that a newer one is told as such.
fn read_request(path: &Path) -> Result<Request, MeasureError> {
    let bytes = fs::read(path).map_err(|e| MeasureError::file("read", path, e))?;
    let corrupt = |reason: String| MeasureError::Corrupt { path: path.to_owned(), reason };
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
    match value.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(version) => {
            return Err(MeasureError::Version {
                path: path.to_owned(),
                found: u32::try_from(version).unwrap_or(u32::MAX),
                expected: FORMAT_VERSION,
            });
        }
        None => return Err(corrupt("it has no version".to_owned())),
    }
    serde_json::from_value(value).map_err(|e| corrupt(e.to_string()))
}

/// Writes `value` to a file beside `path` and moves it there, so that the file is whole or not there.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), MeasureError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| MeasureError::Corrupt { path: path.to_owned(), reason: e.to_string() })?;
    text.push(b'\n');
    let unfinished = path.with_extension("json.part");
    fs::write(&unfinished, text).map_err(|e| MeasureError::file("write", &unfinished, e))?;
    fs::rename(&unfinished, path).map_err(|e| MeasureError::file("write", path, e))
}

fn nearest<'a>(name: &str, runs: &'a [RunId]) -> Option<&'a RunId> {
    runs.iter().min_by_key(|id| strsim::damerau_levenshtein(name, id.as_str()))
}

#[cfg(test)]
mod tests {
    use festina_types::{Conditions, Point, Status, Usage};

    use super::*;
    use crate::design::{Sizes, default_workers};

    fn request(created_at_unix_s: f64) -> Request {
        let workload = Workload::new(["true"]).unwrap();
        let design = Design::new(Sizes::None, default_workers(festina_types::Workers::MIN));
        Request::new(workload, design, Check::default(), created_at_unix_s)
    }

    fn sample(order: u32) -> Sample {
        Sample {
            point: Point::new(Some(100.0), 2),
            block: 1,
            order,
            started_at_unix_s: 1e9 + 0.1,
            status: Status::Failed { code: 3 },
            usage: Usage { wall: Seconds(0.1 + 0.2), ..Usage::default() },
            conditions: Conditions::default(),
            contamination: vec![],
            check: None,
        }
    }

    #[test]
    fn what_was_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("state"));
        assert!(store.list().unwrap().is_empty() && store.latest().unwrap().is_none());
        let mut run = store.create(&request(1e9), &serde_json::json!({"cores": 2})).unwrap();
        let finding = Finding::new(Severity::Note, "code", "message");
        let notes = [
            Note::Calibrated(Calibration { spawn_median: Seconds(1e-3), ..Calibration::default() }),
            Note::Finding { finding },
            Note::Ended { reason: EndReason::Budget },
        ];
        for order in 0..3 {
            run.append(&sample(order)).unwrap();
        }
        for note in &notes {
            run.note(note).unwrap();
        }
        let stored = store.open("latest").unwrap();
        assert_eq!(stored.request, request(1e9));
        assert_eq!(stored.machine.unwrap()["cores"], 2);
        assert_eq!(stored.samples, [sample(0), sample(1), sample(2)]);
        assert_eq!(stored.notes, notes);
        assert!(stored.findings.is_empty());
        assert_eq!(stored.id, *run.id());
        assert_eq!(store.open(run.path().to_str().unwrap()).unwrap().id, *run.id());
    }

    #[test]
    fn runs_are_found_by_the_beginning_of_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let first = store.create(&request(1e9), &()).unwrap();
        let second = store.create(&request(1e9 + 60.0), &()).unwrap();
        assert_eq!(store.list().unwrap(), [first.id().clone(), second.id().clone()]);
        assert_eq!(store.latest().unwrap().as_ref(), Some(second.id()));
        assert_eq!(store.open(&first.id().as_str()[..15]).unwrap().id, *first.id());
        let ambiguous = store.open("2001").unwrap_err();
        assert!(ambiguous.hint().unwrap().contains("write more"), "{ambiguous}");
        let wrong = store.open("x").unwrap_err();
        assert!(wrong.to_string().starts_with("there is no run 'x'"), "{wrong}");
        assert!(
            Store::new("/nonexistent").open("latest").unwrap_err().hint().unwrap().contains("measure first")
        );
    }

    #[test]
    fn other_versions_and_broken_requests_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = store.create(&request(1e9), &()).unwrap();
        let path = run.path().join(REQUEST);
        let open_with = |content: &str| {
            fs::write(&path, content).unwrap();
            store.open("latest").unwrap_err()
        };
        let error = open_with(r#"{"version": 9, "later": true}"#);
        assert!(matches!(error, MeasureError::Version { found: 9, .. }), "{error}");
        for content in ["", "{", "[]", r#"{"version": 1}"#] {
            assert!(matches!(open_with(content), MeasureError::Corrupt { .. }), "{content}");
        }
    }

    #[test]
    fn the_shortest_time_follows_the_clock_and_the_start() {
        let calibration = Calibration {
            clock_resolution: Seconds(1e-9),
            spawn_median: Seconds(1e-3),
            spawn_deviation: Seconds(1e-4),
        };
        assert_eq!(calibration.shortest_time(), Seconds(0.02));
        let slow = Calibration { spawn_deviation: Seconds(2e-3), ..calibration };
        assert_eq!(slow.shortest_time(), Seconds(0.1));
    }
}
