//! A million recorded tasks on ten thousand workers, beside `SimPy`.

use std::fmt::Write;

use anyhow::Result;

use super::interleave::{median, median_ratio, wall_times};
use super::page::Section;
use crate::{shell, test};

const TASKS: usize = 1_000_000;
const PEER_TASKS: usize = 20_000;
const ROUNDS: usize = 5;

/// Times the simulation of independent tasks of exponential durations, by the command line: reading CSV included.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let folder = shell::target().join("bench-simulate");
    std::fs::create_dir_all(&folder)?;
    let (large, small) = (folder.join("large.csv"), folder.join("small.csv"));
    std::fs::write(&large, tasks(TASKS))?;
    std::fs::write(&small, tasks(PEER_TASKS))?;
    let python = test::venv_with("test-venv", &["simpy"])?;
    let ours = |tasks: &std::path::Path, p: &str| {
        let words = ["scale", "--simulate", &tasks.to_string_lossy(), "--p", p].map(str::to_owned);
        [vec![festina.to_string_lossy().into_owned()], words.to_vec()].concat()
    };
    let peer = shell::root().join("bench/simulate/simpy_peer.py");
    let theirs =
        [python.as_path(), peer.as_path(), small.as_path()].map(|path| path.to_string_lossy().into_owned());
    let commands =
        [ours(&large, "10000"), ours(&small, "100"), [theirs.to_vec(), vec!["100".to_owned()]].concat()];
    let times = wall_times(&commands, ROUNDS)?;
    let row = |what: &str, count: usize, times: &[f64]| {
        let seconds = median(times);
        vec![
            what.to_owned(),
            count.to_string(),
            format!("{seconds:.3}"),
            format!("{:.0}", count as f64 / seconds),
        ]
    };
    let section = Section {
        title: "Simulating recorded tasks".to_owned(),
        order: 40,
        protocol: format!(
            "Whole processes, reading the CSV file included, {ROUNDS} rounds in turn; independent tasks, 10,000 workers for \
             the large set, 100 for the small."
        ),
        columns: ["what", "tasks", "seconds", "tasks/s"].map(str::to_owned).to_vec(),
        rows: vec![
            row("festina", TASKS, &times[0]),
            row("festina", PEER_TASKS, &times[1]),
            row("SimPy", PEER_TASKS, &times[2]),
        ],
        notes: vec![
            "Goal: at least 10⁶ task events a second.".to_owned(),
            format!(
                "festina takes {:.4} of SimPy's time on the small set.",
                median_ratio(&times[1], &times[2])
            ),
        ],
    };
    section.save("simulate")
}

/// Returns a table of tasks whose durations are exponential, from a linear congruential generator.
fn tasks(count: usize) -> String {
    let mut text = String::from("id,duration_s\n");
    let mut state = 1_u64;
    for id in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let _ = writeln!(text, "{id},{:.6}", -uniform.ln());
    }
    text
}
