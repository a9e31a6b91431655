//! Measuring, storing, and reading again.

use std::ffi::OsString;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use festina_machine::Machine;
use festina_measure::{Executor, Measurements, Observer, Processes, Request, Store, StoredRun, measure};
use festina_run::Environment;
use festina_types::{CancelToken, Finding};

use super::ScaleRequest;
use super::analysis::Subject;
use super::question::Questions;
use super::result::ScaleResult;
use super::self_timed::SelfTimed;
use crate::{Error, cores_json};

/// Where a measurement runs: what the caller knows and a library must not look up itself.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// The machine, as [`cores`](crate::cores()) found it.
    pub machine: &'a Machine,
    /// The environment that programs inherit.
    pub environment: Vec<(OsString, OsString)>,
    /// The state folder, usually `.festina`.
    pub state: &'a Path,
}

/// Returns what is odd about the design of `request`, and what would disturb its measurement now: looks at the machine
/// for a fifth of a second, and runs nothing.
///
/// # Errors
///
/// [`Error::Measure`] if nothing could be started here.
pub fn preflight(request: &ScaleRequest, site: &Site<'_>) -> Result<Vec<Finding>, Error> {
    let mut executor = Processes::new(site.machine, site.environment.iter().cloned().collect())?;
    let mut findings = request.design.findings(executor.available());
    findings.extend(request.design.workers.last().map(|most| executor.preflight(*most)).unwrap_or_default());
    Ok(findings)
}

/// Measures what `request` asks for and answers its questions.
///
/// Every run is in the state folder before the next one starts. A first request on `cancel` ends the measurement after the
/// run in flight and answers from what there is.
///
/// # Errors
///
/// [`Error::Measure`] if nothing can be measured or stored; what was stored before stays.
pub fn scale(
    request: &ScaleRequest,
    site: &Site<'_>,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<ScaleResult, Error> {
    scale_by(&mut processes(site)?, request, site, observer, cancel)
}

/// Measures as [`scale`] does, a program that tells its own time: `festina-took ELAPSED USER SYSTEM`, in seconds, as its
/// last line of standard error.
///
/// So functions of an interpreter are measured in a fresh process each, without its start.
///
/// # Errors
///
/// Those of [`scale`].
pub fn scale_self_timed(
    request: &ScaleRequest,
    site: &Site<'_>,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<ScaleResult, Error> {
    scale_by(&mut SelfTimed(processes(site)?), request, site, observer, cancel)
}

fn processes(site: &Site<'_>) -> Result<Processes, Error> {
    let environment: Environment = site.environment.iter().cloned().collect();
    Ok(Processes::new(site.machine, environment)?)
}

fn scale_by(
    executor: &mut dyn Executor,
    request: &ScaleRequest,
    site: &Site<'_>,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<ScaleResult, Error> {
    let ScaleRequest { workload, design, check, questions } = request.clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let stored = Request::new(workload, design, check, now);
    let mut folder = Store::new(site.state).create(&stored, &cores_json(site.machine, None))?;
    let measured = match measure(&stored, &mut folder, executor, observer, cancel) {
        Ok(measured) => measured,
        Err(error) => {
            // Nothing was measured that `latest` should name; an error in removing it says less than this one.
            if folder.is_empty() {
                let _ = folder.discard();
            }
            return Err(error.into());
        }
    };
    let run = folder.id().to_string();
    Ok(Subject { run, measured: &measured, machine: Some(site.machine), questions: &questions }.analyse())
}

/// Answers `questions` from the run `name` in the state folder `state`, without running anything.
///
/// # Errors
///
/// [`Error::Measure`] if there is no such run or it cannot be read.
pub fn scale_from(state: &Path, name: &str, questions: &Questions) -> Result<ScaleResult, Error> {
    let mut stored = Store::new(state).open(name)?;
    stored.request.design.accept_noise |= questions.accept_noise;
    let machine = machine_of(&stored);
    let run = stored.id.to_string();
    let measured = Measurements::from_stored(stored);
    Ok(Subject { run, measured: &measured, machine: machine.as_ref(), questions }.analyse())
}

/// Reads the machine of a stored run; `None` where it was not written or cannot be read.
fn machine_of(stored: &StoredRun) -> Option<Machine> {
    serde_json::from_value(stored.machine.clone()?).ok()
}
