//! A thousand short tasks in one job of Slurm's, on a cluster that is emulated on this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::interleave::{median, median_ratio, wall_times};
use super::page::Section;
use crate::shell;

const ROUNDS: usize = 3;

/// Elements of Slurm's own array: enough to tell what one costs.
const ELEMENTS: usize = 10;

/// Brings the cluster up, times the same tasks on two slots of a job and on two local cores, and saves the section.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let folder = shell::target().join("bench-slurm");
    cluster("up", &folder)?;
    let result = measure(&festina, &folder);
    cluster("down", &folder)?;
    result?.save("slurm")?;
    // Slurm's daemons write into it until they have ended.
    let give_up = Instant::now() + Duration::from_secs(10);
    while let Err(error) = std::fs::remove_dir_all(&folder) {
        ensure!(Instant::now() < give_up, "{}: {error}", folder.display());
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn cluster(action: &str, folder: &Path) -> Result<()> {
    let script = shell::root().join("bench/run/cluster.sh");
    shell::run(&mut shell::command(script, [action.as_ref(), folder.as_os_str()])).context("the cluster")
}

fn measure(festina: &Path, folder: &Path) -> Result<Section> {
    let with_slurm = |words: &[&str]| -> Vec<String> {
        let configuration = format!("SLURM_CONF={}", folder.join("slurm.conf").display());
        ["env", &configuration].iter().chain(words).map(|word| (*word).to_owned()).collect()
    };
    let (festina, state) =
        (festina.to_string_lossy().into_owned(), folder.join("runs").display().to_string());
    let tasks = |on: &[&str], range: &str| {
        let options = [festina.as_str(), "run", "-q", "-j", "2", "--state", &state, "--range", range];
        // The number makes nothing of it longer than 0.1 ms.
        with_slurm(&[&options, on, &["--", "sleep", "0.01", "0.0000{}"]].concat())
    };
    let array = format!("--array=1-{ELEMENTS}%2");
    let commands = [
        tasks(&[], "1..1000"),
        tasks(&["--on", "slurm"], "1..1000"),
        tasks(&["--on", "slurm"], "1..1"),
        with_slurm(&["sbatch", "--quiet", "--wait", "--output=/dev/null", &array, "--wrap", "sleep 0.01"]),
    ];
    let times = wall_times(&commands, ROUNDS)?;
    ensure!(times.len() == commands.len(), "every command was timed");
    let (local, slurm) = (&times[0], &times[1]);
    let row = |what: &str, seconds: &[f64], n_tasks: usize| {
        vec![
            what.to_owned(),
            n_tasks.to_string(),
            format!("{:.2}", median(seconds)),
            format!("{:.1}", 1e3 * median(seconds) / n_tasks as f64),
        ]
    };
    let ratio = median_ratio(slurm, local);
    let mut notes = vec![format!("1,000 tasks: {ratio:.2} times what local cores take. Goal: at most 6 s.")];
    if median(slurm) > 6.0 {
        notes.insert(0, "Missed: more than 6 s.".to_owned());
    }
    Ok(Section {
        title: "Short tasks in an allocation of Slurm: `festina run --on slurm`".to_owned(),
        order: 64,
        protocol: format!(
            "`sleep 0.01` on two slots, {ROUNDS} rounds in turn, from the command to its end; the cluster is emulated on this \
             machine. The sleep alone is 5 s; what the kernel takes to start and end a process comes on top, on local cores too."
        ),
        columns: ["where", "tasks", "seconds", "ms a task"].map(str::to_owned).to_vec(),
        rows: vec![
            row("local cores", local, 1000),
            row("one job of two CPUs, `--on slurm`", slurm, 1000),
            row("the same, one task", &times[2], 1),
            row("Slurm's own array, an element a task", &times[3], ELEMENTS),
        ],
        notes,
    })
}
