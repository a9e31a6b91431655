//! What a measured run costs beyond the program itself: festina against a bare loop of `posix_spawn` and `wait4`
//! in C, and against hyperfine where it is installed, all interleaved in one run.
//!
//! ```text
//! cc -O2 -o target/reference bench/spawn/reference.c
//! cargo run --release -p festina-run --example spawn_cost -- target/reference [RUNS] [PROGRAM]
//! ```
//!
//! prints one JSON object, times in microseconds a run:
//!
//! - `reference`, `festina`, `festina_bounded`: from just before the start to just after the collection; festina's
//!   with all counters on and both streams captured, the second also with affinity, a time and a memory limit;
//! - `festina_wall`: the elapsed time that festina reports;
//! - `hyperfine`: the slope of its total time over its number of runs (`--shell=none`), or null; `festina_slope` and
//!   `reference_slope`: the same slope of ours and of the reference, in turn with hyperfine's, which alone they are to
//!   be compared with; `silent_slope`: ours where streams are discarded, as hyperfine's are;
//! - `added_*`: the difference of medians to the reference.
#![allow(clippy::print_stdout, reason = "a program for the bench, whose output is its result")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use festina_run::{Environment, Launch, Runner, Sink};
use festina_types::{Bytes, CancelToken, Seconds};

/// The numbers of runs between which a slope is taken.
const SLOPE_RUNS: [usize; 2] = [10, 60];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let reference = arguments.next().ok_or("give the path of the C reference")?;
    let runs: usize = arguments.next().map_or(Ok(600), |text| text.parse())?;
    let program = arguments.next().unwrap_or_else(|| "/bin/true".to_owned());

    let mut bare = Command::new(&reference)
        .arg(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{reference}: {error}"))?;
    let mut order = bare.stdin.take().ok_or("no pipe")?;
    let mut answers = BufReader::new(bare.stdout.take().ok_or("no pipe")?).lines();
    let mut reference = || -> Result<f64, Box<dyn Error>> {
        order.write_all(b".")?;
        let line = answers.next().ok_or("the reference is gone")??;
        Ok(line.parse::<f64>()? / 1e3)
    };

    let environment: Environment = std::env::vars_os().collect();
    let plain = Launch::new(&program, environment).output(Sink::capture()).errors(Sink::capture());
    let mut bounded = plain.clone().cpus([0].into_iter().collect()).timeout(Seconds(60.0));
    bounded.memory_limit = Some(Bytes(1 << 30));
    let mut runner = Runner::new()?;

    let mut times: [Vec<f64>; 4] = Default::default();
    let silent = Launch { output: Sink::Discard, errors: Sink::Discard, ..plain.clone() };
    let mut slopes: [Vec<f64>; 4] = Default::default();
    for run in 0..runs {
        times[0].push(reference()?);
        let (total, wall) = festina(&mut runner, &plain)?;
        times[1].push(total);
        times[2].push(wall);
        times[3].push(festina(&mut runner, &bounded)?.0);
        if run % 40 == 20 {
            slopes[0].push(slope(&mut || reference().map(drop))?);
            slopes[1].push(slope(&mut || festina(&mut runner, &plain).map(drop))?);
            slopes[2].extend(hyperfine_slope(&program));
            slopes[3].push(slope(&mut || festina(&mut runner, &silent).map(drop))?);
        }
    }
    let [reference, festina, wall, bounded] = times.map(median);
    let [reference_slope, festina_slope, hyperfine, silent_slope] =
        slopes.map(|slopes| if slopes.is_empty() { None } else { Some(median(slopes)) });
    let added = |slope: Option<f64>| Some(slope? - reference_slope?);
    let or_null = |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.1}"));
    println!(
        "{{\"runs\": {runs}, \"reference_us\": {reference:.1}, \"festina_us\": {festina:.1}, \
         \"festina_wall_us\": {wall:.1}, \"festina_bounded_us\": {bounded:.1}, \"hyperfine_us\": {}, \
         \"added_festina_us\": {:.1}, \"added_bounded_us\": {:.1}, \"added_hyperfine_us\": {}, \
         \"reference_slope_us\": {}, \"festina_slope_us\": {}, \"added_festina_slope_us\": {}, \
         \"silent_slope_us\": {}, \"added_silent_slope_us\": {}, \
         \"ratio_festina\": {:.3}}}",
        or_null(hyperfine),
        festina - reference,
        bounded - reference,
        or_null(added(hyperfine)),
        or_null(reference_slope),
        or_null(festina_slope),
        or_null(added(festina_slope)),
        or_null(silent_slope),
        or_null(added(silent_slope)),
        festina / reference,
    );
    Ok(())
}

/// Returns the microseconds of a run as the caller sees it, and as festina reports it.
fn festina(runner: &mut Runner, launch: &Launch) -> Result<(f64, f64), Box<dyn Error>> {
    let begin = Instant::now();
    let outcome = runner.run(launch, &CancelToken::new(), &mut ())?;
    let total = begin.elapsed().as_secs_f64() * 1e6;
    if !outcome.status.is_finished() {
        return Err(format!("ended as {:?}", outcome.status).into());
    }
    Ok((total, outcome.usage.wall.0 * 1e6))
}

/// Returns the microseconds that each further `run` costs.
fn slope(run: &mut dyn FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut seconds = [0.0; 2];
    for (runs, seconds) in SLOPE_RUNS.iter().zip(&mut seconds) {
        let begin = Instant::now();
        (0..*runs).try_for_each(|_| run())?;
        *seconds = begin.elapsed().as_secs_f64();
    }
    Ok(of_slope(seconds))
}

fn of_slope(seconds: [f64; 2]) -> f64 {
    (seconds[1] - seconds[0]) / (SLOPE_RUNS[1] - SLOPE_RUNS[0]) as f64 * 1e6
}

/// Returns the microseconds that each further run costs hyperfine, or `None` if it is not installed.
fn hyperfine_slope(program: &str) -> Option<f64> {
    let mut seconds = [0.0; 2];
    for (runs, seconds) in SLOPE_RUNS.iter().zip(&mut seconds) {
        let begin = Instant::now();
        let output = Command::new("hyperfine")
            .args(["--shell=none", "--style=none", "--warmup=0", "--runs", &runs.to_string(), program])
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = output.ok()?;
        child.stdout.take()?.read_to_end(&mut Vec::new()).ok()?;
        child.wait().ok().filter(std::process::ExitStatus::success)?;
        *seconds = begin.elapsed().as_secs_f64();
    }
    Some(of_slope(seconds))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
