//! The real executor: processes on this machine, with the counters of what else went on.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use festina_laws::stats::median;
use festina_machine::{Machine, Placement, Probe, Source};
use festina_run::{Captured, Environment, Input, Launch, RunError, Runner, Sink};
use festina_types::{Bytes, CancelToken, Finding, Seconds, Workers};
use rustix::time::{ClockId, clock_getres, clock_gettime};

use crate::error::MeasureError;
use crate::executor::{Execution, Executor, ShellOutcome};
use crate::store::Calibration;
use crate::workload::{Stdin, Task};

/// How often a program that does nothing is started to learn what a start costs.
const CALIBRATION_RUNS: usize = 50;
/// How long the machine is watched before a measurement.
const WATCH: Duration = Duration::from_millis(200);
/// So much of what a program writes to its standard error is kept, for the last line of it.
const KEPT_ERRORS: Bytes = Bytes(64 << 10);

/// Runs tasks as processes on this machine.
pub struct Processes {
    runner: Runner,
    probe: Probe,
    machine: Machine,
    placement: Placement,
    environment: Environment,
}

impl Processes {
    /// Returns an executor on `machine`; `environment` is what programs inherit, before the variables of their
    /// workload.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Start`] if nothing can be started here.
    pub fn new(machine: &Machine, environment: Environment) -> Result<Self, MeasureError> {
        Ok(Self {
            runner: Runner::new().map_err(start_error)?,
            probe: Probe::open(&Source::live()),
            placement: machine.placement(),
            machine: machine.clone(),
            environment,
        })
    }

    fn launch(&self, task: &Task, output: Option<&Path>) -> Launch {
        let mut environment = self.environment.clone();
        environment.extend(task.environment.iter().cloned());
        let (program, arguments) = task.command.split_first().expect("a workload has a command");
        let mut launch = Launch::new(program, environment).arguments(arguments.iter().cloned());
        launch.directory.clone_from(&task.directory);
        launch.input = match &task.stdin {
            Stdin::Null => Input::Empty,
            Stdin::File(path) => Input::File(path.clone()),
            Stdin::Bytes(bytes) => Input::Bytes(bytes.as_slice().into()),
        };
        launch.output = output.map_or(Sink::Discard, |path| Sink::File(path.to_owned()));
        launch.errors = Sink::Capture { limit: KEPT_ERRORS, spill: None };
        launch.cpus = task.pinned.then(|| self.placement.cpus(task.point.p.get()));
        launch.workers = Some(task.point.p);
        launch.timeout = task.timeout;
        launch.memory_limit = task.memory_limit;
        launch
    }
}

impl Executor for Processes {
    fn now(&self) -> Seconds {
        clock(ClockId::Monotonic)
    }

    fn available(&self) -> Workers {
        Workers::new(self.machine.available_parallelism()).unwrap_or(Workers::MIN)
    }

    fn preflight(&mut self, workers: Workers) -> Vec<Finding> {
        let mut findings = festina_machine::preflight(&Source::live(), &self.machine, workers.get(), WATCH);
        // The design tells it, machine or not.
        findings.retain(|finding| finding.code != "oversubscribed");
        findings
    }

    fn calibrate(&mut self, cancel: &CancelToken) -> Result<Calibration, MeasureError> {
        let resolution = clock_getres(ClockId::Monotonic);
        let launch = Launch::new("true", self.environment.clone());
        let mut times = Vec::with_capacity(CALIBRATION_RUNS);
        for _ in 0..CALIBRATION_RUNS {
            // A machine without `true` has nothing to be calibrated with; the workload may still run.
            match self.runner.run(&launch, cancel, &mut ()) {
                Ok(outcome) if outcome.status.is_finished() => times.push(outcome.usage.wall.0),
                Ok(_) | Err(_) => break,
            }
        }
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        let deviation = (squares / times.len().saturating_sub(1).max(1) as f64).sqrt();
        Ok(Calibration {
            clock_resolution: seconds(resolution.tv_sec, resolution.tv_nsec),
            spawn_median: Seconds(median(&times).unwrap_or(0.0)),
            spawn_deviation: Seconds(deviation),
        })
    }

    fn execute(
        &mut self,
        task: &Task,
        output: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<Execution, MeasureError> {
        let launch = self.launch(task, output);
        let cpus = launch.cpus.clone().unwrap_or_else(|| self.machine.available_cpus().clone());
        let own_before = clock(ClockId::ProcessCPUTime);
        self.probe.start(&cpus);
        let outcome = self.runner.run(&launch, cancel, &mut ()).map_err(start_error)?;
        let own = clock(ClockId::ProcessCPUTime).0 - own_before.0;
        let conditions = self.probe.finish(Seconds(outcome.usage.cpu().0 + own));
        let since_epoch = outcome.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Execution {
            status: outcome.status,
            started_at_unix_s: since_epoch.as_secs_f64(),
            usage: outcome.usage,
            conditions,
            cpus: cpus.len() as u32,
            last_error_line: last_line(&outcome.errors),
            findings: outcome.findings,
        })
    }

    fn shell(
        &mut self,
        command: &OsStr,
        directory: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<ShellOutcome, MeasureError> {
        let sink = || Sink::Capture { limit: KEPT_ERRORS, spill: None };
        let mut launch = Launch::new("sh", self.environment.clone())
            .arguments([OsStr::new("-c"), command])
            .output(sink())
            .errors(sink());
        launch.directory = directory.map(Path::to_owned);
        let outcome = self.runner.run(&launch, cancel, &mut ()).map_err(start_error)?;
        let said = last_line(&outcome.errors);
        let last_line = if said.is_empty() { last_line(&outcome.output) } else { said };
        Ok(ShellOutcome { status: outcome.status, last_line })
    }
}

fn last_line(captured: &Captured) -> String {
    let text = String::from_utf8_lossy(&captured.bytes);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn start_error(error: RunError) -> MeasureError {
    match error {
        RunError::NoSpace { path } => {
            MeasureError::NoSpace { path, source: std::io::ErrorKind::StorageFull.into() }
        }
        other => MeasureError::Start { hint: other.hint(), source: other },
    }
}

fn clock(id: ClockId) -> Seconds {
    let time = clock_gettime(id);
    seconds(time.tv_sec, time.tv_nsec)
}

fn seconds(whole: i64, nanoseconds: i64) -> Seconds {
    Seconds(whole as f64 + nanoseconds as f64 / 1e9)
}
