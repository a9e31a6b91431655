//! Latencies of servers that compute theirs: a stall, and Poisson users before M/D/1 and M/D/4.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use festina_testkit::{Queue, Stall, TruthServer};
use serde_json::Value;

use crate::bench::page::{Row, Section};

/// A server, its load, and what is to be found.
struct Case {
    name: String,
    queue: Queue,
    service: fn(u64) -> f64,
    arguments: Vec<String>,
    /// The age of the server at which the load begins, in seconds.
    begin: f64,
    /// The largest error allowed of p99 (and p99.9 of a stall).
    allowed: f64,
    has_stall: bool,
}

pub(super) fn run(festina: &Path, is_long: bool) -> Result<()> {
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    let seeds = if is_long { 1..=5 } else { 1..=1 };
    for case in stalls().into_iter().chain(seeds.flat_map(users)) {
        let row = measure(festina, case, &mut missed)?;
        rows.push(row);
    }
    missed.extend([
        "Goal: a stall's p99 and p99.9 within 3 %, others' p99 within 5 %, none dropped, the variation of independent users \
         1.00 ± 0.03."
            .to_owned(),
        "True is what the queue gives to the very requests that came: sampling is in both. The steady state of M/D/1 has a p99 \
         of 11.25 ms, that of M/D/4 35.1 ms."
            .to_owned(),
    ]);
    let section = Section {
        title: "Latencies beside the truth: `festina load`".to_owned(),
        order: 71,
        protocol: "A server on loopback whose latencies are computed. Stall: 4 workers, 10 ms, all stand still for 1 s of \
                   every 10, 200 requests/s by the clock for 20 s. M/D/1: 1 ms, 800/s; M/D/4: 10 ms, 320/s; 30 s."
            .to_owned(),
        columns: ["case", "p99, ms", "true, ms", "error", "p99.9, ms", "true, ms", "error", "dropped", "variation of arrivals"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        notes: missed,
    };
    section.save("load-truth")
}

fn stalls() -> Vec<Case> {
    let stall = Some(Stall { period: 10.0, length: 1.0 });
    let case = |connections: &str| Case {
        name: format!("stall, {connections} connections"),
        queue: Queue::new(4, stall),
        service: |_| 0.010,
        arguments: [
            "--arrivals",
            "constant",
            "--rate",
            "200",
            "--duration",
            "20s",
            "--connections",
            connections,
        ]
        .map(str::to_owned)
        .to_vec(),
        // Both stalls are then well inside of the 20 s.
        begin: 3.0,
        allowed: 0.03,
        has_stall: true,
    };
    vec![case("10"), case("1000")]
}

fn users(seed: u64) -> Vec<Case> {
    let case = |servers: usize, rate: &str, service: fn(u64) -> f64| Case {
        name: format!("M/D/{servers}, seed {seed}"),
        queue: Queue::new(servers, None),
        service,
        arguments: ["--rate", rate, "--duration", "30s", "--seed", &seed.to_string()]
            .map(str::to_owned)
            .to_vec(),
        begin: 0.0,
        allowed: 0.05,
        has_stall: false,
    };
    vec![case(1, "800", |_| 0.001), case(4, "320", |_| 0.010)]
}

fn measure(festina: &Path, case: Case, missed: &mut Vec<String>) -> Result<Row> {
    let server = TruthServer::start(case.queue.clone(), case.service)?;
    std::thread::sleep(Duration::from_secs_f64((case.begin - server.age()).max(0.0)));
    let arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
    let answer = super::answer(&super::words(festina, &server.url(), &arguments))?;
    let exact = exact(&case, &server.arrivals());
    let mut row = vec![case.name.clone()];
    for probability in [0.99, 0.999] {
        let found = super::quantile(&answer, probability)?;
        let truth = of_sorted(&exact, probability).context("requests came")?;
        let error = found / truth - 1.0;
        row.extend([
            format!("{:.2}", 1e3 * found),
            format!("{:.2}", 1e3 * truth),
            format!("{:+.1} %", 100.0 * error),
        ]);
        if error.abs() > case.allowed && (case.has_stall || probability < 0.995) {
            missed.push(format!("Missed: the quantile {probability} of {}.", case.name));
        }
    }
    let dropped = super::number(&answer, "/requests/sent")? - super::number(&answer, "/requests/good")?;
    let variation = super::number(&answer, "/arrivals/sent_variation")?;
    if dropped != 0.0 {
        missed.push(format!("Missed: requests were dropped in {}.", case.name));
    }
    if !case.has_stall && (variation - 1.0).abs() > 0.03 {
        missed.push(format!("Missed: the variation of arrivals of {}.", case.name));
    }
    if answer["client"]["is_valid"] != Value::Bool(true) {
        missed.push(format!("The generator was late in {}: the machine was not quiet.", case.name));
    }
    row.extend([format!("{dropped:.0}"), format!("{variation:.3}")]);
    Ok(row)
}

/// Returns the latencies, sorted, that the queue gives: to a clock as it is meant to go in a stall, in which requests may
/// wait for a connection before they arrive, else to the requests that came.
fn exact(case: &Case, arrivals: &[f64]) -> Vec<f64> {
    let clock =
        arrivals.first().map(|first| (0..4000).map(|k| first + f64::from(k) / 200.0).collect::<Vec<_>>());
    let times = if case.has_stall { clock.unwrap_or_default() } else { arrivals.to_vec() };
    let mut queue = case.queue.clone();
    let latency = |(k, at): (usize, &f64)| queue.serve(*at, (case.service)(k as u64)) - at;
    let mut latencies: Vec<f64> = times.iter().enumerate().map(latency).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

fn of_sorted(values: &[f64], probability: f64) -> Option<f64> {
    let rank = (probability * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_has_its_exact_quantiles() {
        // 4 workers and 200/s of 10 ms: half of the capacity; a second of waiting is caught up in a second.
        let case = stalls().remove(0);
        let exact = exact(&case, &[3.0025]);
        assert_eq!(exact.len(), 4000);
        assert!((of_sorted(&exact, 0.99).unwrap() - 0.960).abs() < 0.006);
        assert!((of_sorted(&exact, 0.999).unwrap() - 1.010).abs() < 0.006);
    }
}
