//! `festina ready`: does it train in time on that much data, does it predict in time, does it bear that load?
//!
//! A `festina.toml` tells the commands and the targets ([`parse_project`]). Commands are measured on few rows and forecast on
//! many; the service is started on a free port of this machine, loaded until its knee is known, and stopped. Every answer
//! has a probability, a number with its band, and what would help.

mod batch;
mod cores;
mod fixes;
mod init;
mod junit;
mod parse;
mod placeholders;
mod project;
mod report;
mod result;
mod serve;
mod service;

use std::path::{Path, PathBuf};
use std::time::Instant;

use festina_load::TimelinePoint;
use festina_types::{CancelToken, Finding, Seconds, Severity};

use crate::Error;
use crate::scale::Site;
use batch::BatchTask;
use serve::ServeTask;

pub use init::{Found, init_project};
pub use junit::junit;
pub use parse::parse_project;
pub use project::{Batch, Cost, Data, FailOn, Project, Serve, ServeRequest};
pub use report::ready_report;
pub use result::{
    Calmed, CurvePoint, Fix, FixKind, GrowthDetails, GrowthRun, Measure, Memory, NextMeasurement, Question,
    ReadyResult, ServiceDetails, Verdict,
};

/// The quantile of the normal distribution for a band of 90 %.
const Z90: f64 = 1.645;

/// Is told how it goes.
pub trait ReadyObserver {
    /// Takes a line.
    fn tell(&mut self, line: &str);

    /// Takes what happened to the service, several times a second.
    fn loaded(&mut self, _point: &TimelinePoint) {}
}

/// Nobody wants to know.
impl ReadyObserver for () {
    fn tell(&mut self, _line: &str) {}
}

/// Measures what `project` in `folder` asks about, and answers.
///
/// Runs are journalled in the state folder of `site` as they end. A first request on `cancel` ends it after the run in flight
/// and answers from what there is. Nothing that was started outlives this call.
///
/// # Errors
///
/// [`Error::Measure`] and [`Error::Load`] if nothing can be measured here, [`Error::File`] for files that cannot be read or written.
/// That a command fails or a service never gets ready is an answer.
pub fn ready(
    project: &Project,
    folder: &Path,
    site: &Site<'_>,
    observer: &mut dyn ReadyObserver,
    cancel: &CancelToken,
) -> Result<ReadyResult, Error> {
    let begin = Instant::now();
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|source| Error::File { action: format!("find {}", path.display()), source })
    };
    let folder = absolute(folder)?;
    let scratch = Scratch::new(&absolute(site.state)?)?;
    let mut questions = Vec::new();
    let mut model: Option<PathBuf> = None;
    let batches = [("train", &project.train), ("predict", &project.predict)];
    for (name, batch) in batches.into_iter().filter_map(|(name, batch)| Some((name, batch.as_ref()?))) {
        let Some(data) = project.data.as_ref().filter(|_| !cancel.is_requested()) else { continue };
        let mut task =
            BatchTask { project, data, name, batch, folder: &folder, scratch: &scratch.0, model: None };
        if name != "train" {
            if wants_model(&batch.command, batch.env.values()) && model.is_none() {
                questions.extend(data.rows_target.iter().map(|rows| no_model(task.unmeasured(*rows))));
                continue;
            }
            task.model = model.as_deref();
        }
        let answer = task.ask(site, observer, cancel)?;
        questions.extend(answer.questions);
        model = model.or(answer.model);
    }
    if let Some(serve) = project.serve.as_ref().filter(|_| !cancel.is_requested()) {
        let model = model.as_deref();
        let task = ServeTask { project, serve, folder: &folder, scratch: &scratch.0, model };
        questions.push(if wants_model(&serve.command, serve.env.values()) && model.is_none() {
            no_model(task.unmeasured())
        } else {
            task.ask(site, observer, cancel)?
        });
    }
    Ok(ReadyResult {
        project: project.name.clone(),
        verdict: match overall(&questions) {
            Verdict::Ready if cancel.is_requested() => Verdict::Unsure,
            verdict => verdict,
        },
        questions,
        machine: crate::scale::describe_machine(site.machine),
        elapsed_s: Seconds(begin.elapsed().as_secs_f64()),
        fail_on: project.fail_on,
    })
}

/// The worst verdict of all: one that is not ready before one that is unsure. Of nothing, nothing is sure.
fn overall(questions: &[Question]) -> Verdict {
    let any = |verdict: Verdict| questions.iter().any(|question| question.verdict == verdict);
    match () {
        () if any(Verdict::NotReady) => Verdict::NotReady,
        () if any(Verdict::Unsure) || questions.is_empty() => Verdict::Unsure,
        () => Verdict::Ready,
    }
}

fn wants_model<'a>(command: &str, mut env: impl Iterator<Item = &'a String>) -> bool {
    command.contains("{model}") || env.any(|text| text.contains("{model}"))
}

fn no_model(mut question: Question) -> Question {
    question.findings.push(
        Finding::new(Severity::Error, "no-model", "training left no model to go on with")
            .with_hint("let [train] write {model}, or a file in {tmp}"),
    );
    question
}

/// A folder for models and logs, which goes when it is done.
struct Scratch(PathBuf);

impl Scratch {
    fn new(state: &Path) -> Result<Self, Error> {
        Self::remove_orphans(state);
        let path = state.join(format!("scratch-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .map_err(|source| Error::File { action: format!("create {}", path.display()), source })?;
        Ok(Self(path))
    }

    /// Removes the folders of processes that were killed before they could.
    fn remove_orphans(state: &Path) {
        let mut reader = festina_machine::process::TreeReader::new(festina_machine::Source::live());
        for entry in std::fs::read_dir(state).into_iter().flatten().filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.strip_prefix("scratch-").and_then(|pid| pid.parse::<u32>().ok());
            if owner.is_some_and(|pid| reader.parent(pid).is_none()) {
                // Whatever keeps it from being removed may keep it.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is no reason to lose an answer.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
