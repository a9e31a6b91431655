//! Vehicle routing beside `PyVRP` and HGS-CVRP: how far each plan is above the best known, after the same time.
//!
//! The instances are the public ones, which are not ours to ship: `--data DIR` names a folder with their files and a
//! `manifest.csv` (columns `file`, `best_known`).

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::interleave::median;
use super::page::{Row, Section};
use crate::{shell, test};

/// Instances, and whether HGS-CVRP can take them.
const INSTANCES: [(&str, bool); 4] = [
    ("X-n303-k21.vrp", true),
    ("X-n1001-k43.vrp", true),
    ("RC208.txt", false),
    ("vrptw-gh1000/R1_10_1.vrp", false),
];

/// Solves each instance with every tool and each seed.
///
/// Arguments: `--data DIR [--times 10,60] [--seeds 5]`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let option = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1))
    };
    let Some(data) = option("--data") else { bail!("where are the instances? --data DIR") };
    let data = Path::new(data);
    let times = option("--times").map_or("10", String::as_str);
    let times: Vec<u32> =
        times.split(',').map(|time| time.parse().context(time.to_owned())).collect::<Result<_>>()?;
    let seeds: u32 = option("--seeds").map_or(Ok(5), |seeds| seeds.parse()).context("--seeds")?;
    let festina = shell::release_festina()?;
    let python = test::venv_with("bench-venv", &["pyvrp", "hygese"])?;
    let manifest = std::fs::read_to_string(data.join("manifest.csv")).context("manifest.csv")?;
    let mut rows: Vec<Row> = Vec::new();
    for (name, is_plain) in INSTANCES {
        let (file, best) = find(&manifest, name).with_context(|| format!("{name} is not in the manifest"))?;
        let file = data.join(file);
        for &time in &times {
            let mut gaps: [Vec<f64>; 4] = Default::default();
            for seed in 1..=seeds {
                for (column, jobs) in [(0, "1"), (1, "2")] {
                    gaps[column].push(gap(ours(&festina, &file, time, seed, jobs)?, best));
                }
                let peers = [("pyvrp", true), ("hgs", is_plain)];
                for (column, (peer, _)) in peers.into_iter().enumerate().filter(|(_, (_, can))| *can) {
                    gaps[2 + column].push(gap(theirs(&python, peer, &file, time, seed)?, best));
                }
            }
            let shown = |gaps: &Vec<f64>| {
                if gaps.is_empty() { "–".to_owned() } else { format!("{:.2}", median(gaps)) }
            };
            let head = [name.rsplit('/').next().unwrap_or(name).to_owned(), format!("{time} s")];
            rows.push(head.into_iter().chain(gaps.iter().map(shown)).collect());
        }
    }
    let section = Section {
        title: "Vehicle routing: above the best known, in percent".to_owned(),
        order: 60,
        protocol: format!(
            "Distance alone; median of {seeds} seeds, every tool in turn on the same machine. X instances are measured in whole units, \
             R1_10_1 in tenths, RC208 in double precision."
        ),
        columns: ["instance", "time", "festina -j 1", "festina -j 2", "PyVRP", "HGS-CVRP"].map(str::to_owned).to_vec(),
        rows,
        notes: vec![
            "Goals at 10 s and 60 s: X-n303 0.8 and 0.15, X-n1001 4.0 and 1.9, R1_10_1 6.0 and 2.9; RC208 0 within 3 s.".to_owned(),
            "PyVRP and HGS-CVRP use one thread. A gap below 0 is a plan shorter than the listed best.".to_owned(),
        ],
    };
    section.save("vrp")
}

/// Returns the file and the best known cost of an instance.
fn find(manifest: &str, name: &str) -> Option<(String, f64)> {
    let line =
        manifest.lines().find(|line| line.split(',').nth(1).is_some_and(|file| file.ends_with(name)))?;
    let cells: Vec<&str> = line.split(',').collect();
    // Solomon's are listed as "vehicles/distance; distance-only D".
    let best = cells.get(4)?.rsplit(' ').next()?;
    Some((cells[1].to_owned(), best.parse().ok()?))
}

fn gap(cost: f64, best: f64) -> f64 {
    100.0 * (cost / best - 1.0)
}

fn ours(festina: &Path, file: &Path, time: u32, seed: u32, jobs: &str) -> Result<f64> {
    let mut command = Command::new(festina);
    command.args(["solve", "vrp", "--json", "-j", jobs]).arg(file);
    command.args(["--time", &format!("{time}s"), "--seed", &seed.to_string()]);
    let answer: serde_json::Value = serde_json::from_str(&shell::capture(&mut command)?)?;
    answer["cost"].as_f64().context("a plan has a cost")
}

fn theirs(python: &Path, peer: &str, file: &Path, time: u32, seed: u32) -> Result<f64> {
    let mut command = Command::new(python);
    command.arg(shell::root().join("bench/vrp/peer.py")).arg(peer).arg(file);
    command.args([time.to_string(), seed.to_string()]);
    let cost = shell::capture(&mut command)?;
    cost.trim().rsplit('\n').next().unwrap_or("").parse().context("the peer prints its cost")
}
