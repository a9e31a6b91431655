//! How soon the verbs that measure nothing answer.

use anyhow::Result;

use super::interleave::{median, quantile, wall_times};
use super::page::{Row, Section};
use crate::shell;

const ROUNDS: usize = 101;

/// Times the release binary's quick verbs beside a bare process and beside `lscpu`.
pub(crate) fn run(_: &[String]) -> Result<()> {
    shell::run(&mut shell::command(
        env!("CARGO"),
        ["build", "--release", "--quiet", "--package", "festina-cli"],
    ))?;
    let festina = shell::target().join("release/festina").to_string_lossy().into_owned();
    let commands = [
        vec!["true".to_owned()],
        vec![festina.clone(), "cores".to_owned()],
        vec![festina.clone(), "laws".to_owned()],
        vec![festina, "laws".to_owned(), "--times".to_owned(), "1:100,2:55,4:31".to_owned()],
        vec!["lscpu".to_owned()],
    ];
    let times = wall_times(&commands, ROUNDS)?;
    let row = |(command, times): (&Vec<String>, &Vec<f64>)| -> Row {
        let name = command.join(" ").rsplit('/').next().unwrap_or_default().to_owned();
        let milliseconds = |seconds: f64| format!("{:.2}", seconds * 1e3);
        vec![format!("`{name}`"), milliseconds(median(times)), milliseconds(quantile(times, 0.9))]
    };
    let section = Section {
        title: "Answers at once: `cores` and `laws`".to_owned(),
        order: 30,
        protocol: format!(
            "Whole processes, {ROUNDS} rounds in turn; `true` is the price of starting any process."
        ),
        columns: vec!["command".to_owned(), "median, ms".to_owned(), "p90, ms".to_owned()],
        rows: commands.iter().zip(&times).map(row).collect(),
        notes: vec!["Goal: under 5 ms.".to_owned()],
    };
    section.save("startup")
}
