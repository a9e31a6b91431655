//! What a request costs the generator, and how many it can send: beside wrk and the least that the kernel lets it cost, to one
//! nginx.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::interleave::{median, median_ratio};
use crate::bench::page::Section;
use crate::shell;

const CONNECTIONS: &str = "32";
const SECONDS: &str = "3";

/// What a client did in a run: requests a second, its processor time a request in µs, and what of that is not the kernel's.
struct Run {
    rate: f64,
    cost: f64,
    own: f64,
}

impl Run {
    /// Returns what a client did that sent `n` requests in `user` and `system` seconds.
    fn new(rate: f64, n: f64, (user, system): (f64, f64)) -> Self {
        Self { rate, cost: 1e6 * (user + system) / n, own: 1e6 * user / n }
    }
}

pub(super) fn run(festina: &Path, is_long: bool) -> Result<()> {
    let rounds = if is_long { 15 } else { 5 };
    let server = Nginx::start()?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let seconds = format!("{SECONDS}s");
    let ours = super::words(
        festina,
        &url,
        &["--concurrency", CONNECTIONS, "--threads", "1", "--duration", &seconds],
    );
    let theirs =
        ["wrk", "-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}"), &url].map(str::to_owned);
    let least = reference(server.port)?;
    let (mut our_runs, mut their_runs, mut least_runs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let pair = if round % 2 == 0 {
            let ours = of_festina(&ours)?;
            (ours, of_wrk(&theirs)?)
        } else {
            let theirs = of_wrk(&theirs)?;
            (of_festina(&ours)?, theirs)
        };
        let bare = of_reference(&least)?;
        // The first round warms up.
        if round > 0 {
            our_runs.push(pair.0);
            their_runs.push(pair.1);
            least_runs.push(bare);
        }
    }
    section(&our_runs, &their_runs, &least_runs, rounds).save("load-rate")
}

/// Builds the program that does nothing but send and receive, and returns its command.
fn reference(port: u16) -> Result<Vec<String>> {
    let program = shell::compiled("bench/load/reference.c", "bench-load-reference")?;
    let program = program.to_string_lossy().into_owned();
    Ok(vec![program, port.to_string(), CONNECTIONS.to_owned(), SECONDS.to_owned()])
}

fn section(ours: &[Run], theirs: &[Run], least: &[Run], rounds: usize) -> Section {
    let rates = |runs: &[Run]| runs.iter().map(|run| run.rate).collect::<Vec<_>>();
    let costs = |runs: &[Run]| runs.iter().map(|run| run.cost).collect::<Vec<_>>();
    let row = |name: &str, runs: &[Run]| {
        vec![
            name.to_owned(),
            format!("{:.0}", median(&rates(runs))),
            format!("{:.2}", median_ratio(&rates(runs), &rates(theirs))),
            format!("{:.2}", median(&costs(runs))),
            format!("{:.2}", median_ratio(&costs(runs), &costs(theirs))),
            format!("{:.2}", median(&runs.iter().map(|run| run.own).collect::<Vec<_>>())),
        ]
    };
    let (cost, ratio) = (median(&costs(ours)), median_ratio(&rates(ours), &rates(theirs)));
    let mut notes = Vec::new();
    if cost > 5.0 {
        notes.push(format!(
            "Missed: a request costs more than 5 µs. One send and one receive over loopback alone cost {:.2} µs here, and festina \
             {:.2} times that.",
            median(&costs(least)),
            median_ratio(&costs(ours), &costs(least))
        ));
    }
    if ratio < 1.15 {
        notes.push("Missed: less than 1.15 times wrk's rate.".to_owned());
    }
    notes.push("Goal: at most 5 µs a request; at least 1.15 times wrk's rate. wrk keeps no schedule, no lateness and no timeline.".to_owned());
    notes.push("oha is not beside them: no registry that this machine reaches has its program, and its build takes over an hour here.".to_owned());
    Section {
        title: "What a request costs: `festina load`".to_owned(),
        order: 70,
        protocol: format!(
            "A closed loop of {CONNECTIONS} connections on one thread for {SECONDS} s to one process of nginx on loopback, 64 \
             bytes a body; {rounds} rounds in turn. Processor time is the whole client's, user and system, of `times`."
        ),
        columns: [
            "what",
            "requests/s",
            "rate / wrk's",
            "client's CPU, µs a request",
            "CPU / wrk's",
            "of it in user mode, µs",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: vec![
            row("festina load", ours),
            row("wrk 4.1", theirs),
            row("one send and one receive a request, and nothing else (C)", least),
        ],
        notes,
    }
}

fn of_festina(words: &[String]) -> Result<Run> {
    let (output, cpu) = timed(words)?;
    let answer: Value = serde_json::from_str(&output).context("festina prints JSON")?;
    let good = super::number(&answer, "/requests/good")?;
    ensure!(
        answer["requests"]["errors"].as_object().is_some_and(serde_json::Map::is_empty),
        "requests failed"
    );
    Ok(Run::new(super::number(&answer, "/requests/goodput")?, good, cpu))
}

fn of_wrk(words: &[String]) -> Result<Run> {
    let (output, cpu) = timed(words)?;
    ensure!(
        !output.contains("Non-2xx") && !output.contains("Socket errors"),
        "requests of wrk failed: {output}"
    );
    let line = |end: &str| output.lines().find_map(|line| line.trim().split_once(end));
    let (n, _) = line(" requests in").context("wrk counts its requests")?;
    let (_, rate) = line("Requests/sec:").context("wrk tells its rate")?;
    Ok(Run::new(rate.trim().parse()?, n.trim().parse()?, cpu))
}

fn of_reference(words: &[String]) -> Result<Run> {
    let printed = shell::capture(&mut shell::command(&words[0], &words[1..]))?;
    let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [_, rate, cost, own] = numbers[..] else { bail!("the reference printed {printed:?}") };
    Ok(Run { rate, cost, own })
}

/// Runs `words` in a shell that tells its processor time; returns its output and that time in seconds, in user mode and in the
/// kernel.
fn timed(words: &[String]) -> Result<(String, (f64, f64))> {
    let mut command = Command::new("sh");
    command.args(["-c", "\"$@\"; times", "sh"]).args(words).stderr(Stdio::null());
    let output = shell::capture(&mut command)?;
    let (before, last) = output.trim_end().rsplit_once('\n').context("times prints lines")?;
    let before = before.rsplit_once('\n').map_or("", |(before, _)| before);
    let mut times = last.split_whitespace().filter_map(minutes_and_seconds);
    let (user, system) = times.next().zip(times.next()).context("times prints 0m1.5s")?;
    Ok((before.to_owned(), (user, system)))
}

/// Reads `1m2.5s`.
fn minutes_and_seconds(text: &str) -> Option<f64> {
    let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
    Some(60.0 * minutes.parse::<f64>().ok()? + seconds.parse::<f64>().ok()?)
}

/// One process of nginx that answers 64 bytes; dropping it ends it.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = shell::target().join("bench-load");
        std::fs::create_dir_all(&folder)?;
        let body = "x".repeat(64);
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"{body}\"; }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&file).stdin(Stdio::null());
        let child = command.spawn().context("failed to start nginx (Debian: nginx-light wrk)")?;
        let server = Self { child, port };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("nginx does not answer")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(minutes_and_seconds("1m2.500s"), Some(62.5));
        let (output, cpu) = timed(&["echo", "a\nb"].map(str::to_owned)).unwrap();
        assert_eq!(output, "a\nb");
        assert!(cpu.0 >= 0.0 && cpu.0 + cpu.1 < 1.0, "{cpu:?}");
        let run = Run::new(100.0, 1e6, (1.0, 5.0));
        assert_eq!((run.cost, run.own), (6.0, 1.0));
    }
}
