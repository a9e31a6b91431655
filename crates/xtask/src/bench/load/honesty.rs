//! Whether a run says that the generator was its limit, and only then.

use std::path::Path;

use anyhow::Result;
use festina_testkit::{Queue, TruthServer};

use crate::bench::hog::Hog;
use crate::bench::page::Section;

/// Runs of each kind, a half of them open and a half closed loops.
const RUNS: usize = 10;
/// Endless loops beside the generator on its only core.
const HOGS: usize = 4;

pub(super) fn run(festina: &Path, _: bool) -> Result<()> {
    let mut invalid = [0, 0];
    for round in 0..RUNS {
        for (bound, count) in [true, false].into_iter().zip(&mut invalid) {
            let hogs = (0..if bound { HOGS } else { 0 }).map(|_| Hog::start()).collect::<Result<Vec<_>>>()?;
            let server = TruthServer::start(Queue::new(16, None), |_| 0.005)?;
            let arguments: &[&str] = if round % 2 == 0 {
                &["--rate", "500", "--threads", "1", "--duration", "2s"]
            } else {
                &["--concurrency", "8", "--threads", "1", "--duration", "2s"]
            };
            let mut words = super::words(festina, &server.url(), arguments);
            if bound {
                words.splice(0..0, ["taskset", "--cpu-list", "0"].map(str::to_owned));
            }
            let answer = super::answer(&words)?;
            drop(hogs);
            *count += usize::from(answer["client"]["is_valid"] == serde_json::Value::Bool(false));
        }
    }
    let row = |name: &str, invalid: usize| vec![name.to_owned(), RUNS.to_string(), invalid.to_string()];
    let mut notes = Vec::new();
    if invalid != [RUNS, 0] {
        notes.push("Missed: a run was judged wrong.".to_owned());
    }
    notes
        .push("Goal: all that are bound by the generator are called invalid, none of the others.".to_owned());
    let section = Section {
        title: "Whose limit it was: `festina load`".to_owned(),
        order: 73,
        protocol: format!(
            "500 requests/s, and 8 users in a closed loop, in turn, 2 s each, to a server of 5 ms on loopback; the generator \
             alone, or bound to one CPU with {HOGS} endless loops beside it."
        ),
        columns: ["generator", "runs", "called invalid"].map(str::to_owned).to_vec(),
        rows: vec![row("beside endless loops", invalid[0]), row("alone", invalid[1])],
        notes,
    };
    section.save("load-honesty")
}
