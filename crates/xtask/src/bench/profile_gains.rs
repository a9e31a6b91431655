//! The gain that a profile foretells, beside the gain that the mended program has.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::interleave::{median, median_ratio};
use super::page::{Row, Section};
use crate::shell;

const ROUNDS: usize = 5;

/// A program in two versions: its name, the function that is mended, and which gain that is.
const CASES: [(&str, &str, &str); 3] = [
    ("search", "search", "gain_free"),
    ("recursion", "recursion", "gain_free"),
    ("pool", "hot", "gain_spread"),
];

/// A gain as it was foretold, with its interval.
#[derive(Clone, Copy)]
struct Foretold {
    value: f64,
    lower: f64,
    upper: f64,
}

/// Profiles each program before it was mended, and times both versions, in turn.
pub(crate) fn run(_: &[String]) -> Result<()> {
    let festina = shell::release_festina()?;
    let folder = shell::target().join("bench-profile");
    std::fs::create_dir_all(&folder)?;
    let rows = CASES.iter().map(|case| row(case, &festina, &folder)).collect::<Result<_>>()?;
    let section = Section {
        title: "`festina profile`: gains foretold, and gains made".to_owned(),
        order: 61,
        protocol: format!(
            "Three programs in two versions (`bench/profile/gains.py`); {ROUNDS} rounds, in each a profile of the version before at \
             the default rate, and both versions alone. Foretold: median of the rounds, on two cores; made: median of the \
             rounds' ratios."
        ),
        columns: ["program", "foretold", "interval", "made", "difference, %", "inside"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        notes: vec!["Goal: within 10 %, inside the interval.".to_owned()],
    };
    section.save("profile-gains")
}

fn row(case: &(&str, &str, &str), festina: &Path, folder: &Path) -> Result<Row> {
    let (name, function, gain) = *case;
    let (mut foretold, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        foretold.push(foretell(name, function, gain, festina, folder)?);
        before.push(elapsed(name, "before")?);
        after.push(elapsed(name, "after")?);
    }
    foretold.sort_by(|a, b| a.value.total_cmp(&b.value));
    let Foretold { value, lower, upper } = foretold[ROUNDS / 2];
    let made = median_ratio(&before, &after);
    let difference = 100.0 * (value / made - 1.0);
    let is_inside = (lower..=upper).contains(&made);
    println!("{name}: foretold {value:.2}, made {made:.2}; {:.2} s before", median(&before));
    Ok(vec![
        format!("{name}, {function}"),
        format!("{value:.2}"),
        format!("{lower:.2} to {upper:.2}"),
        format!("{made:.2}"),
        format!("{difference:.1}"),
        if is_inside { "yes" } else { "no" }.to_owned(),
    ])
}

fn program(name: &str, version: &str) -> [String; 4] {
    let path = shell::root().join("bench/profile/gains.py").display().to_string();
    ["python3".to_owned(), path, name.to_owned(), version.to_owned()]
}

fn elapsed(name: &str, version: &str) -> Result<f64> {
    let words = program(name, version);
    let start = Instant::now();
    let status = Command::new(&words[0]).args(&words[1..]).status()?;
    ensure!(status.success(), "{words:?} ended with {status}");
    Ok(start.elapsed().as_secs_f64())
}

fn foretell(name: &str, function: &str, gain: &str, festina: &Path, folder: &Path) -> Result<Foretold> {
    let file = folder.join("gains.json");
    let mut command = Command::new(festina);
    command.args(["profile", "--quiet", "--cores", "2", "--state"]).arg(folder.join("state"));
    command.arg(format!("--json={}", file.display())).arg("--").args(program(name, "before"));
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    let profile: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let functions = profile["functions"].as_array().context("a profile has functions")?;
    let is_it = |spot: &&Value| {
        spot["name"] == function && spot["file"].as_str().is_some_and(|file| file.ends_with("gains.py"))
    };
    let spot = functions.iter().find(is_it).with_context(|| format!("{function} was seen"))?;
    let number = |value: &Value| value.as_f64().context("a gain is a number");
    let told = &spot[gain];
    Ok(Foretold {
        value: number(&told["value"])?,
        lower: number(&told["interval"]["lower"])?,
        upper: number(&told["interval"]["upper"])?,
    })
}
