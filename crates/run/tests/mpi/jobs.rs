//! Jobs, launched and judged.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use festina_run::mpi::{MpiError, MpiLaunch, launch};
use festina_run::tasks::{LocalCores, Reading};
use festina_types::{CancelToken, Exit, Workers};

use crate::hosts::Hosts;
use crate::ranks;
use crate::setup::{Mpi, environment};

type Result<T = ()> = std::result::Result<T, String>;

fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| error.to_string())
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Result {
    if got == wanted { Ok(()) } else { Err(format!("got {got:?}, not {wanted:?}")) }
}

fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// Launches a job and returns its exit code.
fn code(mpi: &Mpi, ranks: u32, arguments: &[&str], folder: &Path) -> Result<u8> {
    let job = mpi.launch(ranks, arguments, folder)?;
    let code = launch(&job, &CancelToken::new()).map_err(|error| format!("{error} {:?}", error.hint()))?;
    let left: Vec<_> =
        fs::read_dir(&job.state).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    let is_control = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("mpi-");
    equal(left.iter().filter(|name| is_control(name)).count(), 0)?;
    Ok(code)
}

pub(crate) fn functions(mpi: &Mpi) -> Result {
    let folder = folder()?;
    equal(code(mpi, 3, &["functions"], folder.path())?, 0)
}

pub(crate) fn commands(mpi: &Mpi) -> Result {
    let (local, folder) = (folder()?, folder()?);
    for kind in ["everything", "pipe"] {
        let expected =
            ranks::commands(&LocalCores, &CancelToken::new(), text(local.path()), &[kind, "table=t.csv"]);
        equal(
            code(mpi, 3, &["commands", text(folder.path()), kind, "table=t.csv"], folder.path())?,
            expected.exit().code(),
        )?;
        equal(read(folder.path(), "t.csv")?, read(local.path(), "t.csv")?)?;
        let same_folder = |text: String| text.replace(self::text(folder.path()), self::text(local.path()));
        equal(same_folder(read(folder.path(), "t.csv.out")?), read(local.path(), "t.csv.out")?)?;
        equal(read(folder.path(), "t.csv.out.errors")?, read(local.path(), "t.csv.out.errors")?)?;
        for place in [local.path(), folder.path()] {
            fs::remove_dir_all(place.join("state")).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

pub(crate) fn lost_rank(mpi: &Mpi) -> Result {
    let (local, folder) = (folder()?, folder()?);
    let arguments = ["commands", text(folder.path()), "lose", "table=t"];
    let job = mpi.launch(3, &arguments, folder.path())?;
    let started = Instant::now();
    match launch(&job, &CancelToken::new()) {
        Err(error @ MpiError::Lost { .. }) => {
            equal(error.exit(), Exit::Unavailable)?;
            equal(error.hint().is_some_and(|hint| hint.contains("--resume")), true)?;
        }
        other => return Err(format!("the job went on without a rank: {other:?}")),
    }
    equal(started.elapsed() < Duration::from_secs(15), true)?;
    let journal = folder.path().join("state/t/tasks.journal");
    let reading = Reading::read(&journal).map_err(|error| error.to_string())?;
    let recorded = reading.records(&journal).map_err(|error| error.to_string())?;
    equal(recorded.is_empty() || recorded.len() >= 60, false)?;
    equal(code(mpi, 3, &[arguments.as_slice(), &["resume"]].concat(), folder.path())?, 0)?;
    // What was recorded did not run again, and all has run.
    let started = read(folder.path(), "started")?;
    let times = |input: &str| started.lines().filter(|line| *line == input).count();
    for record in &recorded {
        equal((&record.inputs, times(&record.inputs[0].to_string_lossy())), (&record.inputs, 1))?;
    }
    (1..=60).try_for_each(|input| equal((input, times(&input.to_string()) > 0), (input, true)))?;
    fs::write(local.path().join("lost"), "").map_err(|error| error.to_string())?;
    let undisturbed = ["lose", "table=t"];
    ranks::commands(&LocalCores, &CancelToken::new(), text(local.path()), &undisturbed);
    equal(read(folder.path(), "t")?, read(local.path(), "t")?)
}

pub(crate) fn lost_in_map(mpi: &Mpi) -> Result {
    let folder = folder()?;
    let job = mpi.launch(2, &["die"], folder.path())?;
    match launch(&job, &CancelToken::new()) {
        Err(MpiError::Lost { .. }) => Ok(()),
        other => Err(format!("a job with a dead rank ended with {other:?}")),
    }
}

pub(crate) fn cancel(mpi: &Mpi) -> Result {
    let folder = folder()?;
    let job = mpi.launch(2, &["commands", text(folder.path()), "sleep"], folder.path())?;
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let state = folder.path().join("state/table.csv");
    let started = Instant::now();
    let asker = std::thread::spawn(move || {
        // Real time: the tasks are to have begun.
        while !state.exists() && started.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(400));
        token.request();
        std::thread::sleep(Duration::from_millis(200));
        token.request();
        Instant::now()
    });
    let code = launch(&job, &cancel).map_err(|error| error.to_string())?;
    let ended = Instant::now();
    let asked = asker.join().map_err(|_| "the asker panicked")?;
    equal(code, Exit::Interrupted.code())?;
    // Half a second from SIGTERM to SIGKILL is the most a task gets; the rest is for MPI to end.
    if ended.duration_since(asked) > Duration::from_secs(4) {
        return Err(format!("it took {:?} to stop", ended - asked));
    }
    Ok(())
}

pub(crate) fn absent() -> Result {
    let mut variables = environment();
    variables.set("PATH", "/nowhere");
    let job = MpiLaunch::new("/bin/true", Workers::MIN, variables);
    match launch(&job, &CancelToken::new()) {
        Err(error @ MpiError::NoLauncher { .. }) => equal(error.exit(), Exit::Unavailable),
        other => Err(format!("{other:?}")),
    }
}

pub(crate) fn no_launcher() -> Result {
    let mut job = MpiLaunch::new("/bin/true", Workers::MIN, environment());
    job.launcher = Some("/bin/echo".into());
    match launch(&job, &CancelToken::new()) {
        Err(error @ MpiError::UnknownLauncher { .. }) => equal(error.exit(), Exit::BadInput),
        other => Err(format!("{other:?}")),
    }
}

pub(crate) fn three_hosts(mpi: &Mpi) -> Result {
    let (local, folder) = (folder()?, folder()?);
    let hosts = Hosts::up(folder.path())?;
    let mut job = mpi.launch(3, &["commands", text(folder.path()), "hosts", "table=t.csv"], folder.path())?;
    job.launcher = Some(hosts.mpirun.clone().into_os_string());
    let agent = text(&hosts.agent);
    let own = "--host 10.77.0.1,10.77.0.2,10.77.0.3 --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include eth0 \
               --mca oob_tcp_if_include eth0 --mca plm_rsh_agent";
    job.launcher_arguments = own.split_whitespace().chain([agent]).map(Into::into).collect();
    equal(launch(&job, &CancelToken::new()).map_err(|error| error.to_string())?, 0)?;
    let table = read(folder.path(), "t.csv")?;
    for host in ["host1", "host2", "host3"] {
        equal((host, table.contains(&format!(" on {host}\n"))), (host, true))?;
    }
    // But for the hosts, which the tasks name, the table is that of local cores.
    ranks::commands(&LocalCores, &CancelToken::new(), text(local.path()), &["hosts", "table=t.csv"]);
    let without_hosts = |table: String| -> Vec<String> {
        table.lines().map(|line| line.split(" on ").next().unwrap_or_default().to_owned()).collect()
    };
    equal(without_hosts(table), without_hosts(read(local.path(), "t.csv")?))
}
