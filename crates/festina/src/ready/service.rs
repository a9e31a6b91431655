//! A service of the project: started, waited for, stopped, and nothing left of it.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use festina_load::{RequestSpec, Target, Template, probe};
use festina_run::{Environment, Launch, Outcome, RunError, Runner, Sink};
use festina_types::{CancelToken, Seconds, Status};

use super::placeholders;
use super::project::Serve;
use crate::Error;

/// How often a service is asked whether it is ready, and looked at whether it is still there.
const PERIOD: Duration = Duration::from_millis(50);
/// How long one such question may take.
const ASKING: Seconds = Seconds(2.0);
/// How long a service has to end by itself when it is asked to.
const GRACE: Seconds = Seconds(5.0);
/// How many of its last lines are shown.
const LAST_LINES: usize = 8;

/// A service that runs; dropping it stops it, with all its processes.
pub(super) struct Service {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The process that was started.
    pub(super) pid: u32,
    started: Instant,
    logs: [PathBuf; 2],
    stop: CancelToken,
    runner: Option<JoinHandle<Result<Outcome, RunError>>>,
}

/// What came of waiting for a service.
pub(super) enum Waited {
    /// It answers; so long after its start.
    Ready(Seconds),
    /// It does not, for this reason.
    Failed(String),
    /// The user asked to stop.
    Canceled,
}

impl Service {
    /// Starts `serve` in `folder` on a free port of this machine; `model` is what it serves, `scratch` a folder of its own.
    pub(super) fn start(
        serve: &Serve,
        folder: &Path,
        model: Option<&Path>,
        scratch: &Path,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let port = free_port()?;
        let values = [
            ("port", port.to_string()),
            ("workers", "1".to_owned()),
            ("tmp", placeholders::quoted(scratch)),
            ("model", model.map(placeholders::quoted).unwrap_or_default()),
        ];
        // A variable is no word of a shell: it is not quoted.
        let plain = |text: &str| {
            let model = model.map(|path| path.display().to_string()).unwrap_or_default();
            placeholders::fill(
                text,
                &[
                    ("model", model),
                    ("tmp", scratch.display().to_string()),
                    values[0].clone(),
                    values[1].clone(),
                ],
            )
        };
        let mut environment = environment.clone();
        environment.extend(
            serve.env.iter().map(|(name, value)| (OsString::from(name), OsString::from(plain(value)))),
        );
        let logs = ["err", "out"].map(|name| scratch.join(format!("serve.{name}")));
        let mut launch = Launch::new("sh", environment)
            .arguments(["-c".to_owned(), placeholders::fill(&serve.command, &values)])
            .directory(folder)
            .errors(Sink::File(logs[0].clone()))
            .output(Sink::File(logs[1].clone()));
        launch.grace = GRACE;
        let stop = CancelToken::new();
        let (pids, started) = mpsc::channel();
        let token = stop.clone();
        let runner = thread::spawn(move || Runner::new()?.run(&launch, &token, &mut Pid(pids)));
        let pid = started.recv().unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self { address, pid, started: Instant::now(), logs, stop, runner: Some(runner) })
    }

    /// Returns the address of `path` on it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until it answers the request that tells whether it is ready.
    pub(super) fn wait(&mut self, serve: &Serve, cancel: &CancelToken) -> Result<Waited, Error> {
        let (method, path) = &serve.ready;
        let target: Target = self.url(path).parse()?;
        let spec = RequestSpec { method: Some(method.clone()), closes: true, ..RequestSpec::default() };
        let template = Template::new(&target, &spec)?;
        let mut last = "nothing listens there".to_owned();
        loop {
            if cancel.is_requested() {
                return Ok(Waited::Canceled);
            }
            let elapsed = Seconds(self.started.elapsed().as_secs_f64());
            match probe(self.address, &template, ASKING) {
                Ok(answer) if answer.status < 400 => return Ok(Waited::Ready(elapsed)),
                Ok(answer) => last = format!("{method} {path} is answered with status {}", answer.status),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(error) => last = format!("{method} {path} is not answered: {error}"),
            }
            if !self.is_alive() {
                return Ok(Waited::Failed(format!("it {} before it was ready", self.ending())));
            }
            if elapsed.0 > serve.ready_within.0 {
                return Ok(Waited::Failed(format!("it is not ready after {}: {last}", serve.ready_within)));
            }
            thread::sleep(PERIOD);
        }
    }

    /// Returns whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        self.runner.as_ref().is_some_and(|runner| !runner.is_finished())
    }

    /// Returns how it ended, in words.
    pub(super) fn ending(&mut self) -> String {
        match self.runner.take().map(JoinHandle::join) {
            Some(Ok(Ok(outcome))) => match outcome.status {
                Status::Finished => "ended".to_owned(),
                Status::Failed { code } => format!("ended with exit code {code}"),
                Status::Killed { signal } => format!("was killed by signal {signal}"),
                Status::OutOfMemory => "was killed for memory".to_owned(),
                Status::TimedOut | Status::Canceled => "was stopped".to_owned(),
            },
            Some(Ok(Err(error))) => format!("could not be started: {error}"),
            Some(Err(_)) | None => "is gone".to_owned(),
        }
    }

    /// Returns the last lines that it wrote, to its standard error if there are any.
    pub(super) fn last_lines(&self) -> String {
        let read = |path: &PathBuf| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = self.logs.iter().filter_map(|path| read(path).ok()).find(|text| !text.trim().is_empty());
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Does `work` with a token on which a stop is requested when the user asks to, or when the service is gone.
    pub(super) fn guard<T>(&self, cancel: &CancelToken, work: impl FnOnce(&CancelToken) -> T) -> T {
        let token = CancelToken::new();
        let done = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    // A token that is asked twice stops at once.
                    let is_wanted = cancel.is_requested() || !self.is_alive();
                    if (is_wanted && !token.is_requested()) || (cancel.is_urgent() && !token.is_urgent()) {
                        token.request();
                    }
                    thread::sleep(PERIOD);
                }
            });
            let result = work(&token);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            result
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The second request is the urgent one: SIGTERM to all its processes, and SIGKILL to what is left.
        self.stop.request();
        self.stop.request();
        if let Some(runner) = self.runner.take() {
            let _ = runner.join();
        }
    }
}

/// Tells the number of a process.
struct Pid(mpsc::Sender<u32>);

impl festina_run::Observer for Pid {
    fn started(&mut self, pid: u32) {
        // Whoever waits for it has not gone.
        let _ = self.0.send(pid);
    }
}

/// Returns a port of the loopback interface that nobody listens on.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = listener.map_err(|source| Error::File { action: "find a free port".to_owned(), source })?;
    Ok(address.port())
}
