//! A CPU hog beside the measurement: which runs are flagged, and what becomes of the speed-up.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::hog::Hog;
use super::page::Section;
use crate::shell;

/// A program that burns 0.2 s of CPU time, in as many processes as it is told, and prints the same each time.
const PROGRAM: &str = "import os,sys,time\n\
                       p=int(sys.argv[1])\n\
                       kids=[]\n\
                       for i in range(p-1):\n\
                       \x20   k=os.fork()\n\
                       \x20   if k==0:\n\
                       \x20       while time.process_time()<0.2/p: pass\n\
                       \x20       os._exit(0)\n\
                       \x20   kids.append(k)\n\
                       while time.process_time()<0.2/p: pass\n\
                       for k in kids: os.waitpid(k,0)\n\
                       print('done')\n";

/// Measures the program alone and beside a hog on one CPU, twice, in turn.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let folder = shell::target().join("bench-noise");
    std::fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    for round in 1..=2 {
        for hogged in [false, true] {
            let hog = hogged.then(Hog::start).transpose()?;
            let result = measure(&festina, &folder)?;
            drop(hog);
            rows.push(row(round, hogged, &result)?);
        }
    }
    let section = Section {
        title: "A CPU hog on one of two cores".to_owned(),
        order: 50,
        protocol: "A program of 0.2 s of CPU time on 1 and 2 workers, alone and beside an endless loop pinned to one CPU, \
                   in turn; a run is flagged on independent evidence only: steal, waiting for a CPU, CPU time of others."
            .to_owned(),
        columns: ["round", "hog", "runs", "flagged", "speed-up on 2"].map(str::to_owned).to_vec(),
        rows,
        notes: vec![
            "Goal: at least 99 % of the runs beside the hog are flagged, and the speed-up is refused or within 3 % of \
             the quiet one."
                .to_owned(),
            "Runs alone are flagged where the machine really was not quiet: it is shared.".to_owned(),
        ],
    };
    section.save("noise")
}

fn measure(festina: &std::path::Path, folder: &std::path::Path) -> Result<Value> {
    let mut command = Command::new(festina);
    command.args(["scale", "--p", "1,2", "--budget", "20s", "--check", "stdout", "--json", "--"]);
    command.args(["python3", "-c", PROGRAM, "{p}"]).current_dir(folder).stderr(Stdio::null());
    let output = command.output()?;
    ensure!(output.status.success(), "festina ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(round: u32, hogged: bool, result: &Value) -> Result<Vec<String>> {
    let points = result["points"].as_array().context("the result has points")?;
    let sum = |name: &str| points.iter().filter_map(|point| point[name].as_u64()).sum::<u64>();
    let (runs, flagged) = (sum("runs"), sum("disturbed"));
    let speedup = &points.last().context("there are points")?["speedup"];
    let speedup = speedup["value"].as_f64().map_or("refused".to_owned(), |value| format!("{value:.3}"));
    let share = 100.0 * flagged as f64 / runs.max(1) as f64;
    let hog = if hogged { "yes" } else { "no" };
    Ok(vec![
        round.to_string(),
        hog.to_owned(),
        runs.to_string(),
        format!("{flagged} ({share:.1} %)"),
        speedup,
    ])
}
