//! Runs, disturbed and judged.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use festina_run::Environment;
use festina_run::chunks::{Pool, PoolOptions};
use festina_run::tasks::{
    CommandBackend, Inputs, LocalCores, Resume, RunRequest, RunResult, Source, Streams, Table, TaskError,
    run_on,
};
use festina_types::{CancelToken, Exit, Seconds, Workers};

use crate::engine::{Engine, kill};

type Result<T = ()> = std::result::Result<T, String>;

fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| error.to_string())
}

fn ensure(is_so: bool, message: impl Into<String>) -> Result {
    if is_so { Ok(()) } else { Err(message.into()) }
}

fn request(folder: &Path, script: &str, range: &str) -> RunRequest {
    let inputs = Inputs::new().product(Source::Range(range.parse().unwrap()));
    let environment = Environment::from_iter([("PATH", "/usr/bin:/bin")]);
    let mut request = RunRequest::new(vec![script.into()], inputs, environment);
    request.shell = true;
    request.state = folder.join("state");
    request.directory = Some(folder.into());
    request.keep_order = true;
    request.cores_per_task = Workers::new(1);
    request.name = Some("run".to_owned());
    let columns = ["task", "inputs", "outcome", "attempts", "value"].map(str::to_owned);
    request.table = Some(Table { columns: columns.into(), ..Table::new(folder.join("t.csv")) });
    request
}

fn pool(slots: u32, engine: Engine, cancel: &CancelToken) -> Pool {
    let mut options = PoolOptions::new(Workers::new(slots).unwrap());
    (options.beat, options.patience, options.ask) = (Seconds(0.1), Seconds(2.0), Seconds(0.2));
    Pool::new(options, Box::new(engine), cancel.clone())
}

fn run(
    backend: &dyn CommandBackend,
    request: &RunRequest,
    folder: &Path,
) -> std::result::Result<RunResult, TaskError> {
    let mut output = fs::File::create(folder.join("output")).unwrap();
    let mut errors = fs::File::create(folder.join("errors")).unwrap();
    let streams = Streams { output: &mut output, errors: &mut errors };
    run_on(backend, request, streams, &mut (), &CancelToken::new())
}

fn read(folder: &Path, name: &str) -> String {
    let text = fs::read(folder.join(name)).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// Counts the lines of a file.
fn counts(folder: &Path, name: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    read(folder, name).lines().for_each(|line| *counts.entry(line.to_owned()).or_default() += 1);
    counts
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    // Real time: processes start and end.
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn same_table() -> Result {
    let script = "case {input} in 2) exit 3;; 3) kill -9 $$;; 5) sleep 20;; 6) echo $PWD $OMP_NUM_THREADS; echo wrong >&2;; \
                  7) head -c 40000000 /dev/zero; echo;; 8) [ -e again ] && echo 2nd || { touch again; exit 1; };; \
                  9) env | grep -c SLURM;; esac; echo done {input} {seed}";
    let (here, there) = (folder()?, folder()?);
    let both = [here.path(), there.path()].map(|folder| {
        let mut request = request(folder, script, "1..40");
        // Long enough for what ends by itself, however busy the machine.
        request.timeout = Some(Seconds(6.0));
        request.retries = 1;
        request.retry_delay = Seconds(0.01);
        request
    });
    let cancel = CancelToken::new();
    let local = run(&LocalCores, &both[0], here.path()).map_err(|error| error.to_string())?;
    let workers = pool(4, Engine::new(&[2, 2]), &cancel);
    let shared = run(&workers, &both[1], there.path()).map_err(|error| error.to_string())?;
    workers.close();
    ensure(shared.exit() == local.exit(), "the exit code differs")?;
    for name in ["t.csv", "output", "errors"] {
        let same_folder =
            read(there.path(), name).replace(there.path().to_str().unwrap(), here.path().to_str().unwrap());
        let expected = read(here.path(), name);
        let different = same_folder.lines().zip(expected.lines()).find(|(got, wanted)| got != wanted);
        let is_same = same_folder == expected;
        ensure(is_same, format!("{name} differs: {:.200}", format!("{different:?}")))?;
    }
    let (time, all) =
        (shared.summary.time.total().0, f64::from(shared.summary.slots) * shared.summary.wall_s);
    ensure((time - all).abs() <= 0.02 * all + 0.005, format!("{time} s of {all} s are accounted for"))?;
    let left = fs::read_dir(there.path().join("state/run")).map_err(|error| error.to_string())?;
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    ensure(!left.iter().any(|name| name.to_string_lossy().starts_with("chunks")), format!("{left:?} is left"))
}

pub(crate) fn killed_worker() -> Result {
    let folder = folder()?;
    let request =
        request(folder.path(), "echo {} >> started; sleep 0.02; echo {} >> ended; echo {}", "1..150");
    let cancel = CancelToken::new();
    let engine = Engine::new(&[2, 2]);
    let members = engine.members.clone();
    let workers = pool(4, engine, &cancel);
    let killer = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            wait_until("some ends", || counts(folder.path(), "ended").len() > 30);
            kill(&members.lock().unwrap()[0].1);
        });
        let result = run(&workers, &request, folder.path()).map_err(|error| error.to_string());
        killer.join().map_err(|_| "nobody was killed".to_owned()).and(result)
    })?;
    ensure((killer.finished, killer.failed) == (150, 0), format!("{killer:?}"))?;
    let (started, ended) = (counts(folder.path(), "started"), counts(folder.path(), "ended"));
    let again: usize = started.values().map(|times| times - 1).sum();
    ensure(ended.len() == 150 && started.len() == 150, "not all have run")?;
    // The two that ran, and two that may have ended when the worker could not yet say so.
    ensure(again <= 4, format!("{again} ran again"))
}

pub(crate) fn short_allocations() -> Result {
    let folder = folder()?;
    let request = request(folder.path(), "echo {} >> started; sleep 0.4; echo {} >> ended; echo {}", "1..12");
    let mut engine = Engine::new(&[1]);
    // Less two seconds that a worker keeps for itself, there is time for four tasks, and not for all of a fifth.
    engine.limit = Some(3.9);
    let members = engine.members.clone();
    let workers = pool(1, engine, &CancelToken::new());
    let result = run(&workers, &request, folder.path()).map_err(|error| error.to_string())?;
    ensure(result.finished == 12, format!("{result:?}"))?;
    ensure(counts(folder.path(), "started").values().all(|times| *times == 1), "a task was cut off")?;
    let n_workers = members.lock().unwrap().len();
    ensure(n_workers >= 2, format!("{n_workers} workers for 4.8 s of work"))
}

/// A pool of its own process: the folder is the run's.
pub(crate) fn pool_to_be_killed(folder: &str) -> ExitCode {
    let folder = Path::new(folder);
    let workers = pool(2, Engine::new(&[2]), &CancelToken::new());
    match run(&workers, &long_run(folder), folder) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn long_run(folder: &Path) -> RunRequest {
    request(folder, "echo {} >> started; sleep 0.02; echo {} >> ended; echo {} {seed}", "1..150")
}

pub(crate) fn killed_pool() -> Result {
    let (folder, undisturbed) = (folder()?, folder()?);
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut request = long_run(folder.path());
    let mut child = Command::new(&own)
        .arg("pool")
        .arg(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    wait_until("some ends", || counts(folder.path(), "ended").len() > 20);
    child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
    // What goes on without its pool is taken over by the next.
    std::thread::sleep(Duration::from_millis(150));
    request.resume = Resume::Latest;
    let cancel = CancelToken::new();
    let workers = pool(2, Engine::new(&[2]), &cancel);
    let result = run(&workers, &request, folder.path()).map_err(|error| error.to_string())?;
    ensure(result.exit() == Exit::Done, format!("{result:?}"))?;
    let ended = counts(folder.path(), "ended");
    let again: usize = ended.values().map(|times| times - 1).sum();
    ensure(ended.len() == 150, "not all have run")?;
    // Two may have been stopped between their last line and their end.
    ensure(again <= 2, format!("{again} that had ended ran again"))?;
    let request = long_run(undisturbed.path());
    run(&LocalCores, &request, undisturbed.path()).map_err(|error| error.to_string())?;
    ensure(read(folder.path(), "t.csv") == read(undisturbed.path(), "t.csv"), "the table differs")
}

pub(crate) fn poison() -> Result {
    let folder = folder()?;
    // Kills the worker, which is the grandparent of the task's shell: its parent is the worker's guardian.
    let script =
        "if [ {} = 5 ]; then sleep 0.1; kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 9; fi; echo {}";
    let request = request(folder.path(), script, "1..30");
    let workers = pool(2, Engine::new(&[1, 1]), &CancelToken::new());
    let result = run(&workers, &request, folder.path()).map_err(|error| error.to_string())?;
    ensure((result.finished, result.failed) == (29, 1), format!("{result:?}"))?;
    let is_told = result.findings.iter().any(|finding| finding.code == "worker-lost");
    ensure(is_told, format!("{:?}", result.findings))?;
    ensure(read(folder.path(), "t.csv").contains("5,5,killed,,9"), read(folder.path(), "t.csv"))
}

pub(crate) fn no_workers() -> Result {
    let folder = folder()?;
    let request = request(folder.path(), "echo {}", "1..3");
    let workers = pool(2, Engine::new(&[]), &CancelToken::new());
    match run(&workers, &request, folder.path()) {
        Err(error) => {
            ensure(error.exit() == Exit::Unavailable, format!("{error}"))?;
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            ensure(source.contains("no task did: it is a quiet machine"), source)
        }
        Ok(result) => Err(format!("{result:?}")),
    }
}

pub(crate) fn cancel() -> Result {
    for n_requests in [1, 2] {
        let folder = folder()?;
        let request = request(folder.path(), "echo {} >> started; sleep 1; echo {}", "1..40");
        let cancel = CancelToken::new();
        let workers = pool(2, Engine::new(&[2]), &cancel);
        let is_asked = AtomicBool::new(false);
        let mut output = fs::File::create(folder.path().join("output")).unwrap();
        let mut errors = Vec::new();
        let streams = Streams { output: &mut output, errors: &mut errors };
        let (result, took) = std::thread::scope(|scope| {
            scope.spawn(|| {
                wait_until("tasks", || counts(folder.path(), "started").len() == 2);
                (0..n_requests).for_each(|_| cancel.request());
                is_asked.store(true, Ordering::SeqCst);
            });
            let started = Instant::now();
            let result = run_on(&workers, &request, streams, &mut (), &cancel);
            (result, started.elapsed())
        });
        let result = result.map_err(|error| error.to_string())?;
        ensure(result.exit() == Exit::Interrupted && is_asked.into_inner(), format!("{result:?}"))?;
        let expected = if n_requests == 1 { 2 } else { 0 };
        ensure(result.finished == expected, format!("{} finished in {took:?}", result.finished))?;
        ensure(counts(folder.path(), "started").len() == 2, "more were started")?;
    }
    Ok(())
}
