//! What ten minutes of a hundred threads would take, from some seconds of them, asked for 1000 looks a second.

mod support;

use festina_profile::{Observer, Options, Recording, Target, profile_command};
use festina_types::CancelToken;

use support::{program, python};

const MINUTES_10_S: f64 = 600.0;
/// Until then, what is needed once is still made: tables of symbols, caches.
const SETTLED_S: f64 = 2.0;
const A_LOOK_BYTES: f64 = 32.0;
const RESERVE_BYTES: f64 = 2e6;

/// Notes the resident memory of this process while a recording grows: seconds and bytes.
#[derive(Default)]
struct Memory(Vec<(f64, f64)>);

impl Observer for Memory {
    fn growing(&mut self, recording: &Recording) {
        let at = recording.rounds.last().copied().unwrap_or(0) as f64 * 1e-9;
        self.0.push((at, resident()));
    }
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    4096.0 * pages
}

#[test]
fn ten_minutes_of_a_hundred_threads_take_little_memory() {
    let target = Target {
        program: python().into(),
        arguments: vec![program("hundred.py").into(), "7".into()],
        environment: std::env::vars_os().collect(),
    };
    let options = Options { rate_hz: 1_000.0, ..Options::default() };
    let mut memory = Memory::default();
    let recording = profile_command(&target, &options, None, &CancelToken::new(), &mut memory).unwrap();
    assert!(recording.threads.len() > 100);
    let first = memory.0.iter().find(|(at, _)| *at >= SETTLED_S).unwrap();
    let last = memory.0.last().unwrap();
    assert!(recording.rounds.len() > 20, "{} looks", recording.rounds.len());
    // At the pace that this machine keeps: ten minutes of it are ten minutes at that pace. Memory comes in pages and
    // lists double, so a growth by a factor for the looks that were missed would be mostly this noise times the factor.
    let a_second = (last.1 - first.1).max(0.0) / (last.0 - first.0);
    let expected = last.1 + a_second * MINUTES_10_S;
    assert!(expected < 200e6, "{expected} bytes, from {:?}", memory.0);
    // Whatever the pace: what a look at a thread adds, beside what lists have in reserve.
    let looks = recording.rounds.iter().filter(|&&at| at as f64 * 1e-9 > first.0).count();
    let most = A_LOOK_BYTES * (looks * recording.threads.len()) as f64 + RESERVE_BYTES;
    assert!(last.1 - first.1 < most, "more than {most} bytes for {looks} looks: {:?}", memory.0);
}
