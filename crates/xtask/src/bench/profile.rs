//! What looking costs, and how near to the truth the shares are, beside other sampling profilers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::interleave::{median, median_ratio};
use super::page::{Row, Section};
use crate::shell;
use crate::test::{install_packages, venv_with};

/// The peers, as they are on the registry of Python packages; `NumPy` is what the program computes with. Later versions of austin
/// ask for a newer C library than Debian 12 has.
const WHEELS: [&str; 5] = ["numpy", "py-spy", "pyinstrument", "scalene", "austin-dist==3.7.0"];

/// The peer that is a Debian package, with its program.
const PACKAGES: [(&str, &str); 1] = [("perf", "linux-perf")];

/// The parts of the main thread, of which all profilers tell a share.
const PARTS: [&str; 4] = ["python_loop", "python_calls", "numpy_products", "sleeping"];

const ROUNDS: usize = 5;

/// Reads the times of parts, and of all, from a profile.
type Read = fn(&Path) -> Result<HashMap<String, f64>>;

/// A way to run the program.
struct Way {
    name: String,
    /// What it tells of.
    sees: &'static str,
    /// What stands before the program and its arguments.
    before: Vec<String>,
    /// The file with its profile, and what reads it.
    profile: Option<(PathBuf, Read)>,
}

impl Way {
    /// A peer crashes now and then, and may do so.
    fn is_ours(&self) -> bool {
        self.name == "none" || self.name.starts_with("festina")
    }
}

/// Runs the program alone and under each profiler, in turn; a peer that fails gets three more chances.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let scale = arguments.first().map_or("1", String::as_str);
    let festina = shell::release_festina()?;
    let python = venv_with("profile-venv", &WHEELS)?;
    install_packages(&PACKAGES)?;
    let folder = shell::target().join("bench-profile");
    std::fs::create_dir_all(&folder)?;
    let ways = ways(&festina, &python, &folder);
    let mut times = vec![Vec::new(); ways.len()];
    let mut errors = vec![Vec::new(); ways.len()];
    let mut serial_errors = vec![Vec::new(); ways.len()];
    for round in 0..=ROUNDS {
        for turn in 0..ways.len() {
            let which = (round + turn) % ways.len();
            let way = &ways[which];
            let mut result = once(way, &python, &folder, scale);
            for _ in 0..if way.is_ours() { 0 } else { 3 } {
                if result.is_err() {
                    result = once(way, &python, &folder, scale);
                }
            }
            let (seconds, found) = result?;
            if round > 0 {
                times[which].push(seconds);
                errors[which].extend(found.map(|found| found.share));
                serial_errors[which].extend(found.and_then(|found| found.serial_fraction));
            }
        }
    }
    let row = |which: usize| -> Row {
        let overhead = 100.0 * (median_ratio(&times[which], &times[0]) - 1.0);
        let told = |value: f64| format!("{value:.2}");
        let error = |errors: &[f64]| if errors.is_empty() { "–".to_owned() } else { told(median(errors)) };
        vec![
            ways[which].name.clone(),
            ways[which].sees.to_owned(),
            told(median(&times[which])),
            told(overhead),
            error(&errors[which]),
            error(&serial_errors[which]),
        ]
    };
    let section = Section {
        title: "`festina profile`: cost and truth".to_owned(),
        order: 60,
        protocol: format!(
            "A program of fixed work (`bench/profile/mixed.py`: Python loops, calls, NumPy, sleep, threads that fight for the GIL, \
             child processes) that times its own parts; {ROUNDS} rounds in turn. Overhead: median of the rounds' ratios to the \
             program alone. Error: the largest difference, in percentage points of the elapsed time, between the share of a \
             part of the main thread and the truth; median of the rounds. Serial fraction: the same for the share of the elapsed \
             time in which no two processes computed."
        ),
        columns: [
            "profiler",
            "sees",
            "elapsed, s",
            "overhead, %",
            "largest error, points",
            "serial fraction, points",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: (0..ways.len()).map(row).collect(),
        notes: vec![
            "Goals: overhead under 3 % at 1000 Hz, under 1 % at the default rate; error under 1.5 points, serial fraction within 2.".to_owned(),
            "py-spy stops the program at each look unless told `--nonblocking`; pyinstrument and Scalene run within it; perf sees the \
             interpreter's own functions, not those in Python."
                .to_owned(),
        ],
    };
    section.save("profile")
}

fn ways(festina: &Path, python: &Path, folder: &Path) -> Vec<Way> {
    let bin = python.parent().expect("python is in a folder");
    let text = |path: PathBuf| path.display().to_string();
    let words = |program: PathBuf, more: &[&str]| -> Vec<String> {
        std::iter::once(text(program)).chain(more.iter().map(|word| (*word).to_owned())).collect()
    };
    let mut ways = vec![Way { name: "none".to_owned(), sees: "–", before: Vec::new(), profile: None }];
    for rate in ["200", "1000"] {
        let file = folder.join(format!("festina-{rate}.json"));
        let state = text(folder.join("state"));
        let json = format!("--json={}", file.display());
        let options = ["profile", "--quiet", "--rate", rate, "--state", &state, &json, "--"];
        ways.push(Way {
            name: format!("festina profile, {rate} Hz"),
            sees: "Python lines, machine code, waits by cause, threads, children",
            before: words(festina.to_owned(), &options),
            profile: Some((file, read_festina)),
        });
    }
    for (rate, more) in [("100", None), ("1000", None), ("1000", Some("--nonblocking"))] {
        let file = folder.join(format!("py-spy-{rate}{}.txt", more.unwrap_or_default()));
        let shown = text(file.clone());
        let mut options = vec!["record", "--idle", "--subprocesses", "-f", "raw", "-r", rate, "-o", &shown];
        options.extend(more);
        options.push("--");
        ways.push(Way {
            name: format!("py-spy, {rate} Hz{}", more.map_or_else(String::new, |more| format!(" {more}"))),
            sees: "Python lines, threads, children",
            before: words(bin.join("py-spy"), &options),
            profile: Some((file, read_collapsed)),
        });
    }
    let file = folder.join("austin.txt");
    let shown = text(file.clone());
    ways.push(Way {
        name: "austin, 1000 Hz".to_owned(),
        sees: "Python lines, threads, children",
        before: words(bin.join("austin"), &["-i", "1ms", "-C", "-o", &shown]),
        profile: Some((file, read_austin)),
    });
    let file = text(folder.join("perf.data"));
    ways.push(Way {
        name: "perf record, 999 Hz".to_owned(),
        sees: "machine code, threads, children",
        before: words(
            "perf".into(),
            &["record", "-q", "-e", "cpu-clock", "-F", "999", "-g", "-o", &file, "--"],
        ),
        profile: None,
    });
    let file = text(folder.join("pyinstrument.json"));
    ways.push(Way {
        name: "pyinstrument, 1000 Hz".to_owned(),
        sees: "Python lines of the main thread",
        before: words(bin.join("pyinstrument"), &["-r", "json", "-o", &file]),
        profile: None,
    });
    let file = text(folder.join("scalene.json"));
    ways.push(Way {
        name: "Scalene, CPU only".to_owned(),
        sees: "Python lines, CPU time in Python and in C",
        before: words(bin.join("scalene"), &["run", "--cpu-only", "-o", &file]),
        profile: None,
    });
    ways
}

/// How far a profile is from the truth, in percentage points of the elapsed time.
#[derive(Clone, Copy)]
struct Errors {
    share: f64,
    /// `None` for profilers that tell none.
    serial_fraction: Option<f64>,
}

/// Runs the program once; returns its elapsed time, and how far the profile is from the truth.
fn once(way: &Way, python: &Path, folder: &Path, scale: &str) -> Result<(f64, Option<Errors>)> {
    let truth = folder.join("truth.json");
    let program = shell::root().join("bench/profile/mixed.py");
    // Profilers that run within the program bring its Python themselves.
    let brings_python = way.name.starts_with("pyinstrument") || way.name.starts_with("Scalene");
    let mut words = way.before.clone();
    if !brings_python {
        words.push(python.display().to_string());
    }
    words.push(program.display().to_string());
    words.extend([truth.display().to_string(), scale.to_owned()]);
    let mut command = Command::new(&words[0]);
    // NumPy's own threads would make the serial fraction a matter of its library.
    command.env("OPENBLAS_NUM_THREADS", "1");
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().with_context(|| words[0].clone())?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{} ended with {status}", way.name);
    let told: HashMap<String, f64> = serde_json::from_str(&std::fs::read_to_string(&truth)?)?;
    let error = match &way.profile {
        Some((file, read)) => {
            let found = read(file)?;
            let total = told["total"];
            let share = |times: &HashMap<String, f64>, part: &str, whole: f64| {
                times.get(part).copied().unwrap_or(0.0) / whole
            };
            let whole = found["total"];
            let errors =
                PARTS.iter().map(|part| (share(&told, part, total) - share(&found, part, whole)).abs());
            let serial = 1.0 - told["children"] / seconds;
            let serial_error = |found: &f64| 100.0 * (found - serial).abs();
            Some(Errors {
                share: 100.0 * errors.fold(0.0, f64::max),
                serial_fraction: found.get("serial_fraction").map(serial_error),
            })
        }
        None => None,
    };
    Ok((seconds, error))
}

/// Returns the times of the parts, and of `main` as their total.
fn read_festina(file: &Path) -> Result<HashMap<String, f64>> {
    let profile: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let functions = profile["functions"].as_array().context("a profile has functions")?;
    let mut times = HashMap::new();
    for spot in functions {
        if let (Some(name), Some(seconds)) = (spot["name"].as_str(), spot["total_s"].as_f64()) {
            let is_own = spot["file"].as_str().is_some_and(|file| file.ends_with("mixed.py"));
            if is_own {
                times.insert(name.to_owned(), seconds);
            }
        }
    }
    // Forked children have the frames of `main` below their own.
    let forked = times.get("child").copied().unwrap_or(0.0);
    let main = times.get("main").copied().context("main was seen")?;
    times.insert("total".to_owned(), main - forked);
    let serial = profile["whole"]["serial_fraction"]["value"].as_f64();
    times.insert("serial_fraction".to_owned(), serial.context("a profile has a serial fraction")?);
    Ok(times)
}

/// Returns the same from py-spy's collapsed stacks, in numbers of looks.
fn read_collapsed(file: &Path) -> Result<HashMap<String, f64>> {
    read_stacks(file, |frame| frame.split(" (").next())
}

/// Returns the same from austin's, in microseconds.
fn read_austin(file: &Path) -> Result<HashMap<String, f64>> {
    // file:function:line
    read_stacks(file, |frame| frame.rsplit(':').nth(1))
}

/// Returns the same from stacks, a line each, whose frames have the name that `function` gives.
fn read_stacks(file: &Path, function: fn(&str) -> Option<&str>) -> Result<HashMap<String, f64>> {
    let mut times = HashMap::new();
    let text = std::fs::read_to_string(file)?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((stack, count)) = line.rsplit_once(' ') else { continue };
        let count: f64 = count.parse()?;
        let functions: Vec<&str> = stack.split(';').filter_map(function).collect();
        for part in PARTS.iter().filter(|part| functions.contains(part)) {
            *times.entry((*part).to_owned()).or_insert(0.0) += count;
        }
        if functions.contains(&"main") && !functions.contains(&"child") {
            *times.entry("total".to_owned()).or_insert(0.0) += count;
        }
    }
    ensure!(times.contains_key("total"), "main was seen");
    Ok(times)
}
